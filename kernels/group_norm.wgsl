// group_norm: y[f, r, c] = act((x[f, r, c] - mean) / sqrt(variance + eps) * weight[c] + bias[c]), over the channels of a group and the pixels of
// frames_per_stat frames
//
// x0, x1        [F, R, C0], [F, R, C1]   channels side by side; a group may lie in both
// weight, bias  [C0 + C1]
// y             [F, R, C0 + C1]
//
// All in one dispatch, for few values per group: the passes of group_norm_partial, _finish and _apply would take longer to start than to run.
//
// Rungs: portable  shared/group_norm_portable.wgsl   a workgroup for each group
//        lanes     shared/group_norm_lanes.wgsl      a thread for each group: no barriers, CPU drivers

struct Params {
  begin: u32,       // statistics of this dispatch
  end: u32,
  rows: u32,        // that share their statistics
  c0: u32,
  c1: u32,
  groups: u32,
  activation: u32,
  eps: f32,
  x0_base: u32,
  x1_base: u32,
  y_base: u32,
  pad0: u32,        // a struct in a uniform is a multiple of 16 bytes
}

@group(0) @binding(0) var<uniform> p: Params;

# include "shared/grid.wgsl"
# include "shared/activation.wgsl"
# include BODY
