//! What a clip should be like, as far as somebody says: flags, a line of a job list, an earlier clip, the checkpoint.

use clap::Args;
use i2vgen::{
    checkpoint::Defaults,
    pipeline::{Compat, DtypeChoice, Passes, RngKind, VaeTile},
    sampler::{AnchorMode, AnchorNoise, FrameScales, Sampler, StepScales},
    video::{Filter, MAX_SCALE, Quality},
};
use serde::{Deserialize, Serialize};

use super::{Parameters, parameters::decimal, scheduler::SchedulerOptions};
use crate::cli::{options::by_name, prepare::PrepareOptions};

/// Settings by the names of their flags, which are those of the fields in a job list; what is absent was not said.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Settings by name: standard, walking, waves, head-turn, rotate, pan, diffusers, vgen, or one of --preset-file; other flags
    /// override them [default: standard]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// What happens, best in the present continuous: "A cat is turning its head slowly to the right"
    #[arg(short, long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// What should not be seen [default: none; with --compat vgen, VGen's own]
    #[arg(short, long, value_name = "TEXT")]
    pub negative_prompt: Option<String>,

    /// Put the prompt's motions into the present continuous before it is used
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub rewrite_prompt: Option<bool>,

    /// Width in pixels, a multiple of 8 [default: 512]
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = "Clip")]
    pub width: Option<u32>,
    /// Height in pixels, a multiple of 8 [default: 512]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = "Clip")]
    pub height: Option<u32>,
    /// Number of frames [default: 16]
    #[arg(long, value_name = "N", help_heading = "Clip")]
    pub frames: Option<usize>,
    /// Frames per second of the file [default: 8]
    #[arg(long, value_name = "RATE", help_heading = "Clip")]
    pub fps: Option<f32>,
    /// Frames per second that the model is told; lower means more motion between frames [default: 16]
    #[arg(long, value_name = "RATE", help_heading = "Clip")]
    pub target_fps: Option<f32>,
    /// Write the clip enlarged by a whole factor, 1 (off) to 16 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SCALE)), help_heading = "Clip")]
    pub output_scale: Option<u32>,
    /// How to enlarge: soft slopes, or every pixel as a square [default: smooth]
    #[arg(long, value_name = "smooth|nearest", value_parser = by_name::<Filter>, help_heading = "Clip")]
    pub output_filter: Option<Filter>,
    /// Quality of an mp4 or webp, 1 (small) to 100 (best); gif and png have none [default: 90]
    #[arg(long, value_name = "1..100", help_heading = "Clip")]
    pub quality: Option<Quality>,

    /// Denoising steps [default: 50]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub steps: Option<usize>,
    /// How a step is taken: the reference's way, or a solver of second order that gets by with fewer steps [default: ddim]
    #[arg(long, value_name = "ddim|dpm-solver++", value_parser = by_name::<Sampler>, help_heading = "Sampling")]
    pub sampler: Option<Sampler>,
    /// Run all of the UNet in every N-th step alone; the others run its outermost layers on the features that it left [default: 1, off]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub reuse_deep: Option<usize>,
    /// How strongly the prompt guides; 1 turns guidance off [default: 9]
    #[arg(long, value_name = "SCALE", help_heading = "Guidance and anchoring")]
    pub cfg_scale: Option<f32>,
    /// Other scales for some frames, such as 0-4=8,5-11=9,12-=8.5
    #[arg(long, value_name = "RANGE=SCALE,…", help_heading = "Guidance and anchoring")]
    pub cfg_frames: Option<FrameScales>,
    /// Other scales for parts of the denoising, such as 0-30%=7,30-80%=9,80-100%=1; a part with 1 takes half the time
    #[arg(long, value_name = "RANGE=SCALE,…", help_heading = "Guidance and anchoring")]
    pub cfg_steps: Option<StepScales>,
    /// Pull every K-th frame back to the picture; 0 turns it off [default: 4]
    #[arg(long, value_name = "K", help_heading = "Guidance and anchoring")]
    pub anchor_interval: Option<usize>,
    /// How strongly, 0 to 1 [default: 0.3]
    #[arg(long, value_name = "SHARE", help_heading = "Guidance and anchoring")]
    pub anchor_strength: Option<f32>,
    /// What is pulled: every latent, low spatial frequencies, or mean and spread of the channels [default: adain]
    #[arg(long, value_name = "blend|lowpass|adain", value_parser = by_name::<AnchorMode>, help_heading = "Guidance and anchoring")]
    pub anchor_mode: Option<AnchorMode>,
    /// The part of the steps in which it acts, 0 to 1 [default: 0.8]
    #[arg(long, value_name = "SHARE", help_heading = "Guidance and anchoring")]
    pub anchor_until: Option<f32>,
    /// What becomes of the noise estimate where a frame is pulled [default: kept]
    #[arg(long, value_name = "kept|recomputed", value_parser = by_name::<AnchorNoise>, help_heading = "Guidance and anchoring")]
    pub anchor_noise: Option<AnchorNoise>,
    /// Share of fresh noise in each step, from 0 (deterministic) to 1 [default: 0.3]
    #[arg(long, value_name = "SHARE", help_heading = "Sampling")]
    pub eta: Option<f64>,
    /// Fixes all random numbers [default: drawn, and printed]
    #[arg(short, long, value_name = "N", value_parser = seed, help_heading = "Sampling")]
    pub seed: Option<u64>,
    /// Random numbers of torch on the CPU (comparable with PyTorch), or Philox on the device [default: torch-cpu]
    #[arg(long, value_name = "torch-cpu|philox", value_parser = by_name::<RngKind>, help_heading = "Sampling")]
    pub rng: Option<RngKind>,
    /// Which reference implementation to follow where they differ [default: diffusers]
    #[arg(long, value_name = "diffusers|vgen", value_parser = by_name::<Compat>, help_heading = "Sampling")]
    pub compat: Option<Compat>,
    /// Layers left out at the end of the text encoder [default: 1]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub clip_skip: Option<usize>,

    /// How numbers are stored on the device [default: auto, f16 where shaders have it]
    #[arg(long, value_name = "auto|f32|f16", value_parser = by_name::<DtypeChoice>, help_heading = "Device")]
    pub dtype: Option<DtypeChoice>,
    /// Guidance as one batch of two, or in two passes with less memory [default: auto]
    #[arg(long, value_name = "auto|one|two", value_parser = by_name::<Passes>, help_heading = "Device")]
    pub cfg_passes: Option<Passes>,
    /// Decode frames whole, or in strips of so many rows, which takes less memory; auto does so where it must [default: auto]
    #[arg(long, value_name = "auto|off|ROWS", help_heading = "Device")]
    pub vae_tile: Option<VaeTile>,

    #[command(flatten)]
    #[serde(flatten)]
    pub scheduler: SchedulerOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub preparation: PrepareOptions,
}

impl Settings {
    /// These settings; those that are absent come from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            preset: self.preset.or(other.preset),
            prompt: self.prompt.or(other.prompt),
            negative_prompt: self.negative_prompt.or(other.negative_prompt),
            rewrite_prompt: self.rewrite_prompt.or(other.rewrite_prompt),
            width: self.width.or(other.width),
            height: self.height.or(other.height),
            frames: self.frames.or(other.frames),
            fps: self.fps.or(other.fps),
            target_fps: self.target_fps.or(other.target_fps),
            output_scale: self.output_scale.or(other.output_scale),
            output_filter: self.output_filter.or(other.output_filter),
            quality: self.quality.or(other.quality),
            steps: self.steps.or(other.steps),
            sampler: self.sampler.or(other.sampler),
            reuse_deep: self.reuse_deep.or(other.reuse_deep),
            cfg_scale: self.cfg_scale.or(other.cfg_scale),
            cfg_frames: self.cfg_frames.or(other.cfg_frames),
            cfg_steps: self.cfg_steps.or(other.cfg_steps),
            anchor_interval: self.anchor_interval.or(other.anchor_interval),
            anchor_strength: self.anchor_strength.or(other.anchor_strength),
            anchor_mode: self.anchor_mode.or(other.anchor_mode),
            anchor_until: self.anchor_until.or(other.anchor_until),
            anchor_noise: self.anchor_noise.or(other.anchor_noise),
            eta: self.eta.or(other.eta),
            seed: self.seed.or(other.seed),
            rng: self.rng.or(other.rng),
            compat: self.compat.or(other.compat),
            clip_skip: self.clip_skip.or(other.clip_skip),
            dtype: self.dtype.or(other.dtype),
            cfg_passes: self.cfg_passes.or(other.cfg_passes),
            vae_tile: self.vae_tile.or(other.vae_tile),
            scheduler: self.scheduler.or(other.scheduler),
            preparation: self.preparation.or(other.preparation),
        }
    }

    /// Number of frames; the published checkpoint was trained with 16.
    pub fn frames(&self) -> usize {
        self.frames.unwrap_or(16)
    }
}

/// Everything that a clip was made with.
impl From<&Parameters> for Settings {
    fn from(p: &Parameters) -> Self {
        Self {
            // Everything that it decided is here.
            preset: None,
            prompt: Some(p.prompt.clone()),
            negative_prompt: Some(p.negative_prompt.clone()),
            // It is written as it was used.
            rewrite_prompt: None,
            width: Some(p.width),
            height: Some(p.height),
            frames: Some(p.frames),
            fps: Some(p.fps),
            target_fps: Some(p.target_fps),
            output_scale: Some(p.output_scale),
            output_filter: Some(p.output_filter),
            quality: p.quality,
            steps: Some(p.steps),
            sampler: Some(p.sampler),
            reuse_deep: Some(p.reuse_deep),
            cfg_scale: Some(p.cfg_scale),
            cfg_frames: p.cfg_frames.clone(),
            cfg_steps: p.cfg_steps.clone(),
            // A clip without anchoring is made again without.
            anchor_interval: Some(p.anchoring.map_or(0, |a| a.interval)),
            anchor_strength: p.anchoring.map(|a| a.strength),
            anchor_mode: p.anchoring.map(|a| a.mode),
            anchor_until: p.anchoring.map(|a| a.until),
            anchor_noise: p.anchoring.map(|a| a.noise),
            eta: Some(p.eta),
            seed: Some(p.seed),
            rng: Some(p.rng),
            compat: Some(p.compat),
            clip_skip: Some(p.clip_skip),
            dtype: Some(p.dtype),
            cfg_passes: Some(p.cfg_passes),
            vae_tile: Some(p.vae_tile),
            scheduler: (&p.scheduler).into(),
            preparation: p.preparation.clone().decided(),
        }
    }
}

/// What suits a checkpoint.
impl From<&Defaults> for Settings {
    fn from(d: &Defaults) -> Self {
        Self {
            negative_prompt: d.negative_prompt.clone(),
            width: d.width,
            height: d.height,
            frames: d.frames.map(|v| v as usize),
            fps: d.fps.map(|v| v as f32),
            target_fps: d.target_fps.map(|v| v as f32),
            steps: d.steps.map(|v| v as usize),
            cfg_scale: d.cfg_scale,
            eta: d.eta.map(decimal),
            anchor_interval: d.anchor_interval.map(|v| v as usize),
            preparation: PrepareOptions {
                prepare: d.prepare.as_deref().and_then(|mode| mode.parse().ok()),
                ..PrepareOptions::default()
            },
            ..Self::default()
        }
    }
}

/// Reads a seed.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use i2vgen::sampler::SchedulerOverrides;
    use serde_json::Value;

    use super::*;

    /// Every field, by going through JSON: one that `or` forgot would be lost.
    #[test]
    fn what_is_absent_comes_from_the_other() {
        let full: Value = serde_json::from_str(
            r#"{
            "preset": "pan", "prompt": "a", "negative_prompt": "b", "rewrite_prompt": true, "width": 8, "height": 16,
            "frames": 2, "fps": 3.0, "target_fps": 4.0, "output_scale": 5, "output_filter": "nearest", "quality": 70, "steps": 6, "sampler": "dpm-solver++",
            "reuse_deep": 2,
            "cfg_scale": 7.0, "cfg_frames": "0-1=5", "cfg_steps": "0-50%=2", "anchor_interval": 3,
            "anchor_strength": 0.25, "anchor_mode": "adain", "anchor_until": 0.5, "anchor_noise": "recomputed",
            "eta": 0.5, "seed": 9, "rng": "philox", "compat": "vgen", "clip_skip": 0, "dtype": "f32",
            "cfg_passes": "two", "vae_tile": "128", "prediction_type": "epsilon", "beta_schedule": "scaled_linear", "beta_start": 0.25,
            "beta_end": 0.5, "timestep_spacing": "linspace", "zero_snr": false, "set_alpha_to_one": true,
            "clip_sample": true, "steps_offset": 2, "prepare": "auto", "mask": "m.png", "background": "teal", "subject": "1,2,30,40",
            "subject_fill": 0.5, "edge_amount": 1.0, "background_blur": 0.01
            }"#,
        )
        .unwrap();
        let settings: Settings = serde_json::from_value(full.clone()).unwrap();
        let json = |settings: &Settings| serde_json::to_value(settings).unwrap();
        assert_eq!(json(&settings), full);
        assert_eq!(json(&Settings::default().or(settings.clone())), full);
        assert_eq!(settings.clone().or(Settings { steps: Some(1), ..Settings::default() }), settings);
        let scheduler = SchedulerOverrides::from(settings.scheduler.clone());
        assert_eq!(SchedulerOptions::from(&scheduler), settings.scheduler);
        let absent = json(&Settings::default());
        assert!(absent.as_object().unwrap().values().all(Value::is_null));
    }
}
