//! The instrument: checking kernels against their twins and clips against the reference, what backends make of a shader, and a model to
//! try things on.

mod ceilings;
mod check;
pub mod emit;
mod random_checkpoint;
mod verify;

pub use ceilings::{Ceilings, MatrixRate};
pub use check::{Report, check};
pub use random_checkpoint::{Error as RandomCheckpointError, random_checkpoint};
pub use verify::Error as VerifyError;
pub use verify::{ReferenceCase, Stage, Verification, verify};
