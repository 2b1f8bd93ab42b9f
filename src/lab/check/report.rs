//! What a check says.

use serde::{Deserialize, Serialize};

use super::{compare::Worst, inputs::Kind};
use crate::lab::sanitize::Sanitized;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The kernel.
    pub kernel: String,
    /// The case, or the shape.
    pub case: String,
    /// The variant that ran.
    pub variant: String,
    /// Elements of the outputs that were compared with the twin, and all that there are.
    pub compared: [usize; 2],
    /// Did the device run all of the op? If not, it ran the compared units alone.
    pub whole: bool,
    /// Largest error that is allowed, relative to the rms of the twin's output.
    pub tolerance: f64,
    /// Why this much.
    pub reason: String,
    /// What was found for each kind of inputs.
    pub runs: Vec<Run>,
    /// Into how many dispatches the split run was cut.
    pub pieces: usize,
    /// What the interpreter saw, if it ran.
    pub interpreted: Option<Sanitized>,
    /// Did the device fail with the same units and inputs with which all workgroups ran on the interpreter, and it saw nothing wrong? Then
    /// the fault may be the driver's, or lie in the bases: the interpreter's bindings begin with the first element of the units.
    pub disputed: bool,
}

/// What was found for one kind of inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The inputs.
    pub inputs: Kind,
    /// The largest power of 2 by which they were scaled up.
    pub scale: i32,
    /// The worst error.
    pub worst: Option<Worst>,
    /// Rms error relative to the rms of the twin's output.
    pub rms: f64,
    /// What is wrong whatever the tolerance: elements that are no numbers, not written, written outside; a split run that differs.
    pub faults: Vec<String>,
}

impl Run {
    /// Nothing found yet for inputs of a kind.
    pub(super) fn new(inputs: Kind, scale: i32) -> Self {
        Self { inputs, scale, worst: None, rms: 0.0, faults: Vec::new() }
    }

    /// What was found for more units.
    pub(super) fn add(&mut self, more: Self) {
        if more.worst.is_some() && (self.worst.is_none() || more.error() > self.error()) {
            self.worst = more.worst;
        }
        self.rms = self.rms.max(more.rms);
        self.faults.extend(more.faults);
    }

    /// Its largest error.
    pub fn error(&self) -> f64 {
        self.worst.as_ref().map_or(0.0, |worst| worst.error)
    }
}

impl Report {
    /// Is the kernel right?
    pub fn passed(&self) -> bool {
        self.runs.iter().all(|run| self.holds(run))
            && self.interpreted.as_ref().is_none_or(|found| self.is_clean(found))
    }

    /// Did the interpreter see no fault, and the twin's values?
    pub fn is_clean(&self, found: &Sanitized) -> bool {
        found.faults.is_empty() && found.error.is_none_or(|error| error <= self.tolerance)
    }

    /// Is it right for these inputs?
    pub fn holds(&self, run: &Run) -> bool {
        run.error() <= self.tolerance && run.faults.is_empty()
    }

    /// The run with the largest error, those with faults first.
    pub fn worst(&self) -> Option<&Run> {
        let rank = |run: &&Run| (!run.faults.is_empty(), run.error());
        self.runs.iter().max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal))
    }
}
