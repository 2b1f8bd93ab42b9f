//! Normals by their number: any part of a tensor can be made without the rest.

use rayon::prelude::*;

/// Standard normals, each a function of a seed, a stream and its number. Two and two are the Box-Muller pair (1958) of one SplitMix64
/// word (Steele, Lea & Flood 2014).
#[derive(Clone, Copy, Debug)]
pub struct Normals(u64);

/// Numbers that one thread makes at a time; even.
const CHUNK: usize = 1 << 14;

impl Normals {
    /// The normals of a stream.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream.wrapping_add(1))))
    }

    /// Writes `value(number, normal)` for the numbers from `first` on.
    pub fn fill(self, values: &mut [f32], first: usize, value: impl Fn(usize, f32) -> f32 + Sync) {
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
            let mut pair = [0.0; 2];
            let mut known = None;
            for (number, v) in (first + chunk * CHUNK..).zip(values) {
                if known != Some(number / 2) {
                    known = Some(number / 2);
                    pair = self.pair(number as u64 / 2);
                }
                *v = value(number, pair[number % 2]);
            }
        });
    }

    fn pair(self, number: u64) -> [f32; 2] {
        let word = mix(self.0.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let uniform = |half: u32| (f64::from(half) + 0.5) / 4_294_967_296.0;
        let radius = (-2.0 * uniform((word >> 32) as u32).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * uniform(word as u32)).sin_cos();
        [radius * cos, radius * sin].map(|v| v as f32)
    }
}

/// The output function of SplitMix64.
pub fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_standard_normal_wherever_they_begin() {
        let mut all = vec![0.0; 40_001];
        Normals::new(5, 0).fill(&mut all, 0, |_, v| v);
        let moment = |k: i32| all.iter().map(|&v| f64::from(v).powi(k)).sum::<f64>() / all.len() as f64;
        for (k, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)] {
            assert!((moment(k) - expected).abs() < 0.1, "moment {k}: {}", moment(k));
        }
        let mut part = vec![0.0; 20_000];
        Normals::new(5, 0).fill(&mut part, 13, |_, v| v);
        assert_eq!(part, all[13..20_013]);
        let mut other = vec![0.0; 3];
        Normals::new(5, 1).fill(&mut other, 0, |_, v| v);
        assert_ne!(other, all[..3]);
    }
}
