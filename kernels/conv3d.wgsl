// conv3d: y[b, f, oy, ox, n] = act(sum_{kt, ky, kx, c} x[b, f + kt - pad_t, iy, ix, c] * w[kt, ky, kx, c, n] + bias[n]) + residual
// Stride 1, zero padding. x [B, F, H, W, C], y [B, F, OH, OW, N].
//
// Rungs: general (any kt x kh x kw) and temporal ((kt, 1, 1): a tap is a shift by whole frames, no pixel arithmetic).

struct Params {
  gemm: Gemm,
  frames: u32,
  height: u32,
  width: u32,
  out_height: u32,
  out_width: u32,
  kernel_height: u32,
  kernel_width: u32,
  pad_frames: u32,
  pad_top: u32,
  pad_left: u32,
}

# if TEMPORAL
fn tap_pixel(row: u32, tap: u32) -> i32 {
  let pixels = p.height * p.width;
  let f = row / pixels % p.frames + tap - p.pad_frames;   // wraps below 0
  if f >= p.frames { return -1; }
  return i32(row + tap * pixels - p.pad_frames * pixels);
}
# else
fn tap_pixel(row: u32, tap: u32) -> i32 {
  let ox = row % p.out_width;
  let line = row / p.out_width;
  let oy = line % p.out_height;
  let frame = line / p.out_height;
  let kx = tap % p.kernel_width;
  let ky = tap / p.kernel_width % p.kernel_height;
  let kt = tap / p.kernel_width / p.kernel_height;
  let f = frame % p.frames + kt - p.pad_frames;           // these three wrap below 0
  let iy = oy + ky - p.pad_top;
  let ix = ox + kx - p.pad_left;
  if f >= p.frames || iy >= p.height || ix >= p.width { return -1; }
  return i32(((frame + kt - p.pad_frames) * p.height + iy) * p.width + ix);
}
# endif

# include "shared/gemm.wgsl"
