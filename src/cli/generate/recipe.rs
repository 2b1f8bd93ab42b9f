//! A clip as it will be made: every setting decided and checked.

use std::path::Path;

use i2vgen::{
    picture::{Opened, Picture},
    pipeline::{Advice, DtypeChoice, Request, advice},
    prepare::{Mode, Report},
    prompt::grammar::{Analysis, Finding, analyse},
    sampler::{Anchoring, Guidance},
    video::{self, Enlarge, Kind, Quality, Target},
};

use super::Settings;
use crate::cli::{Error, model::Model, options, output, prepare::PrepareOptions, units};

/// Everything that decides a clip, but the model and the device.
pub struct Recipe {
    pub request: Request,
    /// Rate of the file.
    pub fps: f32,
    pub enlarge: Enlarge,
    /// Quality of the file.
    pub quality: Option<Quality>,
    pub dtype: DtypeChoice,
    /// How the picture was prepared.
    pub preparation: PrepareOptions,
    /// What was changed of picture and prompt.
    pub notes: Vec<String>,
    /// The prompt as it is used.
    analysis: Analysis,
    /// What is weak about the picture, where preparation has not changed it.
    report: Report,
    /// The size of the picture that is cut to the clip's aspect, where preparation has not chosen how.
    whole: Option<(u32, u32)>,
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
        let (prompt, analysis, notes) = wording(prompt, s.rewrite_prompt.unwrap_or(false));
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
        let usual = Request::new(picture, prompt);
        let request = Request {
            negative_prompt: s.negative_prompt,
            width: s.width.unwrap_or(usual.width),
            height: s.height.unwrap_or(usual.height),
            frames,
            steps: s.steps.unwrap_or(usual.steps),
            guidance: Guidance {
                scale: s.cfg_scale.unwrap_or(usual.guidance.scale),
                frames: s.cfg_frames,
                steps: s.cfg_steps,
            },
            // Also where it does nothing: what is out of range is refused, not passed over.
            anchoring: Some(anchoring),
            sampler: s.sampler.unwrap_or_default(),
            reuse_deep: s.reuse_deep.unwrap_or(usual.reuse_deep),
            eta: s.eta.unwrap_or(usual.eta),
            scheduler: s.scheduler.into(),
            target_fps: s.target_fps.unwrap_or(usual.target_fps),
            clip_skip: s.clip_skip.unwrap_or(usual.clip_skip),
            seeds: (seed..=last).collect(),
            rng: s.rng.unwrap_or_default(),
            compat: s.compat.unwrap_or_default(),
            passes: s.cfg_passes.unwrap_or_default(),
            vae_tile: s.vae_tile.unwrap_or_default(),
            ..usual
        };
        let enlarge = Enlarge { scale: s.output_scale.unwrap_or(1), filter: s.output_filter.unwrap_or_default() };
        Ok(Self {
            request,
            fps: s.fps.unwrap_or(8.0),
            enlarge,
            quality: s.quality,
            dtype: s.dtype.unwrap_or_default(),
            preparation: s.preparation.decided(),
            notes,
            analysis,
            report: Report::default(),
            whole: None,
        })
    }

    /// Prepares the picture, which was opened as `opened`.
    pub fn prepare(&mut self, opened: &Opened) -> Result<(), Error> {
        let (width, height) = (self.request.width, self.request.height);
        let done = self.preparation.apply(opened, width, height, Mode::Off)?;
        self.whole = (!done.report.is_cropped()).then(|| (opened.picture.width(), opened.picture.height()));
        match done.window {
            Some(_) => self.notes.extend(done.report.to_string().lines().map(|line| format!("picture: {line}"))),
            None => self.report = done.report,
        }
        self.request.picture = done.picture;
        Ok(())
    }

    /// Refuses what cannot work, before anything takes long.
    pub fn check(&self, model: &Model, kind: Kind) -> Result<(), Error> {
        let request = &self.request;
        let (fps, low, high) = (self.fps, video::MIN_FPS, video::MAX_FPS);
        if !(low..=high).contains(&fps) {
            return Err(Error::message(format!("--fps: {fps} is out of range: take {low} to {high}, usually 8")));
        }
        request.check(&model.configs)?;
        self.quality.map_or(Ok(()), |quality| quality.check(kind))?;
        Ok(self.enlarge.check(kind, [request.width, request.height], request.frames)?)
    }

    /// Refuses to write over the files `read`, which the clips are made from, or over the mask.
    pub fn spares(&self, read: &[&Path], targets: &[Target]) -> Result<(), Error> {
        let written = targets.iter().flat_map(|target| target.files(self.request.frames));
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

    /// What the grammar finds in the prompt as it is used.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// What would make a better clip with this model. Before a run it is not worth a line that nothing is said or that one thing moves:
    /// it may be meant.
    pub fn advice(&self, model: &Model, kind: Kind) -> Vec<Advice> {
        let mut analysis = self.analysis.clone();
        analysis.findings.retain(|finding| !matches!(finding, Finding::Empty | Finding::OneMotion { .. }));
        let mut lines = advice::prompt(&analysis);
        lines.extend(advice::picture(&self.report, self.preparation.prepare.unwrap_or_default()));
        lines.extend(self.whole.and_then(|size| advice::crop(size, &self.request, model.defaults.as_ref())));
        lines.extend(self.numbers(model));
        lines.extend(self.surroundings(kind));
        lines
    }

    /// The part of it that is about the negative prompt and about the file, which is of this kind.
    pub fn surroundings(&self, kind: Kind) -> Vec<Advice> {
        let request = &self.request;
        let negative = request.negative_prompt.as_deref().filter(|_| request.guided()).and_then(advice::negative);
        let size = self.enlarge.size(request.width, request.height);
        negative.into_iter().chain(advice::file(kind, self.fps, size)).collect()
    }

    /// The part of it that is about the request's numbers. Nobody knows what suits a checkpoint that is neither published nor says so
    /// itself.
    pub fn numbers(&self, model: &Model) -> Vec<Advice> {
        let (request, published) = (&self.request, model.is_published());
        let mut lines = Vec::new();
        if published || model.defaults.is_some() {
            lines.extend(advice::request(request, model.defaults.as_ref()));
        }
        lines.extend(advice::branch_twice(request).filter(|_| published));
        lines
    }

    /// One warning for each setting that contradicts the checkpoint's scheduler.
    pub fn warnings(&self, model: &Model) -> Vec<Advice> {
        advice::scheduler(&self.request, &model.scheduler)
    }
}

/// The prompt in force, what the grammar finds in it, and what was changed.
fn wording(prompt: String, rewrite: bool) -> (String, Analysis, Vec<String>) {
    let analysis = analyse(&prompt);
    match analysis.rewrite.as_ref().filter(|_| rewrite) {
        Some(better) => {
            let note = format!("the prompt is used as \"{better}\"");
            (better.clone(), analyse(better), vec![note])
        }
        None => (prompt, analysis, Vec::new()),
    }
}
