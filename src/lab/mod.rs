//! The instrument: checking and racing kernels, checking clips against the reference, and a model to try things on.

mod ceilings;
mod check;
mod random_checkpoint;
mod stand;
mod verify;

pub use ceilings::{Ceilings, MatrixRate};
pub use check::{Checker, Effort, Kind, Prepared, Report, Run, Worst};
pub use random_checkpoint::{Error as RandomCheckpointError, random_checkpoint};
pub use verify::Error as VerifyError;
pub use verify::{ReferenceCase, Stage, Verification, verify};
