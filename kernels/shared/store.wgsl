// Rounds to a storage type. Values beyond f16 saturate: one inf would turn the rest of the clip into NaN.
fn to_f32(v: vec4<f32>) -> vec4<f32> { return v; }
# if Y == "f16"
fn to_f16(v: vec4<f32>) -> vec4<f16> { return vec4<f16>(clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0))); }
# endif
