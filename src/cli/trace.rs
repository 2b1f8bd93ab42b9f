//! `i2vgen trace-tensors`: every intermediate of a generation, on the device or on the CPU twins.

mod report;

use std::{path::PathBuf, time::Instant};

use clap::{Args, ValueEnum};
use i2vgen::{
    graph::Keep,
    lab::{
        Effort,
        trace::{Ask, Mode, Numbers, Selection, Traced, Until, list, trace},
    },
    pipeline::Engine,
    video::Kind,
};
use serde_json::json;

use super::{
    Error,
    choosing::overrides,
    generate::{Recipe, Settings},
    machine::Machine,
    model::Model,
    output,
    progress::{Progress, Style},
    source::Source,
    units,
};

/// Look at every intermediate of a generation: dump it, let the CPU twins compute it, find the first operation that departs from its twin
///
/// The options are those of `i2vgen generate`. Tensors are named by their run and their label in the model, such as
/// step0/unet/down_blocks.0.resnets.0.conv1; `--list` shows the labels. The generation ends as soon as nothing more is to be seen.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct TraceTensors {
    /// Picture to animate; - reads it from the standard input
    picture: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// File to write the tensors to: all of them, or those that --match; with --bisect, what the departing operation reads and writes
    #[arg(short, long, value_name = "FILE.safetensors", help_heading = "Trace")]
    output: Option<PathBuf>,
    /// Only tensors with this in their names, or with names like this where it has *, ? or []; may be given more than once
    #[arg(long = "match", value_name = "PATTERN", help_heading = "Trace")]
    patterns: Vec<String>,
    /// Only these phases: text, image, vae-encode, conditions, initial, unet, noise, ddim, vae-decode
    #[arg(long = "phase", value_name = "PHASE", value_delimiter = ',', help_heading = "Trace")]
    phases: Vec<String>,
    /// Only these denoising steps: 0, 2-5 or all
    #[arg(long, value_name = "STEPS", default_value = "0", value_parser = numbers, help_heading = "Trace")]
    trace_steps: Numbers,
    /// Only these decoded frames: 0, 2-5 or all
    #[arg(long, value_name = "FRAMES", default_value = "0", value_parser = numbers, help_heading = "Trace")]
    trace_frames: Numbers,
    /// Let the CPU twins compute the operations before this label, or so many of a single --phase
    #[arg(long, value_name = "LABEL|N", requires = "output", conflicts_with = "bisect", help_heading = "Trace")]
    twins_until: Option<String>,
    /// Find the first operation that departs from its twin. alone: every operation on the device's own inputs; chain: the run of the twins,
    /// each fed by the one before, beside the device's, and what makes the difference by bisection
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "alone", help_heading = "Trace")]
    bisect: Option<How>,
    /// Compare every element with the twin, also of operations that are much work
    #[arg(long, requires = "bisect", help_heading = "Trace")]
    every_element: bool,
    /// What the host may keep for --bisect=chain
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = units::parse_bytes, help_heading = "Trace")]
    max_memory: u64,
    /// List the operations, their variants and shapes, and run nothing
    #[arg(long, conflicts_with_all = ["output", "bisect"], help_heading = "Trace")]
    list: bool,
    /// Print JSON
    #[arg(long, help_heading = "Trace")]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// How to look for what departs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    Alone,
    Chain,
}

/// Where windows of large operations lie is the same in every trace.
const SEED: u64 = 0;
/// Operations of the twin that one operation of the model may take: some seconds on one core.
const TWIN_WORK: f64 = 1e9;

impl TraceTensors {
    pub fn run(self) -> Result<(), Error> {
        let style = if self.json { Style::None } else { self.machine.progress };
        let mut progress = Progress::new(style);
        let traced = self.trace(&mut progress);
        progress.ended(traced)
    }

    fn trace(&self, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();
        let selection = self.selection()?;
        let mode = self.mode()?;
        let source = Source::open(self.picture.as_deref(), None)?;
        let choices = self.machine.choosing.asked()?;
        let checkpoint = self.machine.checkpoint()?;
        let presets = self.machine.presets(checkpoint.defaults())?;
        let mut recipe = Recipe::new(presets.complete(self.settings.clone())?, source.opened.picture.clone(), 1)?;
        recipe.notes.extend(presets.outweighed(&self.settings));
        recipe.check(&Model::opened(&checkpoint)?, Kind::Latents)?;
        recipe.prepare(&source.opened)?;
        if let Some(path) = &self.output {
            output::check_dump(path)?;
            output::spare([source.path.as_path()].into_iter(), [path.clone()].into_iter(), "output")?;
        }
        overrides(&choices).iter().for_each(|note| progress.note(note));
        let device = self.machine.device.open()?;
        let choices = self.machine.choices_on(choices, &device, progress);
        let engine =
            Engine::new(device.clone(), checkpoint, recipe.dtype, recipe.request.compat)?.with_choices(choices);
        engine.check_overrides(&recipe.request)?.iter().for_each(|note| progress.note(note));
        if self.list {
            let plans = engine.plans(&recipe.request, Keep::Nothing)?;
            let all = list(&plans, &selection);
            if self.json { output::print_json(&all) } else { output::print(&report::listing(&all)) }?;
            progress.done(json!({ "event": "done", "ok": true, "seconds": started.elapsed().as_secs_f64() }));
            return Ok(());
        }
        let about = json!({
            "program": concat!("i2vgen ", env!("CARGO_PKG_VERSION")), "model": engine.checkpoint().files().name(),
            "device": device.capabilities().name, "driver": device.capabilities().driver,
            "prompt": recipe.request.prompt, "seed": recipe.request.seeds,
        });
        let twin = if self.every_element { f64::INFINITY } else { TWIN_WORK };
        let ask = Ask {
            selection,
            mode,
            dump: self.output.clone(),
            about: about.to_string(),
            effort: Effort { twin, ..Effort::default() },
            seed: SEED,
            max_memory: self.max_memory,
        };
        let tell = Box::new(progress.teller());
        let traced = trace(engine, &recipe.request, ask, tell, progress)?;
        progress.finish();
        self.report(&traced, started)?;
        progress.done(json!({ "event": "done", "ok": traced.ok(), "seconds": started.elapsed().as_secs_f64() }));
        if traced.ok() { Ok(()) } else { Err(Error::Reported) }
    }

    fn report(&self, traced: &Traced, started: Instant) -> Result<(), Error> {
        let device = self.machine.device.arguments();
        if self.json {
            let seconds = started.elapsed().as_secs_f64();
            let reproduce = report::culprit(traced).map(|checked| report::reproduce(checked, &device));
            return output::print_json(&json!({
                "ok": traced.ok(), "seconds": seconds, "dump": self.output, "reproduce": reproduce, "traced": traced,
            }));
        }
        output::print(&report::text(traced, self.output.as_deref(), &device, started.elapsed()))
    }

    fn selection(&self) -> Result<Selection, Error> {
        let (steps, frames) = (self.trace_steps.clone(), self.trace_frames.clone());
        Ok(Selection::new(&self.phases, steps, frames, &self.patterns)?)
    }

    fn mode(&self) -> Result<Mode, Error> {
        let until = self.twins_until.as_ref().map(|text| match text.parse() {
            Ok(number) => Until::Index(number),
            Err(_) => Until::Name(text.clone()),
        });
        match (self.bisect, until) {
            (Some(How::Alone), _) => Ok(Mode::Bisect),
            (Some(How::Chain), _) => Ok(Mode::BisectChain),
            (None, Some(until)) => Ok(Mode::TwinsUntil(until)),
            (None, None) if self.list || self.output.is_some() => Ok(Mode::Device),
            (None, None) => Err(Error::message("nothing to do: name a file with -o, or ask for --bisect or --list")),
        }
    }
}

fn numbers(text: &str) -> Result<Numbers, String> {
    text.parse().map_err(|e: i2vgen::lab::trace::Error| e.to_string())
}
