//! The flags of `i2vgen generate`.

use std::path::{Path, PathBuf};

use clap::Args;
use i2vgen::pipeline::{Compat, DtypeChoice, Passes, RngKind};

use super::Parameters;
use crate::cli::{
    options::{DeviceOptions, ModelOption, by_name},
    progress::Style,
};

/// Make a clip from a picture and a sentence
///
/// Sizes and settings that are not given come from the clip of --from, from the checkpoint's i2vgen.json, or are those of the
/// published checkpoint. If no model is named, it is models/i2vgen-xl in the current folder if that is there, or else demo.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Generate {
    /// Picture to animate: PNG, JPEG, WebP, BMP, GIF or TIFF
    #[arg(value_name = "PICTURE", conflicts_with = "image")]
    picture: Option<PathBuf>,
    /// The same as an option
    #[arg(short, long, value_name = "PICTURE")]
    image: Option<PathBuf>,
    /// What happens, best in the present continuous: "A cat is turning its head slowly to the right"
    #[arg(short, long, value_name = "TEXT")]
    pub(super) prompt: Option<String>,
    /// What should not be seen [default: none; with --compat vgen, VGen's own]
    #[arg(short, long, value_name = "TEXT")]
    pub(super) negative_prompt: Option<String>,
    /// Take every parameter from a clip that this program made; other flags override them
    #[arg(long, value_name = "CLIP")]
    pub(super) from: Option<PathBuf>,
    /// File to write: .mp4, .gif, .webp, frames as name-%03d.png, or latents as .safetensors [default: the picture's name with
    /// .mp4, in the current folder]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) model: ModelOption,

    /// Width in pixels, a multiple of 8 [default: 512]
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = "Clip")]
    pub(super) width: Option<u32>,
    /// Height in pixels, a multiple of 8 [default: 512]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = "Clip")]
    pub(super) height: Option<u32>,
    /// Number of frames [default: 16]
    #[arg(long, value_name = "N", help_heading = "Clip")]
    pub(super) frames: Option<usize>,
    /// Frames per second of the file [default: 8]
    #[arg(long, value_name = "RATE", help_heading = "Clip")]
    pub(super) fps: Option<f32>,
    /// Frames per second that the model is told; lower means more motion between frames [default: 16]
    #[arg(long, value_name = "RATE", help_heading = "Clip")]
    pub(super) target_fps: Option<f32>,
    /// Clips to make from one load, with the seeds seed, seed + 1, …
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Clip")]
    pub(super) count: u32,

    /// Denoising steps [default: 50]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub(super) steps: Option<usize>,
    /// How strongly the prompt guides; 1 turns guidance off [default: 9]
    #[arg(long, value_name = "SCALE", help_heading = "Sampling")]
    pub(super) cfg_scale: Option<f32>,
    /// Share of fresh noise in each step, from 0 (deterministic) to 1 [default: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Sampling")]
    pub(super) eta: Option<f64>,
    /// Fixes all random numbers [default: drawn, and printed]
    #[arg(short, long, value_name = "N", value_parser = seed, help_heading = "Sampling")]
    pub(super) seed: Option<u64>,
    /// Random numbers of torch on the CPU (comparable with PyTorch), or Philox on the device [default: torch-cpu]
    #[arg(long, value_name = "torch-cpu|philox", value_parser = by_name::<RngKind>, help_heading = "Sampling")]
    pub(super) rng: Option<RngKind>,
    /// Which reference implementation to follow where they differ [default: diffusers]
    #[arg(long, value_name = "diffusers|vgen", value_parser = by_name::<Compat>, help_heading = "Sampling")]
    pub(super) compat: Option<Compat>,
    /// Layers left out at the end of the text encoder [default: 1]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub(super) clip_skip: Option<usize>,

    /// How numbers are stored on the device [default: auto, f16 where shaders have it]
    #[arg(long, value_name = "auto|f32|f16", value_parser = by_name::<DtypeChoice>, help_heading = "Device")]
    dtype: Option<DtypeChoice>,
    /// Guidance as one batch of two, or in two passes with less memory [default: auto]
    #[arg(long, value_name = "auto|one|two", value_parser = by_name::<Passes>, help_heading = "Device")]
    pub(super) cfg_passes: Option<Passes>,
    #[command(flatten)]
    pub(super) device: DeviceOptions,
    /// How progress is shown: JSON has one object per line, on the standard output
    #[arg(long, value_name = "auto|bar|plain|json|none", default_value = "auto", value_parser = by_name::<Style>)]
    pub(super) progress: Style,
}

impl Generate {
    pub(super) fn picture_path(&self) -> Option<&Path> {
        self.picture.as_deref().or(self.image.as_deref())
    }

    pub(super) fn dtype(&self, from: Option<&Parameters>) -> DtypeChoice {
        self.dtype.or(from.map(|f| f.dtype)).unwrap_or_default()
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}
