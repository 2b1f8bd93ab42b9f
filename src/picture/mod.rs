//! The input picture: opened, cropped and resized as the reference implementation does, bit for bit.
//!
//! The way of a picture: [`Picture::open`] → [`prepare`] → the two tensors that the image encoder and the VAE receive.
//! The arithmetic is that of Pillow and of diffusers' `I2VGenXLPipeline`, so that a clip can be compared with theirs.

mod background;
mod convert;
mod crop;
mod error;
mod jpeg;
mod open;
mod prepare;
mod resample;
mod save;
#[cfg(test)]
mod test_noise;

pub use background::Colour;
pub(crate) use background::DROPPED;
pub use crop::cover_crop;
pub use error::{Error, Result};
pub use open::Opened;
pub use prepare::{ClipPixels, ClipView, Prepared, SIZE_MULTIPLE, clip_view, prepare};
pub use resample::{Filter, resize};

/// The shortest side that a picture, or a size that one is brought to, may have, in pixels.
pub const MIN_SIDE: u32 = 8;

/// The most pixels that a picture, or a size that one is brought to, may have: 16384².
pub const MAX_PIXELS: u64 = 1 << 28;

/// An 8-bit RGB picture: `pixels` `[height, width, 3]`, rows from the top, pixels from the left.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture from `pixels` `[height, width, 3]`.
    ///
    /// # Errors
    /// [`Error::TooSmall`], [`Error::TooManyPixels`], or [`Error::PixelCount`] if `pixels` is not `height · width · 3` long.
    pub fn from_rgb8(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self> {
        check_size("the picture", width, height)?;
        let expected = u64::from(width) * u64::from(height) * 3;
        if pixels.len() as u64 != expected {
            return Err(Error::PixelCount { width, height, expected, found: pixels.len() });
        }
        Ok(Self { width, height, pixels })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The samples, `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The samples, `[height, width, 3]`, without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// A black picture. The caller has checked the size.
    pub(crate) fn black(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; width as usize * height as usize * 3] }
    }

    /// Bytes per row.
    fn stride(&self) -> usize {
        self.width as usize * 3
    }
}

impl std::fmt::Debug for Picture {
    /// The size only: the samples would fill the screen.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

/// Refuses a size outside of [`MIN_SIDE`] and [`MAX_PIXELS`]; `what` begins the message.
pub(crate) fn check_size(what: &str, width: u32, height: u32) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    if width.min(height) < MIN_SIDE {
        return Err(Error::TooSmall { what: what.to_owned(), width, height });
    }
    if pixels > MAX_PIXELS {
        return Err(Error::TooManyPixels { what: what.to_owned(), width, height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_outside_of_the_limits_are_refused_before_anything_is_allocated() {
        let small = Picture::from_rgb8(1, 1, vec![0; 3]).unwrap_err();
        assert!(small.to_string().contains("1x1"), "{small}");
        assert!(small.to_string().contains("at least 8"), "{small}");
        assert!(Picture::from_rgb8(8, 8, vec![0; 192]).is_ok());
        let large = Picture::from_rgb8(16385, 16384, Vec::new()).unwrap_err();
        assert!(matches!(large, Error::TooManyPixels { .. }), "{large}");
        assert!(check_size("x", u32::MAX, u32::MAX).is_err());
        assert!(check_size("x", 20_000, 1_000).is_ok());
    }

    #[test]
    fn the_number_of_samples_must_fit_the_size() {
        for found in [0, 191, 193] {
            let error = Picture::from_rgb8(8, 8, vec![0; found]).unwrap_err();
            assert!(error.to_string().contains("192"), "{error}");
        }
    }
}
