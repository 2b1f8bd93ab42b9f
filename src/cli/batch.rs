//! `i2vgen batch`: many clips from a list, in one process; run again, it makes those that are missing.

mod engines;
mod job;
mod list;
mod pace;
mod tally;
mod todo;

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use clap::Args;
use i2vgen::{
    kernel::Choices,
    pipeline::{self, MemoryPolicy},
};
use serde_json::{Value, json};

use super::{
    Error,
    choosing::overrides,
    generate::{Made, Settings, make, save_pipelines, unused},
    machine::Machine,
    memory::MemoryOptions,
    model::Model,
    output,
    progress::Progress,
    units,
};
pub use engines::Engines;
pub use job::{Job, Prepared, Usual, fields};
pub use list::{List, at, lines};
use pace::Pace;
pub use tally::Tally;
use todo::Budget;
pub use todo::Todo;

/// Make many clips from a list of jobs
///
/// JOBS has one JSON object per line, such as {"picture": "cat.png", "prompt": "A cat is turning its head", "output": "cat.gif"}.
/// "output" is a file name in DIR; without one it is the picture's name with the line's number and .mp4. Other fields are named
/// as the options below, with _ for -; the options are for lines that do not say. A clip that is already in DIR is not made again.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Batch {
    /// List of jobs; pictures are looked for beside it
    jobs: PathBuf,
    /// Folder for the clips; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    memory: MemoryOptions,
}

impl Batch {
    pub fn run(self) -> Result<(), Error> {
        let mut progress = Progress::new(self.machine.progress);
        let made = self.make_all(&mut progress);
        progress.ended(made)
    }

    fn make_all(&self, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();

        // Everything that can be wrong with a line is found before anything takes long.
        let choices = self.machine.choosing.asked()?;
        let checkpoint = self.machine.checkpoint()?;
        let presets = self.machine.presets(checkpoint.defaults())?;
        let list = List::read(&self.jobs, &self.output, &Usual { settings: self.settings.clone(), presets })?;
        if let Some(note) = self.machine.demo_note(&checkpoint) {
            progress.note(&note);
        }
        let model = Model::opened(&checkpoint)?;
        let done = |_: usize, job: &Job| job.is_done();
        let todo = check(&list, &model, &done, self.machine.no_advice, progress)?;
        let mut tally = Tally::new(list.jobs.len(), todo.len());
        if todo.is_empty() {
            return tally.report(progress, started.elapsed(), None);
        }

        let engines = open(&self.machine, self.memory.policy(), choices, &list, &todo, progress)?;
        output::make_folder(&self.output)?;
        todo.iter().try_for_each(|todo| todo.job.target.check())?;
        let mut make = |todo: Todo<'_>, progress: &mut Progress| run(todo, &model, &engines, progress);
        let worked = work(&list, todo, &done, progress, &mut tally, &mut make);
        save_pipelines(engines.device(), progress);
        tally.report(progress, started.elapsed(), Some(engines.device()))?;
        worked?;
        if tally.failed > 0 { Err(Error::Reported) } else { Ok(()) }
    }
}

/// Opens the device, and the model in every way that a job asks for.
pub fn open(
    machine: &Machine,
    memory: MemoryPolicy,
    choices: Choices,
    list: &List,
    todo: &[Todo<'_>],
    progress: &mut Progress,
) -> Result<Engines, Error> {
    overrides(&choices).iter().for_each(|note| progress.note(note));
    progress.stage("opening the device and the model", json!({ "event": "phase", "phase": "open" }));
    let device = machine.open()?;
    let choices = machine.choices_on(choices, &device, progress);
    let mut engines = Engines::new(device, choices, memory);
    for todo in todo {
        engines.open(machine, todo.dtype, todo.compat).map_err(|error| match error {
            Error::Pipeline(pipeline::Error::Request { field: "--dtype", .. }) => list.at(todo.job, &error),
            other => other,
        })?;
    }
    engines.check_overrides(todo)?.iter().for_each(|note| progress.note(note));
    progress.check()?;
    Ok(engines)
}

/// Is the clip of a job, whose number in the list this is, there?
pub type Done<'a> = dyn Fn(usize, &Job) -> bool + 'a;

/// The jobs that are not `done`; refuses what cannot work, and advises once, unless it is to be `silent`.
pub fn check<'a>(
    list: &'a List,
    model: &Model,
    done: &Done<'_>,
    silent: bool,
    progress: &mut Progress,
) -> Result<Vec<Todo<'a>>, Error> {
    progress.stage("checking the jobs", json!({ "event": "phase", "phase": "check" }));
    let (mut todo, mut budget, mut lines, mut notes) =
        (Vec::new(), Budget::default(), BTreeSet::new(), BTreeSet::new());
    for (index, job) in list.jobs.iter().enumerate().filter(|(index, job)| !done(*index, job)) {
        progress.check()?;
        let prepared = job.prepare(model).map_err(|error| list.at(job, &error))?;
        notes.extend(&job.note);
        lines.extend(prepared.recipe.warnings(model));
        if !silent {
            lines.extend(prepared.recipe.advice(model, job.target.kind()));
            lines.extend(unused(&job.said, &prepared.recipe));
        }
        todo.push(Todo::new(index + 1, job, prepared, &mut budget));
    }
    list.check_outputs()?;
    notes.iter().for_each(|note| progress.note(note));
    lines.iter().for_each(|line| progress.note(&line.to_string()));
    Ok(todo)
}

/// Makes the clip of a job; returns it with what it is in words.
pub type Make<'a> = dyn FnMut(Todo<'_>, &mut Progress) -> Result<(Made, String), Error> + 'a;

/// Makes all clips that are not `done` by then. One that fails is told and counted; an error is what ends the others, too.
pub fn work(
    list: &List,
    todo: Vec<Todo<'_>>,
    done: &Done<'_>,
    progress: &mut Progress,
    tally: &mut Tally,
    make: &mut Make<'_>,
) -> Result<(), Error> {
    let mut pace = Pace::new(todo.iter().map(|todo| todo.work).sum());
    for todo in todo {
        let Todo { number, job, work, .. } = todo;
        let name = format!("{number} of {}", list.jobs.len());
        let tell = |progress: &Progress, status: &str, more: Value| {
            let mut event = json!({
                "event": "job", "status": status, "job": number, "of": list.jobs.len(), "line": job.line,
                "output": job.target.path(),
            });
            if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
                event.extend(more);
            }
            progress.emit(event);
        };
        // Another run may be at work in the same folder.
        if done(number - 1, job) {
            tally.found();
            pace.skip(work);
            tell(progress, "skipped", Value::Null);
            progress.line(&format!("{name}  {} is there now", job.target.path().display()))?;
            continue;
        }
        progress.begin_job(name.clone());
        tell(progress, "started", Value::Null);
        let started = Instant::now();
        match make(todo, progress) {
            Ok((made, words)) => {
                tally.made(made.memory);
                let took = started.elapsed();
                let left = pace.done(work, took);
                let seconds = [took, left].map(|time| time.as_secs_f64());
                let more = json!({ "seed": made.seed, "seconds": seconds[0], "seconds_left": seconds[1] });
                tell(progress, "done", more);
                let (file, seed, took) = (made.named(), made.seed, units::time(took));
                let left = match left.is_zero() {
                    true => String::new(),
                    false => format!(", about {} left", units::time(left)),
                };
                progress.line(&format!("{name}  {file}  seed {seed}  {words}  {took}{left}"))?;
            }
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                tally.failed += 1;
                pace.skip(work);
                tell(progress, "failed", json!({ "error": error.to_string() }));
                progress.failure(&list.at(job, &error).to_string());
            }
        }
    }
    Ok(())
}

/// Makes one clip; returns it with its sizes in words.
fn run(todo: Todo<'_>, model: &Model, engines: &Engines, progress: &mut Progress) -> Result<(Made, String), Error> {
    let job = todo.job;
    let Prepared { recipe, mark, notes } = todo.prepare(model)?;
    notes.iter().chain(&recipe.notes).for_each(|note| progress.note(note));
    let engine = engines.turn_to(recipe.dtype, recipe.request.compat)?;
    let made = make(engine, &recipe, &mark, std::slice::from_ref(&job.target), progress)?;
    let made = made.into_iter().next().ok_or_else(|| Error::message("no clip was made"))?;
    Ok((made, recipe.sizes()))
}
