//! The instrument: checking kernels against their twins, estimating costs, models to try things on.

mod check;
mod estimate;
mod random_checkpoint;
mod verify;

pub use check::{Report, check};
pub use estimate::{Estimate, PhaseEstimate, Split, Why};
pub use random_checkpoint::{Error as RandomCheckpointError, random_checkpoint};
pub use verify::Error as VerifyError;
pub use verify::{ReferenceCase, Stage, Verification, verify};
