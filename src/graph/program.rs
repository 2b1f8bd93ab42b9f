//! The runner: a plan with pipelines, buffers and bind groups, replayed every step.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rayon::prelude::*;

use super::{
    Error, Place, Plan, PlannedOp, WeightKey, WeightStore,
    parameters::parameters,
    slots::Slots,
    stream::{Part, Stream, parts, placed},
    watch::{Inside, Watched},
};
use crate::{
    gpu::{Buffer, Command, Device, Pipeline, Span},
    kernel::{Choice, Defines, Op, Role, WgslFile},
};

/// Tensors that plans exchange with each other and with the host, by name.
pub type Bindings = HashMap<String, Buffer>;

/// Size of the buffers of a hollow program.
const HOLLOW: u64 = 256;

/// A plan that is ready to run.
#[derive(Debug)]
pub struct Program {
    pub(super) device: Device,
    /// Dispatches, grouped into submissions; they keep their buffers alive.
    pub(super) submissions: Vec<Vec<Command>>,
    /// Where weights come from that are not kept, if there are such.
    streamed: Option<Streamed>,
    /// What it keeps where somebody watches.
    inside: Option<Box<Inside>>,
}

/// The parts of a program that streams weights.
#[derive(Debug)]
struct Streamed {
    stream: Arc<Stream>,
    parts: Vec<StreamedPart>,
}

/// Submissions in a row, with what has to be in the window for them.
#[derive(Debug)]
struct StreamedPart {
    weights: Vec<(WeightKey, u64)>,
    bytes: u64,
    submissions: Range<usize>,
}

impl Program {
    /// Compiles the pipelines, allocates the buffers and binds everything. External tensors are looked up in `bindings`; those that this
    /// plan writes and that are not there are allocated and added.
    pub fn new(device: &Device, plan: &Plan, weights: &WeightStore, bindings: &mut Bindings) -> Result<Self, Error> {
        Self::with_slots(device, plan, weights, bindings, &Slots::new(device, [plan])?)
    }

    /// The same with buffers for intermediates that were made for this plan and others: programs that do not run at the same time can share
    /// them.
    pub fn with_slots(
        device: &Device,
        plan: &Plan,
        weights: &WeightStore,
        bindings: &mut Bindings,
        slots: &Slots,
    ) -> Result<Self, Error> {
        let (zeros, slots) = (slots.zeros.clone(), slots.of(plan)?);
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
        let stream = weights.stream.as_ref();
        let place = |place| match (place, stream) {
            (Place::Slot(i), _) => Ok(slots[i].clone()),
            (Place::External(i), _) => Ok(externals[i].clone()),
            (Place::Weight(i), Some(stream)) if !stream.residence.holds(&plan.weights[i]) => Ok(stream.window.clone()),
            (Place::Weight(i), _) => {
                let key = &plan.weights[i];
                weights.get(key).cloned().ok_or_else(|| Error::Unbound(key.path().to_owned()))
            }
            (Place::Zeros, _) => Ok(zeros.clone()),
        };
        let Some(stream) = stream else {
            return Self::build(device, plan, &[], false, &place).map(|(program, _)| program);
        };
        let cut = parts(plan, &stream.residence, stream.window.bytes());
        let (mut program, starts) = Self::build(device, &placed(plan, &cut), &cut, false, &place)?;
        let ends = starts.iter().copied().skip(1).chain([program.submissions.len()]);
        let parts = cut.into_iter().zip(starts.iter().zip(ends)).map(|(part, (&start, end))| StreamedPart {
            weights: part.weights.into_iter().map(|(weight, start)| (plan.weights[weight].clone(), start)).collect(),
            bytes: part.bytes,
            submissions: start..end,
        });
        program.streamed = Some(Streamed { stream: stream.clone(), parts: parts.collect() });
        Ok(program)
    }

    /// The same dispatches without workgroups on buffers of a few bytes: what it costs the host to replay the plan, also on a device that
    /// could not run it.
    pub fn hollow(device: &Device, plan: &Plan) -> Result<Self, Error> {
        let tiny = |count: usize| (0..count).map(|_| device.buffer("hollow", HOLLOW)).collect::<Result<Vec<_>, _>>();
        let (slots, externals, weights) =
            (tiny(plan.slots.len())?, tiny(plan.externals.len())?, tiny(plan.weights.len())?);
        let zeros = device.buffer("zeros", HOLLOW)?;
        let program = Self::build(device, plan, &[], true, &|place| {
            Ok(match place {
                Place::Slot(i) => slots[i].clone(),
                Place::External(i) => externals[i].clone(),
                Place::Weight(i) => weights[i].clone(),
                Place::Zeros => zeros.clone(),
            })
        });
        program.map(|(program, _)| program)
    }

    /// Compiles and binds; returns also the first submission of each of the `parts`.
    fn build(
        device: &Device,
        plan: &Plan,
        parts: &[Part],
        hollow: bool,
        place: &dyn Fn(Place) -> Result<Buffer, Error>,
    ) -> Result<(Self, Vec<usize>), Error> {
        let (params, dispatches) = parameters(plan);
        let mut dispatches = dispatches.into_iter();
        let uniforms = device.uniforms(&params)?;
        // A thousand operations share a few dozen pipelines: their WGSL is expanded once.
        let mut pipelines: HashMap<Specialisation<'_>, Pipeline> = HashMap::new();
        let mut submissions: Vec<Vec<Command>> = Vec::new();
        let mut groups = plan.groups().into_iter();
        let mut inside = plan.target.watch.clone().filter(|_| !hollow).map(|watch| {
            let plan = plan.clone();
            Box::new(Inside { plan, watch, buffers: HashMap::new() })
        });
        let (mut starts, mut last) = (Vec::new(), None);
        for (index, op) in plan.ops.iter().enumerate() {
            let begins = parts.get(starts.len()).is_some_and(|part| part.ops.start == index);
            if begins {
                starts.push(submissions.len());
                last = None;
            }
            let pipeline = match pipelines.entry(specialisation(op)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(planned_pipeline(device, op)?),
            };
            let buffers = op.places.iter().map(|&(p, _)| place(p)).collect::<Result<Vec<_>, _>>()?;
            if let Some(inside) = &mut inside {
                let places = op.places.iter().map(|&(place, _)| place);
                inside.buffers.extend(places.zip(buffers.iter().cloned()));
            }
            for d in dispatches.by_ref().take(op.chunks.len()) {
                let storage: Vec<_> = buffers
                    .iter()
                    .zip(&op.places)
                    .zip(d.ranges)
                    .map(|((buffer, &(place, _)), range)| {
                        let whole = hollow || place == Place::Zeros;
                        (buffer, if whole { 0..buffer.bytes() } else { range })
                    })
                    .collect();
                let grid = if hollow { [0, 1] } else { grid(d.workgroups, plan.target.device.max_workgroups) };
                let command = device.command(pipeline, (&uniforms, d.params), &storage, grid);
                let group = groups.next();
                match submissions.last_mut().filter(|_| last.is_some() && last == group) {
                    Some(open) => open.push(command),
                    None => submissions.push(vec![command]),
                }
                last = group;
            }
        }
        Ok((Self { device: device.clone(), submissions, streamed: None, inside }, starts))
    }

    /// Encodes and submits one run; does not wait. Fails only where somebody watches.
    pub fn submit(&self) -> Result<(), Error> {
        if let Some(inside) = &self.inside {
            return inside.watch.run(&Watched { program: self, inside });
        }
        self.each_submission(|commands| {
            self.device.submit(commands);
            Ok(())
        })
    }

    /// Hands all submissions in order to `run`; brings weights that are not kept before those that read them.
    fn each_submission(&self, mut run: impl FnMut(&[Command]) -> Result<(), Error>) -> Result<(), Error> {
        let Some(Streamed { stream, parts }) = &self.streamed else {
            return self.submissions.iter().try_for_each(|commands| run(commands));
        };
        parts.iter().try_for_each(|part| {
            stream.bring(&self.device, &part.weights, part.bytes)?;
            self.submissions[part.submissions.clone()].iter().try_for_each(|commands| run(commands))
        })
    }

    /// One run, waited for.
    pub fn run(&self) -> Result<(), Error> {
        self.submit()?;
        Ok(self.device.wait()?)
    }

    /// One run with the time of every dispatch, in the plan's order; see [`Device::submit_timed`] for what the times leave out.
    pub fn run_timed(&self) -> Result<Vec<Option<Span>>, Error> {
        let mut spans = Vec::new();
        self.each_submission(|commands| {
            spans.extend(self.device.submit_timed(commands)?);
            Ok(())
        })?;
        Ok(spans)
    }

    /// One run with the seconds of every dispatch by the host's clock; see [`Device::time_by_host`].
    pub fn run_by_host(&self, idle: f64, least: f64) -> Result<Vec<Option<f64>>, Error> {
        let mut seconds = Vec::new();
        self.each_submission(|commands| {
            for command in commands {
                seconds.push(self.device.time_by_host(command, idle, least)?);
            }
            Ok(())
        })?;
        Ok(seconds)
    }

    /// Bytes of weights that go to the device in one run.
    pub fn streamed_bytes(&self) -> u64 {
        let parts = self.streamed.iter().flat_map(|streamed| &streamed.parts);
        parts.flat_map(|part| &part.weights).map(|(key, _)| key.bytes()).sum()
    }

    /// How many submissions one run takes.
    pub fn submissions(&self) -> usize {
        self.submissions.len()
    }
}

/// What decides an operation's pipeline: kernel, defines, a file in the kernel's place.
type Specialisation<'a> = (&'a str, &'a Defines, Option<&'a WgslFile>);

fn specialisation(op: &PlannedOp) -> Specialisation<'_> {
    (op.op.kernel().name, &op.choice.defines, op.choice.file.as_deref())
}

fn planned_pipeline(device: &Device, op: &PlannedOp) -> Result<Pipeline, Error> {
    let foreign = op.choice.file.as_ref().map(|_| device.for_foreign_shaders());
    pipeline(foreign.as_ref().unwrap_or(device), op.op.as_ref(), &op.choice)
}

/// Compiles a variant with the device's guards, or finds it compiled: a file of the user's by its text, the program's own by its defines.
pub(crate) fn pipeline(device: &Device, op: &dyn Op, choice: &Choice) -> Result<Pipeline, Error> {
    let kernel = op.kernel();
    let read_only: Vec<bool> = op.bindings().iter().map(|b| b.role != Role::Output).collect();
    if choice.file.is_some() {
        return Ok(device.pipeline(kernel.name, &choice.wgsl(kernel)?, &read_only)?);
    }
    let key = format!("{} {:?}", kernel.name, choice.defines);
    device.pipeline_of(kernel.name, key, || Ok(choice.wgsl(kernel)?.into()), &read_only)
}

/// Compiles the pipelines of these plans, several at the same time, until it is `enough`: programs that are made of them find them ready.
pub fn compile(device: &Device, plans: &[&Plan], enough: &AtomicBool) -> Result<(), Error> {
    let mut seen = HashSet::new();
    let ops = plans.iter().flat_map(|plan| &plan.ops).filter(|op| seen.insert(specialisation(op)));
    let ops: Vec<_> = ops.collect();
    let compile = || {
        let wanted = ops.into_par_iter().filter(|_| !enough.load(Ordering::Relaxed));
        wanted.try_for_each(|op| planned_pipeline(device, op).map(drop))
    };
    // Threads of their own: in the pool that all share, weights would wait behind kernels.
    match rayon::ThreadPoolBuilder::new().build() {
        Ok(pool) => pool.install(compile),
        Err(_) => compile(),
    }
}

/// Folds a number of workgroups into two dimensions.
pub(crate) fn grid(workgroups: usize, limit: u32) -> [u32; 2] {
    let lines = workgroups.div_ceil(limit as usize);
    [workgroups.div_ceil(lines) as u32, lines as u32]
}
