//! What can go wrong while a model is profiled.

use crate::{checkpoint, gpu, graph, pipeline, sampler};

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of range.
    #[error("{field}: {reason}")]
    Setting {
        /// The setting, named as the program's option.
        field: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The request, or planning it.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The noise schedule.
    #[error(transparent)]
    Sampler(#[from] sampler::Error),
    /// A plan, a shader or the device.
    #[error(transparent)]
    Graph(#[from] graph::Error),
}

impl From<gpu::Error> for Error {
    fn from(error: gpu::Error) -> Self {
        Self::Graph(error.into())
    }
}
