//! The runner: a plan with pipelines, buffers and bind groups, replayed every step.

use std::collections::HashMap;

use super::{Error, Place, Plan, WeightStore, plan::bind};
use crate::{
    gpu::{Buffer, Command, Device},
    kernel::{Role, specialise},
};

/// Tensors that plans exchange with each other and with the host, by name.
pub type Bindings = HashMap<String, Buffer>;

/// Zeros that stand for absent operands; as large as the longest bias.
const ZEROS: u64 = 128 << 10;

/// A plan that is ready to run.
#[derive(Debug)]
pub struct Program {
    device: Device,
    /// Dispatches, grouped into submissions.
    submissions: Vec<Vec<Command>>,
    _buffers: Vec<Buffer>,
}

impl Program {
    /// Compiles the pipelines, allocates the buffers and binds everything. External tensors are looked up in `bindings`; those that this
    /// plan writes and that are not there are allocated and added.
    pub fn new(device: &Device, plan: &Plan, weights: &WeightStore, bindings: &mut Bindings) -> Result<Self, Error> {
        let slots: Vec<Buffer> =
            plan.slots.iter().map(|&bytes| device.buffer("intermediate tensors", bytes)).collect::<Result<_, _>>()?;
        let mut externals = Vec::new();
        for external in &plan.externals {
            if !bindings.contains_key(&external.name) {
                if !external.written {
                    return Err(Error::Unbound(external.name.clone()));
                }
                bindings.insert(external.name.clone(), device.buffer(&external.name, external.bytes())?);
            }
            let buffer = bindings[&external.name].clone();
            if buffer.bytes() < external.bytes() {
                return Err(Error::Unbound(format!(
                    "{} with {} bytes (it has {})",
                    external.name,
                    external.bytes(),
                    buffer.bytes()
                )));
            }
            externals.push(buffer);
        }
        let zeros = device.buffer("zeros", ZEROS)?;
        let alignment = plan.target.device.alignment;

        // All parameter structs lie in one buffer, each at an aligned offset.
        let mut dispatches = Vec::new();
        let mut params: Vec<u8> = Vec::new();
        for op in &plan.ops {
            let op_bindings = op.op.bindings();
            for chunk in &op.chunks {
                let spans = op.op.spans(chunk);
                let bound = spans.iter().zip(&op_bindings).zip(&op.places);
                let (ranges, bases): (Vec<_>, Vec<_>) =
                    bound.map(|((span, binding), &(_, offset))| bind(span, binding, alignment, offset)).unzip();
                let dispatch = op.op.dispatch(&op.choice, chunk, &bases);
                let start = params.len().next_multiple_of(alignment as usize);
                params.resize(start, 0);
                params.extend(&dispatch.params);
                dispatches.push((start as u64..params.len() as u64, ranges, dispatch.workgroups));
            }
        }
        let uniforms = device.uniforms(&params)?;

        let mut submissions = vec![Vec::new()];
        let mut seconds = 0.0;
        let mut dispatches = dispatches.into_iter();
        for op in &plan.ops {
            let read_only: Vec<bool> = op.op.bindings().iter().map(|b| b.role != Role::Output).collect();
            let wgsl = specialise(op.op.kernel().name, op.op.kernel().wgsl, &op.choice.defines)?;
            let pipeline = device.pipeline(op.op.kernel().name, &wgsl, &read_only)?;
            for _ in &op.chunks {
                let Some((params, ranges, workgroups)) = dispatches.next() else { break };
                let mut storage = Vec::new();
                for ((place, _), range) in op.places.iter().zip(ranges) {
                    storage.push(match *place {
                        Place::Slot(i) => (&slots[i], range),
                        Place::External(i) => (&externals[i], range),
                        Place::Weight(i) => {
                            let key = &plan.weights[i];
                            let buffer = weights.get(key).ok_or_else(|| Error::Unbound(key.path.to_string()))?;
                            (buffer, range)
                        }
                        Place::Zeros => (&zeros, 0..ZEROS),
                    });
                }
                let grid = grid(workgroups, plan.target.device.max_workgroups);
                let command = device.command(&pipeline, (&uniforms, params), &storage, grid);
                let share = op.seconds / op.chunks.len() as f64;
                if seconds + share > plan.target.max_seconds && seconds > 0.0 {
                    submissions.push(Vec::new());
                    seconds = 0.0;
                }
                seconds += share;
                if let Some(last) = submissions.last_mut() {
                    last.push(command);
                }
            }
        }
        Ok(Self { device: device.clone(), submissions, _buffers: slots })
    }

    /// Encodes and submits one run; does not wait.
    pub fn submit(&self) {
        for commands in &self.submissions {
            self.device.submit(commands);
        }
    }

    /// One run, waited for.
    pub fn run(&self) -> Result<(), Error> {
        self.submit();
        Ok(self.device.wait()?)
    }

    /// How many submissions one run takes.
    pub fn submissions(&self) -> usize {
        self.submissions.len()
    }
}

/// Folds a number of workgroups into two dimensions.
fn grid(workgroups: usize, limit: u32) -> [u32; 2] {
    let lines = workgroups.div_ceil(limit as usize);
    [workgroups.div_ceil(lines) as u32, lines as u32]
}
