// 64-bit integers as (low word, high word). Integer arithmetic is exact on every driver, whatever it does to floats.

fn multiply_words(a: u32, b: u32) -> vec2<u32> {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let other = al * bh + (middle & 0xffffu);
  return vec2<u32>(a * b, ah * bh + (middle >> 16u) + (other >> 16u));
}

fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn subtract_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

// The upper 64 bits of a 128-bit product, without the carries out of its lowest word.
fn multiply_wide_high(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let top = multiply_words(a.y, b.y);
  let left = multiply_words(a.y, b.x).y;
  let right = multiply_words(a.x, b.y).y;
  return add_wide(top, add_wide(vec2<u32>(left, 0u), vec2<u32>(right, 0u)));
}

// v << n for n < 64.
fn shift_left_wide(v: vec2<u32>, n: u32) -> vec2<u32> {
  if n >= 32u { return vec2<u32>(0u, v.x << (n - 32u)); }
  if n == 0u { return v; }
  return vec2<u32>(v.x << n, (v.y << n) | (v.x >> (32u - n)));
}

// v >> n for n < 64.
fn shift_right_wide(v: vec2<u32>, n: u32) -> vec2<u32> {
  if n >= 32u { return vec2<u32>(v.y >> (n - 32u), 0u); }
  if n == 0u { return v; }
  return vec2<u32>((v.x >> n) | (v.y << (32u - n)), v.y >> n);
}
