//! A soft background: what is not the subject is blurred.

use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage};
use imageproc::distance_transform::euclidean_squared_distance_transform;
use imageproc::filter::gaussian_blur_f32;

/// The feathered mask: 1 in the subject, falling to 0 over `feather` pixels outside of it along a smooth curve.
pub fn feathered(subject: &GrayImage, feather: f64) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    let width = feather.max(1.0);
    let distance = euclidean_squared_distance_transform(subject);
    ImageBuffer::from_fn(subject.width(), subject.height(), |x, y| {
        let t = 1.0 - (distance.get_pixel(x, y).0[0].sqrt() / width).min(1.0);
        Luma([(t * t * (3.0 - 2.0 * t)) as f32])
    })
}

/// `m · p + (1 - m) · B` for the feathered mask m of `subject` (255 inside), with the background's own blur
/// `B = G((1 - m) p) / G(1 - m)`: the subject's colours do not bleed into it. G is a Gaussian of spread `sigma` pixels.
pub fn soften(picture: &RgbImage, subject: &GrayImage, sigma: f64, feather: f64) -> RgbImage {
    // Below this the blur is within a pixel; and nothing would be left to blur with.
    if sigma < 0.3 || subject.iter().all(|&value| value > 0) || subject.iter().all(|&value| value == 0) {
        return picture.clone();
    }
    let mask = feathered(subject, feather);
    let mut weighted: ImageBuffer<Rgb<f32>, Vec<f32>> = ImageBuffer::new(picture.width(), picture.height());
    for ((out, pixel), mask) in weighted.pixels_mut().zip(picture.pixels()).zip(mask.pixels()) {
        out.0 = pixel.0.map(|sample| f32::from(sample) * (1.0 - mask.0[0]));
    }
    let rest = ImageBuffer::from_fn(mask.width(), mask.height(), |x, y| Luma([1.0 - mask.get_pixel(x, y).0[0]]));
    let blurred = gaussian_blur_f32(&weighted, sigma as f32);
    let total = gaussian_blur_f32(&rest, sigma as f32);
    let mut out = picture.clone();
    for (((out, blurred), total), mask) in out.pixels_mut().zip(blurred.pixels()).zip(total.pixels()).zip(mask.pixels())
    {
        let (m, total) = (mask.0[0], total.0[0]);
        if m < 1.0 && total > 1e-4 {
            out.0 = std::array::from_fn(|c| {
                let value = m * f32::from(out.0[c]) + (1.0 - m) * blurred.0[c] / total;
                value.round().clamp(0.0, 255.0) as u8
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_stays_and_does_not_bleed() {
        // A red subject in a grey background with a one-pixel chequerboard.
        let inside = |x: u32, y: u32| (20..44).contains(&x) && (20..44).contains(&y);
        let picture = RgbImage::from_fn(64, 64, |x, y| match (inside(x, y), (x + y) % 2) {
            (true, _) => Rgb([250, 0, 0]),
            (_, 0) => Rgb([60; 3]),
            _ => Rgb([140; 3]),
        });
        let mask = GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
        let soft = soften(&picture, &mask, 3.0, 4.0);
        assert!((20..44).all(|i| soft.get_pixel(i, i).0 == [250, 0, 0]));
        let far = soft.get_pixel(50, 32).0;
        assert!(far.iter().all(|&v| (95..=105).contains(&v)), "{far:?}");
        assert_eq!(soften(&picture, &mask, 0.0, 4.0), picture);
        assert_eq!(soften(&picture, &GrayImage::new(64, 64), 3.0, 4.0), picture);
    }

    #[test]
    fn pictures_narrower_than_the_blur_are_no_trouble() {
        let picture = RgbImage::from_fn(8, 9, |x, _| Rgb([x as u8 * 30; 3]));
        let mask = GrayImage::from_fn(8, 9, |x, _| Luma([if x < 2 { 255 } else { 0 }]));
        assert_eq!(soften(&picture, &mask, 20.0, 50.0).dimensions(), (8, 9));
    }
}
