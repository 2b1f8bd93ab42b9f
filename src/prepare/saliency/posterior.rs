//! The probability that a pixel is the subject's, from where it is and from what colour it has.

use image::{ImageBuffer, Luma};
use imageproc::filter::gaussian_blur_f32;

use super::palette::Palette;

/// Rounds of estimating the palettes and the pixels in turn.
const ROUNDS: usize = 2;
/// A barrier that is this many times the background's own is certain.
const CERTAIN: f32 = 4.0;
/// No barrier below this, in L*a*b* units, is the subject's: it could be a gradient or grain.
const LEAST_BARRIER: f32 = 6.0;

/// Saliency 0 to 1, `[height · width]`.
///
/// The barrier is measured in units of what it reaches among pixels whose colours fill the border, so that a texture
/// with contrast of its own does not count; the start is the mean of that and of `rarity`. Each round builds the
/// palettes f and g of the pixels weighted by s and by 1 - s, and takes `s ← (s₀ + f / (f + g)) / 2`, smoothed.
pub fn posterior(rarity: &[f32], barrier: &[f32], bins: &[u32], width: u32, height: u32) -> Vec<f32> {
    let level = usual(rarity, barrier).max(LEAST_BARRIER / 2.0);
    let walled = |distance: f32| ((distance - level) / ((CERTAIN - 1.0) * level)).clamp(0.0, 1.0);
    let start: Vec<f32> = rarity.iter().zip(barrier).map(|(rare, &distance)| (rare + walled(distance)) / 2.0).collect();
    let mut saliency = start.clone();
    for _ in 0..ROUNDS {
        let subject = Palette::new(bins.iter().copied().zip(saliency.iter().copied()));
        let rest = Palette::new(bins.iter().copied().zip(saliency.iter().map(|s| 1.0 - s)));
        let likely = bins.iter().map(|&bin| {
            let (f, g) = (subject.share(bin), rest.share(bin));
            if f > 0.0 { f / (f + g) } else { 0.0 }
        });
        saliency = start.iter().zip(likely).map(|(start, likely)| (start + likely) / 2.0).collect();
        saliency = smoothed(saliency, width, height);
    }
    saliency
}

/// The 90th percentile of the barrier among pixels of common colours.
fn usual(rarity: &[f32], barrier: &[f32]) -> f32 {
    let common = rarity.iter().zip(barrier).filter(|(rare, _)| **rare < 0.5);
    let mut common: Vec<f32> = common.map(|(_, &distance)| distance).collect();
    let at = common.len() * 9 / 10;
    if at >= common.len() { 0.0 } else { *common.select_nth_unstable_by(at, f32::total_cmp).1 }
}

fn smoothed(values: Vec<f32>, width: u32, height: u32) -> Vec<f32> {
    let plane: Option<ImageBuffer<Luma<f32>, _>> = ImageBuffer::from_raw(width, height, values);
    plane.map(|plane| gaussian_blur_f32(&plane, 1.0).into_raw()).unwrap_or_default()
}
