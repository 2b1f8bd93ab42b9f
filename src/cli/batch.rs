//! `i2vgen batch`: many clips from a list, in one process; run again, it makes those that are missing.

mod engines;
mod job;
mod list;
mod pace;
mod tally;

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Instant};

use clap::Args;
use i2vgen::{
    checkpoint::Checkpoint,
    kernel::Choices,
    pipeline::{self, Compat, DtypeChoice},
};
use serde_json::{Value, json};

use super::{
    Error,
    generate::{Made, Settings, make},
    machine::Machine,
    progress::Progress,
    units,
};
use engines::Engines;
use job::{Job, Prepared, Usual};
use list::List;
use pace::Pace;
use tally::Tally;

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
}

/// A job whose clip is not there.
struct Todo<'a> {
    /// Its place in the list, from 1.
    number: usize,
    job: &'a Job,
    dtype: DtypeChoice,
    compat: Compat,
    work: f64,
}

impl Batch {
    pub fn run(self) -> Result<(), Error> {
        let started = Instant::now();
        let mut progress = Progress::new(self.machine.progress);

        // Everything that can be wrong with a line is found before anything takes long.
        let choices = self.machine.overrides.choices()?;
        let checkpoint = self.machine.checkpoint()?;
        let presets = self.machine.presets(&checkpoint)?;
        let list = List::read(&self.jobs, &self.output, &Usual { settings: self.settings.clone(), presets })?;
        if let Some(note) = self.machine.demo_note(&checkpoint) {
            progress.note(&note);
        }
        let todo = check(&list, &checkpoint, self.machine.no_advice, &mut progress)?;
        let mut tally = Tally::new(list.jobs.len(), todo.len());
        if todo.is_empty() {
            return tally.report(&progress, started.elapsed(), None);
        }

        let engines = self.open(&list, &todo, choices, &mut progress)?;
        let cannot = |e| Error::message(format!("cannot make the folder {}: {e}", self.output.display()));
        fs::create_dir_all(&self.output).map_err(cannot)?;
        todo.iter().try_for_each(|todo| todo.job.target.check())?;
        let worked = work(&list, &todo, &engines, &mut progress, &mut tally);
        tally.report(&progress, started.elapsed(), Some(engines.device()))?;
        worked?;
        if tally.failed > 0 { Err(Error::Reported) } else { Ok(()) }
    }

    /// Opens the device, and the model in every way that a job asks for.
    fn open(
        &self,
        list: &List,
        todo: &[Todo<'_>],
        choices: Arc<Choices>,
        progress: &mut Progress,
    ) -> Result<Engines, Error> {
        choices.overrides().iter().for_each(|what| progress.note(&format!("override: {what}")));
        progress.stage("opening the device and the model", json!({ "event": "phase", "phase": "open" }));
        let mut engines = Engines::new(self.machine.device.open()?, choices);
        for todo in todo {
            engines.open(&self.machine, todo.dtype, todo.compat).map_err(|error| match error {
                Error::Pipeline(pipeline::Error::Request { field: "--dtype", .. }) => list.at(todo.job, &error),
                other => other,
            })?;
        }
        progress.check()?;
        Ok(engines)
    }
}

/// The jobs that are not done; refuses what cannot work, and advises once, unless it is to be `silent`.
fn check<'a>(
    list: &'a List,
    checkpoint: &Checkpoint,
    silent: bool,
    progress: &mut Progress,
) -> Result<Vec<Todo<'a>>, Error> {
    progress.stage("checking the jobs", json!({ "event": "phase", "phase": "check" }));
    let (mut todo, mut advice) = (Vec::new(), BTreeSet::new());
    for (job, number) in list.jobs.iter().zip(1..).filter(|(job, _)| !job.is_done()) {
        progress.check()?;
        let recipe = job.check(checkpoint).map_err(|error| list.at(job, &error))?;
        advice.extend(recipe.advice(checkpoint));
        let work = pace::work(&recipe.request);
        todo.push(Todo { number, job, dtype: recipe.dtype, compat: recipe.request.compat, work });
    }
    list.check_outputs()?;
    if !silent {
        advice.iter().for_each(|line| progress.note(line));
    }
    Ok(todo)
}

/// Makes all clips. One that fails is told and counted; an error is what ends the others, too.
fn work(
    list: &List,
    todo: &[Todo<'_>],
    engines: &Engines,
    progress: &mut Progress,
    tally: &mut Tally,
) -> Result<(), Error> {
    let mut pace = Pace::new(todo.iter().map(|todo| todo.work).sum());
    for Todo { number, job, work, .. } in todo {
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
        progress.begin_job(name.clone());
        tell(progress, "started", Value::Null);
        let started = Instant::now();
        match run(job, engines, progress) {
            Ok((made, sizes)) => {
                tally.made += 1;
                let took = started.elapsed();
                let left = pace.done(*work, took);
                let seconds = [took, left].map(|time| time.as_secs_f64());
                let more = json!({ "seed": made.seed, "seconds": seconds[0], "seconds_left": seconds[1] });
                tell(progress, "done", more);
                let (file, seed, took) = (made.named(), made.seed, units::time(took));
                let left = match left.is_zero() {
                    true => String::new(),
                    false => format!(", about {} left", units::time(left)),
                };
                progress.line(&format!("{name}  {file}  seed {seed}  {sizes}  {took}{left}"))?;
            }
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                tally.failed += 1;
                pace.skip(*work);
                tell(progress, "failed", json!({ "error": error.to_string() }));
                progress.failure(&list.at(job, &error).to_string());
            }
        }
    }
    Ok(())
}

/// Makes one clip; returns it with its sizes in words.
fn run(job: &Job, engines: &Engines, progress: &mut Progress) -> Result<(Made, String), Error> {
    let Prepared { recipe, mark, notes } = job.prepare()?;
    notes.iter().chain(&recipe.notes).for_each(|note| progress.note(note));
    let engine = engines.get(recipe.dtype, recipe.request.compat)?;
    let made = make(engine, &recipe, &mark, &job.target, progress)?;
    let made = made.into_iter().next().ok_or_else(|| Error::message("no clip was made"))?;
    Ok((made, recipe.sizes()))
}
