//! The device: adapters, capabilities, buffers, pipelines, submission. It knows bytes and WGSL, never a tensor.

mod adapter;
mod capabilities;
mod checks;
mod compile;
mod device;
mod error;
mod kept;
mod memory;
mod pipeline;
mod room;
mod staging;
mod timing;

pub use adapter::{Adapter, adapters, choose};
pub use capabilities::{Capabilities, DeviceKind, Disable, MatrixShape, PORTABLE};
pub use checks::ShaderChecks;
pub use device::{Buffer, Command, Device};
pub use error::Error;
pub use memory::{Bytes, buffer_bytes};
pub use pipeline::Pipeline;
pub use staging::Staging;
pub use timing::Span;
