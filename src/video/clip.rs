//! A clip in memory: RGB frames of one size, shown at one rate.

use rayon::prelude::*;

use super::error::{Error, Result};

/// Slowest frame rate that every container can hold, in frames per second (a gif frame lasts at most 655.35 s).
pub const MIN_FPS: f32 = 0.01;
/// Fastest frame rate that is accepted, in frames per second (webp counts in 1/1000 s).
pub const MAX_FPS: f32 = 1000.0;

/// Frames `[F][H, W, 3]` of 8-bit RGB (sRGB) and their rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second, [`MIN_FPS`] to [`MAX_FPS`]; need not be whole.
    pub fps: f32,
    /// One `[H, W, 3]` array per frame, rows from the top.
    pub frames: Vec<Vec<u8>>,
}

impl Clip {
    /// Checks that the fields fit together.
    ///
    /// # Errors
    /// [`Error::Clip`] that names the field, expected and found.
    pub fn check(&self) -> Result<()> {
        let fail = |problem| Err(Error::Clip { problem });
        let Self { width, height, fps, .. } = self;
        let Some(bytes) = usize::try_from(u64::from(*width) * u64::from(*height))
            .ok()
            .and_then(|pixels| pixels.checked_mul(3))
            .filter(|bytes| *bytes > 0)
        else {
            return fail(format!("{width}×{height} pixels is no size for a picture"));
        };
        if !(MIN_FPS..=MAX_FPS).contains(fps) {
            return fail(format!("fps must lie between {MIN_FPS} and {MAX_FPS}, found {fps}"));
        }
        if self.frames.is_empty() {
            return fail("it has no frames".to_owned());
        }
        for (index, frame) in self.frames.iter().enumerate() {
            if frame.len() != bytes {
                return fail(format!("frame {index} has {} bytes, {width}×{height} RGB has {bytes}", frame.len()));
            }
        }
        Ok(())
    }

    /// What `make` makes of every frame, several at the same time, in their order.
    pub(super) fn each_frame<T: Send>(&self, make: impl Fn(&[u8]) -> Result<T> + Sync) -> Result<Vec<T>> {
        self.frames.par_iter().map(|frame| make(frame)).collect()
    }

    /// How long each frame is shown, in ticks of which `per_second` make a second. The ends of the frames are
    /// rounded, not their lengths: the clip as a whole keeps its length.
    pub(super) fn durations(&self, per_second: f64) -> Vec<u32> {
        let end = |frames: usize| (frames as f64 * per_second / f64::from(self.fps)).round();
        (0..self.frames.len()).map(|i| (end(i + 1) - end(i)) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moving;
    use super::*;

    #[test]
    fn fields_that_do_not_fit_are_named() {
        let clip = moving(4, 2, 2, 8.0);
        clip.check().unwrap();
        for (clip, word) in [
            (Clip { width: 0, ..clip.clone() }, "0×2"),
            (Clip { width: u32::MAX, height: u32::MAX, ..clip.clone() }, "4294967295"),
            (Clip { fps: f32::NAN, ..clip.clone() }, "NaN"),
            (Clip { fps: 0.0, ..clip.clone() }, "fps"),
            (Clip { frames: vec![], ..clip.clone() }, "no frames"),
            (Clip { frames: vec![vec![0; 24], vec![0; 23]], ..clip.clone() }, "frame 1 has 23"),
        ] {
            let message = clip.check().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn a_clip_keeps_its_length() {
        assert_eq!(moving(2, 2, 2, 8.0).durations(100.0), [13, 12]);
        let ticks = moving(2, 2, 300, 29.97).durations(100.0);
        assert_eq!(ticks.iter().sum::<u32>(), 1001);
    }
}
