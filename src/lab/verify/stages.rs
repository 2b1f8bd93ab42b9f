//! Collecting stages, and everything computed under the reference's names.

use std::{collections::BTreeMap, path::Path};

use safetensors::{Dtype as StoredType, tensor::TensorView};

use super::{
    case::{Case, Error, Tensor},
    compare::{Stage, absolute, psnr, relative},
    tolerance,
};
use crate::{kernel::Dtype, staged};

/// What a verification found.
#[derive(Debug, serde::Serialize)]
pub struct Verification {
    /// Every stage, in order.
    pub stages: Vec<Stage>,
    /// Storage of activations.
    pub dtype: Dtype,
    /// The device.
    pub device: String,
    #[serde(skip)]
    computed: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Verification {
    pub(super) fn new(dtype: Dtype, device: String) -> Self {
        Self { stages: Vec::new(), dtype, device, computed: BTreeMap::new() }
    }

    /// Do all stages hold?
    pub fn ok(&self) -> bool {
        !self.stages.is_empty() && self.stages.iter().all(Stage::ok)
    }

    /// Compares a float tensor that the case must have.
    pub(super) fn compare(&mut self, case: &Case, name: &str, values: Vec<f32>) -> Result<(), Error> {
        let reference = case.tensor(name)?;
        self.stage(case, name, reference, values);
        Ok(())
    }

    /// Compares a float tensor if the case has it.
    pub(super) fn compare_if_there(&mut self, case: &Case, name: &str, values: Vec<f32>) {
        if let Some(reference) = case.get(name) {
            self.stage(case, name, reference, values);
        }
    }

    /// Compares a step's tensor that was computed from the reference's own latents.
    pub(super) fn compare_forced(&mut self, case: &Case, name: &str, values: Vec<f32>) -> Result<(), Error> {
        let reference = case.tensor(name)?;
        self.stage(case, &format!("forced.{name}"), reference, values);
        Ok(())
    }

    fn stage(&mut self, case: &Case, name: &str, reference: &Tensor, values: Vec<f32>) {
        let (worst_allowed, rms_allowed) = tolerance::allowed(case, name, reference, self.dtype);
        let stage = Stage::new(name, relative(reference, &values), worst_allowed);
        self.stages.push(Stage { rms_allowed, ..stage });
        self.computed.insert(name.to_owned(), (reference.shape.clone(), values));
    }

    /// Compares a tensor that must be the same to the last bit: token ids, cropped pictures, timesteps.
    pub(super) fn exact(&mut self, case: &Case, name: &str, values: Vec<f32>) -> Result<(), Error> {
        let reference = case.tensor(name)?;
        self.stages.push(Stage::new(name, absolute(reference, &values), 0.0));
        self.computed.insert(name.to_owned(), (reference.shape.clone(), values));
        Ok(())
    }

    /// Compares 8-bit frames.
    pub(super) fn frames(&mut self, case: &Case, name: &str, values: Vec<f32>) -> Result<(), Error> {
        let reference = case.tensor(name)?;
        let (worst_allowed, psnr_needed) = tolerance::frames(case, self.dtype);
        let stage = Stage::new(name, absolute(reference, &values), worst_allowed);
        self.stages.push(Stage { psnr: psnr(stage.rms), psnr_needed, ..stage });
        self.computed.insert(name.to_owned(), (reference.shape.clone(), values));
        Ok(())
    }

    /// Fails the stages of the case whose names begin with `prefix` and that were not compared: nothing is passed over in silence.
    pub(super) fn missing(&mut self, case: &Case, prefix: &str) {
        let mut names: Vec<&str> = case.names().filter(|n| n.starts_with(prefix)).collect();
        names.retain(|name| !self.computed.contains_key(*name));
        names.sort_unstable();
        let not_computed = |name| Stage::new(&format!("{name} (not computed)"), (f64::INFINITY, f64::INFINITY), 0.0);
        self.stages.extend(names.into_iter().map(not_computed));
    }

    /// Writes everything that was computed as float32, under the reference's names, in the reference's shapes. The file appears whole or
    /// not at all.
    pub fn dump(&self, path: &Path) -> Result<(), Error> {
        let error = |e: &dyn std::fmt::Display| Error::Dump { path: path.to_owned(), reason: e.to_string() };
        let mut views = Vec::new();
        for (name, (shape, values)) in &self.computed {
            if shape.iter().product::<usize>() == values.len() {
                let view = TensorView::new(StoredType::F32, shape.clone(), bytemuck::cast_slice(values))
                    .map_err(|e| error(&e))?;
                views.push((name, view));
            }
        }
        let bytes = safetensors::serialize(views, None).map_err(|e| error(&e))?;
        Ok(staged::write(path, &bytes)?)
    }
}
