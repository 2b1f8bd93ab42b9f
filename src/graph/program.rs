//! The runner: a plan with pipelines, buffers and bind groups, replayed every step.

use std::{collections::HashMap, ops::Range};

use super::{Error, Place, Plan, WeightStore, plan::bind};
use crate::{
    gpu::{Buffer, Command, Device},
    kernel::{Role, specialise},
};

/// Tensors that plans exchange with each other and with the host, by name.
pub type Bindings = HashMap<String, Buffer>;

/// Zeros that stand for absent operands; as large as the longest bias.
const ZEROS: u64 = 128 << 10;
/// Size of the buffers of a hollow program.
const HOLLOW: u64 = 256;

/// A plan that is ready to run.
#[derive(Debug)]
pub struct Program {
    device: Device,
    /// Dispatches, grouped into submissions; they keep their buffers alive.
    submissions: Vec<Vec<Command>>,
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
        Self::build(device, plan, false, &|place| match place {
            Place::Slot(i) => Ok(slots[i].clone()),
            Place::External(i) => Ok(externals[i].clone()),
            Place::Weight(i) => {
                let key = &plan.weights[i];
                weights.get(key).cloned().ok_or_else(|| Error::Unbound(key.path.to_string()))
            }
            Place::Zeros => Ok(zeros.clone()),
        })
    }

    /// The same dispatches with one workgroup each on buffers of a few bytes: what it costs the host to replay the plan, on a device that
    /// could not run it. The results are meaningless.
    pub fn hollow(device: &Device, plan: &Plan) -> Result<Self, Error> {
        let tiny = |count: usize| (0..count).map(|_| device.buffer("hollow", HOLLOW)).collect::<Result<Vec<_>, _>>();
        let (slots, externals, weights) = (tiny(plan.slots.len())?, tiny(plan.externals.len())?, tiny(plan.weights.len())?);
        let zeros = device.buffer("zeros", HOLLOW)?;
        Self::build(device, plan, true, &|place| {
            Ok(match place {
                Place::Slot(i) => slots[i].clone(),
                Place::External(i) => externals[i].clone(),
                Place::Weight(i) => weights[i].clone(),
                Place::Zeros => zeros.clone(),
            })
        })
    }

    fn build(device: &Device, plan: &Plan, hollow: bool, place: &dyn Fn(Place) -> Result<Buffer, Error>) -> Result<Self, Error> {
        let (params, mut dispatches) = parameters(plan);
        let uniforms = device.uniforms(&params)?;
        let mut submissions = vec![Vec::new()];
        let mut seconds = 0.0;
        for op in &plan.ops {
            let kernel = op.op.kernel();
            let read_only: Vec<bool> = op.op.bindings().iter().map(|b| b.role != Role::Output).collect();
            let wgsl = specialise(kernel.name, kernel.wgsl, &op.choice.defines)?;
            let pipeline = device.pipeline(kernel.name, &wgsl, &read_only)?;
            let buffers = op.places.iter().map(|&(p, _)| place(p)).collect::<Result<Vec<_>, _>>()?;
            for d in dispatches.drain(..op.chunks.len()) {
                let storage: Vec<_> = buffers
                    .iter()
                    .zip(&op.places)
                    .zip(d.ranges)
                    .map(|((buffer, &(place, _)), range)| {
                        let whole = hollow || place == Place::Zeros;
                        (buffer, if whole { 0..buffer.bytes() } else { range })
                    })
                    .collect();
                let grid = if hollow { [1, 1] } else { grid(d.workgroups, plan.target.device.max_workgroups) };
                let command = device.command(&pipeline, (&uniforms, d.params), &storage, grid);
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
        Ok(Self { device: device.clone(), submissions })
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

/// A dispatch before it is bound: bytes of its parameter struct, byte range of every binding, workgroups.
struct Unbound {
    params: Range<u64>,
    ranges: Vec<Range<u64>>,
    workgroups: usize,
}

/// The parameter structs of all dispatches in one buffer, each at an aligned offset, and the dispatches in order.
fn parameters(plan: &Plan) -> (Vec<u8>, Vec<Unbound>) {
    let alignment = plan.target.device.alignment;
    let mut params: Vec<u8> = Vec::new();
    let mut dispatches = Vec::new();
    for op in &plan.ops {
        let bindings = op.op.bindings();
        for chunk in &op.chunks {
            let spans = op.op.spans(chunk);
            let bound = spans.iter().zip(&bindings).zip(&op.places);
            let (ranges, bases): (Vec<_>, Vec<_>) =
                bound.map(|((span, binding), &(_, offset))| bind(span, binding, alignment, offset)).unzip();
            let dispatch = op.op.dispatch(&op.choice, chunk, &bases);
            let start = params.len().next_multiple_of(alignment as usize);
            params.resize(start, 0);
            params.extend(&dispatch.params);
            let params = start as u64..params.len() as u64;
            dispatches.push(Unbound { params, ranges, workgroups: dispatch.workgroups });
        }
    }
    (params, dispatches)
}

/// Folds a number of workgroups into two dimensions.
fn grid(workgroups: usize, limit: u32) -> [u32; 2] {
    let lines = workgroups.div_ceil(limit as usize);
    [workgroups.div_ceil(lines) as u32, lines as u32]
}
