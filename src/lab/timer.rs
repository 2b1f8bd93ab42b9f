//! How long one run of an op takes, again and again.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    check::pattern,
    stand::{Stand, pieces},
};
use crate::{
    gpu::{Command, Device},
    graph::{Error, Rate},
    kernel::{Choice, Op},
};

/// What the time is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Timestamps of the device around every dispatch.
    Timestamps,
    /// The host's clock around some repeats, with their submission and the wait for their end: what is left where the device has no
    /// timestamps, or wrong ones.
    Wall,
}

/// A variant of an op on several sets of buffers, which are used in turn, so that caches do not flatter.
#[derive(Debug)]
pub struct Timer {
    device: Device,
    stands: Vec<Stand>,
    pieces: Vec<Range<usize>>,
    /// The dispatches of one run on each set.
    sets: Vec<Vec<Command>>,
    next: usize,
    /// Runs of a sample.
    repeats: usize,
    clock: Clock,
    /// Bytes of all sets.
    bytes: u64,
}

/// What all sets together should exceed: the largest caches that there are; those of CPUs are shared with everything else.
const WORKING_SET: [u64; 2] = [256 << 20, 96 << 20];
/// Sets at most: the buffers of a small op fill no cache.
const MAX_SETS: u64 = 64;
/// No dispatch should take longer than this many seconds.
const MAX_SECONDS: f64 = 0.4;
/// Runs of a sample at most.
const MAX_REPEATS: usize = 1024;

impl Timer {
    /// Compiles a variant of an op and allocates its buffers.
    pub fn new(device: &Device, op: &Arc<dyn Op>, choice: &Choice, rate: Rate) -> Result<Self, Error> {
        let pieces = pieces(device, op.as_ref(), rate, MAX_SECONDS)?;
        let capabilities = device.capabilities();
        let working_set = WORKING_SET[usize::from(capabilities.is_cpu())];
        let of_set: u64 = op.bindings().iter().map(|b| (b.device_elements() * b.dtype.bytes()) as u64).sum();
        // A quarter of the memory at most.
        let room = capabilities.memory.map_or(u64::MAX, |memory| memory / 4) / of_set.max(1);
        let count = working_set.div_ceil(of_set.max(1)).clamp(1, MAX_SETS).min(room).max(1);
        let stand = |_| {
            let stand = Stand::new(device, op, choice, &(0..op.units()))?;
            for tensor in stand.inputs() {
                tensor.write(device, &pattern(op.as_ref(), &tensor.binding, tensor.span().len()));
            }
            device.flush()?;
            Ok(stand)
        };
        let stands = (0..count).map(stand).collect::<Result<Vec<_>, Error>>()?;
        Self::on(device, stands, pieces, count * of_set)
    }

    /// Another variant of the same op on the same buffers.
    pub fn with(&self, choice: &Choice) -> Result<Self, Error> {
        let stands = self.stands.iter().map(|stand| stand.with(choice)).collect::<Result<Vec<_>, Error>>()?;
        Self::on(&self.device, stands, self.pieces.clone(), self.bytes)
    }

    fn on(device: &Device, stands: Vec<Stand>, pieces: Vec<Range<usize>>, bytes: u64) -> Result<Self, Error> {
        let max_workgroups = device.capabilities().max_workgroups;
        let commands = |stand: &Stand| stand.commands(&pieces, max_workgroups);
        let sets = stands.iter().map(commands).collect::<Result<Vec<_>, Error>>()?;
        let clock = if device.capabilities().timestamps { Clock::Timestamps } else { Clock::Wall };
        Ok(Self { device: device.clone(), stands, pieces, sets, next: 0, repeats: 1, clock, bytes })
    }

    /// What it is timed with.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// From now on times by the host's clock.
    pub fn by_wall(&mut self) {
        self.clock = Clock::Wall;
    }

    /// Runs of one sample.
    pub fn repeats(&self) -> usize {
        self.repeats
    }

    /// How many sets of buffers are used in turn.
    pub fn sets(&self) -> usize {
        self.sets.len()
    }

    /// Do all sets together exceed the caches?
    pub fn exceeds_caches(&self) -> bool {
        self.bytes >= WORKING_SET[usize::from(self.device.capabilities().is_cpu())]
    }

    /// Warms up for about this long, three samples at least, and chooses how many runs make a sample of about `sample` seconds.
    pub fn warm_up(&mut self, time: Duration, sample: f64) -> Result<(), Error> {
        let start = Instant::now();
        self.sample()?; // compiles
        let mut fastest = f64::INFINITY;
        let mut count = 0;
        while count < 3 || start.elapsed() < time {
            fastest = fastest.min(self.sample()?);
            count += 1;
        }
        self.repeat(fastest, sample);
        Ok(())
    }

    /// From now on a sample has as many runs of `seconds` as make about `sample` seconds.
    pub fn repeat(&mut self, seconds: f64, sample: f64) {
        self.repeats = (sample / seconds.max(1e-9)).ceil().clamp(1.0, MAX_REPEATS as f64) as usize;
    }

    /// Seconds of one run: the mean of a sample.
    pub fn sample(&mut self) -> Result<f64, Error> {
        let commands = self.commands();
        if self.clock == Clock::Timestamps {
            let spans = self.device.submit_timed(&commands)?;
            if let Some(seconds) = spans.iter().map(|span| span.map(|span| span.seconds())).sum::<Option<f64>>() {
                return Ok(seconds / self.repeats as f64);
            }
            // Zero or backward timestamps: no numbers.
            self.by_wall();
        }
        let start = Instant::now();
        self.device.submit(&commands);
        self.device.wait()?;
        Ok(start.elapsed().as_secs_f64() / self.repeats as f64)
    }

    /// The next runs, each on another set.
    fn commands(&mut self) -> Vec<Command> {
        let runs = (self.next..self.next + self.repeats).map(|run| &self.sets[run % self.sets.len()]);
        let commands = runs.flatten().cloned().collect();
        self.next = (self.next + self.repeats) % self.sets.len();
        commands
    }
}
