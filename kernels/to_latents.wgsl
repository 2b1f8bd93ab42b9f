// to_latents: y[f, i, c] = noise[c, f, i]
//
// noise  [C, F, P]   as torch draws it
// y      [F, P, C]
//
// One thread: one element.

struct Params {
  begin: u32,    // elements of this dispatch
  end: u32,
  channels: u32,
  plane: u32,    // F P
  noise_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> noise: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  y[i - p.y_base] = noise[i % p.channels * p.plane + i / p.channels - p.noise_base];
}
