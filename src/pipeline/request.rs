//! What is asked for.

use serde::{Deserialize, Serialize};

use super::{Error, StepCounts};
use crate::{
    checkpoint::Configs,
    gpu::Capabilities,
    kernel::Dtype,
    picture::{MIN_SIDE, Picture},
    sampler::{Anchoring, FinalAlpha, Guidance, Sampler, Sampling, Schedule, SchedulerConfig, SchedulerOverrides},
};

/// Longest side of a clip in pixels, and most frames.
pub(super) const MAX_SIDE: u32 = 4096;
pub(super) const MAX_FRAMES: usize = 1024;

/// The negative prompt of the original implementation.
pub const VGEN_NEGATIVE_PROMPT: &str = "Distorted, discontinuous, Ugly, blurry, low resolution, motionless, static, disfigured, disconnected limbs, Ugly faces, incomplete arms";

/// Which of the two reference implementations to follow where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// diffusers: the image branch is added once, the last step ends at the scheduler's final alpha, the VAE's own scale, no negative prompt.
    #[default]
    Diffusers,
    /// ali-vilab/VGen, which trained the model: the image branch is added twice, the last step ends at the first alpha, VAE scale 0.18215, a
    /// negative prompt of its own.
    Vgen,
}

impl Compat {
    /// How often the image-latent branch is added to the input.
    pub fn image_branch_scale(self) -> f32 {
        match self {
            Compat::Diffusers => 1.0,
            Compat::Vgen => 2.0,
        }
    }

    /// The alpha behind the last step.
    pub fn final_alpha(self) -> FinalAlpha {
        match self {
            Compat::Diffusers => FinalAlpha::FromConfig,
            Compat::Vgen => FinalAlpha::First,
        }
    }

    /// The factor between the VAE's latents and the UNet's.
    pub fn vae_scale(self, configs: &Configs) -> f32 {
        match self {
            Compat::Diffusers => configs.vae.scaling_factor as f32,
            Compat::Vgen => 0.18215,
        }
    }

    /// The negative prompt where none is given.
    pub fn negative_prompt(self) -> &'static str {
        match self {
            Compat::Diffusers => "",
            Compat::Vgen => VGEN_NEGATIVE_PROMPT,
        }
    }
}

/// Where random numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RngKind {
    /// The normals of `torch.Generator().manual_seed(seed)` on the CPU, so that a clip can be compared with PyTorch.
    #[default]
    TorchCpu,
    /// Philox on the device.
    Philox,
}

/// How the two rows of classifier-free guidance are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passes {
    /// One batch of two if the device's memory is known to hold it or unknown, else two passes.
    #[default]
    Auto,
    /// One batch of two.
    One,
    /// Two passes: less memory.
    Two,
}

/// How much of a frame is decoded at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum VaeTile {
    /// A whole frame, or strips where that does not fit.
    #[default]
    Auto,
    /// A whole frame.
    Off,
    /// Strips of so many rows of pixels, and what overlaps.
    Rows(u32),
}

impl VaeTile {
    /// The rows that were asked for.
    pub fn rows(self) -> Option<u32> {
        match self {
            Self::Rows(rows) => Some(rows),
            _ => None,
        }
    }
}

impl std::str::FromStr for VaeTile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            ("off", _) => Ok(Self::Off),
            (_, Ok(rows)) if rows > 0 => Ok(Self::Rows(rows)),
            _ => Err("expected auto, off, or a number of rows such as 128".into()),
        }
    }
}

impl TryFrom<String> for VaeTile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<VaeTile> for String {
    fn from(tile: VaeTile) -> Self {
        match tile {
            VaeTile::Auto => "auto".into(),
            VaeTile::Off => "off".into(),
            VaeTile::Rows(rows) => rows.to_string(),
        }
    }
}

/// How activations and weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DtypeChoice {
    /// f16 where the device's shaders have it, else f32.
    #[default]
    Auto,
    /// f32 activations.
    F32,
    /// f16 activations and weights.
    F16,
}

impl DtypeChoice {
    /// How activations are stored on a device.
    ///
    /// # Errors
    /// f16 where its shaders have none.
    pub fn on(self, device: &Capabilities) -> Result<Dtype, Error> {
        match self {
            Self::F32 => Ok(Dtype::F32),
            Self::Auto if !device.f16 => Ok(Dtype::F32),
            Self::F16 if !device.f16 => {
                let reason = format!("device '{}' has no f16 in shaders: take --dtype f32", device.name);
                Err(Error::Request { field: "--dtype", reason })
            }
            Self::Auto | Self::F16 => Ok(Dtype::F16),
        }
    }
}

/// One request: a picture, a sentence, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The picture.
    pub picture: Picture,
    /// What should happen.
    pub prompt: String,
    /// What should not; the reference's default if absent.
    pub negative_prompt: Option<String>,
    /// Width of the clip in pixels, a multiple of the VAE's factor.
    pub width: u32,
    /// Height of the clip in pixels.
    pub height: u32,
    /// Number of frames.
    pub frames: usize,
    /// Denoising steps.
    pub steps: usize,
    /// Classifier-free guidance.
    pub guidance: Guidance,
    /// Whether and how frames are pulled back to the picture.
    pub anchoring: Option<Anchoring>,
    /// How a step is taken.
    pub sampler: Sampler,
    /// Fresh noise per step, 0 to 1.
    pub eta: f64,
    /// Every so manyth step runs all of the UNet; those between run its outermost layers on the features that it left. 1: every step.
    pub reuse_deep: usize,
    /// Scheduler settings in place of the checkpoint's.
    pub scheduler: SchedulerOverrides,
    /// The frame rate that the model is conditioned on.
    pub target_fps: f32,
    /// Layers of the text encoder that are left out at its end; the reference's default is 1.
    pub clip_skip: usize,
    /// One clip per seed.
    pub seeds: Vec<u64>,
    /// Where random numbers come from.
    pub rng: RngKind,
    /// Which reference to follow.
    pub compat: Compat,
    /// How guidance is evaluated.
    pub passes: Passes,
    /// How much of a frame is decoded at a time.
    pub vae_tile: VaeTile,
}

/// Refuses a side that is no multiple of `factor`, the pixels of a latent, or far beyond what any model does.
///
/// # Errors
/// [`Error::Request`] of this field, with what to take instead.
pub fn check_side(field: &'static str, side: u32, factor: u32) -> Result<(), Error> {
    let error = |reason: String| Err(Error::Request { field, reason });
    if side == 0 || !side.is_multiple_of(factor) {
        let below = (side / factor * factor).max(factor);
        let above = side.saturating_add(factor - 1) / factor * factor;
        let near = if below == above || side == 0 { below.to_string() } else { format!("{below} or {above}") };
        return error(format!("{side} does not divide by {factor}: take {near}"));
    }
    if side > MAX_SIDE {
        return error(format!(
            "{side} pixels is far beyond what the model can do; the published one was trained at 1280x704, and 512x512 works best with it"
        ));
    }
    Ok(())
}

impl Request {
    /// A request with the settings of the published pipeline: 16 frames of 512x512, 50 steps, guidance 9.
    pub fn new(picture: Picture, prompt: impl Into<String>) -> Self {
        Self {
            picture,
            prompt: prompt.into(),
            negative_prompt: None,
            width: 512,
            height: 512,
            frames: 16,
            steps: 50,
            guidance: Guidance::from(9.0),
            anchoring: None,
            sampler: Sampler::default(),
            eta: 0.0,
            reuse_deep: 1,
            scheduler: SchedulerOverrides::default(),
            target_fps: 16.0,
            clip_skip: 1,
            seeds: vec![0],
            rng: RngKind::default(),
            compat: Compat::default(),
            passes: Passes::default(),
            vae_tile: VaeTile::default(),
        }
    }

    /// A request without a picture of its own and without a prompt, for plans: what a clip costs depends on neither.
    pub fn plain() -> Self {
        Self::new(Picture::black(MIN_SIDE, MIN_SIDE), "")
    }

    /// The way from noise to sample.
    pub fn sampling(&self) -> Sampling {
        Sampling { sampler: self.sampler, steps: self.steps, eta: self.eta, end: self.compat.final_alpha() }
    }

    /// The guidance scales, `[steps][frames]`.
    pub fn guidance_table(&self) -> Result<Vec<Vec<f32>>, Error> {
        let table = self.guidance.table(self.steps, self.frames);
        table.map_err(|error| {
            let field = match (&self.guidance.frames, &self.guidance.steps) {
                (None, None) => "--cfg-scale",
                (Some(_), None) => "--cfg-frames",
                (None, Some(_)) => "--cfg-steps",
                (Some(_), Some(_)) => "--cfg-frames, --cfg-steps",
            };
            Error::Request { field, reason: error.to_string() }
        })
    }

    /// How many steps of which kind there are; none where the guidance is not valid.
    pub fn step_counts(&self) -> StepCounts {
        StepCounts::new(&self.guidance_table().unwrap_or_default(), self.reuse_deep)
    }

    /// Is guidance on in any step?
    pub fn guided(&self) -> bool {
        self.step_counts().by_guidance()[0] > 0
    }

    /// The negative prompt in force.
    pub fn negative(&self) -> &str {
        self.negative_prompt.as_deref().unwrap_or(self.compat.negative_prompt())
    }

    /// Refuses values that cannot work, before anything is loaded.
    pub fn check(&self, configs: &Configs) -> Result<(), Error> {
        let error = |field, reason: String| Err(Error::Request { field, reason });
        let factor = configs.vae.spatial_factor() as u32;
        check_side("--width", self.width, factor)?;
        check_side("--height", self.height, factor)?;
        if let Some(rows) = self.vae_tile.rows().filter(|rows| rows % factor != 0) {
            let reason = format!("{rows} rows do not divide by {factor}: take {}", rows.next_multiple_of(factor));
            return error("--vae-tile", reason);
        }
        if self.frames == 0 {
            return error("--frames", "a clip needs at least 1 frame; the published model was trained with 16".into());
        }
        if self.frames > MAX_FRAMES {
            return error(
                "--frames",
                format!(
                    "{} frames are too many: at most {MAX_FRAMES}, and the published model was trained with 16",
                    self.frames
                ),
            );
        }
        let layers = configs.text_encoder.num_hidden_layers;
        if self.clip_skip > layers {
            return error(
                "--clip-skip",
                format!("{} layers are more than the text encoder's {layers}", self.clip_skip),
            );
        }
        if !self.eta.is_finite() || !(0.0..=1.0).contains(&self.eta) {
            return error("--eta", format!("{} is out of range: take 0 (deterministic) to 1", self.eta));
        }
        // Before tables are made of the steps.
        let schedule = Schedule::new(&SchedulerConfig::try_from(configs.scheduler.clone())?)?;
        schedule.with(&self.scheduler)?.steps(&self.sampling())?;
        self.guidance_table()?;
        if let Some(anchoring) = &self.anchoring {
            let shares = [("--anchor-strength", anchoring.strength), ("--anchor-until", anchoring.until)];
            for (field, share) in shares {
                if !(0.0..=1.0).contains(&share) {
                    return error(field, format!("{share} is out of range: take 0 (off) to 1"));
                }
            }
        }
        if self.reuse_deep == 0 {
            return error("--reuse-deep", "0 is out of range: take 1 (every step runs all of the UNet), 2 or 3".into());
        }
        if !(1.0..=60.0).contains(&self.target_fps) {
            return error(
                "--target-fps",
                format!("{} is out of range: take 1 to 60, the model was trained with 8 to 16", self.target_fps),
            );
        }
        Ok(())
    }
}
