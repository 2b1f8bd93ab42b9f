// group_norm_apply: y[f, r, c] = act((x[f, r, c] - mean) * rstd * weight[c] + bias[c]), (mean, rstd) = stats[f / frames_per_stat, c / width]
//
// x0, x1        [F, R, C0], [F, R, C1]   channels side by side
// stats         [F / frames_per_stat, G, 2]
// weight, bias  [C0 + C1]
// y             [F, R, C0 + C1]
//
// One thread: 4 channels of ${ROWS} pixels below each other.

struct Params {
  begin: u32,          // rows of this dispatch, over all frames
  end: u32,
  c0: u32,
  c1: u32,
  group_width: u32,
  rows_per_stat: u32,  // rows that share one row of stats
  stats_width: u32,    // 2 G
  activation: u32,
  x0_base: u32,
  x1_base: u32,
  stats_base: u32,
  y_base: u32,
}

# include "shared/channels.wgsl"
# include "shared/activation.wgsl"
# include "shared/store.wgsl"
# include "shared/grid.wgsl"
# set T = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<${T}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let channels = p.c0 + p.c1;
  let columns = (channels + 3u) / 4u;
  let index = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  let column = index % columns;
  let first = p.begin + index / columns * ${ROWS}u;
  let last = min(p.end, first + ${ROWS}u);
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
