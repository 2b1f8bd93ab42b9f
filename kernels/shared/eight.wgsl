// 8 values that lie together, loaded as 64-bit integers.
struct Eight { low: vec4<f32>, high: vec4<f32> }

# if "f16" in TYPES
fn eight_f16(v: vec2<u64>) -> Eight {
  let low = vec2<u32>(v);
  let high = vec2<u32>(v >> vec2<u32>(32u));
  return Eight(vec4<f32>(unpack2x16float(low.x), unpack2x16float(high.x)), vec4<f32>(unpack2x16float(low.y), unpack2x16float(high.y)));
}
# endif
# if "f32" in TYPES
fn eight_f32(v: vec4<u64>) -> Eight {
  let low = bitcast<vec4<f32>>(vec4<u32>(v));
  let high = bitcast<vec4<f32>>(vec4<u32>(v >> vec4<u32>(32u)));
  return Eight(vec4<f32>(low.x, high.x, low.y, high.y), vec4<f32>(low.z, high.z, low.w, high.w));
}
# endif
