//! `i2vgen sweep`: clips with every combination of settings, measured and compared.

mod axes;
mod grid;
mod names;
mod page;
mod plan;
mod record;
mod results;
mod text;

use std::{path::PathBuf, time::Instant};

use clap::Args;
use i2vgen::{
    metrics::{Reference, as_shown, measure},
    pipeline::Estimate,
    staged,
    video::{Clip, Enlarge, Filter},
};
use serde_json::json;

use super::{
    Error,
    batch::{self, Engines, Job, Prepared, Tally, Todo, Usual},
    generate::{Made, Settings, save_pipelines, seed, store},
    machine::Machine,
    memory::MemoryOptions,
    model::Model,
    output,
    progress::Progress,
};
use axes::Axes;
use grid::Grid;
use plan::{Entry, Frame, Input, Plan, Seeds};
use record::Record;
use results::Results;

/// Make a picture's clips with every combination of settings, measure them, and compare
///
/// Options that take several values are varied: `--eta 0,0.3 --cfg-scale 6,9` makes four clips. DIR gets the clips, a table as sweep.txt,
/// sweep.csv and sweep.json, and a page with everything, sweep.html. The first value of each option is what the others are compared
/// with. Run again, also with other values, it makes only clips that are missing. docs/metrics.md explains the measures.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Sweep {
    /// Picture to animate, or a list of jobs as for `i2vgen batch` (.jsonl): every line with every combination
    input: PathBuf,
    /// Folder for clips and tables; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    axes: Axes,
    /// Seeds; each combination is made with each of them [default: 0, or that of the line]
    #[arg(short, long, value_name = "N,…", value_delimiter = ',', value_parser = seed, help_heading = "Sampling")]
    seed: Vec<u64>,
    /// Seeds in a row from the first one on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Sampling")]
    count: u32,
    /// Format of the clips
    #[arg(long, value_name = "mp4|webp|gif", default_value = "mp4", value_parser = ["mp4", "webp", "gif"], help_heading = "Clip")]
    format: String,
    /// The most clips that a sweep may have
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    /// Do not measure identity, which takes a run of the image encoder for every frame
    #[arg(long)]
    no_identity: bool,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    memory: MemoryOptions,
}

impl Sweep {
    pub fn run(self) -> Result<(), Error> {
        let mut progress = Progress::new(self.machine.progress);
        let made = self.make_all(&mut progress);
        progress.ended(made)
    }

    fn make_all(&self, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();
        let choices = self.machine.choosing.asked()?;
        let checkpoint = self.machine.checkpoint()?;
        let presets = self.machine.presets(checkpoint.defaults())?;
        let usual = Usual { settings: Settings::default(), presets };
        let input = Input::read(&self.input)?;
        let seeds = self.seeds()?;
        let grid = self.grid(input.len(), seeds.count())?;
        let (clips, name) = (self.output.join("clips"), checkpoint.files().name());
        let count = seeds.count();
        let frame = Frame { seeds, clips: &clips, format: &self.format, model: &name, usual: &usual };
        let plan = input.plan(&grid, &frame)?;
        if let Some(note) = self.machine.demo_note(&checkpoint) {
            progress.note(&note);
        }
        if grid.same > 0 {
            let combinations = grid.settings.len() + grid.same;
            progress.note(&format!(
                "{} of {combinations} combinations are the same as others: without anchors their options mean nothing",
                grid.same
            ));
        }
        let identity = !self.no_identity;
        let model = Model::opened(&checkpoint)?;
        let done = |index: usize, job: &Job| plan.is_done(index, job, identity);
        let todo = batch::check(&plan.list, &model, &done, self.machine.no_advice, progress)?;
        let mut tally = Tally::new(plan.list.jobs.len(), todo.len());
        let mut worked = Ok(());
        if todo.is_empty() {
            tally.report(progress, started.elapsed(), None)?;
        } else {
            let engines = batch::open(&self.machine, self.memory.policy(), choices, &plan.list, &todo, progress)?;
            output::make_folder(&clips)?;
            todo.iter().try_for_each(|todo| todo.job.target.check())?;
            let mut make = |todo: Todo<'_>, progress: &mut Progress| {
                let entry = plan.entries.get(todo.number.wrapping_sub(1));
                let entry = entry.ok_or_else(|| Error::message("no such clip in the plan"))?;
                let label = grid.settings.get(entry.setting).map(|setting| setting.label.as_str()).unwrap_or_default();
                Ok((self.make(entry, todo, &model, &engines, progress)?, label.to_owned()))
            };
            worked = batch::work(&plan.list, todo, &done, progress, &mut tally, &mut make);
            save_pipelines(engines.device(), progress);
            tally.report(progress, started.elapsed(), Some(engines.device()))?;
        }
        // What is there is told, also if it is not all.
        self.report(&grid, &plan, count, progress)?;
        worked?;
        if tally.failed > 0 { Err(Error::Reported) } else { Ok(()) }
    }

    fn seeds(&self) -> Result<Seeds, Error> {
        match (self.seed.as_slice(), u64::from(self.count)) {
            ([], count) => Ok(Seeds::FromRow(count)),
            ([first], count) => match first.checked_add(count - 1) {
                Some(last) => Ok(Seeds::Given((*first..=last).collect())),
                None => Err(Error::message(format!("--seed: {count} seeds from {first} on exceed 2^64"))),
            },
            (seeds, 1) => {
                let mut once: Vec<u64> = Vec::new();
                seeds.iter().for_each(|seed| {
                    if !once.contains(seed) {
                        once.push(*seed)
                    }
                });
                Ok(Seeds::Given(once))
            }
            _ => Err(Error::message("--count: several seeds are given already: take --seed or --count")),
        }
    }

    /// The combinations; refuses more clips than the limit before there are any.
    fn grid(&self, rows: usize, seeds: usize) -> Result<Grid, Error> {
        let given = self.axes.given();
        let combinations = Grid::size(&given);
        let clips = combinations.saturating_mul(rows as u128).saturating_mul(seeds as u128);
        if clips > self.limit as u128 {
            return Err(Error::message(format!(
                "{clips} clips ({combinations} combinations, {rows} pictures, {seeds} seeds) are more than {}: vary less, or raise --limit",
                self.limit
            )));
        }
        Ok(Grid::new(given))
    }

    /// Makes a clip, measures it before it is encoded, and keeps both.
    fn make(
        &self,
        entry: &Entry,
        todo: Todo<'_>,
        model: &Model,
        engines: &Engines,
        progress: &mut Progress,
    ) -> Result<Made, Error> {
        let job = todo.job;
        let Prepared { recipe, mark, notes } = todo.prepare(model)?;
        notes.iter().chain(&recipe.notes).for_each(|note| progress.note(note));
        let request = &recipe.request;
        let engine = engines.turn_to(recipe.dtype, request.compat)?;
        let started = Instant::now();
        let output = engine.generate(request, progress)?.into_iter().next();
        let seconds = started.elapsed().as_secs_f64();
        let output = output.ok_or_else(|| Error::message("no clip was made"))?;
        let (width, height) = (request.width, request.height);
        let clip = Clip { width, height, fps: recipe.fps, frames: output.frames.clone() };
        let shown = as_shown(&request.picture, width, height, Enlarge { scale: 1, filter: Filter::default() })?;
        let reference = Reference::Picture(&shown);
        let mut measures = measure(&clip, reference)?;
        if !self.no_identity {
            engine.add_identity(&mut measures, &clip, reference, progress)?;
        }
        let made = store(engine, &recipe, &mark, &job.target, output, progress)?;
        let device_bytes = Estimate::new(&engine.planned(request)?.plans, request.step_counts()).peak_bytes;
        Record { origin: entry.origin.clone(), seconds, device_bytes, measures }.save(&entry.record)?;
        Ok(made)
    }

    /// Writes the tables and the page, and prints the table of settings.
    fn report(&self, grid: &Grid, plan: &Plan, seeds: usize, progress: &Progress) -> Result<(), Error> {
        let results = Results::read(grid, plan, seeds, !self.no_identity);
        if results.found.is_empty() {
            return Ok(());
        }
        let command = output::command_line();
        let name = self.input.file_name().unwrap_or_default().to_string_lossy();
        let html = page::page(&results, format!("Sweep of {name}"), command.clone())?.to_html()?;
        let (settings, differences, clips) = (results.settings(), results.differences(), results.clips());
        let object = json!({
            "command": command, "pictures": plan.rows, "clips_missing": plan.entries.len() - results.found.len(),
            "settings": settings.to_json(), "differences_to_first": differences.to_json(), "clips": clips.to_json(),
        });
        let object = serde_json::to_string_pretty(&object).map_err(|e| Error::Output(e.into()))?;
        let text = text::whole(&results, &command);
        let (settings, clips) = (settings.to_csv(), clips.to_csv());
        let files = [
            ("sweep.txt", &text),
            ("sweep.csv", &settings),
            ("sweep-clips.csv", &clips),
            ("sweep.json", &object),
            ("sweep.html", &html),
        ];
        let files = files.map(|(name, text)| (self.output.join(name), text));
        staged::write_all(files.iter().map(|(path, text)| (path.as_path(), text.as_bytes())))?;
        progress.line(&format!("\n{}", text::settings(&results).trim_end()))?;
        progress.line(&format!("\n{}: {}", self.output.join("sweep.html").display(), text::head(&results)))
    }
}
