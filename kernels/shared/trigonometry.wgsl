// Sine and cosine to about 1e-7. WGSL promises 2^-11 within one turn and nothing beyond it.
// The range is reduced with integers, which no fast-math mode can rearrange.
# include "shared/wide.wgsl"

// x / 2 pi without its whole turns, in units of 2^-32 turn; |x| < 2^24.
fn turns(x: f32) -> u32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  // |x| = mantissa * 2^-down
  let down = 150u - min(bits >> 23u, 150u);
  if down >= 64u { return 0u; }
  // 1 / 2 pi = 0.28BE60DB 9391054A..., times 2^32 and 2^64
  let product = add_wide(multiply_words(mantissa, 0x28be60dbu), vec2<u32>(multiply_words(mantissa, 0x9391054au).y, 0u));
  let angle = shift_right_wide(product, down).x;
  return select(angle, 0u - angle, x < 0.0);
}

// (cos, sin) of an angle in units of 2^-32 turn.
fn cos_sin(angle: u32) -> vec2<f32> {
  let shifted = angle + 0x20000000u;
  // To the nearest quarter turn, -pi/4 to pi/4. Polynomials: Moshier, Cephes, sinf and cosf.
  let r = f32(i32(shifted & 0x3fffffffu) - 0x20000000) * 1.4629180792671596e-9;
  let z = r * r;
  let s = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let c = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  switch shifted >> 30u {
    case 0u: { return vec2<f32>(c, s); }
    case 1u: { return vec2<f32>(-s, c); }
    case 2u: { return vec2<f32>(-c, -s); }
    default: { return vec2<f32>(s, -c); }
  }
}
