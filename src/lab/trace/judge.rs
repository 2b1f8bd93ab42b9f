//! Whether what the device wrote is what the twin makes of the same inputs.

use serde::Serialize;

use crate::{
    graph::{PlannedOp, Rate},
    kernel::{Binding, Dtype, Role},
    lab::check::{self, Effort, Expected, Inputs, Output, Worst, covers},
};

/// What was found about one operation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Finding {
    /// The worst error, relative to the rms of the twin's output, beyond what rounding may change.
    pub worst: Option<Worst>,
    /// Rms error relative to the rms of the twin's output.
    pub rms: f64,
    /// What is wrong whatever the tolerance: values that are no numbers, elements that were not written.
    pub faults: Vec<String>,
    /// Elements that were compared, and all that there are.
    pub compared: [usize; 2],
}

impl Finding {
    /// Its largest error.
    pub fn error(&self) -> f64 {
        self.worst.as_ref().map_or(0.0, |worst| worst.error)
    }

    /// Does it hold within this tolerance?
    pub fn holds(&self, tolerance: f64) -> bool {
        self.faults.is_empty() && self.error() <= tolerance
    }
}

/// Half of these units in the last place is what rounding to storage may change by.
fn unit(dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F16 => 1.0 / 1024.0,
        _ => f32::EPSILON,
    }
}

/// Judges an operation by the device's own inputs and outputs. Of one that is much work for the twin some units are compared.
///
/// Errors are relative to the rms of the twin's output, and the tolerance is the kernel's own, as in `kernels check`. It was measured on
/// normal inputs: where it is exceeded, what one rounding of every input changes in the twin is allowed on top, a few times, and one unit
/// in the last place of the stored value, for real activations have outliers that the rms does not see.
pub fn judge(op: &PlannedOp, inputs: &Inputs, outputs: &[Vec<u8>], effort: Effort, rate: Rate, seed: u64) -> Finding {
    let windows: Vec<_> = covers(op.op.as_ref(), effort, rate, seed).into_iter().flat_map(|c| c.windows).collect();
    let twin = |inputs: &Inputs| {
        let mut by_output: Vec<Vec<Expected>> = vec![Vec::new(); outputs.len()];
        for window in &windows {
            let all = check::twin(&op.op, window, &inputs.slices());
            by_output.iter_mut().zip(all).for_each(|(output, part)| output.push(part));
        }
        by_output
    };
    let tolerance = op.op.tolerance().worst;
    let expected = twin(inputs);
    let bindings: Vec<Binding> = op.op.bindings().into_iter().filter(|b| b.role == Role::Output).collect();
    let mut moved = None;
    let mut finding = Finding::default();
    for (i, (binding, bytes)) in bindings.iter().zip(outputs).enumerate() {
        let output = Output { binding, span: &(0..binding.elements()), bytes };
        let mut found = output.compare(&expected[i], None);
        let off = found.worst.as_ref().is_some_and(|worst| worst.error > tolerance);
        if off && binding.dtype != Dtype::U32 {
            let moved = moved.get_or_insert_with(|| twin(&inputs.nudged(seed)));
            let mut slack = moved[i].clone();
            check::slack(&mut slack, &expected[i]);
            for (slack, expected) in slack.iter_mut().zip(&expected[i]) {
                let both = slack.values.iter_mut().zip(&expected.values);
                both.for_each(|(slack, value)| *slack += value.abs() * unit(binding.dtype));
            }
            found = output.compare(&expected[i], Some(&slack));
        }
        finding.rms = finding.rms.max(found.rms);
        finding.compared[0] += found.compared;
        finding.compared[1] += binding.elements();
        finding.faults.extend(found.faults);
        if found.worst.as_ref().map_or(-1.0, |w| w.error) > finding.worst.as_ref().map_or(-1.0, |w| w.error) {
            finding.worst = found.worst;
        }
    }
    finding
}
