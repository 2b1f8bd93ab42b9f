// multistep: second-order correction of a sampling step (DPM-Solver++ 2M: Lu et al. 2022)
//   y = next + change (x0 - before)        before: the step before's x0; without a change it is not read
//
// next, x0, before, y  [F, P, C]   next and x0 as the ddim kernel writes them
// step                 [16 + F]    the coefficients of the ddim kernel; change is step[8]
//
// One thread: one element.

struct Params {
  begin: u32,    // elements of this dispatch
  end: u32,
  next_base: u32,
  x0_base: u32,
  before_base: u32,
  step_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> next: array<f32>;
@group(0) @binding(2) var<storage, read> x0: array<f32>;
@group(0) @binding(3) var<storage, read> before: array<f32>;
@group(0) @binding(4) var<storage, read> step: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  var v = next[i - p.next_base];
  let change = step[8u - p.step_base];
  if change != 0.0 { v += change * (x0[i - p.x0_base] - before[i - p.before_base]); }
  y[i - p.y_base] = v;
}
