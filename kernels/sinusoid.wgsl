// sinusoid: y[i, k] = cos(t[i] f_k), y[i, half + k] = sin(t[i] f_k), f_k = exp(-ln(10000) k / half), half = C / 2; an odd last channel is 0
//
// t  [count]
// y  [count, C]
//
// As the reference rounds: f_k and t f_k are f32, so at t = 1000 one ulp of f_k is 6e-5 in y. f_k is therefore rounded
// correctly, with integers. One thread: one frequency of one t.

struct Params {
  begin: u32,      // rows of this dispatch
  end: u32,
  channels: u32,
  t_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<${Y}>;

# include "shared/trigonometry.wgsl"
# include "shared/store.wgsl"
# include "shared/grid.wgsl"

// v / n rounded to the nearest f32, for a positive normal v and 0 < n < 2^24. (WGSL's own division may be 2.5 ulp off.)
fn divide(v: f32, n: u32) -> f32 {
  let bits = bitcast<u32>(v);
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  var quotient = 0u;
  var rest = 0u;
  var down = 0u;   // binary digits behind the mantissa
  // Long division, until there are 24 digits and one to round by.
  for (var digit = 0u; quotient < 0x1000000u; digit++) {
    rest = rest * 2u;
    if digit < 24u { rest += (mantissa >> (23u - digit)) & 1u; } else { down++; }
    quotient *= 2u;
    if rest >= n {
      rest -= n;
      quotient++;
    }
  }
  let up = (quotient & 1u) > 0u && (rest > 0u || (quotient & 2u) > 0u);
  return bitcast<f32>((((bits >> 23u) + 1u - down) << 23u) + (quotient / 2u - 0x800000u) + u32(up));
}

// exp(-z) rounded to the nearest f32, for 0 <= z < 16.
fn exp_minus(z: f32) -> f32 {
  let bits = bitcast<u32>(z);
  if z < 2.9e-8 { return 1.0; }
  // z and ln 2 in units of 2^-60; z = n ln 2 + r.
  let mantissa = vec2<u32>((bits & 0x7fffffu) | 0x800000u, 0u);
  let fixed = shift_left_wide(mantissa, (bits >> 23u) - 90u);
  let n = u32(max(0.0, z * 1.442695 - 1e-3));
  let whole = multiply_words(0x7d1cf79bu, n) + vec2<u32>(0u, 0x0b17217fu * n);
  let r = shift_left_wide(subtract_wide(fixed, whole), 4u);
  // exp(-r) = 1 - r (1 - r/2 (1 - r/3 (...))) in units of 2^-63.
  let one = vec2<u32>(0u, 0x80000000u);
  var sum = one;
  for (var k = 20u; k > 0u; k--) {
    let term = multiply_wide_high(r, sum);
    let middle = ((term.y % k) << 16u) | (term.x >> 16u);
    let low = ((middle % k) << 16u) | (term.x & 0xffffu);
    sum = subtract_wide(one, vec2<u32>(((middle / k) << 16u) + low / k, term.y / k));
  }
  let zeros = countLeadingZeros(sum.y);
  let top = shift_left_wide(sum, zeros);
  return bitcast<f32>(((127u - n - zeros) << 23u) + ((top.y >> 8u) - 0x800000u) + ((top.y >> 7u) & 1u));
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let half = p.channels / 2u;
  let width = (p.channels + 1u) / 2u;
  let i = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  let row = p.begin + i / width;
  if row >= p.end { return; }
  let k = i % width;
  let to = row * p.channels - p.y_base;
  if k == half {
    y[to + p.channels - 1u] = ${Y}(0.0);
    return;
  }
  var frequency = 1.0;
  if k > 0u { frequency = exp_minus(divide(9.21034049987793 * f32(k), half)); }
  let v = to_${Y}(vec4<f32>(cos_sin(turns(t[row - p.t_base] * frequency)), 0.0, 0.0));
  y[to + k] = v.x;
  y[to + half + k] = v.y;
}
