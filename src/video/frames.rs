//! Frames as they come out of a file.

use std::path::Path;

use super::clip::{Clip, MAX_FPS, MIN_FPS};
use super::error::{Error, Result};

/// Most bytes that the frames of a clip may take in memory.
pub(super) const MAX_BYTES: usize = 2 << 30;
/// Frames per second where the file does not say.
const USUAL_FPS: f64 = 8.0;

/// Frames as they are read: of one size, and not more than the memory should hold.
pub(super) struct Frames<'a> {
    path: &'a Path,
    size: [u32; 2],
    frames: Vec<Vec<u8>>,
}

impl<'a> Frames<'a> {
    /// None yet.
    pub fn new(path: &'a Path) -> Self {
        Self { path, size: [0; 2], frames: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Adds a frame of `width` × `height` pixels; `rgb` makes its samples.
    pub fn push(&mut self, width: u32, height: u32, rgb: impl FnOnce() -> Vec<u8>) -> Result<()> {
        let path = || self.path.to_owned();
        if self.frames.is_empty() {
            self.size = [width, height];
        }
        let [first_width, first_height] = self.size;
        if self.size != [width, height] {
            let number = self.len() + 1;
            let problem =
                format!("frame {number} has {width}×{height} pixels, the first one {first_width}×{first_height}");
            return Err(Error::Damaged { path: path(), format: "clip", problem });
        }
        let bytes = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(3);
        if bytes.saturating_mul(self.len() as u64 + 1) > MAX_BYTES as u64 {
            return Err(Error::TooLong { path: path(), frames: self.len(), width, height });
        }
        self.frames.push(rgb());
        Ok(())
    }

    /// The clip of all frames.
    pub fn into_clip(self, fps: Option<f64>) -> Result<Clip> {
        let [width, height] = self.size;
        let fps = fps.filter(|fps| fps.is_finite()).unwrap_or(USUAL_FPS) as f32;
        let clip = Clip { width, height, fps: fps.clamp(MIN_FPS, MAX_FPS), frames: self.frames };
        match clip.check() {
            Err(Error::Clip { problem }) => Err(Error::Damaged { path: self.path.to_owned(), format: "clip", problem }),
            other => other.map(|()| clip),
        }
    }
}
