// A workgroup for each group: its threads take one value after the other, for the mean, for the deviations from it, and for y.
# include "shared/store.wgsl"
@group(0) @binding(1) var<storage, read> x0: array<${X}>;
@group(0) @binding(2) var<storage, read> x1: array<${X}>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<${Y}>;

var<workgroup> sums: array<f32, ${THREADS}>;

// The sum over all threads.
fn sum(thread: u32, own: f32) -> f32 {
  sums[thread] = own;
  for (var half = ${THREADS // 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread < half { sums[thread] += sums[thread + half]; }
  }
  let all = workgroupUniformLoad(&sums[0]);
  workgroupBarrier();
  return all;
}

fn load(row: u32, channel: u32) -> f32 {
  if channel < p.c0 { return f32(x0[row * p.c0 + channel - p.x0_base]); }
  return f32(x1[row * p.c1 + channel - p.c0 - p.x1_base]);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = workgroup_index(wg, workgroups);
  let stat = p.begin + index / p.groups;
  if stat >= p.end { return; }
  let channels = p.c0 + p.c1;
  let width = channels / p.groups;
  let first = index % p.groups * width;
  let row0 = stat * p.rows;
  let values = p.rows * width;
  var own = 0.0;
  for (var i = thread; i < values; i += ${THREADS}u) { own += load(row0 + i / width, first + i % width); }
  let mean = sum(thread, own) / f32(values);
  own = 0.0;
  for (var i = thread; i < values; i += ${THREADS}u) {
    let d = load(row0 + i / width, first + i % width) - mean;
    own = fma(d, d, own);
  }
  let rstd = inverseSqrt(sum(thread, own) / f32(values) + p.eps);
  for (var i = thread; i < values; i += ${THREADS}u) {
    let row = row0 + i / width;
    let channel = first + i % width;
    let v = (load(row, channel) - mean) * rstd * weight[channel] + bias[channel];
    y[row * channels + channel - p.y_base] = to_${Y}(activate(p.activation, vec4<f32>(v))).x;
  }
}
