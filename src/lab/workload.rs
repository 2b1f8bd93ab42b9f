//! Every distinct op of a model run: the shapes that kernels are checked, raced and tuned at.

use std::{collections::HashMap, fmt, path::Path, str::FromStr, sync::Arc};

use serde::Serialize;

use crate::{
    checkpoint::{self, Checkpoint, ComponentKind, Configs, ModelFiles},
    gpu::Capabilities,
    graph::{Keep, Plan, Rate, Target},
    kernel::{Dtype, Key, Op, key},
    picture::{self, Picture},
    pipeline::{self, DtypeChoice, Networks, PlanTypes, Plans, Request, Shape, weight_dtype},
    sampler::Anchoring,
};

/// Why a run has no workload.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not written as one.
    #[error(
        "'{0}' is no model run: write MODEL:WxHxF, for example i2vgen-xl:512x512x16, demo:64x64x8, or a model folder before the colon"
    )]
    Spelling(String),
    /// The model folder.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The plans.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The picture that stands for a user's.
    #[error(transparent)]
    Picture(#[from] picture::Error),
}

/// A model with the size of a clip, as in `i2vgen-xl:512x512x16`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRun {
    /// `i2vgen-xl` for the published configuration, `demo`, or a folder.
    pub model: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames.
    pub frames: usize,
}

/// The configuration that needs no files.
const PUBLISHED: &str = "i2vgen-xl";
/// The model inside this program.
const DEMO: &str = "demo";

impl FromStr for ModelRun {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Spelling(text.to_owned());
        let text = match text {
            PUBLISHED => "i2vgen-xl:512x512x16",
            DEMO => "demo:64x64x8",
            other => other,
        };
        // A folder may have a colon, too.
        let (model, size) = text.rsplit_once(':').ok_or_else(wrong)?;
        let numbers: Vec<u32> = size.split('x').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match (model, numbers.as_slice()) {
            ("", _) => Err(wrong()),
            (model, &[width, height, frames]) => {
                Ok(Self { model: model.to_owned(), width, height, frames: frames as usize })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ModelRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}x{}x{}", self.model, self.width, self.height, self.frames)
    }
}

impl ModelRun {
    /// The plans of this run with the standard settings: guidance in one batch if the device's limits allow it, fresh noise and anchors. What
    /// the device has of memory does not count: ops run one by one here.
    pub fn plans(&self, device: &Capabilities, dtype: DtypeChoice) -> Result<Plans, Error> {
        let (configs, checkpoint) = match self.model.as_str() {
            PUBLISHED => (Configs::published(), None),
            name => {
                let checkpoint = Checkpoint::open(ModelFiles::named(Path::new(name)))?;
                (checkpoint.configs().clone(), Some(checkpoint))
            }
        };
        let request = Request {
            width: self.width,
            height: self.height,
            frames: self.frames,
            eta: 0.3,
            anchoring: Some(Anchoring {
                interval: 4,
                strength: 0.3,
                mode: Default::default(),
                until: 0.8,
                noise: Default::default(),
            }),
            ..Request::new(Picture::from_rgb8(8, 8, vec![0; 192])?, "")
        };
        request.check(&configs)?;
        let activation = match dtype {
            DtypeChoice::F32 => Dtype::F32,
            DtypeChoice::Auto if !device.f16 => Dtype::F32,
            _ => Dtype::F16,
        };
        // Without files: the published ones are f16.
        let weights = ComponentKind::ALL
            .map(|kind| checkpoint.as_ref().map_or(Dtype::F16, |c| weight_dtype(c.component(kind), activation)));
        let types = PlanTypes { activation, weights };
        let networks = Networks::new(&configs, request.compat);
        let target = Target::new(device.clone(), Rate::default());
        let shape = Shape::new(&configs, &request);
        let plans = |shape| Plans::new(&networks, shape, types, &target, Keep::Nothing);
        Ok(plans(shape).or_else(|_| plans(Shape { one_batch: false, ..shape }))?)
    }
}

/// The distinct ops of a run, in the order in which they first run.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The ops.
    pub ops: Vec<Used>,
}

/// An op with the layers that it stands for: same kernel, same shape.
#[derive(Clone, Debug)]
pub struct Used {
    /// The op.
    pub op: Arc<dyn Op>,
    /// Where it is used.
    pub layers: Vec<Layer>,
}

/// A place in a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// The phase: text, image, vae-encode, initial, conditions, unet, ddim, vae-decode.
    pub phase: &'static str,
    /// Its path in the model.
    pub label: String,
    /// How often it runs in a clip, where the phase is not a step's.
    pub per_clip: usize,
    /// How often it runs in a denoising step.
    pub per_step: usize,
}

impl Workload {
    /// The distinct ops of these plans.
    pub fn new(plans: &Plans) -> Self {
        let s = &plans.shape;
        let prompts = if s.guided { 2 } else { 1 };
        let phases: [(&'static str, &Plan, usize, usize); 8] = [
            ("text", &plans.text, prompts, 0),
            ("image", &plans.image, 1, 0),
            ("vae-encode", &plans.encode, 1, 0),
            ("initial", &plans.initial, 1, 0),
            ("conditions", &plans.step.conditions, s.passes(), 0),
            ("unet", &plans.step.unet, 0, s.passes()),
            ("ddim", &plans.step.ddim, 0, 1),
            ("vae-decode", &plans.decode.plan, s.frames, 0),
        ];
        let mut ops: Vec<Used> = Vec::new();
        let mut known: HashMap<Key, usize> = HashMap::new();
        for (phase, plan, per_clip, per_step) in phases {
            for planned in &plan.ops {
                let at = *known.entry(key(planned.op.as_ref())).or_insert_with(|| {
                    ops.push(Used { op: planned.op.clone(), layers: Vec::new() });
                    ops.len() - 1
                });
                ops[at].layers.push(Layer { phase, label: planned.label.clone(), per_clip, per_step });
            }
        }
        Self { ops }
    }
}

impl Used {
    /// How often it runs in a clip of so many steps.
    pub fn runs(&self, steps: usize) -> usize {
        self.layers.iter().map(|layer| layer.per_clip + layer.per_step * steps).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::PORTABLE;

    #[test]
    fn a_run_is_written_as_it_is_read() {
        for text in ["i2vgen-xl:512x512x16", "demo:64x64x8", "C:\\models\\mine:640x384x24"] {
            assert_eq!(text.parse::<ModelRun>().unwrap().to_string(), text);
        }
        assert_eq!("demo".parse::<ModelRun>().unwrap().to_string(), "demo:64x64x8");
        for text in ["demos", "demo:64x64", ":64x64x8", "demo:64x64x8x2", "demo:64x64xmany", "demo:64x64x-1"] {
            let error = text.parse::<ModelRun>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("demo:64x64x8"), "{error}");
        }
    }

    #[test]
    fn a_workload_is_the_whole_run() {
        let run: ModelRun = "demo:64x64x8".parse().unwrap();
        let plans = run.plans(&PORTABLE, DtypeChoice::Auto).unwrap();
        let workload = Workload::new(&plans);
        let in_step: f64 = workload.ops.iter().map(|u| (u.runs(1) - u.runs(0)) as f64 * u.op.cost().flops).sum();
        let planned = plans.step.unet.cost.flops + plans.step.ddim.cost.flops;
        assert!((in_step / planned - 1.0).abs() < 1e-9, "{in_step} {planned}");
        let mut keys: Vec<Key> = workload.ops.iter().map(|used| key(used.op.as_ref())).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        let phases: std::collections::BTreeSet<_> =
            workload.ops.iter().flat_map(|used| &used.layers).map(|layer| layer.phase).collect();
        assert_eq!(phases.len(), 8, "{phases:?}");
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let run: ModelRun = "i2vgen-xl:500x512x16".parse().unwrap();
        assert!(run.plans(&PORTABLE, DtypeChoice::F32).unwrap_err().to_string().contains("496 or 504"));
        let run: ModelRun = "no/such/folder:64x64x8".parse().unwrap();
        assert!(run.plans(&PORTABLE, DtypeChoice::F32).unwrap_err().to_string().contains("no/such/folder"));
    }
}
