// nothing: what a dispatch costs that does nothing
//
// y  [1] u32, which nobody writes: the condition is never met, and no compiler knows

struct Params {
  zero: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
  if p.zero > 0u { y[0] = p.zero; }
}
