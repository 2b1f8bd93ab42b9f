//! Everything that can stop a generation.

use super::Remedy;
use crate::{checkpoint, gpu, graph, kernel, picture, prompt, sampler, video};

/// An error of the pipeline. Every message is one clear line (a list of tensor problems has one line each).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the request is out of range.
    #[error("{field}: {reason}")]
    Request {
        /// The field, named as the program's option.
        field: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The request does not fit the device.
    #[error("{reason}{}", .remedy.map_or(String::new(), |remedy| format!("; {remedy} would fit")))]
    TooLarge {
        /// What is too large.
        reason: String,
        /// Bytes that it would need, where that can be planned.
        needed: Option<u64>,
        /// What would fit instead.
        remedy: Option<Remedy>,
    },
    /// Latents that the checkpoint's VAE cannot decode.
    #[error("the latents {0}")]
    Latents(String),
    /// The observer asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The device computed something that is not a number.
    #[error("{0} holds values that are not numbers: try --dtype f32, and `i2vgen verify` on this device")]
    NotANumber(String),
    /// What the user wants to run in place of the kernels' own choices.
    #[error(transparent)]
    Override(#[from] kernel::OverrideError),
    /// The model folder.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The picture.
    #[error(transparent)]
    Picture(#[from] picture::Error),
    /// The tokenizer.
    #[error(transparent)]
    Prompt(#[from] prompt::Error),
    /// The schedule.
    #[error(transparent)]
    Sampler(#[from] sampler::Error),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// The device.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    /// The output.
    #[error(transparent)]
    Video(#[from] video::Error),
}

impl Error {
    /// Could less of something help: another size, fewer frames, another way to guide?
    pub(super) fn is_of_size(&self) -> bool {
        match self {
            Self::Graph(error) => !matches!(error, graph::Error::Fit { .. }),
            other => matches!(other, Self::TooLarge { .. }),
        }
    }

    /// Had the device less room than was planned for?
    pub(super) fn is_out_of_memory(&self) -> bool {
        use gpu::Error::OutOfMemory;
        matches!(self, Self::Gpu(OutOfMemory { .. }) | Self::Graph(graph::Error::Gpu(OutOfMemory { .. })))
    }
}
