//! Colours as the eye compares them.

use image::RgbImage;

/// A colour in CIE L*a*b* (white point D65): L 0 to 100, a and b about -110 to 100. One unit is about what can be told
/// apart.
pub type Lab = [f32; 3];

/// Every pixel of an sRGB picture in L*a*b*, `[height · width]`. Source: IEC 61966-2-1; CIE 15.
pub fn to_lab(picture: &RgbImage) -> Vec<Lab> {
    let linear: [f32; 256] = std::array::from_fn(|sample| {
        let c = sample as f32 / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let f = |t: f32| if t > 0.008_856_45 { t.cbrt() } else { 7.787_037 * t + 4.0 / 29.0 };
    let convert = |rgb: [u8; 3]| {
        let [r, g, b] = rgb.map(|sample| linear[usize::from(sample)]);
        let x = f((0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47);
        let y = f(0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b);
        let z = f((0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    };
    picture.pixels().map(|pixel| convert(pixel.0)).collect()
}

/// The Euclidean distance of two colours (CIE 1976).
pub fn distance(a: Lab, b: Lab) -> f32 {
    let [l, u, v]: Lab = std::array::from_fn(|c| a[c] - b[c]);
    (l * l + u * u + v * v).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        let known = [
            ([255, 255, 255], [100.0, 0.0, 0.0]),
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
        ];
        for (rgb, expected) in known {
            let found = to_lab(&RgbImage::from_pixel(1, 1, image::Rgb(rgb)))[0];
            assert!(distance(found, expected) < 0.1, "{rgb:?}: {found:?}");
        }
    }
}
