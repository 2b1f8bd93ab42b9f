// conv3d: y[b, f, oy, ox, n] = act(sum_{kt, ky, kx, c} x[b, f + kt - pad_t, iy, ix, c] * w[kt, ky, kx, c, n] + bias[n]) + residual
// Stride 1, zero padding. x [B, F, H, W, C], y [B, F, OH, OW, N].
//
// Rungs: general (any kt x kh x kw) and temporal ((kt, 1, 1): a tap is a shift by whole frames, no pixel arithmetic).

# set ONE_TAP = false
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

// Positions before the first one wrap to large numbers and fail the tests below.
# if TEMPORAL
// The row, and the frame under the first tap.
fn place(row: u32) -> vec3<u32> {
  return vec3<u32>(row, row / (p.height * p.width) % p.frames - p.pad_frames, 0u);
}

fn under(place: vec3<u32>, tap: u32) -> i32 {
  if place.y + tap >= p.frames { return -1; }
  return i32(place.x + (tap - p.pad_frames) * (p.height * p.width));
}
# else
// The frame among those of all clips, and the position of the first tap in it.
fn place(row: u32) -> vec3<u32> {
  let ox = row % p.out_width;
  let line = row / p.out_width;
  let oy = line % p.out_height;
  return vec3<u32>(line / p.out_height, oy - p.pad_top, ox - p.pad_left);
}

fn under(place: vec3<u32>, tap: u32) -> i32 {
  let y = place.y + tap / p.kernel_width % p.kernel_height;
  let x = place.z + tap % p.kernel_width;
  let kt = tap / p.kernel_width / p.kernel_height;
  let f = place.x % p.frames + kt - p.pad_frames;
  if f >= p.frames || y >= p.height || x >= p.width { return -1; }
  return i32(((place.x + kt - p.pad_frames) * p.height + y) * p.width + x);
}
# endif

# if PATCH
// The map that patches are cut from has a frame in each line; and the input pixel at a place of it.
fn map() -> vec2<u32> { return vec2<u32>(p.frames, p.height * p.width); }
fn spot(image: u32, line: u32, column: u32) -> i32 {
  let size = map();
  if line >= size.x || column >= size.y { return -1; }
  return i32((image * size.x + line) * size.y + column);
}
# endif

# include "shared/gemm.wgsl"
