//! The parameters that are embedded in a clip, so that it can be made again.

use std::path::Path;

use i2vgen::{
    kernel::Override,
    pipeline::{Compat, DtypeChoice, Engine, Output, Passes, RngKind, VaeTile},
    sampler::{Anchoring, FrameScales, Sampler, SchedulerOverrides, StepScales},
    video::{self, Filter, Quality},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Recipe;
use crate::cli::{Error, prepare::PrepareOptions, source::PictureMark};

/// Everything that decides what a clip looks like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameters {
    /// This program and its version.
    pub program: String,
    /// Name of the model folder.
    pub model: String,
    pub picture: PictureMark,
    /// How the picture was prepared.
    #[serde(default)]
    pub preparation: PrepareOptions,
    pub prompt: String,
    /// The negative prompt in force.
    pub negative_prompt: String,
    pub width: u32,
    pub height: u32,
    pub frames: usize,
    pub steps: usize,
    /// Clips of earlier versions were all made with DDIM.
    #[serde(default)]
    pub sampler: Sampler,
    /// Clips of earlier versions ran all of the UNet in every step.
    #[serde(default = "one")]
    pub reuse_deep: usize,
    #[serde(serialize_with = "as_decimal")]
    pub cfg_scale: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cfg_frames: Option<FrameScales>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cfg_steps: Option<StepScales>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchoring: Option<Anchoring>,
    pub eta: f64,
    /// What was said in place of the checkpoint's scheduler settings.
    #[serde(default, skip_serializing_if = "SchedulerOverrides::is_empty")]
    pub scheduler: SchedulerOverrides,
    /// Rate of the file.
    #[serde(serialize_with = "as_decimal")]
    pub fps: f32,
    /// Rate that the model was told.
    #[serde(serialize_with = "as_decimal")]
    pub target_fps: f32,
    /// How often the clip was enlarged in the file; clips of earlier versions never were.
    #[serde(default = "not_enlarged")]
    pub output_scale: u32,
    #[serde(default)]
    pub output_filter: Filter,
    /// Quality of the file; the usual one if nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    pub clip_skip: usize,
    pub seed: u64,
    pub rng: RngKind,
    pub compat: Compat,
    pub cfg_passes: Passes,
    /// How much of a frame was decoded at a time; clips of earlier versions had whole frames, or what fits.
    #[serde(default)]
    pub vae_tile: VaeTile,
    /// How activations were stored: f32 or f16.
    pub dtype: DtypeChoice,
    /// Name of the device.
    pub device: String,
    /// Its interface and driver.
    pub driver: String,
    /// What ran in place of the kernels' own choices, a file with its fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// At how many shapes settings ran that were tuned on the device, with a fingerprint of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<String>,
}

impl Parameters {
    /// What made a clip.
    pub fn new(engine: &Engine, recipe: &Recipe, mark: &PictureMark, output: &Output) -> Self {
        let request = &recipe.request;
        let device = engine.device().capabilities();
        let dtype = if engine.activation().bytes() == 2 { DtypeChoice::F16 } else { DtypeChoice::F32 };
        Self {
            program: concat!("i2vgen ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: engine.checkpoint().files().name(),
            picture: mark.clone(),
            preparation: recipe.preparation.clone(),
            prompt: request.prompt.clone(),
            negative_prompt: request.negative().to_owned(),
            width: request.width,
            height: request.height,
            frames: request.frames,
            steps: request.steps,
            sampler: request.sampler,
            reuse_deep: request.reuse_deep,
            cfg_scale: request.guidance.scale,
            cfg_frames: request.guidance.frames.clone(),
            cfg_steps: request.guidance.steps.clone(),
            anchoring: request.anchoring.filter(|anchoring| anchoring.interval > 0),
            eta: request.eta,
            scheduler: request.scheduler.clone(),
            fps: recipe.fps,
            target_fps: request.target_fps,
            output_scale: recipe.enlarge.scale,
            output_filter: recipe.enlarge.filter,
            quality: recipe.quality,
            clip_skip: request.clip_skip,
            seed: output.seed,
            rng: request.rng,
            compat: request.compat,
            cfg_passes: request.passes,
            vae_tile: request.vae_tile,
            dtype,
            device: device.name.clone(),
            driver: format!("{} {}", device.backend, device.driver),
            overrides: engine.choices().overrides().iter().map(Override::to_string).collect(),
            tuned: output.tuned.mark(),
        }
    }

    /// Reads them back out of a clip.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::of(video::read_parameters(path)?, path)
    }

    /// Those that a file had inside.
    pub fn of(inside: Value, path: &Path) -> Result<Self, Error> {
        serde_path_to_error::deserialize(inside).map_err(|error| {
            let path = path.display();
            Error::message(format!("{path}: its parameters cannot be used: {}: {}", error.path(), error.inner()))
        })
    }

    pub fn to_json(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|e| Error::message(format!("the parameters are not JSON: {e}")))
    }
}

fn one() -> usize {
    1
}

fn not_enlarged() -> u32 {
    1
}

/// The shortest decimal that gives this f32 again: 8.3, where the f32 itself is 8.300000190734863.
pub fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

fn as_decimal<S: serde::Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(decimal(*value))
}
