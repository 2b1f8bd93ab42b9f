//! How rare a colour is along the border of the picture: what fills the border is background.

use super::palette::Palette;

/// The border is this part of the short side wide.
const BORDER: f32 = 0.06;
/// Border share over picture share: a colour below the first is the subject's, above the second the background's.
const SUBJECT_RATIO: f32 = 0.1;
const BACKGROUND_RATIO: f32 = 0.5;

/// The rarity of each pixel's colour along the border, 0 to 1, `[height · width]`.
///
/// For a colour c with the share p(c) of the picture and `b₁..b₄` of its four sides, `r = (Σb − max b) / 3 / p`: the
/// side that has most of it is left out, so that a subject may touch one side. Rarity falls from 1 to 0 between r of
/// 0.1 and 0.5. After the backgroundness prior of J. Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS"
/// (ICCV 2015), with palettes instead of one Gaussian per side, because a side may show several things.
pub fn rarity(bins: &[u32], width: usize, height: usize) -> Vec<f32> {
    let band = ((width.min(height) as f32 * BORDER).round() as usize).max(1);
    let side = |inside: &dyn Fn(usize, usize) -> bool| {
        let places = bins.iter().enumerate().filter(|(at, _)| inside(at % width, at / width));
        Palette::new(places.map(|(_, &bin)| (bin, 1.0)))
    };
    let sides = [
        side(&|_, y| y < band),
        side(&|_, y| y + band >= height),
        side(&|x, _| x < band),
        side(&|x, _| x + band >= width),
    ];
    let all = Palette::new(bins.iter().map(|&bin| (bin, 1.0)));
    let of = |&bin: &u32| {
        let shares = sides.each_ref().map(|side| side.share(bin));
        let most = shares.iter().copied().fold(0.0, f32::max);
        let ratio = (shares.iter().sum::<f32>() - most) / 3.0 / all.share(bin).max(f32::MIN_POSITIVE);
        1.0 - ((ratio - SUBJECT_RATIO) / (BACKGROUND_RATIO - SUBJECT_RATIO)).clamp(0.0, 1.0)
    };
    bins.iter().map(of).collect()
}
