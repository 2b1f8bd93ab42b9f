//! A picture to a file.

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::{Error, Picture, Result};
use crate::staged;

impl Picture {
    /// Writes the picture as an 8-bit RGB PNG file, in place of what is there. It appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be written.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        Ok(staged::write(path, &self.to_png()?)?)
    }

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
    use std::fs;

    use super::super::test_noise::noise;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let picture = noise(23, 17);
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("noise.png");
        picture.save_png(&path).unwrap();
        assert_eq!(Picture::open(&path).unwrap().picture, picture);
        let missing = path.join("no-folder.png");
        let error = picture.save_png(&missing).unwrap_err();
        assert!(error.to_string().contains("no-folder.png"), "{error}");
    }

    /// The old file is never opened for writing: another name of it keeps what it had.
    #[test]
    fn a_file_is_replaced_by_a_whole_one() {
        let room = tempfile::tempdir().unwrap();
        let [path, other] = ["a.png", "b.png"].map(|name| room.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::hard_link(&path, &other).unwrap();
        noise(9, 9).save_png(&path).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"old");
        assert!(Picture::open(&path).is_ok());

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(noise(9, 9).save_png(&path).is_err());
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 2, "nothing is left of a file that cannot be renamed");
    }
}
