//! Where the time of a generation goes: every dispatch of real steps timed on the device, beside the untimed whole.

mod agreement;
mod colours;
mod diff;
mod error;
mod group;
mod memory;
mod page;
mod phases;
mod record;
mod roofs;
mod run;
#[cfg(test)]
mod sample;
mod setup;
mod tables;
mod times;
mod trace;
mod tree;
mod weights;
mod words;

use std::sync::Arc;

pub use agreement::{Agreement, Agrees};
pub use diff::{Change, Diff, PhaseDiff, Verdict};
pub use error::Error;
pub use group::{Group, groups, sum};
pub use memory::{MemoryCount, PhaseMemory};
pub use page::page;
pub use record::{Clock, Dispatch, Phase, PhaseKind, Profile, Start};
pub use setup::Setup;
pub use tables::{csv, phases as phase_table};
pub use trace::trace;
pub use tree::{Node, block, kind};
pub use weights::Weights;
pub use words::{clock_words, phase_words, title, words};

use super::Ceilings;
use crate::{
    checkpoint::{self, Configs},
    gpu::Device,
    graph::{Keep, Target, measure},
    kernel::{Choices, Dtype, Override},
    pipeline::{DtypeChoice, Estimate, MAX_SECONDS, MemoryPolicy, Networks, PlanTypes, Planner, Plans, Request},
};
use phases::Phases;
use run::Timing;

/// What is profiled.
#[derive(Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its configurations.
    pub configs: Configs,
    /// Its weights.
    pub weights: Weights,
}

/// How it is profiled.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Size, frames and guidance of the clip; picture and prompt do not matter.
    pub request: Request,
    /// How activations are stored.
    pub dtype: DtypeChoice,
    /// Which phases, in the order in which they run; the UNet's conditions come with its steps.
    pub phases: Vec<PhaseKind>,
    /// Timed runs of each phase, and as many untimed ones.
    pub repetitions: usize,
    /// Time by the host's clock even where the device has timestamps.
    pub host_clock: bool,
    /// What of the device's memory may be taken: with a limit, or where weights are to be streamed, what is profiled is what a generation does
    /// then; else all weights stay on the device.
    pub memory: MemoryPolicy,
    /// Which variants run, where that is not left to the kernels.
    pub choices: Arc<Choices>,
}

/// Most repetitions: each takes two steps of the noise schedule.
pub const MAX_REPETITIONS: usize = 100;

/// A profile that is planned and found to fit the device.
pub struct Session<'a> {
    device: &'a Device,
    subject: &'a Subject,
    settings: &'a Settings,
    target: Target,
    plans: Plans,
    dtype: Dtype,
}

impl<'a> Session<'a> {
    /// Plans a profile; nothing is loaded yet.
    ///
    /// # Errors
    /// What does not fit the device or the model, or is out of range.
    pub fn new(device: &'a Device, subject: &'a Subject, settings: &'a Settings) -> Result<Self, Error> {
        let Settings { request, repetitions, .. } = settings;
        if !(1..=MAX_REPETITIONS).contains(repetitions) {
            let reason = format!("{repetitions} is out of range: take 1 to {MAX_REPETITIONS}");
            return Err(Error::Setting { field: "--steps", reason });
        }
        request.check(&subject.configs)?;
        let dtype = activation(device, settings.dtype)?;
        let networks = Networks::new(&subject.configs, request.compat);
        if let Weights::Checkpoint(checkpoint) = &subject.weights {
            checkpoint::reject(checkpoint.files().root(), networks.problems(checkpoint))?;
        }
        let mut capabilities = device.capabilities().clone();
        if capabilities.is_cpu() {
            // What software drivers call their memory is a fixed number; they use that of the machine.
            (capabilities.memory, capabilities.free_memory) = (None, None);
        }
        let target = Target::new(capabilities, measure(device)?).within(MAX_SECONDS);
        let target = Target { choices: settings.choices.clone(), ..target };
        let types = PlanTypes { activation: dtype, weights: subject.weights.dtypes(dtype) };
        let asked = settings.memory;
        // The limit is planned for, not enforced: timestamps take memory that a generation does not need.
        let memory = MemoryPolicy { resident: asked.limit.is_none() && !asked.offload, ..asked };
        let planner = Planner { configs: &subject.configs, networks: &networks, types, target: &target, memory };
        let plans = planner.plan(request, Keep::Nothing)?;
        Ok(Self { device, subject, settings, target, plans, dtype })
    }

    /// Whether the clip's plans have something of every override; returns what the reader should know.
    ///
    /// # Errors
    /// An override that nothing runs with.
    pub fn check_overrides(&self) -> Result<Vec<String>, Error> {
        Ok(self.plans.check_overrides()?)
    }

    /// Times the phases; `tell` hears which one comes next, `note` what the reader should know.
    ///
    /// # Errors
    /// Whatever stops a generation.
    pub fn run(
        &self,
        ceilings: Ceilings,
        tell: &mut dyn FnMut(&str),
        note: &mut dyn FnMut(&str),
    ) -> Result<Profile, Error> {
        let Self { device, settings, plans, .. } = self;
        let timestamps = device.capabilities().timestamps && !settings.host_clock;
        let clock = if timestamps { Clock::Timestamps } else { Clock::Host };
        let timing = Timing { device, clock, repetitions: settings.repetitions, idle: ceilings.round_trip };
        let mut done = Vec::new();
        for &kind in &settings.phases {
            tell(kind.name());
            done.extend(self.phases().run(kind, &timing, note)?);
        }
        Ok(Profile {
            version: env!("CARGO_PKG_VERSION").into(),
            setup: self.setup(),
            steps: settings.request.steps,
            device: device.capabilities().clone(),
            shader_checks: device.checks().to_string(),
            overrides: settings.choices.overrides().iter().map(Override::to_string).collect(),
            tuned: plans.tuned().mark(),
            ceilings,
            clock,
            phases: done,
        })
    }

    /// Loads, allocates and compiles the phases as a generation does, runs none of them, and counts their memory; `tell` hears which one
    /// comes next. A limit of the settings is kept to.
    ///
    /// # Errors
    /// What does not load, compile or fit.
    pub fn count_memory(&self, tell: &mut dyn FnMut(&str)) -> Result<MemoryCount, Error> {
        let Self { device, settings, plans, .. } = self;
        device.limit_memory(settings.memory.limit);
        let estimate = Estimate::new(plans, settings.request.step_counts());
        let count = |&kind: &PhaseKind| {
            tell(kind.name());
            self.phases().count_memory(kind, &estimate)
        };
        let phases: Vec<PhaseMemory> = settings.phases.iter().map(count).collect::<Result<_, _>>()?;
        let peak = |bytes: fn(&PhaseMemory) -> u64| phases.iter().map(bytes).max().unwrap_or(0);
        Ok(MemoryCount {
            peak_planned_bytes: peak(|phase| phase.planned_bytes),
            peak_counted_bytes: peak(|phase| phase.counted_bytes),
            setup: self.setup(),
            device: device.capabilities().clone(),
            phases,
        })
    }

    fn setup(&self) -> Setup {
        let Self { subject, plans, .. } = self;
        Setup {
            model: subject.name.clone(),
            random_weights: matches!(subject.weights, Weights::Random(_)),
            size: plans.shape.size,
            frames: plans.shape.frames,
            guided: plans.shape.guided,
            one_batch: plans.shape.one_batch,
            streaming: plans.streaming(),
            dtype: self.dtype,
        }
    }

    fn phases(&self) -> Phases<'_> {
        Phases {
            device: self.device,
            target: &self.target,
            configs: &self.subject.configs,
            plans: &self.plans,
            weights: &self.subject.weights,
            request: &self.settings.request,
        }
    }
}

/// Whether the timed dispatches of each phase add up to the whole.
pub fn agreements(profile: &Profile) -> Vec<(PhaseKind, Agreement)> {
    let of = |phase: &Phase| (phase.kind, Agreement::new(phase, &profile.ceilings, profile.clock));
    profile.phases.iter().map(of).collect()
}

fn activation(device: &Device, dtype: DtypeChoice) -> Result<Dtype, Error> {
    match (dtype, device.capabilities().f16) {
        (DtypeChoice::F32, _) | (DtypeChoice::Auto, false) => Ok(Dtype::F32),
        (_, true) => Ok(Dtype::F16),
        (DtypeChoice::F16, false) => {
            let reason = format!("device '{}' has no f16 in shaders: take --dtype f32", device.capabilities().name);
            Err(Error::Setting { field: "--dtype", reason })
        }
    }
}
