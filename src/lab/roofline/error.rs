//! What can go wrong while the ceilings are measured.

use crate::{gpu, graph};

/// Why there are no ceilings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A microbenchmark does not compute what it says.
    #[error(
        "the microbenchmark '{what}' gives wrong results on this device: its driver is broken, and times mean nothing"
    )]
    Wrong {
        /// Its name.
        what: &'static str,
    },
    /// The device, or a shader.
    #[error(transparent)]
    Graph(#[from] graph::Error),
}

impl From<gpu::Error> for Error {
    fn from(error: gpu::Error) -> Self {
        Self::Graph(error.into())
    }
}
