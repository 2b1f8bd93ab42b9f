//! Checks a variant of an op on a device against its CPU twin: errors, bounds, splitting.
//!
//! Outputs are poisoned before, and stand between poisoned guards. The op runs whole, in short lines of workgroups and in pieces, on several
//! kinds of inputs. Of an op that is too much work for the twin some units are compared: the twin computes any of them alone, from the same
//! inputs. What no run on a device is sure to show (races, memory that is read before it is written) an interpreter of the WGSL sees.

mod compare;
mod extent;
mod inputs;
mod interpreted;
mod report;
mod runs;
mod trial;

use crate::{
    gpu::Device,
    graph::{Error, Rate},
    kernel::{Case, Choice},
};

pub use compare::Worst;
pub(super) use compare::{Expected, Output};
pub use extent::Effort;
pub(super) use extent::covers;
pub(super) use inputs::Inputs;
pub use inputs::{Kind, pattern};
pub use report::{Report, Run};
pub use trial::Prepared;
pub(super) use trial::{slack, twin};

/// What a check depends on besides the device.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How fast the device is, roughly.
    pub rate: Rate,
    /// What random inputs depend on.
    pub seed: u64,
    /// The kinds of inputs.
    pub kinds: Vec<Kind>,
    /// How much work a check may be.
    pub effort: Effort,
    /// Operations of single threads that the interpreter may do for a variant; 0 leaves it out.
    pub interpreted: u64,
    /// Workgroups in one dimension on the interpreter's device, and in a second run on the real one; more are folded into two, which may
    /// start some beyond the last.
    pub max_workgroups: u32,
}

/// Some workgroups of most kernels, in a fraction of a second.
const INTERPRETED: u64 = 4_000_000;
/// Few, so that most dispatches are folded and start some workgroups beyond their last.
const FOLDED: u32 = 3;

impl Conditions {
    /// All kinds of inputs.
    pub fn new(seed: u64) -> Self {
        Self {
            rate: Rate::default(),
            seed,
            kinds: Kind::ALL.to_vec(),
            effort: Effort::default(),
            interpreted: INTERPRETED,
            max_workgroups: FOLDED,
        }
    }

    /// Makes the inputs of a case and what is expected of them: the same for all variants.
    pub fn prepare(&self, case: &Case) -> Prepared {
        Prepared::new(self.clone(), case)
    }

    /// Checks one variant of a case on a device, which must be able to run it.
    pub fn check(&self, device: &Device, case: &Case, choice: &Choice) -> Result<Report, Error> {
        self.prepare(case).check(device, choice, &mut |_| {})
    }
}
