// Two inputs whose channels stand side by side, as in channels.wgsl, read 8 values at a time: c0 and c1 are multiples of 8.
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<Eight_${X}>;
@group(0) @binding(2) var<storage, read> x1: array<Eight_${X}>;

// Channels 8 c8 to 8 c8 + 7 of a row.
fn load(row: u32, c8: u32) -> Eight {
# if TWO
  if c8 * 8u >= p.c0 { return eight_${X}(x1[(row * p.c1 - p.x1_base) / 8u + c8 - p.c0 / 8u]); }
# endif
  return eight_${X}(x0[(row * p.c0 - p.x0_base) / 8u + c8]);
}
