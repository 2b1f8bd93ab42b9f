// LANES threads share a row, a power of two of them. Mean first, then the deviations from it.
# set THREADS = ROWS * LANES
# include "shared/item.wgsl"
# set XT = "vec4<" ~ X ~ ">" if VEC else X
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
# set PT = "vec4<f32>" if VEC else "f32"
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<${XT}>;
@group(0) @binding(2) var<storage, read> weight: array<${PT}>;
@group(0) @binding(3) var<storage, read> bias: array<${PT}>;
@group(0) @binding(4) var<storage, read_write> y: array<${YT}>;

const LANES = ${LANES}u;
var<workgroup> sums: array<f32, ${THREADS}>;

# if VEC
fn total(v: Item) -> f32 { return v.x + v.y + v.z + v.w; }
# else
fn total(v: Item) -> f32 { return v; }
# endif

// The sum over the lanes of this thread's row.
fn row_sum(thread: u32, v: f32) -> f32 {
  sums[thread] = v;
  for (var half = ${LANES // 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread % LANES < half { sums[thread] += sums[thread + half]; }
  }
  workgroupBarrier();
  let sum = sums[thread / LANES * LANES];
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let width = p.channels${" / 4u" if VEC else ""};
  let row = p.begin + workgroup_index(wg, workgroups) * ROWS + thread / LANES;
  let first = min(row, p.end - 1u) * width;
  let lane = thread % LANES;
  var sum = Item();
  for (var c = lane; c < width; c += LANES) { sum += Item(x[at(first + c, p.x_base)]); }
  let mean = row_sum(thread, total(sum)) / f32(p.channels);
  var square = Item();
  for (var c = lane; c < width; c += LANES) {
    let d = Item(x[at(first + c, p.x_base)]) - mean;
    square += d * d;
  }
  let rstd = inverseSqrt(row_sum(thread, total(square)) / f32(p.channels) + p.eps);
  if row >= p.end { return; }
  for (var c = lane; c < width; c += LANES) {
    y[at(row * width + c, p.y_base)] = stored((Item(x[at(first + c, p.x_base)]) - mean) * rstd * weight[c] + bias[c]);
  }
}
