// conv2d: y[f, oy, ox, n] = act(sum_{ky, kx, c} x[f, iy, ix, c] * w[ky, kx, c, n] + bias[n] + row_bias[n]) + residual
//   uy = oy * stride + ky - pad_top, ux likewise; zero outside [0, up_height) x [0, up_width)
//   iy = uy * height / up_height, ix likewise: nearest upsampling to up_height x up_width, fused (torch's "nearest")
//
// x0, x1 [F, H, W, C0], [F, H, W, C1]: two inputs whose channels stand side by side, so that skip connections are not copied together.
// y      [F, OH, OW, N]. A row of the product is one output pixel, a tap one position of the kernel.

struct Params {
  gemm: Gemm,
  height: u32,
  width: u32,
  up_height: u32,
  up_width: u32,
  out_height: u32,
  out_width: u32,
  kernel_width: u32,
  stride: u32,
  pad_top: u32,
  pad_left: u32,
}

fn tap_pixel(row: u32, tap: u32) -> i32 {
  let ox = row % p.out_width;
  let line = row / p.out_width;
  let oy = line % p.out_height;
  let f = line / p.out_height;
  // Negative positions wrap to large numbers and fail the test below.
  let uy = oy * p.stride + tap / p.kernel_width - p.pad_top;
  let ux = ox * p.stride + tap % p.kernel_width - p.pad_left;
  if uy >= p.up_height || ux >= p.up_width { return -1; }
  let iy = uy * p.height / p.up_height;
  let ix = ux * p.width / p.up_width;
  return i32((f * p.height + iy) * p.width + ix);
}

# include "shared/gemm.wgsl"
