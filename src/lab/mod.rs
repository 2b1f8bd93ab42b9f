//! The instrument: checking kernels against their twins and clips against the reference, and a model to try things on.

mod cache;
mod ceilings;
mod check;
pub mod profile;
mod random_checkpoint;
mod roofline;
pub mod units;
mod verify;

pub use cache::VARIABLE as CACHE_VARIABLE;
pub use ceilings::{Access, Ceilings, Limit, MatrixRate, Traffic};
pub use check::{Report, check};
pub use random_checkpoint::{Error as RandomCheckpointError, random_checkpoint};
pub use roofline::{Error as RooflineError, Measurement, Origin, Roofline, Sample, microbenchmarks};
pub use verify::Error as VerifyError;
pub use verify::{ReferenceCase, Stage, Verification, verify};
