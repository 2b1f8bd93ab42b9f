// posterior: sample[i, c] = mean + exp(clamp(logvar, -30, 20) / 2) * noise[c, i], latent = sample * scale
//
// moments         [P, 2 C]   mean, then logvar
// noise           [C, P]     as torch draws it
// sample, latent  [P, C]
//
// One thread: one element.

struct Params {
  begin: u32,    // elements of this dispatch
  end: u32,
  pixels: u32,
  channels: u32,
  scale: f32,
  moments_base: u32,
  noise_base: u32,
  sample_base: u32,
  latent_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> noise: array<f32>;
@group(0) @binding(3) var<storage, read_write> sample: array<f32>;
@group(0) @binding(4) var<storage, read_write> latent: array<f32>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let c = i % p.channels;
  let pixel = i / p.channels;
  let at = pixel * 2u * p.channels + c - p.moments_base;
  let deviation = exp(0.5 * clamp(moments[at + p.channels], -30.0, 20.0));
  let v = moments[at] + deviation * noise[c * p.pixels + pixel - p.noise_base];
  sample[i - p.sample_base] = v;
  latent[i - p.latent_base] = v * p.scale;
}
