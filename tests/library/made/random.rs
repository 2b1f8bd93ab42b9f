//! Reproducible random numbers and smooth noise.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A whole number of 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in `low..high`.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal, mean 0, spread 1: the sum of twelve uniform numbers.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.within(0.0, 1.0)).sum::<f64>() - 6.0
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in 0..1 for a lattice point.
pub fn lattice(seed: u64, x: i64, y: i64) -> f64 {
    let z = mix(seed ^ mix(x as u64 ^ mix(y as u64)));
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// Smooth noise in 0..1 with features one unit wide.
pub fn smooth(seed: u64, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - left), ease(y - top));
    let at = |dx: i64, dy: i64| lattice(seed, left as i64 + dx, top as i64 + dy);
    let upper = at(0, 0) * (1.0 - u) + at(1, 0) * u;
    let lower = at(0, 1) * (1.0 - u) + at(1, 1) * u;
    upper * (1.0 - v) + lower * v
}

/// Fractal noise in 0..1: octaves of half the size and half the height.
pub fn fractal(seed: u64, x: f64, y: f64, octaves: u32) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for octave in 0..octaves {
        let (frequency, height) = (f64::from(1 << octave), 1.0 / f64::from(1 << octave));
        sum += height * smooth(seed.wrapping_add(u64::from(octave)), x * frequency, y * frequency);
        total += height;
    }
    sum / total
}
