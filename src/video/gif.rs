//! Animated gif files: one palette of 256 colours for the whole clip, the parameters in a comment.

use std::io::{self, Read};

use gif::{AnyExtension, DisposalMethod, Encoder, EncodingError, Frame, Repeat};
use serde_json::Value;

use super::clip::Clip;
use super::error::{Error, Result};
use super::limits::check_size;
use super::palette::Palette;
use super::parameters::{self, MAX_BYTES};
use super::target::Kind;

/// Frames per second that a gif can show at most.
pub const GIF_MAX_FPS: f32 = 100.0 / SHORTEST_DELAY as f32;
/// Shortest delay in 1/100 s that viewers follow; they replace shorter ones by 10.
const SHORTEST_DELAY: u32 = 2;
/// Introduces an extension block, and marks it as a comment.
const EXTENSION: u8 = 0x21;
const COMMENT: u8 = 0xfe;

/// Encodes `clip` as a whole file.
pub(super) fn encode(clip: &Clip, parameters: &Value) -> Result<Vec<u8>> {
    let fail = |problem: EncodingError| Error::encode("gif", problem);
    check_size(Kind::Gif, clip.width, clip.height)?;
    let [width, height] = [clip.width as u16, clip.height as u16];
    let palette = Palette::of(clip);
    let mut encoder = Encoder::new(Vec::new(), width, height, &palette.colours()).map_err(fail)?;
    encoder.set_repeat(Repeat::Infinite).map_err(fail)?;
    let comment = parameters::to_comment(parameters);
    encoder.write_raw_extension(AnyExtension(COMMENT), &[comment.as_bytes()]).map_err(fail)?;
    let pictures = clip.each_frame(|frame| {
        let buffer = palette.indices(frame, clip.width as usize).into();
        let mut picture = Frame { width, height, dispose: DisposalMethod::Keep, buffer, ..Frame::default() };
        picture.make_lzw_pre_encoded();
        Ok(picture)
    })?;
    for (picture, delay) in pictures.into_iter().zip(clip.durations(100.0)) {
        let delay = u16::try_from(delay.max(SHORTEST_DELAY)).unwrap_or(u16::MAX);
        encoder.write_lzw_pre_encoded_frame(&Frame { delay, ..picture }).map_err(fail)?;
    }
    encoder.into_inner().map_err(fail)
}

/// Finds the parameters in the comments of a gif file.
pub(super) fn read_parameters(file: &mut impl Read) -> io::Result<Option<Value>> {
    let mut header = [0; 13];
    file.read_exact(&mut header)?;
    skip_palette(file, header[10])?;
    loop {
        match byte(file)? {
            EXTENSION => {
                let label = byte(file)?;
                let content = sub_blocks(file)?;
                let found = match label {
                    COMMENT => parameters::from_comment(&content),
                    _ => None,
                };
                if found.is_some() {
                    return Ok(found);
                }
            }
            // A picture: position and size, palette, code size, data.
            0x2c => {
                let mut head = [0; 9];
                file.read_exact(&mut head)?;
                skip_palette(file, head[8])?;
                byte(file)?;
                sub_blocks(file)?;
            }
            0x3b => return Ok(None),
            other => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("unknown block 0x{other:02x}")));
            }
        }
    }
}

fn byte(file: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// Skips the palette that `flags` announces: 3 bytes for each of 2 to 256 colours.
fn skip_palette(file: &mut impl Read, flags: u8) -> io::Result<()> {
    if flags & 0x80 != 0 {
        let mut palette = vec![0; 3 << ((flags & 7) + 1)];
        file.read_exact(&mut palette)?;
    }
    Ok(())
}

/// Reads pieces of up to 255 bytes until an empty one.
fn sub_blocks(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let length = usize::from(byte(file)?);
        if length == 0 {
            return Ok(content);
        }
        if content.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a block is too large"));
        }
        let at = content.len();
        content.resize(at + length, 0);
        file.read_exact(&mut content[at..])?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    use super::super::testing::{moving, parameters, psnr, rgb};
    use super::*;

    #[test]
    fn a_gif_decodes_to_the_clip() {
        for (width, height) in [(80, 56), (16, 16), (9, 5)] {
            let clip = moving(width, height, 4, 8.0);
            let file = encode(&clip, &parameters()).unwrap();
            let decoder = GifDecoder::new(Cursor::new(&file)).unwrap();
            let frames = decoder.into_frames().collect_frames().unwrap();
            assert_eq!(frames.len(), 4);
            for (frame, original) in frames.iter().zip(&clip.frames) {
                let found = psnr(original, &rgb(frame.buffer()));
                assert!(found >= 30.0, "{width}×{height}: {found} dB");
            }
            let total: u32 =
                frames.iter().map(|f| f.delay().numer_denom_ms()).map(|(numer, denom)| numer / denom).sum();
            assert_eq!(total, 500);
        }
        let loops = b"NETSCAPE2.0\x03\x01\x00\x00\x00";
        let file = encode(&moving(8, 8, 1, 8.0), &parameters()).unwrap();
        assert!(file.windows(loops.len()).any(|w| w == loops));
    }

    #[test]
    fn cut_files_are_errors() {
        let file = encode(&moving(8, 8, 1, 8.0), &Value::Null).unwrap();
        for end in 0..60 {
            assert!(read_parameters(&mut &file[..end]).is_err());
        }
    }
}
