// The bits of 4 values as f16. What does not fit saturates, and NaN stays NaN. Rounded to the nearest, ties to even, in integers: packing may cut instead, and on
// CPU drivers it costs twice as much.
fn halves(v: vec4<f32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(v);
  let size = min(bits & vec4<u32>(0x7fffffffu), vec4<u32>(0x477fe000u));   // 65504
  // Half of the last place that stays, less where that place is even, and the exponent's other bias.
  let normal = (size + ((size >> vec4<u32>(13u)) & vec4<u32>(1u)) + vec4<u32>(0xc8000fffu)) >> vec4<u32>(13u);
  // Below 2^-14 the last place is 2^-24, as that of floats from 0.5 to 1.
  let small = bitcast<vec4<u32>>(bitcast<vec4<f32>>(size) + 0.5) - vec4<u32>(0x3f000000u);
  let sign = (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
  let nan = (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
  return select(select(normal, small, size < vec4<u32>(0x38800000u)), vec4<u32>(0x7e00u), nan) | sign;
}
