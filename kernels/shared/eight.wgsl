// 8 values that lie together, loaded and stored as 64-bit integers.
struct Eight { low: vec4<f32>, high: vec4<f32> }

// As they lie in memory.
alias Eight_f16 = vec2<u64>;
alias Eight_f32 = vec4<u64>;

# if "f16" in TYPES
fn eight_f16(v: Eight_f16) -> Eight {
  let low = vec2<u32>(v);
  let high = vec2<u32>(v >> vec2<u32>(32u));
  return Eight(vec4<f32>(unpack2x16float(low.x), unpack2x16float(high.x)), vec4<f32>(unpack2x16float(low.y), unpack2x16float(high.y)));
}
# endif
# if "f32" in TYPES
fn eight_f32(v: Eight_f32) -> Eight {
  let low = bitcast<vec4<f32>>(vec4<u32>(v));
  let high = bitcast<vec4<f32>>(vec4<u32>(v >> vec4<u32>(32u)));
  return Eight(vec4<f32>(low.x, high.x, low.y, high.y), vec4<f32>(low.z, high.z, low.w, high.w));
}
# endif

# if OUT == "f16"
# include "shared/halves.wgsl"

fn to_four(v: vec4<f32>) -> u64 {
  let half = halves(v);
  return u64(half.x | (half.y << 16u)) | (u64(half.z | (half.w << 16u)) << 32u);
}
fn to_eight(low: vec4<f32>, high: vec4<f32>) -> vec2<u64> { return vec2<u64>(to_four(low), to_four(high)); }
# elif OUT == "f32"
fn to_four(v: vec4<f32>) -> vec2<u64> {
  let bits = bitcast<vec4<u32>>(v);
  return vec2<u64>(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}
fn to_eight(low: vec4<f32>, high: vec4<f32>) -> vec4<u64> { return vec4<u64>(to_four(low), to_four(high)); }
# endif
