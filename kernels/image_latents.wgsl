// image_latents: y[0] = latent; y[f] = f / (F - 1) everywhere for f > 0: the position of the frame in the clip
//
// latent  [P, C]   f32
// y       [F, P, C]
//
// One thread: one element.

struct Params {
  begin: u32,      // elements of this dispatch
  end: u32,
  per_frame: u32,  // P C
  frames: u32,
  latent_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> latent: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<${Y}>;

# include "shared/store.wgsl"
# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let frame = i / p.per_frame;
  var v = f32(frame) / f32(max(p.frames, 2u) - 1u);
  if frame == 0u { v = latent[i - p.latent_base]; }
  y[i - p.y_base] = to_${Y}(vec4<f32>(v)).x;
}
