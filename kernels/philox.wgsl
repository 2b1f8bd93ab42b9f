// philox: standard normals; elements 4 i to 4 i + 3 are two Box-Muller pairs of the four words of counter i
//
// key  [4]          u32: low and high word of the seed, stream, 0
// y    [elements]   f32
//
// Philox-4x32-10 (Salmon et al. 2011) of the counter (i, 0, stream, 0) under the seed. One thread: one counter.

struct Params {
  begin: u32,      // counters of this dispatch
  end: u32,
  elements: u32,
  key_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

# include "shared/trigonometry.wgsl"
# include "shared/grid.wgsl"

fn philox(counter: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = seed;
  for (var i = 0u; i < 10u; i++) {
    let a = multiply_words(0xd2511f53u, c.x);
    let b = multiply_words(0xcd9e8d57u, c.z);
    c = vec4<u32>(b.y ^ c.y ^ k.x, b.x, a.y ^ c.w ^ k.y, a.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// -ln(v / 2^32) for v > 0. Polynomial: Moshier, Cephes, logf.
fn minus_log(v: u32) -> f32 {
  let zeros = countLeadingZeros(v);
  let m = v << zeros;
  // v / 2^32 = (1 + f) 2^-halvings with 1 + f between sqrt(1/2) and sqrt(2); f from integers, so that it is exact near 1.
  let above = m > 0xb504f333u;
  let f = select(f32(m - 0x80000000u) * 4.656612873077393e-10, f32(bitcast<i32>(m)) * 2.3283064365386963e-10, above);
  let halvings = f32(zeros + select(1u, 0u, above));
  let z = f * f;
  var poly = 7.0376836292e-2 * f - 1.1514610310e-1;
  poly = poly * f + 1.1676998740e-1;
  poly = poly * f - 1.2420140846e-1;
  poly = poly * f + 1.4249322787e-1;
  poly = poly * f - 1.6668057665e-1;
  poly = poly * f + 2.0000714765e-1;
  poly = poly * f - 2.4999993993e-1;
  poly = poly * f + 3.3333331174e-1;
  return halvings * 0.6931471805599453 - (f - 0.5 * z + f * z * poly);
}

// The radius is finite: the word is made odd, so that its logarithm is above -23. The other word is a fraction of a turn.
fn box_muller(words: vec2<u32>) -> vec2<f32> {
  return sqrt(2.0 * max(minus_log(words.x | 1u), 0.0)) * cos_sin(words.y);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let k0 = 0u - p.key_base;
  let words = philox(vec4<u32>(i, 0u, key[k0 + 2u], key[k0 + 3u]), vec2<u32>(key[k0], key[k0 + 1u]));
  let v = vec4<f32>(box_muller(words.xy), box_muller(words.zw));
  for (var k = 0u; k < min(4u, p.elements - i * 4u); k++) { y[i * 4u + k - p.y_base] = v[k]; }
}
