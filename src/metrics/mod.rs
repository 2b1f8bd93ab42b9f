//! Measures of decoded clips: likeness to a reference, motion and its steadiness, flicker, identity.
//!
//! Everything is computed from the frames alone, on the CPU; only [`Measures::add_identity`] needs embeddings of the image encoder, which
//! come from [`crate::pipeline`]. docs/metrics.md says what each number means.

mod clip;
mod contrast;
mod flicker;
mod flow;
mod identity;
mod measure;
mod motion;
mod plane;
mod similarity;
mod statistics;
#[cfg(test)]
mod testing;

pub use clip::{Measures, Reference, measure};
pub use flow::Flow;
pub use identity::cosine;
pub use measure::{Better, Measure, Values};
pub use motion::{Agreement, Path};
pub use plane::{Plane, Planes};
pub use similarity::{EQUAL_PSNR, psnr, ssim};
pub use statistics::{Interval, bootstrap};

/// What cannot be measured; every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clip itself is not one.
    #[error(transparent)]
    Clip(#[from] crate::video::Error),
    /// The reference does not fit the clip.
    #[error("the reference does not fit the clip: {problem}")]
    Reference {
        /// What does not fit, expected and found.
        problem: String,
    },
}
