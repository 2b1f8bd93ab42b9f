//! What a trace tells.

use serde::Serialize;

use super::judge::Finding;
use crate::{
    graph::PlannedOp,
    kernel::{Choice, Chooser, Setting, spelled},
};

/// An operation of a run, and what was found about it.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Its name: run, label, kernel.
    pub name: String,
    /// Its number in its plan, from 0.
    pub index: usize,
    /// Operations of the plan.
    pub of: usize,
    /// The kernel.
    pub kernel: &'static str,
    /// The variant as `kernels check --variant` takes it.
    pub variant: String,
    /// The shape as `kernels check --shape` takes it.
    pub shape: String,
    /// Dispatches that it was split into.
    pub pieces: usize,
    /// The kernel's tolerance.
    pub tolerance: f64,
    /// Why this number.
    pub reason: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

impl Checked {
    pub(super) fn new(op: &PlannedOp, name: String, [index, of]: [usize; 2], finding: Finding) -> Self {
        let tolerance = op.op.tolerance();
        Self {
            name,
            index,
            of,
            kernel: op.op.kernel().name,
            variant: variant(op),
            shape: spelled(&op.op.shape()),
            pieces: op.chunks.len(),
            tolerance: tolerance.worst,
            reason: tolerance.reason,
            finding,
        }
    }

    /// Does it hold?
    pub fn holds(&self) -> bool {
        self.finding.holds(self.tolerance)
    }

    /// Its error as a share of what is allowed; of tensors that allow none, the error itself.
    pub fn share(&self) -> f64 {
        if self.tolerance > 0.0 { self.finding.error() / self.tolerance } else { self.finding.error() }
    }
}

/// A variant as candidates are written: a file by its path; with its numbers where it is not the usual setting of this device.
fn variant(op: &PlannedOp) -> String {
    let Choice { variant, file, .. } = &op.choice;
    match file {
        Some(file) => file.path.clone(),
        None => {
            let numbers = Setting::from(&op.choice).numbers;
            let tuned = op.choice.chooser == Chooser::Tuning && !numbers.is_empty();
            let spell = || numbers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
            if tuned { format!("{variant}:{}", spell()) } else { (*variant).to_owned() }
        }
    }
}

/// An operation that was not compared, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

/// A run that gives something else when its operations are not waited for one by one: a fault of synchronisation, or of what memory
/// holds that nobody has written.
#[derive(Clone, Debug, Serialize)]
pub struct Unsteady {
    /// The run.
    pub run: String,
    /// The first operation whose output is another one, and its number.
    pub operation: Option<(String, usize)>,
}

/// A run compared with its twins, each fed with what the twin before it made.
#[derive(Clone, Debug, Serialize)]
pub struct Chain {
    /// The run.
    pub run: String,
    /// Operations.
    pub operations: usize,
    /// The error at the end, relative to the rms of the twins' result, when the device computes everything.
    pub error: f64,
    /// What it may be.
    pub allowed: f64,
    /// Where the error along the way is largest.
    pub largest: Option<(String, f64)>,
    /// The last operation that has to be taken from the device for the end to be right, and the error that is left then.
    pub culprit: Option<(Checked, f64)>,
}

/// Everything that a trace found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Traced {
    /// The runs that were looked at.
    pub runs: Vec<String>,
    /// Operations in them.
    pub operations: usize,
    /// Operations that ran on the CPU twins in place of the device.
    pub on_twins: usize,
    /// Operations that were compared with their twins.
    pub compared: usize,
    /// The one of those that hold that comes nearest to its tolerance.
    pub nearest: Option<Checked>,
    /// The first one that departs.
    pub departed: Option<Checked>,
    /// Those that were not compared.
    pub skipped: Vec<Skipped>,
    /// The runs whose result depends on waiting.
    pub unsteady: Vec<Unsteady>,
    /// The runs that were followed along the chain.
    pub chains: Vec<Chain>,
    /// Tensors and bytes in the dump.
    pub dumped: (usize, u64),
    /// Seconds that the twins took.
    pub twin_seconds: f64,
}

impl Traced {
    /// Was nothing found that is wrong?
    pub fn ok(&self) -> bool {
        self.departed.is_none() && self.unsteady.is_empty() && self.chains.iter().all(|chain| chain.culprit.is_none())
    }
}
