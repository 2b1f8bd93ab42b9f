//! The one who watches: a generation's runs, each looked at as was asked for.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Error, Selection, chain,
    dump::Dump,
    local::{self, Rules},
    names::{names, outputs},
    report::Traced,
    runs::Counter,
    twin::Parameters,
    walk::{Tell, Walk},
};
use crate::{
    checkpoint::Checkpoint,
    graph::{self, Keep, Plan, Watch, Watched},
    lab::check::Effort,
    nearest::hint,
    pipeline::{Engine, Observer, Plans, Request},
};

/// What is done with the runs that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They run on the device.
    Device,
    /// Their first operations run on the CPU twins: as many as this, or those before the one of this name.
    TwinsUntil(Until),
    /// Every operation is compared with its twin on the device's own inputs, until one departs.
    Bisect,
    /// The whole run is compared with one on the twins, and what makes the difference is found by bisection.
    BisectChain,
}

/// Where the prefix of a plan ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Behind so many operations.
    Index(usize),
    /// Before the operation of this name.
    Name(String),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is looked at.
    pub selection: Selection,
    /// What is done with it.
    pub mode: Mode,
    /// Where tensors go to.
    pub dump: Option<PathBuf>,
    /// What is written into the dump's head beside the tensors.
    pub about: String,
    /// How much of an operation is compared with its twin.
    pub effort: Effort,
    /// Where windows of large operations lie.
    pub seed: u64,
    /// Bytes that the host may keep for `BisectChain`.
    pub max_memory: u64,
}

/// Traces a generation: runs it as far as something is to be seen.
///
/// # Errors
/// What can go wrong with a generation; a selection in which nothing happens; a dump that cannot be written.
pub fn trace(
    engine: Engine,
    request: &Request,
    ask: Ask,
    tell: Box<Tell>,
    observer: &mut dyn Observer,
) -> Result<Traced, Error> {
    let plans = engine.plans(request, Keep::Nothing)?;
    let steps = engine.course(request)?.steps.len();
    ask.selection.check(steps, request.frames)?;
    if ask.dump.is_some() && matches!(ask.mode, Mode::Device | Mode::TwinsUntil(_)) {
        check_patterns(&plans, &ask.selection, steps, request.frames)?;
    }
    if let Mode::TwinsUntil(until) = &ask.mode {
        check_until(&plans, &ask.selection, until)?;
    }
    let dump = ask.dump.as_deref().map(Dump::new).transpose()?;
    let parameters = Parameters(Checkpoint::open(engine.checkpoint().files().clone())?);
    let rules = Rules { effort: ask.effort, rate: engine.rate(), seed: ask.seed };
    let state = State { counter: Counter::default(), traced: Traced::default(), dump, failed: None };
    let tracer = Arc::new(Tracer { ask, parameters, rules, tell, state: Mutex::new(state) });
    let ran = engine.watched(tracer.clone()).generate(request, observer);
    let mut state = lock(&tracer.state);
    if let Some(error) = state.failed.take() {
        return Err(error);
    }
    match ran {
        Ok(_) | Err(crate::pipeline::Error::Graph(graph::Error::Stopped)) => {}
        Err(error) => return Err(error.into()),
    }
    let mut traced = std::mem::take(&mut state.traced);
    if traced.runs.is_empty() {
        let reason = "no run of this generation is among the phases, steps and frames that were asked for";
        return Err(Error::Nothing(reason.into()));
    }
    if let Some(dump) = state.dump.take() {
        traced.dumped = dump.size();
        if traced.dumped.0 == 0 && traced.ok() && matches!(tracer.ask.mode, Mode::Device | Mode::TwinsUntil(_)) {
            return Err(Error::Nothing("no tensor has a name like --match; `--list` shows them".into()));
        }
        if traced.dumped.0 > 0 {
            dump.finish(BTreeMap::from([("i2vgen", tracer.ask.about.clone())]))?;
        }
    }
    Ok(traced)
}

struct Tracer {
    ask: Ask,
    parameters: Parameters,
    rules: Rules,
    tell: Box<Tell>,
    state: Mutex<State>,
}

struct State {
    counter: Counter,
    traced: Traced,
    dump: Option<Dump>,
    failed: Option<Error>,
}

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracer").field("ask", &self.ask).finish_non_exhaustive()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch for Tracer {
    fn run(&self, program: &Watched<'_>) -> Result<(), graph::Error> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let run = state.counter.begin(program.plan().name);
        if self.ask.selection.is_over(&run) {
            return Err(graph::Error::Stopped);
        }
        if !self.ask.selection.has(&run) {
            program.submit(0..program.plan().ops.len());
            return Ok(());
        }
        let common = (&self.ask.selection, &self.parameters, &*self.tell);
        let mut walk = Walk::new(*program, run, common, &mut state.traced, state.dump.as_mut());
        let wrong = match &self.ask.mode {
            Mode::Device => device(&mut walk, 0),
            Mode::TwinsUntil(until) => prefix(&walk, until).and_then(|ops| device(&mut walk, ops)),
            Mode::Bisect => local::follow(&mut walk, self.rules),
            Mode::BisectChain => chain::follow(&mut walk, self.rules, self.ask.max_memory),
        };
        match wrong {
            Ok(false) => Ok(()),
            Ok(true) => Err(graph::Error::Stopped),
            Err(error) => {
                state.failed = Some(error);
                Err(graph::Error::Stopped)
            }
        }
    }
}

/// How many operations of this run are for the twins.
fn prefix(walk: &Walk<'_>, until: &Until) -> Result<usize, Error> {
    Ok(match until {
        Until::Index(ops) => (*ops).min(walk.len()),
        // Of plans without it nothing is.
        Until::Name(name) => walk.find(name).unwrap_or(0),
    })
}

/// Runs the first operations on the twins and the others on the device, and dumps what is wanted.
fn device(walk: &mut Walk<'_>, twins: usize) -> Result<bool, Error> {
    walk.dump_externals()?;
    for index in 0..walk.len() {
        walk.step(index)?;
        let inputs = if index < twins { walk.inputs(index)? } else { None };
        match inputs {
            Some(inputs) => {
                let outputs = walk.twin(index, &inputs);
                walk.write(index, &outputs)?;
                walk.traced.on_twins += 1;
            }
            None => walk.program.submit(index..index + 1),
        }
        walk.dump_outputs(index)?;
    }
    Ok(false)
}

/// Refuses a prefix that no plan has.
fn check_until(plans: &Plans, selection: &Selection, until: &Until) -> Result<(), Error> {
    let all = all_plans(plans);
    let wanted: Vec<&Plan> = all.into_iter().filter(|plan| selection.phases().contains(&plan.name)).collect();
    match until {
        Until::Index(ops) => match wanted.as_slice() {
            [plan] if *ops <= plan.ops.len() => Ok(()),
            [plan] => {
                let (count, name) = (plan.ops.len(), plan.name);
                Err(Error::Until(format!("{ops} is more than the {count} operations of {name}")))
            }
            _ => Err(Error::Until("a number is counted in one plan: name it with --phase".into())),
        },
        Until::Name(name) => {
            let labels: Vec<String> = wanted
                .iter()
                .flat_map(|plan| names(plan).into_iter().zip(&plan.ops).flat_map(|(name, op)| [name, op.label.clone()]))
                .collect();
            let last = name.rsplit_once('/').map_or(name.as_str(), |(_, last)| last);
            if labels.iter().any(|label| label == name || label == last) {
                return Ok(());
            }
            let hint = hint(last, labels.iter().map(String::as_str));
            Err(Error::Until(format!("no operation is called '{name}'{hint}; `--list` shows them")))
        }
    }
}

/// Refuses patterns that no name of a tensor is like, before anything runs.
fn check_patterns(plans: &Plans, selection: &Selection, steps: usize, frames: usize) -> Result<(), Error> {
    let patterns = selection.patterns();
    let wanted = plans.all().into_iter().filter(|plan| selection.phases().contains(&plan.name));
    let any = |plan: &Plan| {
        let ops = names(plan).into_iter().zip(&plan.ops).flat_map(|(name, op)| outputs(op, &name));
        let outside = plan.externals.iter().map(|external| format!("inputs/{}", external.name));
        let known: Vec<String> = ops.map(|output| output.name).chain(outside).collect();
        let runs = selection.runs(plan.name, steps, frames);
        runs.iter().any(|run| known.iter().any(|name| selection.matches(&format!("{run}/{name}"))))
    };
    if patterns.is_empty() || wanted.into_iter().any(any) {
        return Ok(());
    }
    Err(Error::NoMatch(patterns.iter().map(|pattern| format!("'{pattern}'")).collect::<Vec<_>>().join(", ")))
}

/// The plans of a generation, each once.
fn all_plans(plans: &Plans) -> Vec<&Plan> {
    let step = &plans.step;
    vec![
        &plans.text,
        &plans.image,
        &plans.encode,
        &step.conditions,
        &plans.initial,
        &step.unet,
        &step.ddim,
        &plans.decode.plan,
    ]
}

/// An operation as a listing tells it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// The plan.
    pub phase: &'static str,
    /// Its number in the plan, from 0.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// The kernel.
    pub kernel: &'static str,
    /// The variant.
    pub variant: &'static str,
    /// The shapes of its outputs.
    pub shapes: Vec<Vec<usize>>,
    /// Dispatches.
    pub pieces: usize,
}

/// The operations of the plans that are looked at, without running them.
pub fn list(plans: &Plans, selection: &Selection) -> Vec<Listed> {
    let wanted = all_plans(plans).into_iter().filter(|plan| selection.phases().contains(&plan.name));
    let of = |plan: &Plan| {
        let listed = names(plan).into_iter().zip(&plan.ops).enumerate().map(|(index, (name, op))| Listed {
            phase: plan.name,
            index,
            kernel: op.op.kernel().name,
            variant: op.choice.variant,
            shapes: outputs(op, &name).into_iter().map(|output| output.binding.shape).collect(),
            pieces: op.chunks.len(),
            name,
        });
        let run = selection.first(plan.name);
        listed.filter(|op| selection.matches(&format!("{run}/{}", op.name))).collect::<Vec<_>>()
    };
    wanted.flat_map(of).collect()
}
