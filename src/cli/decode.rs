//! `i2vgen decode`: latents that `generate` wrote become a clip.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use i2vgen::{
    checkpoint::Checkpoint,
    kernel::Override,
    pipeline::{Compat, Decoded, DtypeChoice, Engine, Savings, VaeTile, advice, check_overrides},
    video::{self, Clip, Enlarge, Filter, Kind, Latents, MAX_SCALE, Quality, Target},
};
use serde_json::{Value, json};

use super::{
    Error,
    choosing::Choosing,
    clip_file::ClipFile,
    generate::{Made, Parameters, left_over, save_pipelines},
    memory::MemoryOptions,
    options::{DeviceOptions, ModelOption, by_name},
    output::{self, table},
    progress::{Progress, Style},
    source::refuse_stdin,
    units,
};

/// Make a clip of latents that `generate -o NAME.safetensors` wrote
///
/// Only the model's VAE runs. What is not said comes from the parameters inside LATENTS, which the clip gets, too: with the same model on the
/// same device it is the clip that `generate` would have made, in any format, rate and size.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Decode {
    /// Latents: the tensor `latents` [1, channels, frames, height, width] in a .safetensors file
    latents: PathBuf,
    /// File to write: .mp4, .gif, .webp, or frames as name-%03d.png; - writes to the standard output, and what is told goes to the standard
    /// error [default: the latents' name with .mp4, in the current folder, and a number if that is there]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format where -o names no file [default: mp4]
    #[arg(long, value_name = "mp4|gif|webp|png", value_parser = by_name::<Kind>, help_heading = "Clip")]
    format: Option<Kind>,
    /// Frames per second of the file [default: that of the latents' parameters, or 8]
    #[arg(long, value_name = "RATE", help_heading = "Clip")]
    fps: Option<f32>,
    /// Write the clip enlarged by a whole factor, 1 (off) to 16 [default: that of the latents' parameters, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SCALE)), help_heading = "Clip")]
    output_scale: Option<u32>,
    /// How to enlarge: soft slopes, or every pixel as a square
    #[arg(long, value_name = "smooth|nearest", value_parser = by_name::<Filter>, help_heading = "Clip")]
    output_filter: Option<Filter>,
    /// Quality of an mp4 or webp, 1 (small) to 100 (best); gif and png have none [default: 90]
    #[arg(long, value_name = "1..100", help_heading = "Clip")]
    quality: Option<Quality>,
    /// Which reference implementation scaled the latents
    #[arg(long, value_name = "diffusers|vgen", value_parser = by_name::<Compat>)]
    compat: Option<Compat>,
    #[command(flatten)]
    model: ModelOption,
    #[command(flatten)]
    device: DeviceOptions,
    /// How numbers are stored on the device
    #[arg(long, value_name = "auto|f32|f16", value_parser = by_name::<DtypeChoice>, help_heading = "Device")]
    dtype: Option<DtypeChoice>,
    /// Decode frames whole, or in strips of so many rows, which takes less memory; auto does so where it must
    #[arg(long, value_name = "auto|off|ROWS", help_heading = "Device")]
    vae_tile: Option<VaeTile>,
    #[command(flatten)]
    choosing: Choosing,
    #[command(flatten)]
    memory: MemoryOptions,
    /// How progress is shown, as in `generate`
    #[arg(long, value_name = "auto|bar|plain|json|none", default_value = "auto", value_parser = by_name::<Style>)]
    progress: Style,
}

/// What the clip's file will be like.
struct Asked {
    fps: f32,
    enlarge: Enlarge,
    quality: Option<Quality>,
    dtype: DtypeChoice,
    compat: Compat,
    tile: VaeTile,
}

impl Decode {
    pub fn run(self) -> Result<(), Error> {
        let mut progress = Progress::new(self.progress).beside_clip(self.file().is_stdout());
        let made = self.make(&mut progress);
        progress.ended(made)
    }

    fn make(&self, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();
        refuse_stdin(&self.latents, "a file of latents")?;
        let target = self.target()?;
        target.check()?;
        output::spare([self.latents.as_path()].into_iter(), target.files(1).into_iter(), "output")?;
        let Latents { values, shape, parameters } = video::read_latents(&self.latents)?;
        let name = self.latents.display().to_string();
        let has_some = parameters.is_some();
        let parameters = match parameters.map(|value| Parameters::of(value, &self.latents)).transpose() {
            Ok(parameters) => parameters,
            // As those of a later version: the latents are there all the same.
            Err(error) => {
                progress.note(&format!("{error}: the clip will have none"));
                None
            }
        };
        let asked = self.asked(parameters.as_ref(), target.kind());
        let (fps, low, high) = (asked.fps, video::MIN_FPS, video::MAX_FPS);
        if !(low..=high).contains(&fps) {
            return Err(Error::message(format!("--fps: {fps} is out of range: take {low} to {high}, usually 8")));
        }
        asked.quality.map_or(Ok(()), |quality| quality.check(target.kind()))?;
        let choices = self.choosing.asked()?;

        let checkpoint = Checkpoint::open(self.model.files())?;
        let model = checkpoint.files().name();
        match &parameters {
            None if has_some => {}
            None => progress.note(&format!("{name} has no parameters of i2vgen: the clip will have none either")),
            Some(p) if p.model != model => {
                progress.note(&format!("{name} was made with the model '{}', this one is '{model}'", p.model));
            }
            Some(_) => {}
        }
        progress.stage("opening the device and the model", json!({ "event": "phase", "phase": "open" }));
        let device = self.device.open_kept()?;
        device.limit_memory(self.memory.policy().limit);
        let choices =
            self.choosing.on(choices, device.capabilities(), device.checks(), &mut |note| progress.note(note));
        let engine = Engine::new(device.clone(), checkpoint, asked.dtype, asked.compat)?
            .with_choices(choices)
            .with_memory(self.memory.policy());
        let plans = engine.latents_plans(shape, asked.tile).map_err(|error| self.in_file(error))?;
        let [width, height] = plans.shape.size.map(|side| side as u32);
        if let Some(p) = parameters.as_ref().filter(|p| (p.width, p.height) != (width, height)) {
            return Err(Error::message(format!(
                "{name} was made for {}x{}, and the VAE of '{model}' makes {width}x{height} of it: name the model that it was made with (--model)",
                p.width, p.height
            )));
        }
        asked.enlarge.check(target.kind(), [width, height], plans.shape.frames)?;
        check_overrides(&plans.all())?.iter().for_each(|note| progress.note(note));
        let savings = Savings { offload: false, ..plans.savings() };
        if asked.tile == VaeTile::Auto && !savings.is_none() {
            progress.note(&format!("memory: with {savings}"));
        }
        for line in advice::file(target.kind(), asked.fps, asked.enlarge.size(width, height)) {
            progress.note(&line.to_string());
        }
        progress.check()?;

        let decoded = engine.decode_latents(&plans, &values, progress).map_err(|error| self.in_file(error))?;
        let Decoded { frames, memory, .. } = decoded;
        let count = frames.len();
        let clip = asked.enlarge.apply(Clip { width, height, fps: asked.fps, frames })?;
        let (wide, high) = (clip.width, clip.height);
        let seed = parameters.as_ref().map(|p| p.seed);
        let parameters = match parameters {
            Some(p) => asked.parameters_of(p, &engine).to_json()?,
            None => Value::Null,
        };
        let files = video::write(&target, &clip, asked.quality, &parameters)?;
        left_over(&target, files.len()).iter().for_each(|note| progress.note(note));
        save_pipelines(&device, progress);
        progress.emit(json!({
            "event": "clip", "seed": seed, "files": files, "width": wide, "height": high,
            "peak_device_bytes": memory.counted, "planned_device_bytes": memory.planned,
        }));
        let all = started.elapsed();
        progress.finish();
        progress.done(json!({ "event": "done", "seconds": all.as_secs_f64(), "peak_device_bytes": memory.counted }));
        let made = Made { seed: seed.unwrap_or_default(), files, memory };
        let row = if seed.is_some() { made.row() } else { vec![made.named()] };
        let (frames, all) = (units::counted(count, "frame"), units::time(all));
        let [peak, planned] = [memory.counted, memory.planned].map(units::bytes);
        progress.line(&format!(
            "{}{frames} of {wide}x{high}, {all} in all, peak device memory {peak} of {planned} planned",
            table(&[row])
        ))
    }

    fn file(&self) -> ClipFile {
        ClipFile::new(self.output.clone(), self.format)
    }

    /// Where the clip goes; latents are no clip.
    fn target(&self) -> Result<Target, Error> {
        let stem = self.latents.file_stem().unwrap_or_else(|| "clip".as_ref());
        let file = self.file();
        let target = file.target(Path::new(stem))?;
        if target.kind() == Kind::Latents {
            return Err(Error::message(format!(
                "{}: latents are what is decoded: name a file with .mp4, .gif, .webp or -%03d.png (-o), or another --format",
                target.path().display()
            )));
        }
        let first = if file.is_named() { 0 } else { target.first_free(1) };
        Ok(target.for_index(first))
    }

    /// What is said here, then what the latents say.
    fn asked(&self, p: Option<&Parameters>, kind: Kind) -> Asked {
        let earlier = |quality: &Quality| quality.check(kind).is_ok();
        Asked {
            fps: self.fps.or(p.map(|p| p.fps)).unwrap_or(8.0),
            enlarge: Enlarge {
                scale: self.output_scale.or(p.map(|p| p.output_scale)).unwrap_or(1),
                filter: self.output_filter.or(p.map(|p| p.output_filter)).unwrap_or_default(),
            },
            quality: self.quality.or(p.and_then(|p| p.quality).filter(earlier)),
            dtype: self.dtype.or(p.map(|p| p.dtype)).unwrap_or_default(),
            compat: self.compat.or(p.map(|p| p.compat)).unwrap_or_default(),
            tile: self.vae_tile.or(p.map(|p| p.vae_tile)).unwrap_or_default(),
        }
    }

    /// What is wrong with the latents, with their file.
    fn in_file(&self, error: i2vgen::pipeline::Error) -> Error {
        match error {
            i2vgen::pipeline::Error::Latents(_) => Error::message(format!("{}: {error}", self.latents.display())),
            other => other.into(),
        }
    }
}

impl Asked {
    /// The latents' parameters with what this file has of its own, and what made its pixels.
    fn parameters_of(&self, latents: Parameters, engine: &Engine) -> Parameters {
        // What ran in place of the kernels' own choices made the latents, or the frames.
        let mut overrides = latents.overrides.clone();
        let own = engine.choices().overrides().iter().map(Override::to_string);
        overrides.extend(own.filter(|own| !latents.overrides.contains(own)));
        Parameters {
            model: engine.checkpoint().files().name(),
            compat: self.compat,
            overrides,
            fps: self.fps,
            output_scale: self.enlarge.scale,
            output_filter: self.enlarge.filter,
            quality: self.quality,
            vae_tile: self.tile,
            ..latents
        }
    }
}
