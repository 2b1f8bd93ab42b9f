//! A reference case on disk: `params.json`, `input.png`, `reference.safetensors`, and usually `model/`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    checkpoint::{Checkpoint, ComponentKind, ModelFiles},
    picture, pipeline, staged,
};

/// What can be wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the case is missing or unreadable.
    #[error("reference case: cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of the case is damaged.
    #[error("reference case: {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no checkpoint in the case.
    #[error("there is no {}: name the checkpoint that the case was recorded with, as in --model DIR", .0.display())]
    NoCheckpoint(PathBuf),
    /// The checkpoint is not the one that the case was recorded with.
    #[error(
        "'{model}' is not the checkpoint of this case: its {network} has {found} parameters, and the case was recorded with {expected}{}; \
         name that one with --model", .recorded.as_ref().map_or(String::new(), |name| format!(" (of '{name}')"))
    )]
    OtherCheckpoint {
        /// The checkpoint.
        model: String,
        /// The network that differs.
        network: &'static str,
        /// Its parameters.
        found: u64,
        /// Those of the case.
        expected: u64,
        /// What the case calls its own.
        recorded: Option<String>,
    },
    /// A tensor is missing or has another shape than the request implies.
    #[error("reference case: tensor '{name}' {reason}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// What was computed is no safetensors file.
    #[error("cannot write {}: {reason}", path.display())]
    Dump {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file of what was computed cannot be written.
    #[error(transparent)]
    File(#[from] staged::Error),
    /// The generation failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The picture of the case.
    #[error(transparent)]
    Picture(#[from] picture::Error),
}

/// What was asked of the reference.
#[derive(Clone, Debug, Deserialize)]
pub struct Params {
    /// The prompt.
    pub prompt: String,
    /// The negative prompt; none without guidance.
    pub negative: Option<String>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames.
    pub frames: usize,
    /// Steps.
    pub steps: usize,
    /// Guidance scale.
    pub guidance: f32,
    /// Fresh noise.
    pub eta: f64,
    /// The frame rate condition.
    pub fps: f32,
    /// What it was recorded with: `demo`, or a name of the recording's own.
    pub config: Option<String>,
}

#[derive(Deserialize)]
struct File {
    params: Params,
    #[serde(default = "one")]
    clip_skip: usize,
    #[serde(default)]
    parameters: HashMap<String, u64>,
    #[serde(default)]
    rms: HashMap<String, f64>,
    #[serde(default, rename = "deviation_of_other_precisions_from_this_fp32_run")]
    deviation: HashMap<String, HashMap<String, Value>>,
}

fn one() -> usize {
    1
}

/// A tensor of the reference as numbers.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
    /// Was it stored in half precision?
    pub half: bool,
}

/// A reference case, read.
#[derive(Debug)]
pub struct Case {
    /// The folder.
    pub dir: PathBuf,
    /// What was asked for.
    pub params: Params,
    /// Layers of the text encoder that were left out.
    pub clip_skip: usize,
    /// Parameters of the networks, by the names of their folders.
    parameters: HashMap<String, u64>,
    tensors: HashMap<String, Tensor>,
    deviation: HashMap<String, HashMap<String, Value>>,
    rms: HashMap<String, f64>,
}

impl Case {
    /// Reads the case in a folder.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read(&path).map_err(|e| Error::Read { path, reason: e.to_string() })
        };
        let damaged = |name: &str, reason: String| Error::Damaged { path: dir.join(name), reason };
        let file: File =
            serde_json::from_slice(&read("params.json")?).map_err(|e| damaged("params.json", e.to_string()))?;
        let bytes = read("reference.safetensors")?;
        let stored = SafeTensors::deserialize(&bytes).map_err(|e| damaged("reference.safetensors", e.to_string()))?;
        let tensors = stored
            .tensors()
            .into_iter()
            .filter_map(|(name, view)| {
                let values = numbers(view.dtype(), view.data())?;
                Some((name, Tensor { shape: view.shape().to_vec(), values, half: view.dtype() == Dtype::F16 }))
            })
            .collect();
        Ok(Self {
            dir: dir.to_owned(),
            params: file.params,
            clip_skip: file.clip_skip,
            parameters: file.parameters,
            tensors,
            deviation: file.deviation,
            rms: file.rms,
        })
    }

    /// The checkpoint that it was recorded with: `model` in its folder, or the demo inside this program, which no case has a copy of.
    ///
    /// # Errors
    /// [`Error::NoCheckpoint`] if it is neither.
    pub fn checkpoint(&self) -> Result<ModelFiles, Error> {
        let folder = self.dir.join("model");
        match self.params.config.as_deref().map(|name| ModelFiles::named(Path::new(name))) {
            _ if folder.is_dir() => Ok(ModelFiles::Folder(folder)),
            Some(ModelFiles::Demo) => Ok(ModelFiles::Demo),
            _ => Err(Error::NoCheckpoint(folder)),
        }
    }

    /// Refuses a checkpoint whose networks are of other sizes than those that the case was recorded with. The encoders do not count: files
    /// of theirs may hold tables that are no parameters.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        for kind in [ComponentKind::UNet, ComponentKind::Vae] {
            let Some(&expected) = self.parameters.get(kind.folder()) else { continue };
            let component = checkpoint.component(kind);
            let sizes =
                component.names().filter_map(|name| component.tensor(name)).map(|tensor| tensor.elements() as u64);
            let found: u64 = sizes.sum();
            if found != expected {
                let (model, recorded) = (checkpoint.files().name(), self.params.config.clone());
                return Err(Error::OtherCheckpoint { model, network: kind.folder(), found, expected, recorded });
            }
        }
        Ok(())
    }

    /// A tensor, if the case has it.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The names of its tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor that the case must have.
    pub fn tensor(&self, name: &str) -> Result<&Tensor, Error> {
        self.get(name).ok_or_else(|| Error::Tensor { name: name.to_owned(), reason: "is missing".into() })
    }

    /// How far the reference's own float16 run is from its float32 run at a stage: worst error relative to the rms.
    pub fn half_deviation(&self, stage: &str) -> Option<f64> {
        let entry = self.deviation.get("fp16")?.get(stage)?;
        let number = |key: &str| entry.get(key).and_then(Value::as_f64);
        let rms = number("ref_rms").or_else(|| self.rms.get(stage).copied())?;
        (rms > 0.0).then_some(number("max_abs")? / rms)
    }

    /// The PSNR of the frames of the reference's own float16 run, in dB.
    pub fn half_psnr(&self) -> Option<f64> {
        self.deviation.get("fp16")?.get("frames_psnr_db")?.as_f64()
    }
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::I64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f32).collect(),
        Dtype::U8 => bytes.iter().map(|&b| f32::from(b)).collect(),
        _ => return None,
    })
}
