// Two inputs whose channels stand side by side: x0 [rows, c0], x1 [rows, c1]; x1 may be absent (c1 = 0).
// The including kernel declares `Params` with c0, c1 and the elements x0_base, x1_base at which the bindings start.
# set T = "vec4<" ~ X ~ ">" if VEC else X
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<${T}>;
@group(0) @binding(2) var<storage, read> x1: array<${T}>;

// Channels 4 c4 to 4 c4 + 3 of a row; beyond the last channel anything finite.
fn load(row: u32, c4: u32) -> vec4<f32> {
# if VEC and TWO
  // Both are loaded, outside of branches, behind which drivers of GPUs wait.
  let first = c4 * 4u < p.c0;
  let v0 = x0[select(0u, (row * p.c0 - p.x0_base) / 4u + c4, first)];
  let v1 = x1[select((row * p.c1 - p.x1_base + c4 * 4u - p.c0) / 4u, 0u, first)];
  return vec4<f32>(select(v1, v0, first));
# elif VEC
  return vec4<f32>(x0[(row * p.c0 - p.x0_base) / 4u + c4]);
# else
  var v = vec4<f32>();
  for (var i = 0u; i < 4u; i++) {
    let c = c4 * 4u + i;
    if c < p.c0 {
      v[i] = f32(x0[row * p.c0 + c - p.x0_base]);
    } else if c < p.c0 + p.c1 {
      v[i] = f32(x1[row * p.c1 + c - p.c0 - p.x1_base]);
    }
  }
  return v;
# endif
}
