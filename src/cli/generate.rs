//! `i2vgen generate`: one picture and one sentence become a clip.

mod flags;
mod make;
mod parameters;
mod presets;
mod recipe;
mod scheduler;
mod settings;
mod unused;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use i2vgen::{
    checkpoint::{Checkpoint, Defaults, ModelFiles},
    gpu::Device,
    graph::Keep,
    kernel::{Choices, Override},
    lab::CACHE_VARIABLE,
    pipeline::{Engine, MemoryUse, Request},
    video::{Kind, Target},
};
use serde_json::json;

pub use flags::Generate;
pub use make::{Made, left_over, make, store};
pub use parameters::Parameters;
pub use presets::{Presets, STANDARD};
pub use recipe::Recipe;
pub use scheduler::HEADING as SCHEDULER_HEADING;
pub use settings::{Settings, seed};
pub use unused::unused;

use super::{
    Error,
    choosing::overrides,
    machine::Machine,
    model::Model,
    options::USUAL_MODEL,
    output::table,
    progress::Progress,
    source::{Source, stem},
    units,
};

impl Generate {
    pub fn run(self) -> Result<(), Error> {
        let mut progress = Progress::new(self.machine.progress).beside_clip(self.file.is_stdout());
        let made = self.make(&mut progress);
        progress.ended(made)
    }

    fn make(&self, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();
        let clip = self.earlier_clip();
        let from = clip.as_deref().map(Parameters::read).transpose()?;

        // Everything that can be wrong with the command line is found before anything takes long.
        let source = Source::open(self.picture_path(), clip.as_deref().zip(from.as_ref().map(|from| &from.picture)))?;
        let kind = self.target(&source.path)?.kind();
        let targets = self.targets(&source.path)?;
        targets.iter().try_for_each(Target::check)?;
        let choices = self.machine.choosing.asked()?;
        let checkpoint = self.machine.checkpoint()?;
        let presets = self.machine.presets(checkpoint.defaults())?;
        let settings = presets.complete(self.settings.clone().or(earlier(from.as_ref(), kind)))?;
        presets.outweighed(&self.settings).iter().for_each(|note| progress.note(note));
        let mut recipe = Recipe::new(settings, source.opened.picture.clone(), self.count)?;
        let model = Model::opened(&checkpoint)?;
        recipe.check(&model, kind)?;
        recipe.prepare(&source.opened)?;
        let read: Vec<&Path> = [Some(source.path.as_path()), clip.as_deref()].into_iter().flatten().collect();
        recipe.spares(&read, &targets)?;

        source.notes.iter().chain(&recipe.notes).for_each(|note| progress.note(note));
        // Also where no advice is wanted: it shows.
        source.transparency(recipe.preparation.background).iter().for_each(|line| progress.note(&line.words()));
        if let Some(note) = self.machine.demo_note(&checkpoint) {
            progress.note(&note);
        }
        recipe.warnings(&model).iter().for_each(|line| progress.note(&line.to_string()));
        if !self.machine.no_advice {
            let advice = recipe.advice(&model, kind).into_iter().chain(unused(&self.settings, &recipe));
            let advice = advice.chain(source.hides_background(self.settings.preparation.background));
            advice.for_each(|line| progress.note(&line.to_string()));
        }
        overrides(&choices).iter().for_each(|note| progress.note(note));
        progress.stage("opening the device and the model", json!({ "event": "phase", "phase": "open" }));
        let device = self.machine.open()?;
        device.limit_memory(self.memory.policy().limit);
        let choices = self.machine.choices_on(choices, &device, progress);
        let engine = Engine::new(device.clone(), checkpoint, recipe.dtype, recipe.request.compat)?
            .with_choices(choices)
            .with_memory(self.memory.policy());
        engine.check_overrides(&recipe.request)?.iter().for_each(|note| progress.note(note));
        if let Some(from) = &from {
            differences(from, &engine, &recipe.request)?.iter().for_each(|note| progress.note(note));
        }
        progress.check()?;
        let made = make(&engine, &recipe, &source.mark, &targets, progress)?;
        save_pipelines(&device, progress);
        let rows: Vec<_> = made.iter().map(Made::row).collect();
        report(progress, &rows, &recipe, made.last().map(|clip| clip.memory), started.elapsed())
    }

    /// The output of each clip. Who names none replaces none: the number in the default name is the first one that is free.
    fn targets(&self, picture: &Path) -> Result<Vec<Target>, Error> {
        let (target, count) = (self.target(picture)?, self.count as usize);
        if target.is_stdout() && count > 1 {
            return Err(Error::message(format!(
                "--count: {count} clips do not fit into one output: name a file with -o"
            )));
        }
        let first = if self.file.is_named() { 0 } else { target.first_free(count) };
        Ok((first..first.saturating_add(count)).map(|index| target.for_index(index)).collect())
    }

    /// The output that was named, or the picture's name with the format's ending in the current folder.
    pub fn target(&self, picture: &Path) -> Result<Target, Error> {
        self.file.target(stem(picture))
    }
}

/// What an earlier clip was made with, for one of this format: quality is left behind where there is none.
pub fn earlier(from: Option<&Parameters>, kind: Kind) -> Settings {
    let settings = from.map(Settings::from).unwrap_or_default();
    let quality = settings.quality.filter(|quality| quality.check(kind).is_ok());
    Settings { quality, ..settings }
}

/// Keeps what was compiled for the next start, which goes without it, if that fails.
pub fn save_pipelines(device: &Device, progress: &Progress) {
    if let Err(why) = device.save_pipelines() {
        progress.note(&format!("compiled kernels are not kept: {why}; {CACHE_VARIABLE} names another folder"));
    }
}

impl Machine {
    /// Opens the device, with the pipelines that an earlier run has kept.
    pub fn open(&self) -> Result<Device, Error> {
        self.device.open_kept()
    }

    /// Opens the model.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        Ok(Checkpoint::open(self.model.files())?)
    }

    /// The presets at hand; `checkpoint` has settings of its own.
    pub fn presets(&self, checkpoint: Option<&Defaults>) -> Result<Presets, Error> {
        Presets::new(self.preset_file.as_deref(), checkpoint)
    }

    /// What was asked for, with what was tuned on this device.
    pub fn choices_on(&self, asked: Choices, device: &Device, progress: &Progress) -> Arc<Choices> {
        self.choosing.on(asked, device.capabilities(), device.checks(), &mut |note| progress.note(note))
    }

    /// What to know when the demo checkpoint was taken because no model was named.
    pub fn demo_note(&self, checkpoint: &Checkpoint) -> Option<String> {
        (self.model.named().is_none() && *checkpoint.files() == ModelFiles::Demo)
            .then(|| demo_note(&checkpoint.defaults().cloned().unwrap_or_default()))
    }
}

fn demo_note(defaults: &Defaults) -> String {
    let size =
        defaults.width.zip(defaults.height).map_or(String::new(), |(width, height)| format!(", {width}x{height}"));
    format!(
        "this is the small demo model (coloured shapes{size}); for other pictures, --model {USUAL_MODEL} names the published \
         one, or tells how to download it"
    )
}

/// What differs from the clip that the parameters come from, although it should be made again.
fn differences(from: &Parameters, engine: &Engine, request: &Request) -> Result<Vec<String>, Error> {
    let (model, device) = (engine.checkpoint().files().name(), &engine.device().capabilities().name);
    let choices = engine.choices();
    let mut notes = Vec::new();
    if from.model != model {
        notes.push(format!("the clip was made with the model '{}', this one is '{model}'", from.model));
    }
    if from.device != *device {
        notes.push(format!("the clip was made on '{}'; another device may round differently", from.device));
    }
    let overrides: Vec<String> = choices.overrides().iter().map(Override::to_string).collect();
    if from.overrides != overrides {
        let of = |overrides: &[String]| if overrides.is_empty() { "none".into() } else { overrides.join(" ") };
        notes.push(format!(
            "the clip was made with the overrides {}, now there are {}",
            of(&from.overrides),
            of(&overrides)
        ));
    }
    let tuned = match choices.tuned() {
        0 => None,
        _ => engine.plans(request, Keep::Nothing)?.tuned().mark(),
    };
    if from.tuned != tuned {
        let of = |tuned: &Option<String>| tuned.clone().unwrap_or_else(|| "no shape".into());
        notes.push(format!(
            "the clip was made with tuned settings at {}, now they are at {}; others may round differently",
            of(&from.tuned),
            of(&tuned)
        ));
    }
    Ok(notes)
}

fn report(
    progress: &Progress,
    rows: &[Vec<String>],
    recipe: &Recipe,
    memory: Option<MemoryUse>,
    all: Duration,
) -> Result<(), Error> {
    let per_step = progress.finish().unwrap_or_default();
    let [peak, planned] = memory.map_or([0, 0], |memory| [memory.counted, memory.planned]);
    let streaming = memory.and_then(|memory| memory.streaming);
    if progress.is_json() {
        progress.done(json!({
            "event": "done", "seconds": all.as_secs_f64(), "seconds_per_step": per_step.as_secs_f64(), "peak_device_bytes": peak,
            "planned_device_bytes": planned, "streaming": streaming,
        }));
        return Ok(());
    }
    let steps = format!("{} of {}", units::counted(recipe.request.steps, "step"), units::time(per_step));
    let (sizes, all, peak, planned) = (recipe.sizes(), units::time(all), units::bytes(peak), units::bytes(planned));
    let divided = streaming.map_or(String::new(), |streaming| format!("; {streaming}"));
    let rows = table(rows);
    progress
        .line(&format!("{rows}{sizes}, {steps}, {all} in all, peak device memory {peak} of {planned} planned{divided}"))
}
