//! Running the parts of a phase again and again, whole and dispatch by dispatch.

use std::time::Instant;

use super::{
    Error,
    record::{Clock, Dispatch, Phase, PhaseKind, Start},
};
use crate::{
    gpu::{Device, Span},
    graph::{Plan, PlannedOp, Program},
    kernel::{Cost, Setting},
};

/// A plan and what runs it.
pub(super) type Part<'a> = (&'a Plan, &'a Program);

/// How phases are timed.
pub(super) struct Timing<'a> {
    /// The device.
    pub device: &'a Device,
    /// What tells the time of a dispatch.
    pub clock: Clock,
    /// Runs of each kind.
    pub repetitions: usize,
    /// Seconds of an empty dispatch by the host's clock, from submission to its known end.
    pub idle: f64,
}

/// What is timed.
pub(super) struct Job<'a> {
    /// The phase.
    pub kind: PhaseKind,
    /// How often a whole clip runs it.
    pub runs: usize,
    /// What came before.
    pub start: Option<[Start; 2]>,
    /// What one run is made of.
    pub parts: Vec<Part<'a>>,
}

/// Shortest time for which a dispatch is repeated under the host's clock.
const LEAST: f64 = 1e-3;

/// The times of one run's dispatches, and when they began where that is known.
type Times = Vec<(Option<f64>, Option<Span>)>;

impl Timing<'_> {
    /// Runs a job as often whole as timed, in turn, so that both see the same device. `before` is called before each run with its number
    /// and is no part of the times. Something must have run it before, so that nothing is compiled any more.
    pub fn phase(&self, job: Job<'_>, before: &mut dyn FnMut(usize) -> Result<(), Error>) -> Result<Phase, Error> {
        let Job { kind, runs, start, parts } = job;
        let planned = || parts.iter().flat_map(|(plan, _)| &plan.ops);
        let mut dispatches: Vec<Dispatch> = planned().flat_map(dispatches).collect();
        let (mut whole, mut timed) = (Vec::new(), Vec::new());
        for i in 0..self.repetitions {
            before(2 * i)?;
            self.device.flush()?;
            let begin = Instant::now();
            parts.iter().try_for_each(|(_, program)| program.submit())?;
            self.device.wait()?;
            whole.push(begin.elapsed().as_secs_f64());

            before(2 * i + 1)?;
            self.device.flush()?;
            let begin = Instant::now();
            let times = self.times(&parts)?;
            timed.push(begin.elapsed().as_secs_f64());
            let origin = times.iter().filter_map(|(_, span)| span.map(|s| s.start)).fold(f64::INFINITY, f64::min);
            for (dispatch, (seconds, span)) in dispatches.iter_mut().zip(times) {
                dispatch.times.push(seconds);
                dispatch.span = span.map(|s| Span { start: s.start - origin, end: s.end - origin });
            }
        }
        let submissions = parts.iter().map(|(_, program)| program.submissions()).sum();
        let streamed = parts.iter().map(|(_, program)| program.streamed_bytes()).sum();
        Ok(Phase { kind, runs, submissions, streamed, whole, timed, start, dispatches })
    }

    fn times(&self, parts: &[Part<'_>]) -> Result<Times, Error> {
        let mut times = Times::new();
        for (_, program) in parts {
            match self.clock {
                Clock::Timestamps => {
                    times.extend(program.run_timed()?.into_iter().map(|span| (span.map(|s| s.seconds()), span)));
                }
                Clock::Host => {
                    times.extend(program.run_by_host(self.idle, LEAST)?.into_iter().map(|seconds| (seconds, None)));
                }
            }
        }
        Ok(times)
    }
}

/// The dispatches of an operation, which share its work in proportion to their units.
fn dispatches(op: &PlannedOp) -> Vec<Dispatch> {
    let (whole, units) = (op.op.cost(), op.op.units().max(1) as f64);
    let Setting { variant, numbers } = Setting::from(&op.choice);
    let variant = op.choice.file.as_ref().map_or(variant, |file| file.path.clone());
    let shape = op.op.shape();
    let dispatch = |(i, chunk): (usize, &std::ops::Range<usize>)| {
        let share = chunk.len() as f64 / units;
        Dispatch {
            label: op.label.clone(),
            kernel: op.op.kernel().name.to_owned(),
            variant: variant.clone(),
            numbers: numbers.clone(),
            shape: shape.clone(),
            piece: [i, op.chunks.len()],
            cost: Cost { flops: whole.flops * share, bytes: whole.bytes * share },
            times: Vec::new(),
            span: None,
        }
    };
    op.chunks.iter().enumerate().map(dispatch).collect()
}
