// group_norm_finish: mean and 1 / sqrt(variance + eps) of every group, from the partial statistics of its segments
//
// partials [N, parts, G, 3]   count, mean, sum of squared deviations; N statistics of frames_per_stat * segments parts
// stats    [N, G, 2]
//
// Parts are merged pairwise (Chan, Golub & LeVeque 1979). Few of them: one thread per statistic and group. Many: one workgroup, whose
// threads merge some parts each and then each other's.

struct Params {
  begin: u32,    // first row of stats of this dispatch
  end: u32,
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

# if not SERIAL
var<workgroup> merged: array<vec3<f32>, ${THREADS}>;
# endif

fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
  let count = a.x + b.x;
  if count == 0.0 { return a; }
  let share = b.x / count;
  let d = b.y - a.y;
  return vec3<f32>(count, a.y + d * share, a.z + b.z + d * d * a.x * share);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
# if SERIAL
  let index = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
# else
  let index = workgroup_index(wg, workgroups);
# endif
  let row = p.begin + index / p.groups;
  let group = index % p.groups;
  if row >= p.end { return; }
  var all = vec3<f32>();
  for (var part = ${"0u" if SERIAL else "thread"}; part < p.parts; part += ${"1u" if SERIAL else THREADS ~ "u"}) {
    let at = ((row * p.parts + part) * p.groups + group) * 3u - p.partials_base;
    all = merge(all, vec3<f32>(partials[at], partials[at + 1u], partials[at + 2u]));
  }
# if not SERIAL
  merged[thread] = all;
  for (var half = ${THREADS // 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if thread < half { merged[thread] = merge(merged[thread], merged[thread + half]); }
  }
  if thread > 0u { return; }
  all = merged[0];
# endif
  let at = (row * p.groups + group) * 2u - p.stats_base;
  stats[at] = all.y;
  stats[at + 1u] = inverseSqrt(all.z / max(all.x, 1.0) + p.eps);
}
