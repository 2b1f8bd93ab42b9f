//! Measures of decoded clips: likeness to a reference, motion and its steadiness, flicker, identity.
//!
//! Everything is computed from the frames alone, on the CPU; only [`Measures::add_identity`] needs embeddings of the image encoder, which
//! come from [`crate::pipeline`]. docs/metrics.md says what each number means.

mod clip;
mod compare;
mod contrast;
mod flicker;
mod flow;
mod identity;
mod measure;
mod motion;
mod plane;
mod shown;
mod similarity;
mod statistics;
#[cfg(test)]
mod testing;
mod tv_l1;

pub use clip::{Measures, Reference, measure};
pub use compare::{Difference, Estimate, Sample, Summary, by_frame, compare, summarise};
pub use flow::Flow;
pub use identity::cosine;
pub use measure::{Better, Measure, Values};
pub use motion::{Agreement, Path};
pub use plane::{Plane, Planes};
pub use shown::{as_shown, at_own_size};
pub use similarity::{EQUAL_PSNR, psnr, ssim};
pub use statistics::bootstrap;

/// What cannot be measured; every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clip itself is not one.
    #[error(transparent)]
    Clip(#[from] crate::video::Error),
    /// A frame or a reference is no picture.
    #[error(transparent)]
    Picture(#[from] crate::picture::Error),
    /// The reference does not fit the clip.
    #[error("the reference does not fit the clip: {problem}")]
    Reference {
        /// What does not fit, expected and found.
        problem: String,
    },
}
