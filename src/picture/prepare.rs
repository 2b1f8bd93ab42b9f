//! From a picture to what the image encoder and the VAE receive.

use super::{Error, Filter, MAX_PIXELS, MIN_SIDE, Picture, Result, cover_crop, resize};

/// Width and height of a clip are multiples of this: the VAE's latents have one eighth of them.
pub const SIZE_MULTIPLE: u32 = 8;

/// How the image encoder wants its pixels: `crop_size`, `image_mean` and `image_std` of the feature extractor's config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipPixels {
    /// Side of the encoder's square input, in pixels.
    pub crop_size: u32,
    /// Subtracted from each channel, in units of full scale.
    pub mean: [f32; 3],
    /// Divides each channel after that.
    pub std: [f32; 3],
}

/// The encoder inputs and the 8-bit pictures on the way to them.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Cover-crop to `width` × `width`.
    pub clip_crop: Picture,
    /// `clip_crop` resized (bilinear) to `crop_size` × `crop_size`.
    pub clip_resized: Picture,
    /// Cover-crop to `width` × `height`.
    pub vae_crop: Picture,
    /// `(x / 255 - mean) / std` of `clip_resized`: `[crop_size, crop_size, 3]`.
    pub clip_pixels: Vec<f32>,
    /// `2 · x / 255 - 1` of `vae_crop`: `[height, width, 3]`.
    pub vae_pixels: Vec<f32>,
}

/// Prepares `picture` for a clip of `width` × `height` pixels.
///
/// The image encoder sees a square of the clip's width whatever its height, as in the reference.
/// Source: diffusers, `I2VGenXLPipeline.__call__` and `_encode_image`; transformers, `CLIPImageProcessor`.
///
/// # Errors
/// [`Error::SizeMultiple`] if `width` or `height` is no positive multiple of 8, [`Error::TooManyPixels`] if
/// `width` × `width` or `width` × `height` is too large, [`Error::ClipPixels`] for a setting that cannot be computed with.
pub fn prepare(picture: &Picture, width: u32, height: u32, clip: &ClipPixels) -> Result<Prepared> {
    check_clip_size(width, height)?;
    let ClipView { crop: clip_crop, resized: clip_resized, pixels: clip_pixels } = clip_view(picture, width, clip)?;
    let vae_crop = cover_crop(picture, width, height)?;
    let vae_pixels = map_channels(&vae_crop, |_, x| 2.0 * x - 1.0);
    Ok(Prepared { clip_crop, clip_resized, vae_crop, clip_pixels, vae_pixels })
}

/// What the image encoder sees of a picture, and the pictures on the way to it: as in [`Prepared`].
#[derive(Clone, Debug)]
pub struct ClipView {
    /// Cover-crop to a square.
    pub crop: Picture,
    /// Resized to `crop_size` × `crop_size`.
    pub resized: Picture,
    /// `[crop_size, crop_size, 3]`.
    pub pixels: Vec<f32>,
}

/// Prepares `picture` for the image encoder alone, as for a clip that is `width` pixels wide.
///
/// # Errors
/// As [`prepare`]; any width that a picture may have will do.
pub fn clip_view(picture: &Picture, width: u32, clip: &ClipPixels) -> Result<ClipView> {
    clip.check()?;
    let crop = cover_crop(picture, width, width)?;
    let resized = resize(&crop, clip.crop_size, clip.crop_size, Filter::Bilinear)?;
    // Each operation rounds to f32, in the reference's order.
    let pixels = map_channels(&resized, |channel, x| (x - clip.mean[channel]) / clip.std[channel]);
    Ok(ClipView { crop, resized, pixels })
}

/// `f(channel, sample / 255)` of every sample: `[height, width, 3]`.
fn map_channels(picture: &Picture, f: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    let tables: [[f32; 256]; 3] =
        std::array::from_fn(|channel| std::array::from_fn(|sample| f(channel, sample as f32 / 255.0)));
    let pixels = picture.pixels().chunks_exact(3);
    pixels.flat_map(|pixel| std::array::from_fn::<f32, 3, _>(|c| tables[c][usize::from(pixel[c])])).collect()
}

/// Refuses a clip size that is no positive multiple of 8, naming the nearest ones that are.
fn check_clip_size(width: u32, height: u32) -> Result<()> {
    let fits = |side: u32| side > 0 && side.is_multiple_of(SIZE_MULTIPLE);
    if fits(width) && fits(height) {
        return Ok(());
    }
    let below = |side: u32| (side - side % SIZE_MULTIPLE).max(SIZE_MULTIPLE);
    let above = |side: u32| {
        side.checked_next_multiple_of(SIZE_MULTIPLE).unwrap_or(u32::MAX - (SIZE_MULTIPLE - 1)).max(SIZE_MULTIPLE)
    };
    let smaller = format!("{}x{}", below(width), below(height));
    let larger = format!("{}x{}", above(width), above(height));
    let nearest = if smaller == larger { smaller } else { format!("{smaller} and {larger}") };
    Err(Error::SizeMultiple { width, height, nearest })
}

impl ClipPixels {
    fn check(&self) -> Result<()> {
        let side = u64::from(self.crop_size);
        if self.crop_size < MIN_SIDE || side * side > MAX_PIXELS {
            return Err(Error::ClipPixels {
                field: "crop_size",
                found: self.crop_size.to_string(),
                expected: "a side of 8 to 16384 pixels",
            });
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            return Err(Error::ClipPixels {
                field: "image_mean",
                found: format!("{:?}", self.mean),
                expected: "three finite numbers",
            });
        }
        if !self.std.iter().all(|std| std.is_finite() && *std != 0.0) {
            return Err(Error::ClipPixels {
                field: "image_std",
                found: format!("{:?}", self.std),
                expected: "three finite numbers other than 0",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_noise::{hash, noise};
    use super::*;
    use crate::fingerprint::fnv1a;

    const CLIP: ClipPixels = ClipPixels {
        crop_size: 42,
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.261_302_6, 0.275_777_1],
    };

    /// Hashes of what Pillow 13.0.0 and numpy (float32) make of the same picture, in the reference's order.
    #[test]
    fn equals_the_reference_bit_for_bit() {
        let prepared = prepare(&noise(149, 187), 72, 104, &CLIP).unwrap();
        assert_eq!(hash(&prepared.clip_crop), 0xde68_0b3b_9e84_41ba);
        assert_eq!(hash(&prepared.clip_resized), 0x6cbe_62df_beac_86a5);
        assert_eq!(hash(&prepared.vae_crop), 0x6343_75d9_68b6_8a53);
        let bits = |pixels: &[f32]| fnv1a(pixels.iter().flat_map(|x| x.to_le_bytes()));
        assert_eq!(prepared.clip_pixels[..3], [-0.6243884, -0.8966543, -0.68389606]);
        assert_eq!(bits(&prepared.clip_pixels), 0x8ad0_d935_497f_8c8b);
        assert_eq!(bits(&prepared.vae_pixels), 0xb4ce_9bf8_4050_7c9c);
        assert_eq!(prepared.clip_pixels.len(), 42 * 42 * 3);
        assert_eq!(prepared.vae_pixels.len(), 104 * 72 * 3);
    }

    #[test]
    fn clip_sizes_are_positive_multiples_of_eight() {
        let message = |width, height| {
            let error = prepare(&noise(64, 64), width, height, &CLIP).unwrap_err();
            error.to_string()
        };
        assert!(message(100, 50).ends_with("nearest: 96x48 and 104x56"));
        assert!(message(0, 64).ends_with("nearest: 8x64"));
        assert!(message(3, 64).ends_with("nearest: 8x64"));
        assert!(message(u32::MAX, u32::MAX).contains("4294967288x4294967288"));
        // The image encoder's square crop has the width's square.
        assert!(message(1 << 20, 8).contains("the limit is 268435456 pixels"));
    }

    #[test]
    fn settings_that_cannot_be_computed_with_are_refused() {
        let refused = |clip: ClipPixels, field: &str| {
            let error = prepare(&noise(64, 64), 64, 64, &clip).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        };
        for crop_size in [0, 7, u32::MAX] {
            refused(ClipPixels { crop_size, ..CLIP }, "crop_size");
        }
        let mean = [0.5, f32::NAN, 0.5];
        refused(ClipPixels { mean, ..CLIP }, "image_mean");
        let std = [0.5, 0.0, 0.5];
        refused(ClipPixels { std, ..CLIP }, "image_std");
    }
}
