//! What is weak about a picture, in numbers.

use image::{GrayImage, Luma};
use imageproc::distance_transform::Norm;
use imageproc::filter::{gaussian_blur_f32, laplacian_filter};
use imageproc::gradients::sobel_gradients;
use imageproc::map::{map_pixels, map_subpixels};
use imageproc::morphology::dilate;

use super::edges::Edges;
use crate::picture::Picture;

/// Gradients below this, in levels per pixel, are grain and slopes, not edges.
const EDGE_GRADIENT: f64 = 3.0;
/// Spread of the blur that takes the grain away before sharpness is measured.
const CALMING: f64 = 1.0;
/// Fewer pixels of edges than this share say nothing about sharpness.
const LEAST_EDGES: f64 = 0.0005;

/// How sharp the edges are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharpness {
    /// The variance of the Laplacian over the whole picture, the common measure; it grows with contrast and detail.
    pub laplacian_variance: f64,
    /// The spread in pixels of the Gaussian that would blur sharp edges as much; `None` if there are no edges.
    pub blur: Option<f64>,
}

/// Measures the sharpness of `grey`.
///
/// An edge blurred with spread σ has the gradient of a Gaussian, for which `Σ(∇y)² / Σ(Δy)² = 2σ²`. That is solved for
/// σ near pixels with a gradient, after a blur of one pixel, which is subtracted again: `σ² = Σ(∇y)² / (2 Σ(Δy)²) - 1`.
/// The ratio does not depend on the contrast or on how many edges there are, as the variance alone does.
pub fn sharpness(grey: &GrayImage) -> Sharpness {
    let raw = laplacian_filter(grey);
    let count = raw.len().max(1) as f64;
    let mean = raw.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let laplacian_variance = raw.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;

    let strong = |gradient: Luma<u16>| if f64::from(gradient.0[0]) / 8.0 > EDGE_GRADIENT { 255 } else { 0 };
    let edges = map_pixels(&sobel_gradients(grey), |gradient| Luma([strong(gradient)]));
    let near = dilate(&edges, Norm::LInf, 3);
    // In 8 bits the second differences would be lost.
    let calm = gaussian_blur_f32(&map_subpixels(grey, f32::from), CALMING as f32);
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let at = |x: usize, y: usize| f64::from(calm.as_raw()[y * width + x]);
    let (mut slope, mut bend) = (0.0, 0.0);
    for y in 1..height.saturating_sub(1) {
        for x in (1..width.saturating_sub(1)).filter(|x| near.as_raw()[y * width + x] > 0) {
            let (dx, dy) = ((at(x + 1, y) - at(x - 1, y)) / 2.0, (at(x, y + 1) - at(x, y - 1)) / 2.0);
            let laplacian = at(x + 1, y) + at(x - 1, y) + at(x, y + 1) + at(x, y - 1) - 4.0 * at(x, y);
            slope += dx * dx + dy * dy;
            bend += laplacian * laplacian;
        }
    }
    let edges = edges.iter().filter(|&&edge| edge > 0).count() as f64;
    let enough = edges > LEAST_EDGES * count && bend > 0.0;
    let blur = enough.then(|| (slope / (2.0 * bend) - CALMING * CALMING).max(0.0).sqrt());
    Sharpness { laplacian_variance, blur }
}

/// The most rows and columns that are looked at for blocks.
const LINES: u32 = 256;
/// A step of a block has at most this height, in levels; more is an edge of the picture.
const BLOCK_STEP: i32 = 16;
/// How flat both sides of a block's step are, in levels.
const BLOCK_FLAT: i32 = 4;

/// How much stronger steps are at every eighth pixel than elsewhere, in levels of the mean flat-sided step: 0 without
/// blocks.
///
/// Taken along rows and along columns, whichever is less, at the phase where it is most: a picture may have been
/// cropped after it was compressed. To be measured on the picture as it is: resizing hides blocks.
pub fn blockiness(picture: &Picture) -> f64 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.pixels();
    let bright = move |x: usize, y: usize| match pixels.get((y * width + x) * 3..) {
        Some([r, g, b, ..]) => (i32::from(*r) + 2 * i32::from(*g) + i32::from(*b)) / 4,
        _ => 0,
    };
    let rows = phases(height, width, |line, along| bright(along, line));
    let columns = phases(width, height, bright);
    rows.min(columns)
}

/// [`blockiness`] in one direction, from up to [`LINES`] lines.
fn phases(lines: usize, length: usize, value: impl Fn(usize, usize) -> i32) -> f64 {
    let (mut sums, mut counts) = ([0.0_f64; 8], [0.0_f64; 8]);
    for line in (0..lines).step_by(lines.div_ceil(LINES as usize).max(1)) {
        for along in 2..length.saturating_sub(1) {
            let [before, left, right, after] = [0, 1, 2, 3].map(|offset| value(line, along + offset - 2));
            let step = (right - left).abs();
            if step <= BLOCK_STEP && (left - before).abs() <= BLOCK_FLAT && (after - right).abs() <= BLOCK_FLAT {
                sums[along % 8] += f64::from(step);
                counts[along % 8] += 1.0;
            }
        }
    }
    let means: [f64; 8] = std::array::from_fn(|phase| sums[phase] / f64::max(counts[phase], 1.0));
    let most = means.iter().copied().fold(0.0, f64::max);
    let others = (means.iter().sum::<f64>() - most) / 7.0;
    most - others
}

/// The share of the pixels outside of `subject` (255 inside) that lie on an edge.
pub fn clutter(edges: &Edges, subject: Option<&GrayImage>) -> f64 {
    let outside = |at: usize| subject.is_none_or(|mask| mask.as_raw().get(at).is_some_and(|&value| value == 0));
    let background = edges.thin.iter().enumerate().filter(|(at, _)| outside(*at));
    let (count, on_edge) =
        background.fold((0_u64, 0_u64), |(count, on), (_, &edge)| (count + 1, on + u64::from(edge > 0)));
    if count == 0 { 0.0 } else { on_edge as f64 / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::edges::edges;
    use super::*;
    use image::{Rgb, RgbImage};

    #[test]
    fn the_spread_of_a_blur_is_found() {
        for (low, high) in [(60, 200), (100, 150)] {
            let sharp = GrayImage::from_fn(160, 120, |x, y| {
                let inside = (f64::from(x) - 80.0).hypot(f64::from(y) - 60.0) < 35.0;
                Luma([if inside { high } else { low }])
            });
            let found = |grey: &GrayImage| sharpness(grey).blur.unwrap();
            assert!(found(&sharp) < 0.8, "{}", found(&sharp));
            for spread in [2.0_f32, 3.0, 5.0] {
                let blur = found(&gaussian_blur_f32(&sharp, spread));
                assert!((blur / f64::from(spread) - 1.0).abs() < 0.25, "{spread}: {blur}");
            }
        }
        assert_eq!(sharpness(&GrayImage::from_pixel(40, 40, Luma([90]))).blur, None);
    }

    #[test]
    fn blocks_are_told_from_slopes_and_edges() {
        let picture = |value: &dyn Fn(u32, u32) -> u32| {
            let pixels = (0..96_u32 * 96).flat_map(|at| [value(at % 96, at / 96) as u8; 3]);
            Picture::from_rgb8(96, 96, pixels.collect()).unwrap()
        };
        assert_eq!(blockiness(&picture(&|x, _| x)), 0.0);
        assert!(blockiness(&picture(&|x, y| 3 * ((x + 5) / 8) + 3 * (y / 8))) > 2.5);
        // Squares of a strong chequerboard are edges, not blocks.
        assert!(blockiness(&picture(&|x, y| 200 * ((x / 8 + y / 8) % 2))) < 0.1);
    }

    #[test]
    fn only_edges_of_the_background_clutter_it() {
        let stripes = RgbImage::from_fn(96, 96, |x, y| Rgb([if y < 48 && x / 8 % 2 == 0 { 220 } else { 40 }; 3]));
        let found = edges(&stripes);
        let upper = GrayImage::from_fn(96, 96, |_, y| Luma([if y < 56 { 255 } else { 0 }]));
        assert!(clutter(&found, None) > 0.04);
        assert_eq!(clutter(&found, Some(&upper)), 0.0);
        assert_eq!(clutter(&found, Some(&GrayImage::from_pixel(96, 96, Luma([255])))), 0.0);
    }
}
