//! What can go wrong between recording and running.

use crate::{gpu, kernel};

/// An error of the graph.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Tensors whose shapes do not fit together. A model that was built from a valid config never causes it.
    #[error("{label}: {what} has shape {found:?}, expected {expected}")]
    Shape {
        /// The operation, as a path in the model.
        label: String,
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// A view that begins where kernels do not look: they read values of a row up to 8 at a time. A model that was built from a valid config never
    /// causes it.
    #[error("{label}: {what} begins at element {offset}, which is no multiple of {of}")]
    View {
        /// The operation, as a path in the model.
        label: String,
        /// Which tensor.
        what: &'static str,
        /// Where it begins in its memory.
        offset: usize,
        /// What it would have to be a multiple of.
        of: usize,
    },
    /// An operation that no kernel computes: its shape contradicts itself, or has more elements than a shader counts.
    #[error(
        "{label}: kernel '{kernel}' cannot compute this: {reason}; choose a smaller size or fewer frames, or check the model's configuration"
    )]
    Operation {
        /// The operation, as a path in the model.
        label: String,
        /// The kernel.
        kernel: &'static str,
        /// What is wrong with its shape.
        reason: String,
    },
    /// An operation that the device's binding limit cannot hold even when it is split as far as it goes.
    #[error(
        "{label}: kernel '{kernel}' needs a binding of {needed} bytes for '{binding}' and the device, or --max-binding, allows {limit}: choose a smaller size, or a larger --max-binding"
    )]
    Binding {
        /// The operation, as a path in the model.
        label: String,
        /// The kernel.
        kernel: &'static str,
        /// The binding.
        binding: &'static str,
        /// Bytes of one unit.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// A tensor larger than the device's largest buffer.
    #[error(
        "{label}: a tensor of {bytes} bytes exceeds the device's largest buffer of {limit} bytes: choose a smaller size"
    )]
    Buffer {
        /// The operation, as a path in the model.
        label: String,
        /// The tensor's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A weight that the source lacks or that has another shape.
    #[error("weight '{path}': expected shape {expected:?}, found {found}")]
    Weight {
        /// The tensor's path.
        path: String,
        /// The shape that the config asks for.
        expected: Vec<usize>,
        /// What is there.
        found: String,
    },
    /// A tensor that should come from outside was not given.
    #[error("the plan needs '{0}', which nothing has written")]
    Unbound(String),
    /// The kernel's WGSL.
    #[error(transparent)]
    Source(#[from] kernel::SourceError),
    /// A file of the user's that stands in for a kernel.
    #[error("{label} ({shape}): {error}")]
    Fit {
        /// The operation, as a path in the model.
        label: String,
        /// Its shape.
        shape: String,
        /// What does not fit.
        error: kernel::FitError,
    },
    /// Who watches the programs has seen enough.
    #[error("stopped by who watches")]
    Stopped,
    /// The device.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
}
