// anchor: pulls the clean estimate of every frame towards the picture, and the next sample with it
# if MODE == "lowpass"
//   d = sum over the window of g (image - x0) / sum of g,   g = exp(-(dy^2 + dx^2) / (2 sigma^2)), inside the frame
# elif MODE == "adain"
//   d = (x0 - mean[f, c]) / max(deviation[f, c], 1e-6) image_deviation[c] + image_mean[c] - x0
# else
//   d = image - x0
# endif
//   y     = x0 + weight[f] d
//   moved = next + gain weight[f] d
//
// x0, next, y, moved  [F, P, C]   P = H W
// image               [P, C]
// step                [1 + F]     gain, then weight[f]
// statistics          [F, 2, C]   mean and standard deviation of x0; adain only
// image_statistics    [1, 2, C]   those of image; adain only
//
// One thread: one element.

struct Params {
  begin: u32,     // elements of this dispatch
  end: u32,
  height: u32,
  width: u32,
  channels: u32,
  radius: u32,    // of the window
  sigma: f32,
  x0_base: u32,
  next_base: u32,
  image_base: u32,
  step_base: u32,
  statistics_base: u32,
  image_statistics_base: u32,
  y_base: u32,
  moved_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<f32>;
@group(0) @binding(2) var<storage, read> next: array<f32>;
@group(0) @binding(3) var<storage, read> image: array<f32>;
@group(0) @binding(4) var<storage, read> step: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> image_statistics: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> moved: array<f32>;

# include "shared/grid.wgsl"

# if MODE == "lowpass"
fn difference(frame: u32, pixel: u32, c: u32) -> f32 {
  let row = pixel / p.width;
  let column = pixel % p.width;
  let last = vec2<u32>(min(row + p.radius, p.height - 1u), min(column + p.radius, p.width - 1u));
  var sum = 0.0;
  var total = 0.0;
  for (var r = max(row, p.radius) - p.radius; r <= last.x; r++) {
    for (var q = max(column, p.radius) - p.radius; q <= last.y; q++) {
      let away = vec2<f32>(f32(r) - f32(row), f32(q) - f32(column));
      let g = exp(-dot(away, away) / (2.0 * p.sigma * p.sigma));
      let at = (r * p.width + q) * p.channels + c;
      sum += g * (image[at - p.image_base] - x0[frame * p.height * p.width * p.channels + at - p.x0_base]);
      total += g;
    }
  }
  return sum / total;
}
# elif MODE == "adain"
fn difference(frame: u32, pixel: u32, c: u32) -> f32 {
  let x = x0[(frame * p.height * p.width + pixel) * p.channels + c - p.x0_base];
  let at = frame * 2u * p.channels + c - p.statistics_base;
  let normal = (x - statistics[at]) / max(statistics[at + p.channels], 1e-6);
  let image_at = c - p.image_statistics_base;
  return normal * image_statistics[image_at + p.channels] + image_statistics[image_at] - x;
}
# else
fn difference(frame: u32, pixel: u32, c: u32) -> f32 {
  let at = pixel * p.channels + c;
  return image[at - p.image_base] - x0[frame * p.height * p.width * p.channels + at - p.x0_base];
}
# endif

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let c = i % p.channels;
  let pixel = i / p.channels % (p.height * p.width);
  let frame = i / p.channels / (p.height * p.width);
  let pull = step[1u + frame - p.step_base] * difference(frame, pixel, c);
  y[i - p.y_base] = x0[i - p.x0_base] + pull;
  moved[i - p.moved_base] = next[i - p.next_base] + step[0u - p.step_base] * pull;
}
