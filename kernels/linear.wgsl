// linear: y[m, n] = act(sum_k x[m, k] * w[k, n] + bias[n] + row_bias[m / rows_per_group, n]) + residual[m, n]
// With GEGLU the columns are pairs: y[m, n] = value[m, n] * gelu(gate[m, n]).
//
// Rungs: register   shared/gemm_register.wgsl    TM rows x TN vec4 columns per thread, operands straight from storage
//        broadcast  shared/gemm_broadcast.wgsl   the lanes of a subgroup share what they load: CPU drivers
//        wide       shared/gemm_wide.wgsl        the same with 8 values per load: twice as fast there
//        tall       shared/gemm_tall.wgsl        the same with rows and columns exchanged: many rows
//        workgroup  shared/gemm_staged.wgsl      a tile in workgroup memory: GPUs
//        split      shared/gemm_split.wgsl       threads share sums: few rows on GPUs
//        matrix     shared/gemm_staged.wgsl      the same with cooperative matrices: GPUs with tensor cores, f16

# set ONE_TAP = true
struct Params { gemm: Gemm }

fn place(row: u32) -> vec3<u32> { return vec3<u32>(row, 0u, 0u); }

fn under(place: vec3<u32>, tap: u32) -> i32 { return i32(place.x); }

# include "shared/gemm.wgsl"
