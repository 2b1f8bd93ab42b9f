//! Clips on a page: all frames in one picture, which the page's style shows one after the other, all clips at the same time.

use super::Error;
use crate::video::{self, Clip};

/// A clip to be shown.
#[derive(Clone, Debug)]
pub struct Film {
    /// What belongs to it elsewhere on a page.
    pub key: Option<String>,
    /// The line under it.
    pub caption: String,
    /// More about it, for those who point at it.
    pub about: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: usize,
    pub(super) seconds: f64,
    /// The strip of frames as a data URI.
    pub(super) uri: String,
}

impl Film {
    /// A film of `clip` with a line under it, its frames shrunk until no side is longer than `side` pixels.
    ///
    /// # Errors
    /// [`video::Error`] if the frames cannot be encoded.
    pub fn new(clip: &Clip, side: u32, caption: impl Into<String>) -> Result<Self, Error> {
        let strip = video::strip(clip, side)?;
        Ok(Self {
            key: None,
            caption: caption.into(),
            about: String::new(),
            width: strip.width,
            height: strip.height,
            frames: strip.frames,
            seconds: clip.frames.len() as f64 / f64::from(clip.fps),
            uri: format!("data:image/webp;base64,{}", base64::encode(strip.webp)),
        })
    }
}
