// channel_statistics: mean and standard deviation of every channel of every frame, over its pixels
//   y[f, 0, c] = mean over p of x[f, p, c]
//   y[f, 1, c] = sqrt(mean over p of (x[f, p, c] - y[f, 0, c])^2)
//
// x  [F, P, C]   f32
// y  [F, 2, C]   f32
//
// One workgroup: one channel of one frame. Mean first, then the deviations from it.

struct Params {
  begin: u32,     // frames of this dispatch
  end: u32,
  pixels: u32,
  channels: u32,
  x_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

# include "shared/grid.wgsl"

var<workgroup> sums: array<f32, ${THREADS}>;

fn sum(thread: u32, v: f32) -> f32 {
  sums[thread] = v;
  for (var half = ${THREADS // 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread < half { sums[thread] += sums[thread + half]; }
  }
  workgroupBarrier();
  let total = sums[0];
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = p.begin * p.channels + workgroup_index(wg, workgroups);
  // A workgroup beyond the last frame repeats the last channel: all threads must reach the barriers.
  let row = min(index, p.end * p.channels - 1u);
  let frame = row / p.channels;
  let c = row % p.channels;
  let first = frame * p.pixels * p.channels + c - p.x_base;
  var total = 0.0;
  for (var i = thread; i < p.pixels; i += ${THREADS}u) { total += x[first + i * p.channels]; }
  let mean = sum(thread, total) / f32(p.pixels);
  var square = 0.0;
  for (var i = thread; i < p.pixels; i += ${THREADS}u) {
    let d = x[first + i * p.channels] - mean;
    square += d * d;
  }
  let deviation = sqrt(sum(thread, square) / f32(p.pixels));
  if thread > 0u || index != row { return; }
  y[frame * 2u * p.channels + c - p.y_base] = mean;
  y[(frame * 2u + 1u) * p.channels + c - p.y_base] = deviation;
}
