// layer_norm: y[m, c] = (x[m, c] - mean[m]) / sqrt(variance[m] + eps) * weight[c] + bias[c], over the channels of a row
//
// x, y          [M, C]
// weight, bias  [C]
//
// Rungs: portable  shared/layer_norm_rows.wgsl   LANES threads share a row
//        wide      shared/layer_norm_wide.wgsl   a thread has a row of its own and loads 8 values at a time: CPU drivers

struct Params {
  begin: u32,    // rows of this dispatch
  end: u32,
  channels: u32,
  eps: f32,
  x_base: u32,
  y_base: u32,
  pad0: u32,     // a struct in a uniform is a multiple of 16 bytes
  pad1: u32,
}

# include "shared/grid.wgsl"

const ROWS = ${ROWS}u;   // of a workgroup

# include BODY
