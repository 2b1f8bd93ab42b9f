// layer_norm: y[m, c] = (x[m, c] - mean[m]) / sqrt(variance[m] + eps) * weight[c] + bias[c], over the channels of a row
//
// x, y          [M, C]
// weight, bias  [C]
//
// `lanes` threads per row (a power of two, THREADS at most), THREADS / lanes rows per workgroup. Mean first, then the deviations from it.

struct Params {
  begin: u32,    // rows of this dispatch
  end: u32,
  channels: u32,
  width: u32,    // items per row
  lanes: u32,
  eps: f32,
  x_base: u32,
  y_base: u32,
}

# include "shared/item.wgsl"
# include "shared/grid.wgsl"
# set XT = "vec4<" ~ X ~ ">" if VEC else X
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
# set PT = "vec4<f32>" if VEC else "f32"
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<${XT}>;
@group(0) @binding(2) var<storage, read> weight: array<${PT}>;
@group(0) @binding(3) var<storage, read> bias: array<${PT}>;
@group(0) @binding(4) var<storage, read_write> y: array<${YT}>;

var<workgroup> sums: array<f32, ${THREADS}>;

# if VEC
fn total(v: Item) -> f32 { return v.x + v.y + v.z + v.w; }
# else
fn total(v: Item) -> f32 { return v; }
# endif

// The sum over the lanes of this thread's row.
fn row_sum(thread: u32, v: f32) -> f32 {
  sums[thread] = v;
  for (var half = p.lanes / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread % p.lanes < half { sums[thread] += sums[thread + half]; }
  }
  workgroupBarrier();
  let sum = sums[thread / p.lanes * p.lanes];
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = p.begin + workgroup_index(wg, workgroups) * (${THREADS}u / p.lanes) + thread / p.lanes;
  let first = min(row, p.end - 1u) * p.width;
  let lane = thread % p.lanes;
  var sum = Item();
  for (var c = lane; c < p.width; c += p.lanes) { sum += Item(x[at(first + c, p.x_base)]); }
  let mean = row_sum(thread, total(sum)) / f32(p.channels);
  var square = Item();
  for (var c = lane; c < p.width; c += p.lanes) {
    let d = Item(x[at(first + c, p.x_base)]) - mean;
    square += d * d;
  }
  let rstd = inverseSqrt(row_sum(thread, total(square)) / f32(p.channels) + p.eps);
  if row >= p.end { return; }
  for (var c = lane; c < p.width; c += p.lanes) {
    y[at(row * p.width + c, p.y_base)] = stored((Item(x[at(first + c, p.x_base)]) - mean) * rstd * weight[c] + bias[c]);
  }
}
