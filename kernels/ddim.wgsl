// ddim: one sampling step (Song et al. 2021, eq. 12) with classifier-free guidance
//   model = uncond + guidance[f] (cond - uncond), or cond
//   x0    = x0_from_sample sample + x0_from_model model        clipped to +-clip, if there is one
//   eps   = eps_from_sample sample + eps_from_model model
//   next  = next_from_x0 x0 + next_from_eps eps + next_from_noise noise
//
// cond, uncond, sample, model, x0, next  [F, P, C]   uncond may be absent
// noise                                  [F, C, P]   as torch draws it, or absent
// step                                   [16 + F]    the coefficients in the order of the formulas, multistep's, zeros, then guidance[f]
//
// One thread: one element.

struct Params {
  begin: u32,    // elements of this dispatch
  end: u32,
  pixels: u32,
  channels: u32,
  has_uncond: u32,
  has_noise: u32,
  cond_base: u32,
  uncond_base: u32,
  sample_base: u32,
  noise_base: u32,
  step_base: u32,
  model_base: u32,
  x0_base: u32,
  next_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> cond: array<f32>;
@group(0) @binding(2) var<storage, read> uncond: array<f32>;
@group(0) @binding(3) var<storage, read> sample: array<f32>;
@group(0) @binding(4) var<storage, read> noise: array<f32>;
@group(0) @binding(5) var<storage, read> step: array<f32>;
@group(0) @binding(6) var<storage, read_write> model: array<f32>;
@group(0) @binding(7) var<storage, read_write> x0: array<f32>;
@group(0) @binding(8) var<storage, read_write> next: array<f32>;

# include "shared/grid.wgsl"

fn coefficient(i: u32) -> f32 { return step[i - p.step_base]; }

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let c = i % p.channels;
  let pixel = i / p.channels % p.pixels;
  let frame = i / p.channels / p.pixels;
  var m = cond[i - p.cond_base];
  if p.has_uncond > 0u {
    let u = uncond[i - p.uncond_base];
    m = u + coefficient(16u + frame) * (m - u);
  }
  let s = sample[i - p.sample_base];
  var clean = coefficient(0u) * s + coefficient(1u) * m;
  let eps = coefficient(2u) * s + coefficient(3u) * m;
  let clip = coefficient(4u);
  if clip > 0.0 { clean = clamp(clean, -clip, clip); }
  var v = coefficient(5u) * clean + coefficient(6u) * eps;
  if p.has_noise > 0u { v += coefficient(7u) * noise[(frame * p.channels + c) * p.pixels + pixel - p.noise_base]; }
  model[i - p.model_base] = m;
  x0[i - p.x0_base] = clean;
  next[i - p.next_base] = v;
}
