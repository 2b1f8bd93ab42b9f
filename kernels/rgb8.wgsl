// rgb8: bytes of pixels, v = round(clamp(x / 2 + 0.5, 0, 1) * 255), halves to even; 4 in a word, the first in its lowest byte
//
// x  [P, C]
// y  [ceil(P C / 4)]   u32
//
// One thread: one word.

struct Params {
  begin: u32,      // words of this dispatch
  end: u32,
  elements: u32,   // P C
  x_base: u32,
  y_base: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<${X}>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  var word = 0u;
  for (var k = 0u; k < min(4u, p.elements - i * 4u); k++) {
    let v = clamp(f32(x[i * 4u + k - p.x_base]) * 0.5 + 0.5, 0.0, 1.0);
    word |= u32(round(v * 255.0)) << (k * 8u);
  }
  y[i - p.y_base] = word;
}
