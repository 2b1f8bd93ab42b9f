//! Work on kernels as data, with what is told meanwhile: so that it can be done in another process, which may hang or crash.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Ceilings,
    bench::{Timing, bench},
    candidate::Candidate,
    check::{Conditions, Kind, Prepared, Report},
    race::{Place, Rules, race},
    timer::Timer,
    tune::{self, DeviceRig, Search, search},
};
use crate::{
    gpu::{self, Device},
    graph::{self, Rate, measure},
    kernel::{Case, Op, Setting, ShapeError, cases, parse},
};

/// An op with its name, written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What the user knows it by.
    pub name: String,
    /// Its kernel.
    pub kernel: String,
    /// Its shape.
    pub shape: Map<String, Value>,
    /// How often a run of the model does it, if it is of one.
    pub runs: usize,
    /// Is it a case of the harness, with inputs of its own?
    case: bool,
}

impl Item {
    /// A case of the harness.
    pub fn of_case(case: &Case) -> Self {
        Self { case: true, ..Self::new(&case.name, case.op.as_ref()) }
    }

    /// An op under this name.
    pub fn new(name: &str, op: &dyn Op) -> Self {
        let shape = op.shape().as_object().cloned().unwrap_or_default();
        Self { name: name.to_owned(), kernel: op.kernel().name.to_owned(), shape, runs: 1, case: false }
    }

    /// The same, done so often in a run of the model.
    pub fn times(self, runs: usize) -> Self {
        Self { runs, ..self }
    }

    /// The op with its inputs.
    pub fn case(&self) -> Result<Case, ShapeError> {
        let known = |case: &Case| self.case && case.op.kernel().name == self.kernel && case.name == self.name;
        match cases().into_iter().find(known) {
            Some(case) => Ok(case),
            None => Ok(Case::new(&self.name, parse(&self.kernel, &self.shape)?)),
        }
    }
}

/// A candidate on an op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The op.
    pub item: Item,
    /// The candidate.
    pub candidate: Candidate,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Job {
    /// Compare with the twin.
    Check {
        /// What with what; tasks of one op stand together.
        tasks: Vec<Task>,
        /// The seed of random inputs.
        seed: u64,
        /// The kinds of inputs.
        kinds: Vec<Kind>,
    },
    /// Time one by one.
    Bench {
        /// What with what.
        tasks: Vec<Task>,
        /// Time for each.
        budget: Duration,
    },
    /// Time in turn.
    Race {
        /// The op.
        item: Item,
        /// The candidates; ratios are to the first.
        candidates: Vec<Candidate>,
        /// How.
        rules: Rules,
    },
    /// Search the fastest.
    Tune {
        /// The op.
        item: Item,
        /// The candidates; the first is the kernel's own choice.
        candidates: Vec<Candidate>,
        /// How.
        rules: tune::Rules,
        /// What the device can do, if it was measured.
        ceilings: Option<Ceilings>,
    },
}

/// What is told meanwhile. `at` counts the tasks or candidates of the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// What comes next: told before it is done, so that whoever waits knows what hangs.
    Doing {
        /// Which one.
        at: usize,
        /// What is done, in words.
        what: String,
    },
    /// A check is done.
    Checked {
        /// Which one.
        at: usize,
        /// What was found.
        report: Box<Report>,
    },
    /// A time is taken.
    Timed {
        /// Which one.
        at: usize,
        /// Its times.
        timing: Timing,
    },
    /// The race is over, for those that ran.
    Raced {
        /// The candidates and their places.
        places: Vec<(usize, Place)>,
    },
    /// The search is over.
    Searched {
        /// What it came to.
        found: Box<Search>,
    },
    /// This one cannot be done.
    Failed {
        /// Which one.
        at: usize,
        /// Why.
        error: String,
    },
}

impl Job {
    /// The candidates, one for each task.
    pub fn candidates(&self) -> Vec<&Candidate> {
        match self {
            Self::Check { tasks, .. } | Self::Bench { tasks, .. } => tasks.iter().map(|task| &task.candidate).collect(),
            Self::Race { candidates, .. } | Self::Tune { candidates, .. } => candidates.iter().collect(),
        }
    }

    /// May it hang or crash the driver: has it files of a user's, or settings that nobody has tried here?
    pub fn is_daring(&self) -> bool {
        matches!(self, Self::Tune { .. }) || self.candidates().iter().any(|candidate| candidate.file().is_some())
    }

    /// The same with only these tasks or candidates.
    pub fn only(&self, wanted: &[usize]) -> Self {
        fn some<T: Clone>(all: &[T], wanted: &[usize]) -> Vec<T> {
            wanted.iter().filter_map(|&at| all.get(at).cloned()).collect()
        }
        match self.clone() {
            Self::Check { tasks, seed, kinds } => Self::Check { tasks: some(&tasks, wanted), seed, kinds },
            Self::Bench { tasks, budget } => Self::Bench { tasks: some(&tasks, wanted), budget },
            Self::Race { item, candidates, rules } => Self::Race { item, candidates: some(&candidates, wanted), rules },
            Self::Tune { item, candidates, rules, ceilings } => {
                Self::Tune { item, candidates: some(&candidates, wanted), rules, ceilings }
            }
        }
    }
}

/// Does a job, and tells.
///
/// # Errors
/// Of the device, behind which nothing more can be done. What one task alone lacks is told as [`Message::Failed`].
pub fn execute(device: &Device, job: &Job, tell: &mut dyn FnMut(Message)) -> Result<(), graph::Error> {
    let mut worker = Worker { device, rate: None, tell };
    match job {
        Job::Check { tasks, seed, kinds } => worker.check(tasks, *seed, kinds),
        Job::Bench { tasks, budget } => worker.bench(tasks, *budget),
        Job::Race { item, candidates, rules } => worker.race(item, candidates, rules),
        Job::Tune { item, candidates, rules, ceilings } => worker.tune(item, candidates, *rules, ceilings.clone()),
    }
}

struct Worker<'a> {
    device: &'a Device,
    rate: Option<Rate>,
    tell: &'a mut dyn FnMut(Message),
}

/// Operations from which on it matters how fast the device is.
const MUCH: f64 = 1e9;

impl Worker<'_> {
    fn check(&mut self, tasks: &[Task], seed: u64, kinds: &[Kind]) -> Result<(), graph::Error> {
        // Inputs and twin are the same for all candidates of an op.
        let mut last: Option<(&Item, Case, Prepared)> = None;
        for (at, Task { item, candidate }) in tasks.iter().enumerate() {
            let (case, prepared) = match last.take().filter(|(known, ..)| *known == item) {
                Some((_, case, prepared)) => (case, prepared),
                None => match item.case() {
                    Ok(case) => {
                        (self.tell)(Message::Doing { at, what: "the twin".into() });
                        let rate = self.rate(case.op.as_ref())?;
                        let conditions = Conditions { rate, kinds: kinds.to_vec(), ..Conditions::new(seed) };
                        let prepared = conditions.prepare(&case);
                        (case, prepared)
                    }
                    Err(error) => {
                        (self.tell)(Message::Failed { at, error: error.to_string() });
                        continue;
                    }
                },
            };
            let device = self.with_checks(candidate);
            let mut doing = |what: &str| (self.tell)(Message::Doing { at, what: what.to_owned() });
            let result = match candidate.choice(case.op.as_ref(), device.capabilities()) {
                Ok(choice) => only_mine(prepared.check(&device, &choice, &mut doing))?,
                Err(error) => Err(error.to_string()),
            };
            (self.tell)(match result {
                Ok(report) => {
                    Message::Checked { at, report: Box::new(Report { variant: candidate.name.clone(), ..report }) }
                }
                Err(error) => Message::Failed { at, error },
            });
            last = Some((item, case, prepared));
        }
        Ok(())
    }

    fn bench(&mut self, tasks: &[Task], budget: Duration) -> Result<(), graph::Error> {
        for (at, task) in tasks.iter().enumerate() {
            (self.tell)(Message::Doing { at, what: "timing".into() });
            match self.timer(&task.item, &task.candidate)? {
                Ok(mut timer) => match only_mine(bench(&mut timer, budget))? {
                    Ok(timing) => (self.tell)(Message::Timed { at, timing }),
                    Err(error) => (self.tell)(Message::Failed { at, error }),
                },
                Err(error) => (self.tell)(Message::Failed { at, error }),
            }
        }
        Ok(())
    }

    fn race(&mut self, item: &Item, candidates: &[Candidate], rules: &Rules) -> Result<(), graph::Error> {
        let mut racing = Vec::new();
        let mut timers = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            (self.tell)(Message::Doing { at, what: "compiling".into() });
            match self.timer(item, candidate)? {
                Ok(timer) => {
                    racing.push(at);
                    timers.push(timer);
                }
                Err(error) => (self.tell)(Message::Failed { at, error }),
            }
        }
        if timers.is_empty() {
            return Ok(());
        }
        let mut before = |at: usize| (self.tell)(Message::Doing { at: racing[at], what: "racing".into() });
        let places = race(&mut timers, rules, &mut before)?;
        (self.tell)(Message::Raced { places: racing.into_iter().zip(places).collect() });
        Ok(())
    }

    fn tune(
        &mut self,
        item: &Item,
        candidates: &[Candidate],
        rules: tune::Rules,
        ceilings: Option<Ceilings>,
    ) -> Result<(), graph::Error> {
        // Without it there is nothing to compare with.
        if candidates.first().is_none_or(|first| *first != Candidate::chosen()) {
            return Ok(());
        }
        let device = self.device;
        let case = match item.case() {
            Ok(case) => case,
            Err(error) => {
                (self.tell)(Message::Failed { at: 0, error: error.to_string() });
                return Ok(());
            }
        };
        let (mut choices, mut settings) = (Vec::new(), Vec::new());
        for (at, candidate) in candidates.iter().enumerate() {
            match candidate.choice(case.op.as_ref(), device.capabilities()) {
                Ok(choice) => {
                    settings.push(Setting::from(&choice));
                    choices.push(choice);
                }
                Err(error) => (self.tell)(Message::Failed { at, error: error.to_string() }),
            }
        }
        let rate = self.rate(case.op.as_ref())?;
        let mut doing = |at: usize, what: &str| (self.tell)(Message::Doing { at, what: what.to_owned() });
        let rig = DeviceRig::new(device, &case, choices, rate, (rules, ceilings), &mut doing);
        let found = match only_mine(rig)? {
            Ok(mut rig) => Ok(search(&mut rig, &settings, &rules)?),
            Err(error) => Err(error),
        };
        (self.tell)(match found {
            Ok(found) => Message::Searched { found: Box::new(found) },
            Err(error) => Message::Failed { at: 0, error },
        });
        Ok(())
    }

    fn timer(&mut self, item: &Item, candidate: &Candidate) -> Result<Result<Timer, String>, graph::Error> {
        let device = self.with_checks(candidate);
        let case = match item.case() {
            Ok(case) => case,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let rate = self.rate(case.op.as_ref())?;
        match candidate.choice(case.op.as_ref(), device.capabilities()) {
            Ok(choice) => only_mine(Timer::new(&device, &case.op, &choice, rate)),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    fn with_checks(&self, candidate: &Candidate) -> Device {
        self.device.clone().with_checks(candidate.checks(self.device.checks()))
    }

    /// How fast the device is: measured when it first matters.
    fn rate(&mut self, op: &dyn Op) -> Result<Rate, graph::Error> {
        let cost = op.cost();
        match self.rate {
            Some(rate) => Ok(rate),
            None if cost.flops.max(cost.bytes) < MUCH => Ok(Rate::default()),
            None => Ok(*self.rate.insert(measure(self.device)?)),
        }
    }
}

/// Tells what stands in the way of one task from what ends them all.
pub(super) fn only_mine<T>(result: Result<T, graph::Error>) -> Result<Result<T, String>, graph::Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(lost @ graph::Error::Gpu(gpu::Error::Lost { .. })) => Err(lost),
        Err(error) => Ok(Err(error.to_string())),
    }
}
