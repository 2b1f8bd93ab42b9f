// 4 channels of a thread, or fewer beside the last ones, if their number does not divide by 4.
# include "shared/channels.wgsl"
# include "shared/activation.wgsl"
# include "shared/store.wgsl"
# set T = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<${T}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let channels = p.c0 + p.c1;
  let columns = (channels + 3u) / CHANNELS;
  let index = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  let column = index % columns;
  let first = p.begin + index / columns * ROWS;
  let last = min(p.end, first + ROWS);
  let count = min(4u, channels - column * 4u);
  var mean = vec4<f32>();
  var scale = vec4<f32>();
  var shift = vec4<f32>();
  var known = 0xffffffffu;
  for (var row = first; row < last; row++) {
    let stat = row / p.rows_per_stat;
    if stat != known {
      known = stat;
      for (var i = 0u; i < count; i++) {
        let c = column * 4u + i;
        let at = stat * p.stats_width + c / p.group_width * 2u - p.stats_base;
        mean[i] = stats[at];
        scale[i] = stats[at + 1u] * weight[c];
        shift[i] = bias[c];
      }
    }
    let v = to_${Y}(activate(p.activation, fma(load(row, column) - mean, scale, shift)));
# if VEC
    y[(row * channels - p.y_base) / 4u + column] = v;
# else
    for (var i = 0u; i < count; i++) { y[row * channels + column * 4u + i - p.y_base] = v[i]; }
# endif
  }
}
