// group_norm_finish: mean and 1 / sqrt(variance + eps) of every group, from the partial statistics of its segments
//
// partials [N, parts, G, 3]   count, mean, sum of squared deviations; N statistics of frames_per_stat * segments parts
// stats    [N, G, 2]
//
// One workgroup per statistic and group: every thread merges some parts, then halves are merged (Chan, Golub & LeVeque 1979).

struct Params {
  begin: u32,    // first row of stats of this dispatch
  parts: u32,
  groups: u32,
  eps: f32,
  partials_base: u32,
  stats_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

# include "shared/grid.wgsl"

var<workgroup> merged: array<vec3<f32>, 64>;

fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
  let count = a.x + b.x;
  if count == 0.0 { return a; }
  let share = b.x / count;
  let d = b.y - a.y;
  return vec3<f32>(count, a.y + d * share, a.z + b.z + d * d * a.x * share);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = workgroup_index(wg, workgroups);
  let row = p.begin + index / p.groups;
  let group = index % p.groups;
  var mine = vec3<f32>();
  for (var part = thread; part < p.parts; part += 64u) {
    let at = ((row * p.parts + part) * p.groups + group) * 3u - p.partials_base;
    mine = merge(mine, vec3<f32>(partials[at], partials[at + 1u], partials[at + 2u]));
  }
  merged[thread] = mine;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread < half { merged[thread] = merge(merged[thread], merged[thread + half]); }
  }
  if thread == 0u {
    let at = (row * p.groups + group) * 2u - p.stats_base;
    stats[at] = merged[0].y;
    stats[at + 1u] = inverseSqrt(merged[0].z / max(merged[0].x, 1.0) + p.eps);
  }
}
