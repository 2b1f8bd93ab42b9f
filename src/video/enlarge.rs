//! Enlarging a clip by a whole factor, so that a small one can be looked at.

use image::RgbImage;
use image::imageops::{self, FilterType};
use rayon::prelude::*;

use super::clip::Clip;
use super::error::{Error, Result};
use super::limits::check_size;
use super::target::Kind;

/// Largest factor that is accepted.
pub const MAX_SCALE: u32 = 16;
/// Most bytes that the enlarged frames of a clip may take: they are in memory together while they are encoded.
const MAX_BYTES: u64 = 2 << 30;

/// What lies between the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The cubic of Catmull and Rom: soft slopes, edges as sharp as they can be without wide rings.
    #[default]
    Smooth,
    /// Every pixel becomes a square: pixel art stays what it is.
    Nearest,
}

/// How a clip is enlarged when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enlarge {
    /// Pixels of the file for each pixel of the clip, in both directions, 1 (off) to [`MAX_SCALE`].
    pub scale: u32,
    /// What lies between them.
    pub filter: Filter,
}

impl Enlarge {
    /// Width and height in the file.
    pub fn size(self, width: u32, height: u32) -> [u32; 2] {
        [width, height].map(|side| side.saturating_mul(self.scale))
    }

    /// Checks that a clip of `frames` pictures of `width` × `height` pixels can be written enlarged as `kind`, to be called
    /// before a long generation.
    ///
    /// # Errors
    /// [`Error::Enlarge`] for a factor out of range, for latents, and for a size beyond the format or the memory;
    /// [`Error::Encode`] if the clip is too large for the format as it is.
    pub fn check(self, kind: Kind, [width, height]: [u32; 2], frames: usize) -> Result<()> {
        let fail = |problem: String| Err(Error::Enlarge { scale: self.scale, problem });
        if !(1..=MAX_SCALE).contains(&self.scale) {
            return fail(format!("take 1 (off) to {MAX_SCALE}"));
        }
        if self.scale == 1 {
            return check_size(kind, width, height);
        }
        if kind == Kind::Latents {
            return fail("a .safetensors file holds latents, which are not enlarged; take 1".to_owned());
        }
        let [width, height] = self.size(width, height);
        match check_size(kind, width, height) {
            Err(Error::Encode { problem, .. }) => return fail(format!("too large: {problem}")),
            other => other?,
        }
        let bytes = (u64::from(width) * u64::from(height)).saturating_mul(3).saturating_mul(frames as u64);
        if bytes > MAX_BYTES {
            return fail(format!(
                "too large: {frames} frames of {width}×{height} pixels are {bytes} bytes, at most {MAX_BYTES} are taken"
            ));
        }
        Ok(())
    }

    /// The enlarged clip.
    ///
    /// # Errors
    /// [`Error::Clip`] for a clip whose fields do not fit together.
    pub fn apply(self, clip: Clip) -> Result<Clip> {
        clip.check()?;
        if self.scale == 1 {
            return Ok(clip);
        }
        let Clip { width, height, fps, frames } = clip;
        let size = self.size(width, height);
        // The samples fit: the clip was checked.
        let pictures = frames.into_par_iter().filter_map(|frame| RgbImage::from_raw(width, height, frame));
        let frames = pictures.map(|picture| self.picture(&picture, size)).collect();
        Ok(Clip { width: size[0], height: size[1], fps, frames })
    }

    fn picture(self, picture: &RgbImage, [width, height]: [u32; 2]) -> Vec<u8> {
        let filter = match self.filter {
            Filter::Smooth => FilterType::CatmullRom,
            Filter::Nearest => FilterType::Nearest,
        };
        imageops::resize(picture, width, height, filter).into_raw()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moving;
    use super::*;

    fn enlarged(clip: Clip, scale: u32, filter: Filter) -> Clip {
        Enlarge { scale, filter }.apply(clip).unwrap()
    }

    #[test]
    fn every_frame_has_the_new_size() {
        let clip = moving(20, 12, 3, 8.0);
        for filter in [Filter::Smooth, Filter::Nearest] {
            let large = enlarged(clip.clone(), 5, filter);
            large.check().unwrap();
            assert_eq!((large.width, large.height, large.frames.len(), large.fps), (100, 60, 3, 8.0));
        }
        assert_eq!(enlarged(clip.clone(), 1, Filter::Smooth), clip);
        let broken = Clip { frames: vec![vec![0; 7]], ..clip };
        assert!(Enlarge { scale: 2, filter: Filter::Smooth }.apply(broken).is_err());
    }

    #[test]
    fn nearest_repeats_every_pixel() {
        let clip = moving(21, 13, 2, 8.0);
        for scale in 2..=MAX_SCALE {
            let large = enlarged(clip.clone(), scale, Filter::Nearest);
            for (small, large) in clip.frames.iter().zip(&large.frames) {
                for (at, pixel) in large.chunks_exact(3).enumerate() {
                    let [x, y] = [at % (21 * scale as usize), at / (21 * scale as usize)].map(|p| p / scale as usize);
                    assert_eq!(pixel, &small[(y * 21 + x) * 3..][..3], "{scale}: {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for (colour, scale) in [([0, 127, 255], 2), ([1, 254, 90], 7), ([200, 30, 33], 16)] {
            let clip = Clip { width: 9, height: 8, fps: 8.0, frames: vec![colour.repeat(72)] };
            for filter in [Filter::Smooth, Filter::Nearest] {
                let large = enlarged(clip.clone(), scale, filter);
                assert!(large.frames[0].chunks_exact(3).all(|pixel| pixel == colour), "{filter:?} {scale}");
            }
        }
    }

    /// A steep slope with one slight swing before and after it, as the cubic says.
    #[test]
    fn smooth_makes_a_slope_of_an_edge() {
        let row: Vec<u8> = (0..8).flat_map(|x| [if x < 4 { 60 } else { 180 }; 3]).collect();
        let clip = Clip { width: 8, height: 8, fps: 8.0, frames: vec![row.repeat(8)] };
        let large = enlarged(clip, 4, Filter::Smooth);
        let reds: Vec<u8> = large.frames[0][..32 * 3].chunks_exact(3).map(|pixel| pixel[0]).collect();
        // The cubic at distances of odd eighths of a pixel, times the levels.
        let slope = [59, 55, 51, 54, 70, 101, 139, 170, 186, 189, 185, 181];
        let worst = reds[10..22].iter().zip(slope).map(|(found, expected)| found.abs_diff(expected)).max();
        assert!(worst <= Some(1), "{reds:?}");
        assert_eq!((reds[0], reds[31]), (60, 180));
    }

    #[test]
    fn what_cannot_be_written_is_refused_before() {
        let check = |scale, kind, size, frames| Enlarge { scale, filter: Filter::Smooth }.check(kind, size, frames);
        check(4, Kind::Mp4, [512, 512], 16).unwrap();
        check(16, Kind::Gif, [64, 64], 8).unwrap();
        check(1, Kind::Latents, [512, 512], 16).unwrap();
        for (refused, word) in [
            (check(0, Kind::Mp4, [64, 64], 8), "1 (off) to 16"),
            (check(17, Kind::Mp4, [64, 64], 8), "1 (off) to 16"),
            (check(2, Kind::Latents, [64, 64], 8), "latents"),
            (check(8, Kind::Mp4, [512, 512], 1), "4096×4096"),
            (check(16, Kind::WebP, [1024, 64], 1), "16384×1024"),
            (check(16, Kind::Gif, [4096, 8], 1), "65536×128"),
            (check(16, Kind::PngSequence, [1024, 1024], 16), "at most 2147483648"),
            (check(16, Kind::PngSequence, [u32::MAX, u32::MAX], usize::MAX), "too large"),
        ] {
            let message = refused.unwrap_err().to_string();
            assert!(message.starts_with("--output-scale ") && message.contains(word), "{message}");
        }
        let message = check(1, Kind::Mp4, [4096, 4096], 1).unwrap_err().to_string();
        assert!(message.contains("mp4") && !message.contains("--output-scale"), "{message}");
    }
}
