//! Every intermediate of a generation: dumped, computed by the CPU twins instead, or compared with them until the first one departs. This is
//! how one finds a driver's bug.
//!
//! The generation is the usual one; its programs are handed to a [`Watch`](crate::graph::Watch), which runs them operation by operation and
//! reads every tensor where the plan has put it before it is overwritten. So a trace needs no more device memory than a clip, and
//! operations that are split run split.

mod chain;
mod dump;
mod error;
mod judge;
mod local;
mod memory;
mod names;
mod report;
mod runs;
mod tracer;
mod twin;
mod walk;

pub use error::Error;
pub use judge::Finding;
pub use report::{Chain, Checked, Skipped, Traced, Unsteady};
pub use runs::{Numbers, PHASES, Run, Selection};
pub use tracer::{Ask, Listed, Mode, Until, list, trace};
pub use walk::Tell;
