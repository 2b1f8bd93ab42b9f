// Activations, chosen at run time: next to a matrix product they cost nothing, and fewer pipelines have to be compiled.

const NONE: u32 = 0u;
const SILU: u32 = 1u;
const GELU: u32 = 2u;
const QUICK_GELU: u32 = 3u;

// The error function: Abramowitz & Stegun 7.1.26, absolute error below 1.5e-7 (WGSL has none).
fn erf4(v: vec4<f32>) -> vec4<f32> {
  let x = abs(v);
  let t = 1.0 / (1.0 + 0.3275911 * x);
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(v) * (1.0 - poly * exp(-x * x));
}

fn gelu4(v: vec4<f32>) -> vec4<f32> { return 0.5 * v * (1.0 + erf4(v * 0.7071067811865476)); }

// exp(-v) is kept finite so that silu(-200) is 0, not NaN.
fn silu4(v: vec4<f32>) -> vec4<f32> { return v / (1.0 + exp(min(-v, vec4<f32>(80.0)))); }

fn quick_gelu4(v: vec4<f32>) -> vec4<f32> { return v / (1.0 + exp(min(-1.702 * v, vec4<f32>(80.0)))); }

fn activate(kind: u32, v: vec4<f32>) -> vec4<f32> {
  switch kind {
    case SILU: { return silu4(v); }
    case GELU: { return gelu4(v); }
    case QUICK_GELU: { return quick_gelu4(v); }
    default: { return v; }
  }
}
