//! Checks a variant of an op on a device against its CPU twin: errors, bounds, splitting.
//!
//! Outputs are poisoned before, and stand between poisoned guards. The op runs whole and in pieces, on several kinds of inputs. Of an op
//! that is too much work for the twin some units are compared: the twin computes any of them alone, from the same inputs.

mod compare;
mod extent;
mod inputs;
mod report;
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

/// How checks are done.
#[derive(Clone, Debug)]
pub struct Checker<'a> {
    /// The device.
    pub device: &'a Device,
    /// How fast it is, roughly.
    pub rate: Rate,
    /// What random inputs depend on.
    pub seed: u64,
    /// The kinds of inputs.
    pub kinds: Vec<Kind>,
    /// How much work a check may be.
    pub effort: Effort,
}

impl<'a> Checker<'a> {
    /// All kinds of inputs.
    pub fn new(device: &'a Device, seed: u64) -> Self {
        Self { device, rate: Rate::default(), seed, kinds: Kind::ALL.to_vec(), effort: Effort::default() }
    }

    /// Makes the inputs of a case and what is expected of them: the same for all variants.
    pub fn prepare(&self, case: &Case) -> Prepared {
        Prepared::new(self, case)
    }

    /// Checks one variant of a case. The device must be able to run it.
    pub fn check(&self, case: &Case, choice: &Choice) -> Result<Report, Error> {
        self.prepare(case).check(self, choice, &mut |_| {})
    }
}
