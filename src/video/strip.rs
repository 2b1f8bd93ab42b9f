//! All frames of a clip in one still picture, one under the other: what a page needs to show clips at the same time.

use image::RgbImage;
use image::imageops::{self, FilterType};
use webp::{Encoder, WebPConfig};

use super::clip::Clip;
use super::error::{Error, Result};
use super::limits::WEBP_SIDE;

/// Quality of the picture, of 100.
const QUALITY: f32 = 85.0;

/// A strip of frames.
#[derive(Clone, Debug)]
pub struct Strip {
    /// Width of a frame in pixels.
    pub width: u32,
    /// Height of a frame in pixels.
    pub height: u32,
    /// Frames under each other.
    pub frames: usize,
    /// The picture, `width` × `height · frames` pixels, as a webp file.
    pub webp: Vec<u8>,
}

/// The frames of `clip`, shrunk until no side of one is longer than `side` pixels and all fit into a webp.
///
/// # Errors
/// [`Error::Clip`] for a clip whose fields do not fit together, [`Error::Encode`] for more frames than a picture can hold.
pub fn strip(clip: &Clip, side: u32) -> Result<Strip> {
    clip.check()?;
    let fail = |problem: String| Error::encode("webp", problem);
    let frames = u32::try_from(clip.frames.len()).unwrap_or(u32::MAX);
    let highest = WEBP_SIDE / frames;
    if highest == 0 {
        return Err(fail(format!("a strip of {frames} frames is too long: at most {WEBP_SIDE}")));
    }
    let scale = [(side, clip.width), (side, clip.height), (highest, clip.height)]
        .map(|(most, side)| f64::from(most) / f64::from(side))
        .into_iter()
        .fold(1.0, f64::min);
    let [width, height] = [clip.width, clip.height].map(|side| ((f64::from(side) * scale) as u32).max(1));
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3 * clip.frames.len());
    for frame in &clip.frames {
        if scale == 1.0 {
            pixels.extend_from_slice(frame);
        } else if let Some(picture) = RgbImage::from_raw(clip.width, clip.height, frame.clone()) {
            pixels.extend(imageops::resize(&picture, width, height, FilterType::Triangle).into_raw());
        }
    }
    let mut config = WebPConfig::new().map_err(|()| fail("the encoder cannot be set up".to_owned()))?;
    config.quality = QUALITY;
    config.use_sharp_yuv = 1; // keeps coloured edges sharp despite the halved chroma
    let encoded = Encoder::from_rgb(&pixels, width, height * frames).encode_advanced(&config);
    let webp = encoded.map_err(|problem| fail(format!("{problem:?}")))?.to_vec();
    Ok(Strip { width, height, frames: clip.frames.len(), webp })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{moving, psnr};
    use super::*;

    #[test]
    fn frames_stand_under_each_other() {
        let clip = moving(40, 24, 5, 8.0);
        let found = strip(&clip, 192).unwrap();
        assert_eq!((found.width, found.height, found.frames), (40, 24, 5));
        let picture = image::load_from_memory(&found.webp).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (40, 120));
        for (index, frame) in clip.frames.iter().enumerate() {
            let own = &picture.as_raw()[index * frame.len()..][..frame.len()];
            assert!(psnr(frame, own) > 28.0, "{index}: {}", psnr(frame, own));
        }
        let small = strip(&clip, 20).unwrap();
        assert_eq!((small.width, small.height), (20, 12));
        let many = strip(&moving(40, 24, 1000, 8.0), 192).unwrap();
        assert_eq!((many.width, many.height, many.frames), (26, 16, 1000));
        let none = Clip { frames: Vec::new(), ..clip };
        assert!(strip(&none, 192).is_err());
        let far_too_many = Clip { width: 1, height: 1, fps: 8.0, frames: vec![vec![0; 3]; 16_384] };
        assert!(strip(&far_too_many, 192).unwrap_err().to_string().contains("16384 frames"));
    }
}
