// The matrix product that linear layers and convolutions share: y[m, n] = act(sum_k a[m, k] * w[k, n] + bias[n] + row_bias) + residual.
//
// Row m of `a` is never stored: it is the channels of some input pixels, tap by tap (an implicit GEMM). The including kernel
// declares `Params` (with `gemm: Gemm` in it), `place(row) -> vec3<u32>`, where a row is, and `under(place, tap) -> i32`, the input pixel
// under a tap there, -1 in the padding. ONE_TAP: row m of `a` is one row of x, place(m).x.
//
// x0, x1       [pixels, c0], [pixels, c1]       two inputs whose channels stand side by side; x1 may be absent (c1 = 0)
// w            [taps, pad4(c0) + pad4(c1), pad4(n)]   f32, or f16 in pairs
// bias         [pad4(n)]   f32; may be absent
// row_bias     [groups, n]   added to all rows of a group (the time embedding)
// residual, y  [rows, n]; with GEGLU [rows, n / 2]

struct Gemm {
  row_begin: u32,       // rows of this dispatch
  row_end: u32,
  taps: u32,
  c0: u32,              // channels of x0 and x1
  c1: u32,
  n: u32,               // columns of y
  n4: u32,              // columns of w in vec4
  tiles_n: u32,         // tiles side by side
  activation: u32,
  rows_per_group: u32,  // rows that share one row of row_bias; 0: no row_bias
  has_residual: u32,
  has_bias: u32,
  x0_base: u32,         // elements at which the bindings start
  x1_base: u32,
  row_bias_base: u32,
  residual_base: u32,
  y_base: u32,
  pad0: u32,            // a struct in a uniform is a multiple of 16 bytes
  pad1: u32,
  pad2: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
# if WIDE
@group(0) @binding(1) var<storage, read> x0: array<Eight_${X}>;
@group(0) @binding(2) var<storage, read> x1: array<Eight_${X}>;
# elif X_VEC
@group(0) @binding(1) var<storage, read> x0: array<vec4<${X}>>;
@group(0) @binding(2) var<storage, read> x1: array<vec4<${X}>>;
# else
@group(0) @binding(1) var<storage, read> x0: array<${X}>;
@group(0) @binding(2) var<storage, read> x1: array<${X}>;
# endif
# if WIDE
@group(0) @binding(3) var<storage, read> w: array<Eight_${W}>;
# elif MATRIX
@group(0) @binding(3) var<storage, read> w: array<vec4<f16>>;
# elif W == "f16"
@group(0) @binding(3) var<storage, read> w: array<vec2<u32>>;
# else
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;
# endif
# if TALL
@group(0) @binding(4) var<storage, read> bias: array<u64>;
# elif WIDE
@group(0) @binding(4) var<storage, read> bias: array<Eight_f32>;
# else
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
# endif
# if WIDE
# set FOUR = "u64" if Y == "f16" else "vec2<u64>"
@group(0) @binding(5) var<storage, read> row_bias: array<Eight_${X}>;
@group(0) @binding(6) var<storage, read> residual: array<Eight_${X}>;
@group(0) @binding(7) var<storage, read_write> y: array<${FOUR if GEGLU else "Eight_" ~ Y}>;
# elif Y_VEC
@group(0) @binding(5) var<storage, read> row_bias: array<vec4<${X}>>;
@group(0) @binding(6) var<storage, read> residual: array<vec4<${X}>>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<${Y}>>;
# else
@group(0) @binding(5) var<storage, read> row_bias: array<${X}>;
@group(0) @binding(6) var<storage, read> residual: array<${X}>;
@group(0) @binding(7) var<storage, read_write> y: array<${Y}>;
# endif

# include "shared/activation.wgsl"
# include "shared/grid.wgsl"

// Where a bias is read: in place of an absent one stand a few zeros.
fn bias_at(at: u32) -> u32 { return at * p.gemm.has_bias; }

fn tap_pixel(row: u32, tap: u32) -> i32 { return under(place(row), tap); }

# if not WIDE
# include "shared/store.wgsl"

# if not MATRIX
fn load_w(at: u32) -> vec4<f32> {
# if W == "f16"
  let pair = w[at];
  return vec4<f32>(unpack2x16float(pair.x), unpack2x16float(pair.y));
# else
  return w[at];
# endif
}

// 4 channels of a pixel; `pixel` < 0 is padding.
# for s in ["0", "1"]
fn load_x${s}(pixel: i32, c4: u32) -> vec4<f32> {
# if X_VEC
  let at = (u32(max(pixel, 0)) * p.gemm.c${s} - p.gemm.x${s}_base) / 4u + c4;
  return select(vec4<f32>(), vec4<f32>(x${s}[select(0u, at, pixel >= 0)]), pixel >= 0);
# else
  var v = vec4<f32>();
  if pixel >= 0 {
    let at = u32(pixel) * p.gemm.c${s} - p.gemm.x${s}_base;
    for (var i = 0u; i < min(4u, p.gemm.c${s} - c4 * 4u); i++) { v[i] = f32(x${s}[at + c4 * 4u + i]); }
  }
  return v;
# endif
}
# endfor

// Bias, activation, residual and store of 4 columns of one row.
fn finish(row: u32, col4: u32, sum: vec4<f32>) {
  var v = sum + bias[bias_at(col4)];
  let at = row * p.gemm.n + col4 * 4u;
# if Y_VEC
  if p.gemm.rows_per_group > 0u {
    v += vec4<f32>(row_bias[(row / p.gemm.rows_per_group * p.gemm.n - p.gemm.row_bias_base) / 4u + col4]);
  }
  v = activate(p.gemm.activation, v);
  if p.gemm.has_residual > 0u { v += vec4<f32>(residual[(at - p.gemm.residual_base) / 4u]); }
  y[(at - p.gemm.y_base) / 4u] = to_${Y}(v);
# else
  let count = min(4u, p.gemm.n - col4 * 4u);
  if p.gemm.rows_per_group > 0u {
    let group_at = row / p.gemm.rows_per_group * p.gemm.n + col4 * 4u - p.gemm.row_bias_base;
    for (var i = 0u; i < count; i++) { v[i] += f32(row_bias[group_at + i]); }
  }
  v = activate(p.gemm.activation, v);
  if p.gemm.has_residual > 0u {
    for (var i = 0u; i < count; i++) { v[i] += f32(residual[at - p.gemm.residual_base + i]); }
  }
  let rounded = to_${Y}(v);
  for (var i = 0u; i < count; i++) { y[at - p.gemm.y_base + i] = rounded[i]; }
# endif
}

# if GEGLU
// GEGLU of 4 value columns and their 4 gate columns, which stand next to each other in w: value * gelu(gate).
fn finish_geglu(row: u32, col4: u32, value: vec4<f32>, gate: vec4<f32>) {
  let v = (value + bias[bias_at(col4)]) * gelu4(gate + bias[bias_at(col4 + 1u)]);
  y[(row * p.gemm.n - p.gemm.y_base) / 4u + col4 / 2u] = to_${Y}(v);
}
# endif
# endif
# endif

// The tile of a workgroup.
const ROWS = ${ROWS}u;
const COLS = ${COLS}u;   // in vec4

# include TILE
