// conv2d: y[f, oy, ox, n] = act(sum_{ky, kx, c} x[f, iy, ix, c] * w[ky, kx, c, n] + bias[n] + row_bias[n]) + residual
//   uy = oy * stride + ky - pad_top, ux likewise; zero outside [0, up_height) x [0, up_width)
//   iy = uy * height / up_height, ix likewise: nearest upsampling to up_height x up_width, fused (torch's "nearest")
//
// x0, x1 [F, H, W, C0], [F, H, W, C1]: two inputs whose channels stand side by side, so that skip connections are not copied together.
// y      [F, OH, OW, N]. A row of the product is one output pixel, a tap one position of the kernel.

# set ONE_TAP = false
struct Params {
  gemm: Gemm,
  height: u32,
  width: u32,
  up_height: u32,
  up_width: u32,
  out_height: u32,
  out_width: u32,
  stride: u32,
  pad_top: u32,
  pad_left: u32,
}

// Frame, and the position of the kernel's first tap; negative ones wrap to large numbers and fail the test below.
fn place(row: u32) -> vec3<u32> {
  let ox = row % p.out_width;
  let line = row / p.out_width;
  let oy = line % p.out_height;
  let f = line / p.out_height;
  return vec3<u32>(f, oy * p.stride - p.pad_top, ox * p.stride - p.pad_left);
}

fn under(place: vec3<u32>, tap: u32) -> i32 {
  let y = place.y + tap / ${KERNEL_WIDTH}u;
  let x = place.z + tap % ${KERNEL_WIDTH}u;
  if y >= p.up_height || x >= p.up_width { return -1; }
# if UPSAMPLED == "no"
  return i32((place.x * p.height + y) * p.width + x);
# elif UPSAMPLED == "twice"
  return i32((place.x * p.height + y / 2u) * p.width + x / 2u);
# else
  return i32((place.x * p.height + y * p.height / p.up_height) * p.width + x * p.width / p.up_width);
# endif
}

# if PATCH
// Lines and places of the map that patches are cut from, and the input pixel at one of them.
fn map() -> vec2<u32> { return vec2<u32>(p.out_height, p.out_width); }
fn spot(image: u32, line: u32, column: u32) -> i32 { return under(vec3<u32>(image, line, column), 0u); }
# endif

# include "shared/gemm.wgsl"
