//! Animated webp files: one lossy picture per frame, the parameters in an XMP chunk.
//!
//! The pictures come from libwebp; the container around them is written here, because the frames' exact times and
//! the XMP chunk are beyond the crate's animation encoder.

use std::io::{self, Read, Seek, SeekFrom};

use serde_json::Value;
use webp::{Encoder, WebPConfig};

use super::clip::Clip;
use super::error::{Error, Result};
use super::limits::check_size;
use super::parameters::{self, MAX_BYTES};
use super::quality::Quality;
use super::target::Kind;

/// Features in the file's head: it is an animation, it has an XMP chunk.
const FEATURES: u8 = 0x02 | 0x04;
/// Each frame replaces the one before; nothing shines through.
const NO_BLENDING: u8 = 0x02;

/// Encodes `clip` as a whole file.
pub(super) fn encode(clip: &Clip, quality: Quality, parameters: &Value) -> Result<Vec<u8>> {
    let fail = |problem: String| Error::encode("webp", problem);
    check_size(Kind::WebP, clip.width, clip.height)?;
    let mut config = WebPConfig::new().map_err(|()| fail("the encoder cannot be set up".to_owned()))?;
    config.quality = quality.factor();
    config.use_sharp_yuv = 1; // keeps coloured edges sharp despite the halved chroma

    let size = [u24(clip.width - 1), u24(clip.height - 1)].concat();
    let mut body = b"WEBP".to_vec();
    chunk(&mut body, b"VP8X", &[&[FEATURES, 0, 0, 0], &size]);
    // Background colour (white; never seen) and the number of loops, 0 for no end.
    chunk(&mut body, b"ANIM", &[&[255; 4], &[0; 2]]);
    let pictures = clip.each_frame(|frame| {
        let picture = Encoder::from_rgb(frame, clip.width, clip.height).encode_advanced(&config);
        picture.map(|picture| picture.to_vec()).map_err(|problem| fail(format!("{problem:?}")))
    })?;
    for (picture, milliseconds) in pictures.iter().zip(clip.durations(1000.0)) {
        // A file of one picture: 12 bytes of head, then the chunk that a frame takes.
        let picture = picture.get(12..).ok_or_else(|| fail("the encoder gave no picture".to_owned()))?;
        let head = [&[0; 6], &size[..], &u24(milliseconds), &[NO_BLENDING]].concat();
        chunk(&mut body, b"ANMF", &[&head, picture]);
    }
    chunk(&mut body, b"XMP ", &[parameters::to_xmp(parameters).as_bytes()]);
    let length = u32::try_from(body.len()).map_err(|_| fail("the file would be larger than 4 GiB".to_owned()))?;
    Ok([b"RIFF", &length.to_le_bytes()[..], &body].concat())
}

/// Appends a chunk: type, length, content, padded to an even length.
fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], content: &[&[u8]]) {
    let length: usize = content.iter().map(|part| part.len()).sum();
    out.extend_from_slice(kind);
    // A frame is far below 4 GiB: its sides have 14 bits.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    for part in content {
        out.extend_from_slice(part);
    }
    if length % 2 == 1 {
        out.push(0);
    }
}

/// The low 24 bits, the lowest byte first.
fn u24(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

/// Finds the parameters in the XMP chunk of a webp file.
pub(super) fn read_parameters(file: &mut (impl Read + Seek)) -> io::Result<Option<Value>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut at = 12u64;
    while length.saturating_sub(at) >= 8 {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let [kind @ .., a, b, c, d] = header;
        let size = u64::from(u32::from_le_bytes([a, b, c, d]));
        if size > length - at - 8 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a chunk is longer than the file"));
        }
        if kind == *b"XMP " {
            let mut text = Vec::new();
            file.take(size.min(MAX_BYTES)).read_to_end(&mut text)?;
            return Ok(parameters::from_xmp(&text));
        }
        at += 8 + size + size % 2;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::AnimationDecoder;
    use image::codecs::webp::WebPDecoder;

    use super::super::testing::{moving, parameters, psnr, rgb};
    use super::*;

    #[test]
    fn a_webp_decodes_to_the_clip() {
        for (width, height, count) in [(80, 56, 4), (16, 16, 4), (9, 5, 4), (16, 16, 1)] {
            let clip = moving(width, height, count, 8.0);
            let file = encode(&clip, Quality::default(), &parameters()).unwrap();
            let decoder = WebPDecoder::new(Cursor::new(&file)).unwrap();
            let frames = decoder.into_frames().collect_frames().unwrap();
            assert_eq!(frames.len(), count);
            for (frame, original) in frames.iter().zip(&clip.frames) {
                let found = psnr(original, &rgb(frame.buffer()));
                assert!(found >= 32.0, "{width}×{height}: {found} dB");
                assert_eq!(frame.delay().numer_denom_ms(), (125, 1));
            }
        }
    }

    #[test]
    fn quality_is_paid_in_bytes() {
        let clip = moving(80, 56, 2, 8.0);
        let bytes = |percent| encode(&clip, Quality::new(percent).unwrap(), &parameters()).unwrap().len();
        assert!(bytes(1) < bytes(50) && bytes(50) < bytes(90) && bytes(90) < bytes(100));
    }

    #[test]
    fn sizes_beyond_the_format_are_refused() {
        let clip = Clip { width: 16_384, height: 1, fps: 8.0, frames: vec![vec![0; 16_384 * 3]] };
        let message = encode(&clip, Quality::default(), &Value::Null).unwrap_err().to_string();
        assert!(message.contains("16384×1"), "{message}");
    }

    #[test]
    fn cut_files_are_errors() {
        let file = encode(&moving(8, 8, 1, 8.0), Quality::default(), &parameters()).unwrap();
        let cut = &file[..file.len() - 9];
        assert!(read_parameters(&mut Cursor::new(cut)).is_err());
    }
}
