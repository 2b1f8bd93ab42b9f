//! A picture as a file.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::{Error, Picture, Result};

impl Picture {
    /// The picture as the bytes of an 8-bit RGB PNG file.
    ///
    /// # Errors
    /// [`Error::Encode`] if the encoder refuses.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let encoded =
            PngEncoder::new(&mut file).write_image(&self.pixels, self.width, self.height, ExtendedColorType::Rgb8);
        encoded.map_err(|error| Error::Encode { detail: error.to_string() })?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_noise::noise;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let picture = noise(23, 17);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), picture.to_png().unwrap()).unwrap();
        assert_eq!(Picture::open(file.path()).unwrap().picture, picture);
    }
}
