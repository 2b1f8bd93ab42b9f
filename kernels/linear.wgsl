// linear: y[m, n] = act(sum_k x[m, k] * w[k, n] + bias[n] + row_bias[m / rows_per_group, n]) + residual[m, n]
// With GEGLU the columns are pairs: y[m, n] = value[m, n] * gelu(gate[m, n]). With w_batch every batch of rows has its own w.
//
// Rungs: register (TM rows per thread from storage) and workgroup (tile in workgroup memory), see shared/gemm_*.wgsl.

struct Params { gemm: Gemm }

fn tap_pixel(row: u32, tap: u32) -> i32 { return i32(row); }

# include "shared/gemm.wgsl"
