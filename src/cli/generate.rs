//! `i2vgen generate`: one picture and one sentence become a clip.

mod flags;
mod parameters;
mod source;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use i2vgen::{
    checkpoint::{Checkpoint, Configs, Defaults, ModelFiles},
    gpu::Device,
    pipeline::{Compat, Engine, Output, Request},
    sampler::{Schedule, SchedulerConfig},
    video::{self, Clip, Kind, Target},
};
use serde_json::json;

pub use flags::Generate;

use super::{
    Error,
    options::USUAL_MODEL,
    output::{print, table},
    progress::Progress,
    units,
};
use parameters::Parameters;
use source::Source;

impl Generate {
    pub fn run(self) -> Result<(), Error> {
        let started = Instant::now();
        let mut progress = Progress::new(self.progress);
        let from = self.from.as_deref().map(Parameters::read).transpose()?;

        // Everything that can be wrong with the command line is found before anything takes long.
        let source = Source::open(self.picture_path(), self.from.as_deref().zip(from.as_ref()))?;
        let target = self.target(&source.path)?;
        for read in [Some(&source.path), self.from.as_ref()].into_iter().flatten() {
            if let (Ok(read), Ok(written)) = (read.canonicalize(), target.path().canonicalize())
                && read == written
            {
                let path = target.path().display();
                return Err(Error::message(format!(
                    "{path} would be replaced by what is made from it: name another output with -o"
                )));
            }
        }
        (0..self.count as usize).try_for_each(|index| target.for_index(index).check())?;
        let checkpoint = Checkpoint::open(self.model.files())?;
        let defaults = checkpoint.defaults().cloned().unwrap_or_default();
        let request = self.request(&source, from.as_ref(), &defaults)?;
        let fps = self.file_fps(from.as_ref(), &defaults)?;
        request.check(checkpoint.configs())?;
        let scheduler = SchedulerConfig::open(checkpoint.files())?;
        Schedule::new(&scheduler)?.steps(request.steps, request.eta, request.compat.final_alpha())?;

        source.notes.iter().for_each(|note| progress.note(note));
        if self.model.named().is_none() && *checkpoint.files() == ModelFiles::Demo {
            progress.note(&demo_note(&defaults));
        }
        if request.compat == Compat::Diffusers && is_published(checkpoint.configs()) {
            progress.note(
                "this model was trained with the image branch added twice, which diffusers does not do; if the motion is \
                 weak or the colours turn blue, --compat vgen is worth a try",
            );
        }
        progress.stage("opening the device and the model", json!({ "event": "phase", "phase": "open" }));
        let device = self.device.open()?;
        if let Some(from) = &from {
            differences(from, &checkpoint, &device).iter().for_each(|note| progress.note(note));
        }
        let dtype = self.dtype(from.as_ref());
        let engine = Engine::new(device.clone(), checkpoint, dtype, request.compat)?;
        progress.check()?;
        let outputs = engine.generate(&request, &mut progress)?;
        progress.check()?;

        let mut rows = Vec::new();
        for (index, output) in outputs.into_iter().enumerate() {
            let parameters = Parameters::new(&engine, &request, &source, output.seed, fps);
            let seed = output.seed;
            let files = write(&target.for_index(index), output, &request, fps, &parameters)?;
            progress.emit(json!({ "event": "clip", "seed": seed, "files": files }));
            rows.push(vec![named(&files), format!("seed {seed}")]);
        }
        report(&progress, &rows, &request, &device, started.elapsed())
    }

    /// The output that was named, or the picture's name with `.mp4` in the current folder.
    fn target(&self, picture: &Path) -> Result<Target, Error> {
        let path = self.output.clone().unwrap_or_else(|| {
            let mut name = picture.file_stem().unwrap_or_else(|| "clip".as_ref()).to_owned();
            name.push(".mp4");
            name.into()
        });
        Ok(Target::parse(&path)?)
    }

    /// Flags before the clip's own parameters before the checkpoint's defaults before the published checkpoint's.
    fn request(&self, source: &Source, from: Option<&Parameters>, defaults: &Defaults) -> Result<Request, Error> {
        let prompt = self.prompt.clone().or_else(|| from.map(|f| f.prompt.clone())).ok_or_else(|| {
            Error::message(
                "no prompt: say what happens with -p \"A cat is turning its head\"; -p \"\" for no text at all",
            )
        })?;
        let negative_prompt = self.negative_prompt.clone().or_else(|| from.map(|f| f.negative_prompt.clone()));
        let seed = self.seed.or(from.map(|f| f.seed)).unwrap_or_else(draw_seed);
        let last = seed.checked_add(u64::from(self.count) - 1);
        let last = last
            .ok_or_else(|| Error::message(format!("--seed: {} clips from seed {seed} on exceed 2^64", self.count)))?;
        let steps = self.steps.or(from.map(|f| f.steps)).or(defaults.steps.map(|v| v as usize));
        let frames = self.frames.or(from.map(|f| f.frames)).or(defaults.frames.map(|v| v as usize));
        let eta = self.eta.or(from.map(|f| f.eta)).or(defaults.eta.map(parameters::decimal));
        let target_fps = self.target_fps.or(from.map(|f| f.target_fps)).or(defaults.target_fps.map(|v| v as f32));
        Ok(Request {
            picture: source.picture.clone(),
            prompt,
            negative_prompt: negative_prompt.or_else(|| defaults.negative_prompt.clone()),
            width: self.width.or(from.map(|f| f.width)).or(defaults.width).unwrap_or(512),
            height: self.height.or(from.map(|f| f.height)).or(defaults.height).unwrap_or(512),
            frames: frames.unwrap_or(16),
            steps: steps.unwrap_or(50),
            cfg_scale: self.cfg_scale.or(from.map(|f| f.cfg_scale)).or(defaults.cfg_scale).unwrap_or(9.0),
            eta: eta.unwrap_or(0.0),
            target_fps: target_fps.unwrap_or(16.0),
            clip_skip: self.clip_skip.or(from.map(|f| f.clip_skip)).unwrap_or(1),
            seeds: (seed..=last).collect(),
            rng: self.rng.or(from.map(|f| f.rng)).unwrap_or_default(),
            compat: self.compat.or(from.map(|f| f.compat)).unwrap_or_default(),
            passes: self.cfg_passes.or(from.map(|f| f.cfg_passes)).unwrap_or_default(),
        })
    }

    fn file_fps(&self, from: Option<&Parameters>, defaults: &Defaults) -> Result<f32, Error> {
        let fps = self.fps.or(from.map(|f| f.fps)).or(defaults.fps.map(|v| v as f32)).unwrap_or(8.0);
        let (low, high) = (video::MIN_FPS, video::MAX_FPS);
        match (low..=high).contains(&fps) {
            true => Ok(fps),
            false => Err(Error::message(format!("--fps: {fps} is out of range: take {low} to {high}, usually 8"))),
        }
    }
}

/// What to know when the demo checkpoint was taken because no model was named.
fn demo_note(defaults: &Defaults) -> String {
    let size =
        defaults.width.zip(defaults.height).map_or(String::new(), |(width, height)| format!(", {width}x{height}"));
    format!(
        "this is the small demo model (coloured shapes{size}); for other pictures, --model {USUAL_MODEL} names the published \
         one, or tells how to download it"
    )
}

/// What differs from the clip that the parameters come from, although it should be made again.
fn differences(from: &Parameters, checkpoint: &Checkpoint, device: &Device) -> Vec<String> {
    let (model, device) = (checkpoint.files().name(), &device.capabilities().name);
    let mut notes = Vec::new();
    if from.model != model {
        notes.push(format!("the clip was made with the model '{}', this one is '{model}'", from.model));
    }
    if from.device != *device {
        notes.push(format!("the clip was made on '{}'; another device may round differently", from.device));
    }
    notes
}

/// A seed that nobody chose. torch's CPU generator reads 32 bits of a seed.
fn draw_seed() -> u64 {
    RandomState::new().build_hasher().finish() & u64::from(u32::MAX)
}

/// Are the networks those of the published checkpoint?
fn is_published(configs: &Configs) -> bool {
    let published = Configs::published();
    let mut unet = configs.unet.clone();
    unet.sample_size = published.unet.sample_size;
    unet == published.unet
        && configs.text_encoder == published.text_encoder
        && configs.image_encoder == published.image_encoder
}

fn write(
    target: &Target,
    output: Output,
    request: &Request,
    fps: f32,
    parameters: &Parameters,
) -> Result<Vec<PathBuf>, Error> {
    let parameters = parameters.to_json()?;
    Ok(match target.kind() {
        Kind::Latents => video::write_latents(target, &output.latents, output.latents_shape, &parameters)?,
        _ => {
            let clip = Clip { width: request.width, height: request.height, fps, frames: output.frames };
            video::write(target, &clip, &parameters)?
        }
    })
}

/// The files of one clip in short.
fn named(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [one] => one.display().to_string(),
        [first, .., last] => format!("{} to {}", first.display(), last.display()),
    }
}

fn report(
    progress: &Progress,
    rows: &[Vec<String>],
    request: &Request,
    device: &Device,
    all: Duration,
) -> Result<(), Error> {
    let per_step = progress.finish().unwrap_or_default();
    let [_, peak] = device.memory();
    if progress.is_json() {
        progress.emit(json!({
            "event": "done", "seconds": all.as_secs_f64(), "seconds_per_step": per_step.as_secs_f64(), "peak_device_bytes": peak,
        }));
        return Ok(());
    }
    let Request { frames, width, height, steps, .. } = request;
    let sizes = format!(
        "{} of {width}x{height}, {} of {}",
        units::counted(*frames, "frame"),
        units::counted(*steps, "step"),
        units::time(per_step)
    );
    print(&format!("{}{sizes}, {} in all, peak device memory {}", table(rows), units::time(all), units::bytes(peak)))
}
