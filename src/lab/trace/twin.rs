//! The CPU twins of a plan's operations, on whatever memory.

use std::sync::Arc;

use super::memory;
use crate::{
    checkpoint::{Checkpoint, ComponentKind},
    graph::{Place, Plan, PlannedOp, weight_values},
    kernel::{Binding, Op, Role},
    lab::check::{self, Expected, Inputs},
    pipeline::Source,
};

/// The parameters of a model as the twins take them: from the checkpoint, so that what was uploaded is checked, too.
#[derive(Debug)]
pub struct Parameters(pub Checkpoint);

impl Parameters {
    /// The values of a plan's weight.
    fn values(&self, plan: &Plan, index: usize) -> Option<Vec<f32>> {
        let kind = match plan.name {
            "text" => ComponentKind::TextEncoder,
            "image" => ComponentKind::ImageEncoder,
            "vae-encode" | "vae-decode" => ComponentKind::Vae,
            _ => ComponentKind::UNet,
        };
        weight_values(&Source(self.0.component(kind).as_ref()), &plan.weights[index]).ok()
    }
}

/// Why an operation has no twin here.
pub const TOO_LARGE: &str = "it reads whole numbers that its twin, which counts in f32, cannot hold";

/// Everything that an operation reads, as its twin takes it; `read` gives the bytes of the tensor at this place among the bindings.
///
/// Returns `None` if there are whole numbers that f32 cannot hold.
pub fn inputs<E>(
    plan: &Plan,
    op: &PlannedOp,
    parameters: &Parameters,
    mut read: impl FnMut(usize, &Binding) -> Result<Vec<u8>, E>,
) -> Result<Option<Inputs>, E> {
    let mut tensors = Vec::new();
    for (at, binding) in op.op.bindings().into_iter().enumerate() {
        let values = match (&binding.role, op.places[at].0) {
            (Role::Output, _) => continue,
            (Role::Absent, _) | (_, Place::Zeros) => Some(Vec::new()),
            (_, Place::Weight(index)) => parameters.values(plan, index),
            _ => memory::values(binding.dtype, &read(at, &binding)?),
        };
        let Some(values) = values else { return Ok(None) };
        tensors.push((binding, values));
    }
    Ok(Some(Inputs::given(tensors)))
}

/// All outputs of the twin, in their storage types.
pub fn outputs(op: &Arc<dyn Op>, inputs: &Inputs) -> Vec<Vec<u8>> {
    let all = check::twin(op, &(0..op.units()), &inputs.slices());
    let outputs = op.bindings().into_iter().filter(|b| b.role == Role::Output);
    outputs.zip(all).map(|(binding, Expected { values, .. })| memory::stored(binding.dtype, &values)).collect()
}
