//! Reading the parameters back from a file of any format.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use serde_json::Value;

use super::error::{Error, Result};
use super::{boxes, gif, latents, mp4, png, webp};

/// Reads the parameters back from a file that [`super::write()`] or [`super::write_latents`] made: any of the
/// formats, recognised by its first bytes, not by its name; for a png sequence, any one of its frames.
///
/// # Errors
/// [`Error::Read`] if the file cannot be opened, [`Error::Unknown`] if it is of no such format, [`Error::Damaged`] if
/// it ends early or contradicts itself, [`Error::NoParameters`] if it is whole and has none.
pub fn read_parameters(path: &Path) -> Result<Value> {
    let read_error = |cause| Error::Read { path: path.to_owned(), cause };
    let mut file = BufReader::new(File::open(path).map_err(read_error)?);
    let mut start = Vec::new();
    file.by_ref().take(12).read_to_end(&mut start).map_err(read_error)?;
    file.rewind().map_err(read_error)?;

    let (format, found) = match start.as_slice() {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => (
            "mp4",
            boxes::read_top_level(&mut file, b"moov").and_then(|moov| match moov {
                Some(moov) => Ok(mp4::find_parameters(&moov)),
                None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no index")),
            }),
        ),
        [b'G', b'I', b'F', b'8', ..] => ("gif", gif::read_parameters(&mut file)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => ("webp", webp::read_parameters(&mut file)),
        [0x89, b'P', b'N', b'G', ..] => ("png", png::read_parameters(file).map_err(io::Error::from)),
        // The length of the head, then its JSON.
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => ("safetensors", latents::read_parameters(&mut file)),
        _ => {
            return Err(Error::Unknown { path: path.to_owned() });
        }
    };
    match found {
        Ok(Some(parameters)) => Ok(parameters),
        Ok(None) => Err(Error::NoParameters { path: path.to_owned() }),
        Err(cause) => Err(Error::damaged(path, format, &cause)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_without_parameters_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_parameters(&path).unwrap_err()
        };
        assert!(matches!(read(b""), Error::Unknown { .. }));
        assert!(matches!(read(b"hello, world, no video"), Error::Unknown { .. }));
        assert!(matches!(read(b"GIF89a"), Error::Damaged { .. }));
        assert!(matches!(read(b"\x89PNG\r\n\x1a\n"), Error::Damaged { .. }));
        assert!(matches!(read(b"\x08\0\0\0ftyp"), Error::Damaged { .. }));
        assert!(matches!(read(b"\0\0\0\x08ftyp\0\0\0\x08moov"), Error::NoParameters { .. }));
        assert!(matches!(read(b"RIFF\x04\0\0\0WEBP"), Error::NoParameters { .. }));
        assert!(matches!(read(b"\x02\0\0\0\0\0\0\0{}"), Error::NoParameters { .. }));
        let mut png = Vec::new();
        image::RgbImage::new(2, 2).write_to(&mut io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        let message = read(&png);
        assert!(matches!(message, Error::NoParameters { .. }));
        assert!(message.to_string().contains(path.to_str().unwrap()));
        let absent = read_parameters(&root.path().join("absent"));
        assert!(matches!(absent, Err(Error::Read { .. })));
        assert!(matches!(read_parameters(root.path()), Err(Error::Read { .. })));
    }
}
