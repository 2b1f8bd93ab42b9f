//! Numbers for inputs: the same for all contestants in every type.

use i2vgen::lab::mix;

/// Steps to either side of zero: their standard deviation is 512.
const STEPS: u64 = 886;

/// Evenly distributed numbers of mean 0 and standard deviation `scale`, a power of two not below 2⁻⁷. f16 holds all of them.
pub fn numbers(seed: u64, count: usize, scale: f32) -> Vec<f32> {
    let one = |i| {
        let step = mix(mix(seed) ^ i) % (2 * STEPS + 1);
        (step as f32 - STEPS as f32) / 512.0 * scale
    };
    (0..count as u64).map(one).collect()
}

/// The power of two that lets a sum of so many products have a standard deviation near 1.
pub fn scale_for(terms: usize) -> f32 {
    (-(terms.max(1) as f32).log2() / 2.0).round().clamp(-7.0, 0.0).exp2()
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn f16_holds_all_of_them() {
        let scale = scale_for(5760);
        assert_eq!(scale, 1.0 / 64.0);
        let values = numbers(3, 10_000, scale);
        assert!(values.iter().all(|&v| f16::from_f32(v).to_f32() == v));
        let deviation = (values.iter().map(|v| v * v).sum::<f32>() / 1e4).sqrt();
        assert!((deviation / scale - 1.0).abs() < 0.03, "{deviation}");
    }
}
