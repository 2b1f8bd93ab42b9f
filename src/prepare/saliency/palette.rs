//! How often colours occur: smoothed histograms over L*a*b*.

use super::lab::Lab;

/// Side of a bin, in units of L*a*b*.
const BIN: f32 = 5.0;
/// Bins of L, a and b: 0..=100, and -120..=120 for the other two.
const BINS: [usize; 3] = [21, 49, 49];
/// The binomial kernel: a spread of one bin.
const KERNEL: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// The bin of a colour.
pub fn bin(colour: Lab) -> u32 {
    let place = |value: f32, low: f32, count: usize| (((value - low) / BIN).round().max(0.0) as usize).min(count - 1);
    let l = place(colour[0], 0.0, BINS[0]);
    let a = place(colour[1], -120.0, BINS[1]);
    let b = place(colour[2], -120.0, BINS[2]);
    ((l * BINS[1] + a) * BINS[2] + b) as u32
}

/// The share of each bin among weighted pixels, smoothed by one bin in each direction.
pub struct Palette(Vec<f32>);

impl Palette {
    /// The palette of pixels given as (bin, weight); all shares are 0 if the weights sum to 0.
    pub fn new(pixels: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let mut shares = vec![0.0_f32; BINS.iter().product()];
        let mut total = 0.0_f64;
        for (bin, weight) in pixels {
            if let Some(share) = shares.get_mut(bin as usize) {
                *share += weight;
                total += f64::from(weight);
            }
        }
        let scale = if total > 0.0 { (1.0 / total) as f32 } else { 0.0 };
        for share in &mut shares {
            *share *= scale;
        }
        for (length, stride) in [(BINS[2], 1), (BINS[1], BINS[2]), (BINS[0], BINS[1] * BINS[2])] {
            shares = smoothed(&shares, length, stride);
        }
        Self(shares)
    }

    /// The share of a bin.
    pub fn share(&self, bin: u32) -> f32 {
        self.0.get(bin as usize).copied().unwrap_or(0.0)
    }

    /// Bhattacharyya's coefficient `Σ √(p q)`: 1 for equal palettes, 0 for palettes without a common colour.
    pub fn overlap(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(p, q)| (p * q).sqrt()).sum()
    }
}

/// Convolution along an axis of `length` bins that are `stride` apart.
fn smoothed(shares: &[f32], length: usize, stride: usize) -> Vec<f32> {
    let mut out = vec![0.0; shares.len()];
    for (at, &share) in shares.iter().enumerate().filter(|(_, share)| **share != 0.0) {
        let place = (at / stride) % length;
        for (offset, weight) in KERNEL.iter().enumerate() {
            // What would fall off the end stays in the last bin.
            let target = (place + offset).saturating_sub(2).min(length - 1);
            if let Some(sum) = out.get_mut(at - place * stride + target * stride) {
                *sum += share * weight;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_overlap_tells_palettes_apart() {
        let grey = bin([50.0, 0.0, 0.0]);
        let near = bin([53.0, 0.0, 0.0]);
        let red = bin([53.0, 80.0, 67.0]);
        let one = Palette::new([(grey, 2.0), (bin([100.0, 0.0, 0.0]), 1.0), (bin([0.0, -120.0, 120.0]), 1.0)]);
        assert!((one.0.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let of = |bin| Palette::new([(bin, 3.0)]);
        assert!((of(grey).overlap(&of(grey)) - 1.0).abs() < 1e-5);
        assert!(of(grey).overlap(&of(near)) > 0.6);
        assert_eq!(of(grey).overlap(&of(red)), 0.0);
        assert_eq!(Palette::new([(grey, 0.0)]).share(grey), 0.0);
    }
}
