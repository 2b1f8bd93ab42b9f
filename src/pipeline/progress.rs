//! What an observer of a generation sees.

use std::ops::ControlFlow;

use super::Error;

/// The phases of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Text encoder.
    Text,
    /// Image encoder.
    Image,
    /// VAE encoder.
    Encode,
    /// Loading the UNet and compiling its kernels.
    Load,
    /// The denoising loop.
    Denoise,
    /// VAE decoder, frame by frame.
    Decode,
}

/// Something happened.
pub enum Event<'a> {
    /// A phase begins; of how many clips it works on which.
    Phase {
        /// The phase.
        phase: Phase,
        /// The clip, from 0.
        clip: usize,
        /// Clips in all.
        clips: usize,
    },
    /// A denoising step is done.
    Step {
        /// Steps done.
        done: usize,
        /// Steps in all.
        of: usize,
        /// Reads the latents `[F, h, w, 4]`, for a preview.
        latents: &'a dyn Fn() -> Result<Vec<f32>, Error>,
    },
    /// A frame is decoded.
    Frame {
        /// Frames done.
        done: usize,
        /// Frames in all.
        of: usize,
    },
    /// Something the user should know.
    Note(&'a str),
}

/// Watches a generation; `Break` cancels it.
pub trait Observer {
    /// Is told what happens.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(Event<'_>) -> ControlFlow<()>> Observer for F {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self(event)
    }
}

/// Tells the observer, and turns its `Break` into an error.
pub(super) fn tell(observer: &mut dyn Observer, event: Event<'_>) -> Result<(), Error> {
    match observer.event(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}
