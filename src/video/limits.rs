//! The largest pictures that the formats hold.

use super::error::{Error, Result};
use super::target::Kind;
use super::yuv;

/// Sides of the largest H.264 picture, lying; it may also stand upright.
const H264_SIDES: [u32; 2] = [3840, 2160];
/// Longest side of a gif: its sizes have 16 bits.
const GIF_SIDE: u32 = 65_535;
/// Longest side of a webp: its sizes have 14 bits.
pub(super) const WEBP_SIDE: u32 = 16_383;

/// Checks that a clip of `width` × `height` pixels can be written as `kind`, to be called before a long generation.
///
/// # Errors
/// [`Error::Encode`] that names the format's limit.
pub fn check_size(kind: Kind, width: u32, height: u32) -> Result<()> {
    let ([long, short], format, name) = match kind {
        Kind::Mp4 => (H264_SIDES, "mp4", "H.264"),
        Kind::Gif => ([GIF_SIDE; 2], "gif", "a gif"),
        Kind::WebP => ([WEBP_SIDE; 2], "webp", "a webp"),
        // A png's sizes have 31 bits; latents are no picture.
        Kind::PngSequence | Kind::Latents => return Ok(()),
    };
    let (coded_width, coded_height) = match kind {
        Kind::Mp4 => yuv::padded_size(width, height),
        _ => (width, height),
    };
    if coded_width.max(coded_height) <= long && coded_width.min(coded_height) <= short {
        return Ok(());
    }
    let others = if kind == Kind::Mp4 { "; write .webp or a png sequence" } else { "; write a png sequence" };
    Err(Error::encode(format, format!("{name} holds at most {long}×{short} pixels, found {width}×{height}{others}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_its_limit() {
        for (kind, largest, beyond) in [
            (Kind::Mp4, [3840, 2160], [3841, 2160]),
            (Kind::Mp4, [2160, 3840], [2162, 3840]),
            (Kind::Gif, [65_535, 65_535], [65_536, 1]),
            (Kind::WebP, [16_383, 16_383], [1, 16_384]),
        ] {
            check_size(kind, largest[0], largest[1]).unwrap();
            let [width, height] = beyond;
            let message = check_size(kind, width, height).unwrap_err().to_string();
            assert!(message.contains(&format!("{width}×{height}")), "{message}");
            check_size(Kind::PngSequence, width, height).unwrap();
        }
    }
}
