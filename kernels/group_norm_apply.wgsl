// group_norm_apply: y[f, r, c] = act((x[f, r, c] - mean) * rstd * weight[c] + bias[c]), (mean, rstd) = stats[f / frames_per_stat, c / width]
//
// x0, x1        [F, R, C0], [F, R, C1]   channels side by side
// stats         [F / frames_per_stat, G, 2]
// weight, bias  [C0 + C1]
// y             [F, R, C0 + C1]
//
// One thread: CHANNELS channels of ROWS pixels below each other.
//
// Rungs: portable  shared/group_norm_apply_four.wgsl    4 channels
//        wide      shared/group_norm_apply_eight.wgsl   8 channels, as 64-bit integers: CPU drivers

struct Params {
  begin: u32,          // rows of this dispatch, over all frames
  end: u32,
  c0: u32,
  c1: u32,
  group_width: u32,
  rows_per_stat: u32,  // rows that share one row of stats
  stats_width: u32,    // 2 G
  activation: u32,
  x0_base: u32,
  x1_base: u32,
  stats_base: u32,
  y_base: u32,
}

# include "shared/grid.wgsl"

const ROWS = ${ROWS}u;
const CHANNELS = ${CHANNELS}u;

# include BODY
