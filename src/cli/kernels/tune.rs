//! `i2vgen kernels tune`: which settings of the kernels are fastest on this device at the shapes of a model run.

mod files;
mod report;
mod shape;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use i2vgen::{
    gpu::Capabilities,
    graph::Rate,
    kernel::{Case, Cost},
    lab::{
        Candidate, Ceilings, Item, Roofline,
        tune::{Found, Rules, Tuned},
    },
    staged,
};

use super::shapes::{ShapeOptions, Usual};
use crate::cli::{
    Error,
    options::{DeviceOptions, draw_seed},
    output,
    progress::{Progress, Style},
    units,
};
use report::{Outcome, Report};

/// Search the settings of kernels that are fastest on this device at the shapes of a model run, and keep them for later runs
///
/// The costliest shapes come first. At each, every setting is compared with the CPU twin; those that hold are timed, the slower half is
/// dropped and the rest timed for longer until three are left (successive halving). These race the kernel's own choice, and the fastest is
/// kept if the whole 95 % interval of its ratio is beyond --min-gain. What was searched before is not searched again as long as device, driver, this
/// program and the kernel's source are the same. Settings are tried in a process of their own: one that hangs or crashes the driver is
/// left out. generate, batch, sweep, profile, trace-tensors and verify use what is kept, and say so.
#[derive(Args)]
pub struct Tune {
    /// Kernels [default: all]
    kernels: Vec<String>,
    #[command(flatten)]
    shapes: ShapeOptions,
    /// Time for all shapes together; each gets its share of the run
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = units::parse_time)]
    budget: Duration,
    /// Keep a setting only if it is faster by more than this
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = units::parse_share)]
    min_gain: f64,
    /// Search again what was searched before
    #[arg(long)]
    again: bool,
    /// Write everything that was tried, as JSON; it is there from the first shape on
    #[arg(long, value_name = "FILE.json")]
    log: Option<PathBuf>,
    /// Seed of the inputs and of the order of races [default: drawn and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End a setting that gives no sign of life for so long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_time)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write what is kept for this device to a file, and search nothing
    #[arg(long, value_name = "FILE.json", group = "file", conflicts_with_all = ["kernels", "shape", "case", "shapes", "again", "log", "json"])]
    export: Option<PathBuf>,
    /// Keep what such a file has, and search nothing
    #[arg(long, value_name = "FILE.json", group = "file", conflicts_with_all = ["kernels", "shape", "case", "shapes", "again", "log", "json"])]
    import: Option<PathBuf>,
    /// Import also from another device, driver or version; every setting is compared with the CPU twin first
    #[arg(long, requires = "import")]
    force: bool,
    /// Forget what is kept for this device, and search nothing
    #[arg(long, group = "file", conflicts_with_all = ["kernels", "shape", "case", "shapes", "again", "log", "json"])]
    clear: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

/// A shape that is to be searched.
struct Todo {
    item: Item,
    case: Case,
    /// Its part of the run's time, as it is expected.
    share: f64,
}

/// The least time for a shape while there is any.
const LEAST: Duration = Duration::from_secs(5);

impl Tune {
    pub fn run(self) -> Result<(), Error> {
        if let Some(path) = &self.export {
            return files::export(path, &self.device);
        }
        if let Some(path) = &self.import {
            return files::import(path, self.force, &self.device, self.seed.unwrap_or_else(draw_seed));
        }
        if self.clear {
            return files::clear(&self.device);
        }
        self.search()
    }

    fn search(&self) -> Result<(), Error> {
        let capabilities = self.device.capabilities()?;
        let shapes = self.shapes.items(&self.kernels, &capabilities, Usual::Run)?;
        self.log.as_deref().map(staged::check).transpose()?;
        let checks = self.device.checks(&capabilities);
        let mut kept = Tuned::kept(&capabilities, checks);
        let path = kept.path().map_err(Error::message)?;
        path.parent().map(output::make_folder).transpose()?;
        staged::check(&path)?;
        let mut progress = Progress::new(Style::Auto);
        shapes.notes.iter().for_each(|note| progress.note(note));
        let ceilings = Roofline::kept(&capabilities).map(|(kept, _)| kept.ceilings);
        let all = by_share(shapes.items, ceilings.as_ref(), &capabilities)?;
        let searched = all.len();
        let (mut known, todo): (Vec<Todo>, Vec<Todo>) =
            all.into_iter().partition(|todo| !self.again && kept.of(todo.case.op.as_ref()).is_some());
        // Of some of them settings are left: their turn comes after what was not searched at all.
        let has_more = |todo: &mut Todo| kept.of(todo.case.op.as_ref()).is_some_and(|found| !found.left.is_empty());
        let more: Vec<Todo> = known.extract_if(.., has_more).collect();
        let todo = todo.into_iter().chain(more).collect();
        if !known.is_empty() {
            let shapes = units::counted(known.len(), "shape");
            progress.note(&format!("{shapes} of {searched} were searched before; --again searches them again"));
        }
        let seed = self.seed.unwrap_or_else(draw_seed);
        let mut found = Report::new(&capabilities, checks, seed, known.len());
        let done = self.all(todo, (seed, ceilings.as_ref()), &mut kept, &mut found, &mut progress);
        progress.finish();
        // What was found is told, also if the rest was not searched.
        match self.json {
            true => output::print_json(&found.json())?,
            false => output::print(&found.text())?,
        }
        done?;
        if found.has_failed() { Err(Error::Reported) } else { Ok(()) }
    }

    /// Searches shape after shape; each is kept before the next one begins.
    fn all(
        &self,
        todo: Vec<Todo>,
        (seed, ceilings): (u64, Option<&Ceilings>),
        kept: &mut Tuned,
        found: &mut Report,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let (start, count) = (Instant::now(), todo.len());
        for (number, Todo { item, case, share }) in todo.iter().enumerate() {
            found.left = todo[number..].iter().map(|todo| todo.share).collect();
            self.write_log(found)?;
            progress.check()?;
            let time = self.budget.saturating_sub(start.elapsed());
            if time.is_zero() {
                return Ok(());
            }
            let rest: f64 = todo[number..].iter().map(|todo| todo.share).sum();
            let budget = time.mul_f64((share / rest.max(1e-12)).clamp(0.0, 1.0)).max(LEAST.min(self.budget));
            let rules = Rules { budget, min_gain: self.min_gain, seed };
            let op = case.op.as_ref();
            let before = kept.of(op).filter(|_| !self.again).cloned();
            let search = shape::Search { rules, ceilings, before, device: &self.device, timeout: self.timeout };
            let title = format!(
                "{} of {count}: {} at {}, {} of the run",
                number + 1,
                item.kernel,
                item.name,
                units::percent(*share)
            );
            let outcome = search.run(item, op, &kept.device, &title, progress)?;
            let outcome = Outcome::new(item, op, &kept.device, *share, outcome);
            progress.note(&outcome.line());
            if let Ok(search) = &outcome.search {
                let device = kept.device.clone();
                // Somebody else may have kept something meanwhile.
                *kept = Tuned::kept(&device, kept.shader_checks);
                kept.put(Found::new(op, &device, search));
                found.file = Some(kept.keep().map_err(Error::message)?);
            }
            found.shapes.push(outcome);
        }
        found.left.clear();
        self.write_log(found)
    }

    fn write_log(&self, found: &Report) -> Result<(), Error> {
        let Some(path) = &self.log else { return Ok(()) };
        let text = serde_json::to_string_pretty(&found.json()).map_err(|e| Error::message(e.to_string()))?;
        Ok(staged::write(path, text.as_bytes())?)
    }
}

/// The shapes that have settings to choose among, those with the largest shares of the run first.
fn by_share(items: Vec<Item>, ceilings: Option<&Ceilings>, device: &Capabilities) -> Result<Vec<Todo>, Error> {
    // Only how they compare matters.
    let seconds = |cost: Cost| match ceilings {
        Some(ceilings) => ceilings.seconds(cost, ceilings.flops()),
        None => Rate::default().seconds(cost),
    };
    let mut all = Vec::new();
    for item in items {
        let case = item.case().map_err(|e| Error::message(e.to_string()))?;
        let share = item.runs as f64 * seconds(case.op.cost());
        all.push(Todo { item, case, share });
    }
    let sum: f64 = all.iter().map(|todo| todo.share).sum();
    all.iter_mut().for_each(|todo| todo.share /= sum.max(1e-30));
    all.retain(|todo| Candidate::all(todo.case.op.as_ref(), device).len() > 1);
    all.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(all)
}
