//! The reference's cover-and-crop: the smallest size that covers the target, then its middle.

use super::resample::{Filter, Span, resize_window};
use super::{Picture, Result, check_size};

/// The middle of `picture`, shrunk or enlarged (box filter) until it just covers `width` × `height`.
///
/// With `s = min(W / width, H / height)`, the picture is resized to `(W // s, H // s)` and cropped at
/// `((W' - width) // 2, (H' - height) // 2)`, where `//` is Python's floor division of floats. Where `s` was rounded up,
/// the resized picture is one pixel short and the crop begins at -1: that first column or row is black, as in the reference.
/// Source: diffusers, `pipeline_i2vgen_xl.py`, `_center_crop_wide`.
///
/// # Errors
/// [`super::Error::TooSmall`] or [`super::Error::TooManyPixels`] for a target that no picture may have.
pub fn cover_crop(picture: &Picture, width: u32, height: u32) -> Result<Picture> {
    check_size("the cropped picture", width, height)?;
    let scale = f64::min(f64::from(picture.width) / f64::from(width), f64::from(picture.height) / f64::from(height));
    let columns = Crop::new(picture.width, scale, width);
    let rows = Crop::new(picture.height, scale, height);
    let inner = resize_window(picture, columns.span, rows.span, Filter::Box);
    if columns.margin == 0 && rows.margin == 0 {
        return Ok(inner);
    }
    let mut out = Picture::black(width, height);
    paste(&mut out, &inner, columns.margin, rows.margin);
    Ok(out)
}

/// The crop along one axis.
struct Crop {
    /// The part of the resized axis inside of the crop.
    span: Span,
    /// Positions before that part, outside of the resized picture: 0 or 1.
    margin: u32,
}

impl Crop {
    /// The middle `target` positions of an axis of `source` pixels divided by `scale`.
    fn new(source: u32, scale: f64, target: u32) -> Self {
        // The reference rounds this, but it is whole already.
        let full = python_floor_div(f64::from(source), scale) as u64;
        let target_length = u64::from(target);
        if full < target_length {
            let length = full as u32;
            let span = Span { full, start: 0, length };
            // Floor division of a negative number: one missing position is missing at the front.
            let margin = (target - length).div_ceil(2);
            return Self { span, margin };
        }
        let span = Span { full, start: (full - target_length) / 2, length: target };
        Self { span, margin: 0 }
    }
}

/// Writes `inner` into `out`, `left` pixels from the left and `top` from the top.
fn paste(out: &mut Picture, inner: &Picture, left: u32, top: u32) {
    let stride = out.stride();
    let begin = left as usize * 3;
    let targets = out.pixels.chunks_exact_mut(stride).skip(top as usize);
    for (target, source) in targets.zip(inner.pixels.chunks_exact(inner.stride())) {
        for (sample, &value) in target.iter_mut().skip(begin).zip(source) {
            *sample = value;
        }
    }
}

/// Python's `a // b` for positive floats: the exact remainder first, then the quotient, so 149 // (149 / 72) is 71.
fn python_floor_div(a: f64, b: f64) -> f64 {
    let quotient = (a - a % b) / b;
    let floor = quotient.floor();
    // The division may land just below the whole number that it stands for.
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::super::test_noise::{hash, noise};
    use super::*;

    /// Size, target, and the hash of what the reference with Pillow 13.0.0 makes of the noise.
    const REFERENCE: [([u32; 4], u64); 9] = [
        // A black first row; a black first column; the same, with the rows resized first.
        ([312, 149, 104, 72], 0xd61b_d5cd_2df1_76a6),
        ([149, 312, 72, 104], 0x5449_071e_a739_4770),
        ([149, 312, 104, 104], 0x2b6e_4877_e478_e2da),
        ([203, 157, 80, 56], 0xda37_39bb_1d58_5ab0),
        // Both black.
        ([8, 8, 104, 104], 0x638b_aed6_84c1_9112),
        // Neither: shrunk, enlarged, wide, stretched to 5600 rows.
        ([157, 203, 80, 80], 0x0ae4_674b_f0da_bcdd),
        ([40, 30, 64, 64], 0xcbd4_fa57_364c_c729),
        ([90, 20, 24, 16], 0xb57e_14ca_738c_5986),
        ([8, 700, 64, 16], 0xf902_86f4_05da_0b65),
    ];

    #[test]
    fn equals_the_reference_bit_for_bit() {
        for ([w, h, width, height], expected) in REFERENCE {
            let cropped = cover_crop(&noise(w, h), width, height).unwrap();
            assert_eq!((cropped.width, cropped.height), (width, height));
            assert_eq!(hash(&cropped), expected, "{w}x{h} to {width}x{height}");
        }
    }

    #[test]
    fn a_missing_row_is_black() {
        let mut white = noise(312, 149);
        white.pixels.fill(255);
        let cropped = cover_crop(&white, 104, 72).unwrap();
        let (first, rest) = cropped.pixels.split_at(cropped.stride());
        assert!(first.iter().all(|&sample| sample == 0));
        assert!(rest.iter().all(|&sample| sample == 255));
    }

    #[test]
    fn floor_division_is_pythons() {
        for (a, b, expected) in [
            (149.0, 149.0 / 72.0, 71.0),
            (312.0, 149.0 / 72.0, 150.0),
            (6.0, 0.1, 59.0),
            (1.0, 0.1, 9.0),
            (12.0, 4.0, 3.0),
        ] {
            assert_eq!(python_floor_div(a, b), expected, "{a} // {b}");
        }
    }

    #[test]
    fn extreme_shapes_need_no_more_than_the_crop() {
        // The whole resized picture would have 16384 x 1,638,400,000 pixels.
        let tall = noise(8, 800_000);
        let cropped = cover_crop(&tall, 16_384, 8).unwrap();
        assert_eq!((cropped.width, cropped.height), (16_384, 8));
        assert!(cover_crop(&tall, 0, 8).is_err());
        assert!(cover_crop(&tall, 1 << 30, 1 << 30).is_err());
    }
}
