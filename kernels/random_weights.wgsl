// random_weights: a weight of a model that nobody trained, as it lies on the device
//
// y  [rows, width] in words of 32 bits: one value each, or two f16 (HALF); width is the columns rounded up to whole vec4s
//
// y[r, n] = mean + step * v, with v an odd number from -127 to 127: 7 bits of byte n % 4 of hash(group, seed), group the vec4 with the value;
// 0 where the layout pads: beyond the columns, and in the last rows of each of the two inputs of a matrix. The product is exact, and so is
// the sum in f16 where the mean is 0: every device makes the same weights.
// One thread: one vec4.

struct Params {
  begin: u32,      // vec4s of this dispatch
  end: u32,
  words: u32,      // words of y
  y_base: u32,
  seed: u32,
  columns: u32,
  width4: u32,     // vec4s of a row
  block: u32,      // rows of a kernel position: both inputs, each rounded up to a multiple of 4
  c0: u32,         // channels of the first input
  padded0: u32,    // the same, rounded up
  c1: u32,
  mean: f32,
  step: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

# include "shared/grid.wgsl"

// lowbias32 (Wellons 2018): every bit of x changes half of the bits.
fn mix(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  return h ^ (h >> 16u);
}

fn value(bits: u32, column: u32) -> f32 {
  let v = f32(i32(2u * (bits & 127u)) - 127);
  return select(0.0, p.mean + p.step * v, column < p.columns);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let group = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if group >= p.end { return; }
  let channel = group / p.width4 % p.block;
  let inside = channel < p.c0 || (channel >= p.padded0 && channel < p.padded0 + p.c1);
  let column = group % p.width4 * 4u;
  let h = mix(mix(group) ^ p.seed);
  var v = vec4<f32>();
  if inside {
    v = vec4<f32>(value(h, column), value(h >> 8u, column + 1u), value(h >> 16u, column + 2u), value(h >> 24u, column + 3u));
  }
# if HALF
  let at = group * 2u;
  if at < p.words { y[at - p.y_base] = pack2x16float(v.xy); }
  if at + 1u < p.words { y[at + 1u - p.y_base] = pack2x16float(v.zw); }
# else
  let at = group * 4u;
  for (var k = 0u; k < 4u; k++) {
    if at + k < p.words { y[at + k - p.y_base] = bitcast<u32>(v[k]); }
  }
# endif
}
