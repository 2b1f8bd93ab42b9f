//! `i2vgen profile`: where the time of a generation goes on this device.

mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use i2vgen::{
    checkpoint::{Checkpoint, Configs, Defaults},
    gpu::Device,
    lab::profile::{self, Diff, PhaseKind, Profile, Session, Settings, Subject, Weights},
    picture::Picture,
    pipeline::{DtypeChoice, Passes, Request},
    staged,
};
use serde_json::json;

use super::{
    Error,
    choosing::Choosing,
    memory::MemoryOptions,
    options::{DeviceOptions, ModelOption, by_name},
    output, roofline,
};

/// Show where the time of a generation goes on this device: by operator, variant, layer and dispatch, against what the device can do
///
/// Real denoising steps run, each once as a whole and once with timestamps around every dispatch, which then has a pass of its own. The
/// shares refer to the ceilings that `i2vgen roofline` measured; they are measured first if they are not known. Without a model the demo
/// checkpoint is profiled; `--config i2vgen-xl --random-weights` is the published model without a download. With `--max-memory` or `--offload`
/// the steps are those that `generate` would run then; without, all weights stay on the device.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct ProfileCommand {
    #[command(flatten)]
    model: ModelOption,
    /// A configuration by name, without its files: i2vgen-xl is the published one
    #[arg(long, value_name = "i2vgen-xl", value_parser = ["i2vgen-xl"], conflicts_with = "model")]
    config: Option<String>,
    /// Have the device make up the weights: no file of them is read
    #[arg(long)]
    random_weights: bool,
    /// What to profile [default: unet; all with --memory]
    #[arg(long, value_enum, value_name = "text|image|vae-encode|unet|vae-decode|all", value_delimiter = ',')]
    phase: Vec<PhaseOption>,
    /// Instead of times, count the device's memory: every phase is loaded, allocated and compiled as `generate` does it, and nothing runs.
    /// Tells in a minute whether a clip fits
    #[arg(long, conflicts_with_all = ["steps", "host_clock", "top", "depth", "csv", "trace", "html", "from", "diff"])]
    memory: bool,
    /// Width in pixels [default: 512, or the checkpoint's own]
    #[arg(short = 'W', long, value_name = "PIXELS")]
    width: Option<u32>,
    /// Height in pixels [default: 512, or the checkpoint's own]
    #[arg(short = 'H', long, value_name = "PIXELS")]
    height: Option<u32>,
    /// Number of frames [default: 16, or the checkpoint's own]
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Timed steps (and runs of other phases), and as many untimed ones; medians are reported
    #[arg(long, value_name = "N", default_value_t = 5)]
    steps: usize,
    /// Guidance scale; 1 turns guidance off [default: 9, or the checkpoint's own]
    #[arg(long, value_name = "SCALE")]
    cfg_scale: Option<f32>,
    /// How numbers are stored on the device: auto is f16 if the device has it
    #[arg(long, value_name = "auto|f32|f16", default_value = "auto", value_parser = by_name::<DtypeChoice>)]
    dtype: DtypeChoice,
    /// Guidance as one batch of two, or in two passes
    #[arg(long, value_name = "auto|one|two", default_value = "auto", value_parser = by_name::<Passes>)]
    cfg_passes: Passes,
    /// Time dispatches by the host's clock, as where the device has no timestamps
    #[arg(long)]
    host_clock: bool,
    /// Rows of the table of single dispatches, and of changes; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,
    /// Levels of the table of layers: 1 has the model's blocks, 9 everything
    #[arg(long, value_name = "N", default_value_t = 2)]
    depth: usize,
    /// Print JSON, which `--from` and `--diff` read
    #[arg(long)]
    json: bool,
    /// Print a line of comma-separated values for every dispatch
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Write a timeline for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE.json")]
    trace: Option<PathBuf>,
    /// Write the report as one page for a browser, which needs no network
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Show a profile that `--json` saved, on any machine, instead of measuring
    #[arg(long, value_name = "SAVED.json", conflicts_with_all = ["model", "config", "random_weights", "phase", "max_memory", "offload", "device", "overrides", "no_tuned"])]
    from: Option<PathBuf>,
    /// Say what became faster or slower since then
    #[arg(long, value_name = "OLD.json")]
    diff: Option<PathBuf>,
    #[command(flatten)]
    limits: MemoryOptions,
    #[command(flatten)]
    device: DeviceOptions,
    #[command(flatten)]
    choosing: Choosing,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseOption {
    Text,
    Image,
    VaeEncode,
    Unet,
    VaeDecode,
    All,
}

impl ProfileCommand {
    pub fn run(self) -> Result<(), Error> {
        if self.memory {
            return self.count_memory();
        }
        let read_as = |option: &str, path: &Option<PathBuf>| path.as_ref().map(|path| read(option, path)).transpose();
        let (old, saved) = (read_as("--diff", &self.diff)?, read_as("--from", &self.from)?);
        let written: Vec<&PathBuf> = [&self.trace, &self.html].into_iter().flatten().collect();
        if self.trace.is_some() && self.trace == self.html {
            return Err(Error::message("--trace and --html name the same file: give each its own"));
        }
        written.iter().try_for_each(|path| staged::check(path))?;
        let read = self.diff.iter().chain(&self.from).map(PathBuf::as_path);
        output::spare(read, written.into_iter().cloned(), "file")?;
        let found = match saved {
            Some(saved) => saved,
            None => self.measure()?,
        };
        self.report(&found, old.map(|old| Diff::new(&old, &found)).as_ref())
    }

    fn measure(&self) -> Result<Profile, Error> {
        self.session(|session, device| {
            let ceilings = roofline::known(device)?.ceilings;
            let tell = &mut |phase: &str| output::tell(&format!("profiling: {phase}"));
            Ok(session.run(ceilings, tell, &mut note)?)
        })
    }

    fn count_memory(&self) -> Result<(), Error> {
        let tell = &mut |phase: &str| output::tell(&format!("making ready: {phase}"));
        let found = self.session(|session, _| Ok(session.count_memory(tell)?))?;
        if self.json { output::print_json(&found) } else { output::print(&tables::memory(&found)) }
    }

    /// Plans what was asked for on the device that was asked for, and hands it over.
    fn session<T>(&self, then: impl FnOnce(&Session<'_>, &Device) -> Result<T, Error>) -> Result<T, Error> {
        let (subject, defaults) = self.subject()?;
        let mut settings = self.settings(&defaults)?;
        let choices = self.choosing.asked()?;
        let device = self.device.open()?;
        settings.choices = self.choosing.on(choices, device.capabilities(), device.checks(), &mut note);
        let session = Session::new(&device, &subject, &settings)?;
        session.check_overrides()?.iter().for_each(|text| note(text));
        then(&session, &device)
    }

    /// Writes and prints what was asked for.
    fn report(&self, found: &Profile, diff: Option<&Diff>) -> Result<(), Error> {
        let mut files = Vec::new();
        if let Some(path) = &self.trace {
            files.push((path.as_path(), profile::trace(found).to_string()));
        }
        if let Some(path) = &self.html {
            files.push((path.as_path(), profile::page(found, diff, output::command_line()).to_html()?));
        }
        staged::write_all(files.iter().map(|(path, text)| (*path, text.as_bytes())))?;
        if self.csv {
            return output::print(&profile::csv(found));
        }
        if self.json {
            return output::print_json(&with_diff(found, diff));
        }
        let shown = tables::Shown { top: self.top, depth: self.depth };
        output::print(&(tables::report(found, shown) + &diff.map_or(String::new(), |diff| tables::diff(diff, shown))))
    }

    fn subject(&self) -> Result<(Subject, Defaults), Error> {
        if self.config.is_some() {
            if !self.random_weights {
                return Err(Error::message(
                    "--config i2vgen-xl has no weights: add --random-weights, or name a folder with --model DIR",
                ));
            }
            let (name, configs, weights) = ("i2vgen-xl".into(), Configs::published(), Weights::Random(0));
            return Ok((Subject { name, configs, weights }, Defaults::default()));
        }
        let files = self.model.files();
        let defaults = Defaults::read(&files)?.unwrap_or_default();
        let name = files.name();
        let subject = if self.random_weights {
            Subject { name, configs: Configs::read(&files)?, weights: Weights::Random(0) }
        } else {
            let checkpoint = Checkpoint::open(files)?;
            Subject { name, configs: checkpoint.configs().clone(), weights: Weights::Checkpoint(checkpoint.into()) }
        };
        Ok((subject, defaults))
    }

    fn settings(&self, d: &Defaults) -> Result<Settings, Error> {
        let request = Request {
            width: self.width.or(d.width).unwrap_or(512),
            height: self.height.or(d.height).unwrap_or(512),
            frames: self.frames.or(d.frames.map(|v| v as usize)).unwrap_or(16),
            steps: d.steps.map_or(50, |v| v as usize),
            guidance: self.cfg_scale.or(d.cfg_scale).unwrap_or(9.0).into(),
            passes: self.cfg_passes,
            ..Request::new(Picture::from_rgb8(8, 8, vec![0; 192])?, "")
        };
        let usual = if self.memory { PhaseOption::All } else { PhaseOption::Unet };
        let named = if self.phase.is_empty() { &[usual] } else { &self.phase[..] };
        let asked = |phase: PhaseOption| named.iter().any(|&p| p == phase || p == PhaseOption::All);
        let phases = [
            (PhaseOption::Text, PhaseKind::Text),
            (PhaseOption::Image, PhaseKind::Image),
            (PhaseOption::VaeEncode, PhaseKind::VaeEncode),
            (PhaseOption::Unet, PhaseKind::Unet),
            (PhaseOption::VaeDecode, PhaseKind::VaeDecode),
        ];
        Ok(Settings {
            request,
            dtype: self.dtype,
            phases: phases.into_iter().filter(|(option, _)| asked(*option)).map(|(_, kind)| kind).collect(),
            repetitions: self.steps,
            host_clock: self.host_clock,
            memory: self.limits.policy(),
            choices: Arc::default(),
        })
    }
}

fn note(note: &str) {
    output::tell(&format!("note: {note}"));
}

/// A profile that was printed with `--json`.
fn read(option: &str, path: &Path) -> Result<Profile, Error> {
    let wrong = |detail: String| {
        Error::message(format!(
            "{option} {}: {detail}; take a file with what `i2vgen profile --json` printed",
            path.display()
        ))
    };
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let reader = &mut serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(reader).map_err(|e| {
        // The path of the whole is a mere dot.
        let at = if e.path().iter().next().is_none() { String::new() } else { format!("{}: ", e.path()) };
        wrong(format!("{at}{}", e.inner()))
    })
}

/// The profile, what it says in words, and with another one the changes.
fn with_diff(found: &Profile, diff: Option<&Diff>) -> serde_json::Value {
    let mut value = json!(found);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("summary".into(), json!(profile::words(found)));
        fields.insert("agreement".into(), json!(profile::agreements(found)));
        if let Some(diff) = diff {
            fields.insert("diff".into(), json!(diff));
        }
    }
    value
}
