//! The instrument: checking and racing kernels, what backends make of them, checking clips against the reference, and a model to try
//! things on.

mod bench;
mod cache;
mod candidate;
mod catalogue;
mod ceilings;
mod check;
pub mod emit;
mod job;
mod normals;
mod overrides;
pub mod profile;
mod race;
mod random_checkpoint;
mod roofline;
mod sanitize;
mod stand;
mod statistics;
mod timer;
pub mod trace;
pub mod tune;
pub mod units;
mod verify;
mod versions;
mod workload;

pub use bench::{Timing, bench};
pub use cache::{VARIABLE as CACHE_VARIABLE, folder as cache_folder};
pub use candidate::{CHOSEN, Candidate, Error as CandidateError, path, settings, spelled as spelled_setting};
pub use catalogue::{Needs, Rung, computes, rungs};
pub use ceilings::{Access, Ceilings, Limit, MatrixRate, Traffic};
pub use check::{Conditions, Effort, Kind, Prepared, Report, Run, Worst};
pub use job::{Item, Job, Message, Task, execute};
pub use normals::mix;
pub use overrides::{Error as OverrideError, overrides};
pub use race::{Place, Rules, Verdict, race};
pub use random_checkpoint::{Error as RandomCheckpointError, random_checkpoint};
pub use roofline::{Error as RooflineError, Measurement, Origin, Roofline, Sample, microbenchmarks};
pub use sanitize::Sanitized;
pub use statistics::Interval;
pub use timer::{Clock, Timer};
pub use verify::Error as VerifyError;
pub use verify::{ReferenceCase, Stage, Verification, verify};
pub use versions::wgpu_version;
pub use workload::{Error as WorkloadError, Layer, ModelRun, Used, Workload};
