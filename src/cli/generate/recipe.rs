//! A clip as it will be made: every setting decided and checked.

use std::path::Path;

use i2vgen::{
    checkpoint::{Checkpoint, Configs},
    picture::{Opened, Picture},
    pipeline::{Compat, DtypeChoice, Request, advice},
    prepare::Mode,
    prompt::grammar::{Finding, analyse},
    sampler::{Anchoring, Guidance, Schedule, SchedulerConfig},
    video::{self, Enlarge, Kind, Target},
};

use super::Settings;
use crate::cli::{Error, options, output, prepare::PrepareOptions, units};

/// Everything that decides a clip, but the model and the device.
pub struct Recipe {
    pub request: Request,
    /// Rate of the file.
    pub fps: f32,
    pub enlarge: Enlarge,
    pub dtype: DtypeChoice,
    /// How the picture was prepared.
    pub preparation: PrepareOptions,
    /// What was changed of picture and prompt.
    pub notes: Vec<String>,
    /// What would be better about them.
    pub advice: Vec<String>,
}

impl Recipe {
    /// Settings that nobody chose, no preset either, are those of the published checkpoint; a seed is drawn. `count` clips have seeds in a row.
    pub fn new(settings: Settings, picture: Picture, count: u32) -> Result<Self, Error> {
        let frames = settings.frames();
        let s = settings;
        let prompt = s.prompt.ok_or_else(|| {
            Error::message(
                "no prompt: say what happens with -p \"A cat is turning its head\"; -p \"\" for no text at all",
            )
        })?;
        let (prompt, notes, advice) = wording(prompt, s.rewrite_prompt.unwrap_or(false));
        let seed = s.seed.unwrap_or_else(options::draw_seed);
        let last = seed.checked_add(u64::from(count) - 1);
        let last =
            last.ok_or_else(|| Error::message(format!("--seed: {count} clips from seed {seed} on exceed 2^64")))?;
        let anchoring = Anchoring {
            interval: s.anchor_interval.unwrap_or(0),
            strength: s.anchor_strength.unwrap_or(0.3),
            mode: s.anchor_mode.unwrap_or_default(),
            until: s.anchor_until.unwrap_or(0.8),
            noise: s.anchor_noise.unwrap_or_default(),
        };
        let request = Request {
            picture,
            prompt,
            negative_prompt: s.negative_prompt,
            width: s.width.unwrap_or(512),
            height: s.height.unwrap_or(512),
            frames,
            steps: s.steps.unwrap_or(50),
            guidance: Guidance { scale: s.cfg_scale.unwrap_or(9.0), frames: s.cfg_frames, steps: s.cfg_steps },
            anchoring: anchoring.acts().then_some(anchoring),
            eta: s.eta.unwrap_or(0.0),
            target_fps: s.target_fps.unwrap_or(16.0),
            clip_skip: s.clip_skip.unwrap_or(1),
            seeds: (seed..=last).collect(),
            rng: s.rng.unwrap_or_default(),
            compat: s.compat.unwrap_or_default(),
            passes: s.cfg_passes.unwrap_or_default(),
        };
        let enlarge = Enlarge { scale: s.output_scale.unwrap_or(1), filter: s.output_filter.unwrap_or_default() };
        Ok(Self {
            request,
            fps: s.fps.unwrap_or(8.0),
            enlarge,
            dtype: s.dtype.unwrap_or_default(),
            preparation: s.preparation.decided(),
            notes,
            advice,
        })
    }

    /// Prepares the picture, which was opened as `opened`.
    pub fn prepare(&mut self, opened: &Opened) -> Result<(), Error> {
        let (width, height) = (self.request.width, self.request.height);
        let done = self.preparation.apply(opened, width, height, Mode::Off)?;
        if self.preparation.prepare != Some(Mode::Off) {
            let told = if done.picture == opened.picture { &mut self.advice } else { &mut self.notes };
            told.extend(done.report.to_string().lines().map(|line| format!("picture: {line}")));
        }
        self.request.picture = done.picture;
        Ok(())
    }

    /// Refuses what cannot work, before anything takes long.
    pub fn check(&self, checkpoint: &Checkpoint, kind: Kind) -> Result<(), Error> {
        let request = &self.request;
        let (fps, low, high) = (self.fps, video::MIN_FPS, video::MAX_FPS);
        if !(low..=high).contains(&fps) {
            return Err(Error::message(format!("--fps: {fps} is out of range: take {low} to {high}, usually 8")));
        }
        request.check(checkpoint.configs())?;
        let scheduler = SchedulerConfig::open(checkpoint.files())?;
        Schedule::new(&scheduler)?.steps(request.steps, request.eta, request.compat.final_alpha())?;
        Ok(self.enlarge.check(kind, [request.width, request.height], request.frames)?)
    }

    /// Refuses to write over the files `read`, which the clips are made from, or over the mask.
    pub fn spares(&self, read: &[&Path], target: &Target) -> Result<(), Error> {
        let targets = (0..self.request.seeds.len()).map(|index| target.for_index(index));
        let written = targets.flat_map(|target| target.files(self.request.frames));
        output::spare(read.iter().copied().chain(self.preparation.mask.as_deref()), written, "output")
    }

    /// `8 frames of 64x64 (enlarged 4 times to 256x256)`.
    pub fn sizes(&self) -> String {
        let Request { frames, width, height, .. } = self.request;
        let frames = units::counted(frames, "frame");
        match self.enlarge.scale {
            1 => format!("{frames} of {width}x{height}"),
            scale => {
                let [wide, high] = self.enlarge.size(width, height);
                format!("{frames} of {width}x{height} (enlarged {scale} times to {wide}x{high})")
            }
        }
    }

    /// What would make a better clip with this checkpoint.
    pub fn advice(&self, checkpoint: &Checkpoint) -> Vec<String> {
        let published = is_published(checkpoint.configs());
        let mut lines = self.advice.clone();
        // Nobody knows what suits a checkpoint that is neither published nor says so itself.
        if published || checkpoint.defaults().is_some() {
            lines.extend(advice(&self.request, checkpoint.defaults()));
        }
        if published && self.request.compat == Compat::Diffusers {
            lines.push(
                "this model was trained with the image branch added twice, which diffusers does not do; if the motion is \
                 weak or the colours turn blue, --compat vgen is worth a try"
                    .into(),
            );
        }
        lines
    }
}

/// The prompt in force, what was changed, and what would be better. An empty prompt is meant; that one motion is few is said by
/// `i2vgen prompt` alone.
fn wording(prompt: String, rewrite: bool) -> (String, Vec<String>, Vec<String>) {
    let analysis = analyse(&prompt);
    if rewrite && let Some(better) = analysis.rewrite {
        let note = format!("the prompt is used as \"{better}\"");
        return (better, vec![note], Vec::new());
    }
    let told = analysis.findings.iter().filter(|f| !matches!(f, Finding::Empty | Finding::OneMotion { .. }));
    let mut advice: Vec<String> = told.map(ToString::to_string).collect();
    advice.extend(analysis.rewrite.map(|better| format!("--rewrite-prompt would use \"{better}\"")));
    (prompt, Vec::new(), advice)
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
