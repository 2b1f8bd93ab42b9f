// adaptive_pool: y[f, oy, ox, c] = mean of x[f, iy, ix, c] over the bin floor(o n / m) <= i < ceil((o + 1) n / m), n in and m out
//
// x  [F, H, W, C]
// y  [F, OH, OW, C]
//
// One thread: one item, 4 channels of an output pixel.

struct Params {
  begin: u32,    // items of this dispatch
  end: u32,
  width: u32,    // items per pixel
  size_y: u32,
  size_x: u32,
  out_y: u32,
  out_x: u32,
  x_base: u32,
  y_base: u32,
}

# include "shared/item.wgsl"
# include "shared/grid.wgsl"
# set XT = "vec4<" ~ X ~ ">" if VEC else X
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<${XT}>;
@group(0) @binding(2) var<storage, read_write> y: array<${YT}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let c = i % p.width;
  let pixel = i / p.width;
  let ox = pixel % p.out_x;
  let oy = pixel / p.out_x % p.out_y;
  let frame = pixel / p.out_x / p.out_y;
  let y_from = oy * p.size_y / p.out_y;
  let y_to = ((oy + 1u) * p.size_y + p.out_y - 1u) / p.out_y;
  let x_from = ox * p.size_x / p.out_x;
  let x_to = ((ox + 1u) * p.size_x + p.out_x - 1u) / p.out_x;
  var sum = Item();
  for (var iy = y_from; iy < y_to; iy++) {
    for (var ix = x_from; ix < x_to; ix++) {
      sum += Item(x[at(((frame * p.size_y + iy) * p.size_x + ix) * p.width + c, p.x_base)]);
    }
  }
  y[at(i, p.y_base)] = stored(sum / f32((y_to - y_from) * (x_to - x_from)));
}
