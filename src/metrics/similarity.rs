//! How alike two pictures are, pixel by pixel: PSNR and SSIM.

use image::Pixel;
use imageproc::filter::separable_filter_equal;

use super::plane::{Plane, filled, mean};

/// What equal pictures get in place of infinity: an error of one level in one sample of a clip's frame is below it.
pub const EQUAL_PSNR: f64 = 100.0;

/// Peak signal-to-noise ratio of 8-bit samples in dB, over all pixels and the three channels: `10 log10(255² / mean (a − b)²)`.
/// At most [`EQUAL_PSNR`].
pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let error = mean(a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)));
    if error == 0.0 { EQUAL_PSNR } else { (10.0 * (255.0 * 255.0 / error).log10()).min(EQUAL_PSNR) }
}

/// Pixels from the middle of the window to its edge: 11 × 11 in all.
const RADIUS: u32 = 5;
/// Spread of the window's weights, in pixels.
const SIGMA: f64 = 1.5;
/// Against divisions by small numbers: (0.01 · 255)² and (0.03 · 255)².
const STABLE: [f32; 2] = [6.5025, 58.5225];

/// Structural similarity of two brightness planes of one size, −1 to 1:
///
/// ```text
/// (2 μa μb + C1) (2 σab + C2) / ((μa² + μb² + C1) (σa² + σb² + C2))
/// ```
///
/// with means, variances and covariance under a Gaussian window of 11 × 11 pixels (σ 1.5), averaged over the places where the window
/// lies inside of the picture. In pictures too small for that, over as many places around the middle as there are. Source: Z. Wang, A. Bovik,
/// H. Sheikh, E. Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004).
pub fn ssim(a: &Plane, b: &Plane) -> f64 {
    let kernel = window();
    let blurred = |f: fn(f32, f32) -> f32| {
        let product = filled(a.width(), a.height(), a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)));
        separable_filter_equal(&product, &kernel)
    };
    // Squares of values around 0 keep more digits.
    const MIDDLE: f32 = 127.5;
    let means = [blurred(|a, _| a - MIDDLE), blurred(|_, b| b - MIDDLE)];
    let squares = [
        blurred(|a, _| (a - MIDDLE) * (a - MIDDLE)),
        blurred(|_, b| (b - MIDDLE) * (b - MIDDLE)),
        blurred(|a, b| (a - MIDDLE) * (b - MIDDLE)),
    ];
    let margin = |side: u32| RADIUS.min(side.saturating_sub(1) / 2);
    let (across, down) = (margin(a.width()), margin(a.height()));
    let inside = |x: u32, y: u32| (across..a.width() - across).contains(&x) && (down..a.height() - down).contains(&y);
    let value = |plane: &Plane, x: u32, y: u32| plane.get_pixel(x, y).channels()[0];
    let places = (0..a.height()).flat_map(|y| (0..a.width()).map(move |x| (x, y))).filter(|&(x, y)| inside(x, y));
    mean(places.map(|(x, y)| {
        let [mean_a, mean_b] = means.each_ref().map(|plane| value(plane, x, y));
        let [aa, bb, ab] = squares.each_ref().map(|plane| value(plane, x, y));
        let (var_a, var_b, both) = (aa - mean_a * mean_a, bb - mean_b * mean_b, ab - mean_a * mean_b);
        let (mean_a, mean_b) = (mean_a + MIDDLE, mean_b + MIDDLE);
        let light = (2.0 * mean_a * mean_b + STABLE[0]) / (mean_a * mean_a + mean_b * mean_b + STABLE[0]);
        let structure = (2.0 * both + STABLE[1]) / (var_a + var_b + STABLE[1]);
        f64::from(light * structure)
    }))
}

/// The weights of one axis of the window.
fn window() -> Vec<f32> {
    let radius = f64::from(RADIUS);
    let weights: Vec<f64> =
        (0..=2 * RADIUS).map(|i| (-(f64::from(i) - radius).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plane::Planes;
    use super::*;

    /// A picture with slopes, edges and texture, and changes of it: some noise, inverted, shifted, less contrast.
    fn picture(width: i64, height: i64, change: usize) -> Vec<u8> {
        let sample = |x: i64, y: i64| {
            [(x * 7 + y * 3) % 256, (x * x / 5 + y * 11) % 256, (x * y / 3 + 40) % 256].map(|value| match change {
                1 => (value + (x * 31 + y * 17) % 23).min(255),
                2 => 255 - value,
                4 => value / 2 + 60,
                _ => value,
            })
        };
        let column = |x: i64| if change == 3 { (x + width - 2) % width } else { x };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        places.flat_map(|(x, y)| sample(column(x), y)).map(|value| value as u8).collect()
    }

    /// Size, change, PSNR and SSIM as scikit-image 0.26 computes them of the same samples:
    /// `peak_signal_noise_ratio(a, b, data_range=255)` and, of the brightness in float64, `structural_similarity(a, b,
    /// gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)`.
    const SCIKIT_IMAGE: [([i64; 2], usize, f64, f64); 12] = [
        ([48, 40], 1, 26.110047, 0.950219),
        ([48, 40], 2, 5.250975, -0.764411),
        ([48, 40], 3, 12.849818, 0.512230),
        ([48, 40], 4, 17.350149, 0.812326),
        ([64, 64], 1, 26.136214, 0.958544),
        ([64, 64], 2, 4.942795, -0.778949),
        ([64, 64], 3, 11.578645, 0.436796),
        ([64, 64], 4, 16.958911, 0.808046),
        ([11, 30], 1, 26.005350, 0.915642),
        ([11, 30], 2, 5.338941, -0.659982),
        ([11, 30], 3, 18.170333, 0.874817),
        ([11, 30], 4, 18.000634, 0.820431),
    ];

    fn luma(width: i64, height: i64, rgb: &[u8]) -> Plane {
        Planes::of_rgb8(width as u32, height as u32, rgb).luma
    }

    #[test]
    fn both_agree_with_scikit_image() {
        for ([width, height], change, expected_psnr, expected_ssim) in SCIKIT_IMAGE {
            let [a, b] = [0, change].map(|change| picture(width, height, change));
            let found = (psnr(&a, &b), ssim(&luma(width, height, &a), &luma(width, height, &b)));
            // The last digit of the recorded PSNR; float32 in place of float64 for SSIM.
            assert!((found.0 - expected_psnr).abs() < 1e-6, "{width}x{height}, {change}: {found:?}");
            assert!((found.1 - expected_ssim).abs() < 2e-5, "{width}x{height}, {change}: {found:?}");
        }
    }

    #[test]
    fn equal_pictures_are_at_the_top_whatever_their_size() {
        for (width, height) in [(48, 40), (8, 8), (3, 1), (9, 64)] {
            let a = picture(width, height, 0);
            let plane = luma(width, height, &a);
            assert_eq!(psnr(&a, &a), EQUAL_PSNR);
            assert!((ssim(&plane, &plane) - 1.0).abs() < 1e-6);
            let other = luma(width, height, &picture(width, height, 2));
            assert!(ssim(&plane, &other) < 0.9);
        }
    }
}
