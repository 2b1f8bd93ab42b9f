//! A model folder in the layout of diffusers: what its configuration files say, the weights as they lie in it, and what
//! does not fit between the two.
//!
//! ```text
//! MODEL/
//!   model_index.json                      class I2VGenXLPipeline and the class of each component
//!   unet/ vae/                            config.json, diffusion_pytorch_model[.fp16].safetensors
//!   text_encoder/ image_encoder/          config.json, model[.fp16].safetensors
//!   tokenizer/                            vocab.json + merges.txt, or tokenizer.json
//!   feature_extractor/ scheduler/         preprocessor_config.json, scheduler_config.json
//!   i2vgen.json                           optional: this checkpoint's own defaults
//! ```
//!
//! [`ModelFiles`] is such a folder, on disk or in the executable. [`Checkpoint::open`] reads every configuration and
//! memory-maps every weight file; [`Component::check`] compares the tensors with those a network expects;
//! [`Configs::published`] describes the published checkpoint without its files.

pub mod config;

mod check;
mod component;
mod demo;
mod download;
mod error;
mod files;
mod folder;
mod inventory;
mod json;
mod kind;
mod model_index;
mod problem;
mod rename;
mod safetensors_file;
mod tensor;
mod weight_files;

#[cfg(test)]
mod fixture;

pub use check::{Expected, reject};
pub use component::Component;
pub use config::{
    ClipTextConfig, ClipVisionConfig, Configs, Defaults, DownBlockType, FeatureExtractorConfig, HiddenAct, UNetConfig,
    UpBlockType, VaeConfig,
};
pub use download::{PUBLISHED_REPOSITORY, download_command};
pub use error::{Error, Result};
pub use files::ModelFiles;
pub use folder::Checkpoint;
pub use inventory::{DtypeCount, Inventory};
pub use kind::ComponentKind;
pub use problem::Problem;
pub use tensor::{Dtype, Tensor};
pub use weight_files::Variant;
