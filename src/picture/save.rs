//! A picture to a file.

use std::io::Cursor;
use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::{Error, Picture, Result};

impl Picture {
    /// Writes the picture as an 8-bit RGB PNG file, in place of what is there.
    ///
    /// # Errors
    /// [`Error::Write`] if the file cannot be written.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        let fail = |source: std::io::Error| Error::Write { path: path.to_owned(), source };
        let mut file = Cursor::new(Vec::new());
        let encoder = PngEncoder::new(&mut file);
        let encoded = encoder.write_image(&self.pixels, self.width, self.height, ExtendedColorType::Rgb8);
        encoded.map_err(|error| fail(std::io::Error::other(error)))?;
        std::fs::write(path, file.into_inner()).map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_noise::noise;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let picture = noise(23, 17);
        let name = format!("i2vgen-save-{}.png", std::process::id());
        let path = std::env::temp_dir().join(name);
        picture.save_png(&path).unwrap();
        let read = Picture::open(&path).unwrap().picture;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read, picture);
        let missing = path.join("no-folder.png");
        let error = picture.save_png(&missing).unwrap_err();
        assert!(error.to_string().contains("no-folder.png"), "{error}");
    }
}
