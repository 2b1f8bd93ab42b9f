//! The parameters of a clip as text inside a file, and back.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use serde_json::{Value, json};

use super::error::{Error, Result};
use super::{boxes, gif, latents, mp4, png, webp};

/// The key under which every container keeps the parameters.
pub(super) const KEY: &str = "i2vgen";
/// Largest block that is read in search of parameters, in bytes: a broken length must not fill the memory.
pub(super) const MAX_BYTES: u64 = 100_000_000;

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
        Err(cause) => Err(Error::Damaged {
            path: path.to_owned(),
            format,
            problem: match cause.kind() {
                io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
                _ => cause.to_string(),
            },
        }),
    }
}

/// Parameters from JSON text; `None` if it is not JSON.
pub(super) fn from_json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// The text for a container whose comments have no key: one more object around the parameters says whose they are.
/// Plain ASCII, because a gif's comment is.
pub(super) fn to_comment(parameters: &Value) -> String {
    to_ascii(&json!({ KEY: parameters }).to_string())
}

/// The parameters from such a comment; `None` if it is somebody else's.
pub(super) fn from_comment(text: &[u8]) -> Option<Value> {
    match from_json(text)? {
        Value::Object(mut comment) => comment.remove(KEY),
        _ => None,
    }
}

const XMP_OPEN: &str = "<i2vgen:parameters>";
const XMP_CLOSE: &str = "</i2vgen:parameters>";

/// An XMP packet with the parameters as one property.
pub(super) fn to_xmp(parameters: &Value) -> String {
    let json = to_ascii(&parameters.to_string());
    let json = json.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:i2vgen=\"urn:i2vgen:1\">\
         {XMP_OPEN}{json}{XMP_CLOSE}\
         </rdf:Description></rdf:RDF></x:xmpmeta>"
    )
}

/// The parameters from such a packet; `None` if it has none.
pub(super) fn from_xmp(packet: &[u8]) -> Option<Value> {
    let packet = std::str::from_utf8(packet).ok()?;
    let (_, rest) = packet.split_once(XMP_OPEN)?;
    let (json, _) = rest.split_once(XMP_CLOSE)?;
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    from_json(json.as_bytes())
}

/// The same JSON in ASCII: other characters can stand only in its strings, where `\u` escapes them.
fn to_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::parameters;
    use super::*;

    #[test]
    fn texts_are_ascii_and_come_back() {
        let value = parameters();
        let comment = to_comment(&value);
        assert!(comment.is_ascii());
        assert_eq!(from_comment(comment.as_bytes()), Some(value.clone()));
        let xmp = to_xmp(&value);
        assert!(xmp.is_ascii());
        assert_eq!(from_xmp(xmp.as_bytes()), Some(value));
        assert_eq!(from_comment(br#"{"other": 1}"#), None);
        assert_eq!(from_comment(b"made with love"), None);
        assert_eq!(from_xmp(b"<x:xmpmeta/>"), None);
    }

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
