//! One device, and an engine for each way in which the jobs want it to compute.

use std::sync::Arc;

use i2vgen::{
    gpu::Device,
    kernel::Choices,
    pipeline::{Compat, DtypeChoice, Engine, MemoryPolicy},
};

use crate::cli::{Error, machine::Machine};

/// Open engines. They share the device and its compiled pipelines, and keep no weights on it between clips.
pub struct Engines {
    device: Device,
    choices: Arc<Choices>,
    memory: MemoryPolicy,
    open: Vec<(DtypeChoice, Compat, Engine)>,
}

impl Engines {
    /// None yet.
    pub fn new(device: Device, choices: Arc<Choices>, memory: MemoryPolicy) -> Self {
        device.limit_memory(memory.limit);
        Self { device, choices, memory, open: Vec::new() }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Opens an engine, unless it is open.
    pub fn open(&mut self, machine: &Machine, dtype: DtypeChoice, compat: Compat) -> Result<(), Error> {
        if self.find(dtype, compat).is_none() {
            let engine = Engine::new(self.device.clone(), machine.checkpoint()?, dtype, compat)?;
            let engine = engine.with_choices(self.choices.clone()).with_memory(self.memory);
            self.open.push((self.resolved(dtype), compat, engine));
        }
        Ok(())
    }

    /// An engine that was opened.
    pub fn get(&self, dtype: DtypeChoice, compat: Compat) -> Result<&Engine, Error> {
        self.find(dtype, compat).ok_or_else(|| Error::message("no engine was opened for this job"))
    }

    fn find(&self, dtype: DtypeChoice, compat: Compat) -> Option<&Engine> {
        let wanted = (self.resolved(dtype), compat);
        self.open.iter().find(|(dtype, compat, _)| (*dtype, *compat) == wanted).map(|(.., engine)| engine)
    }

    fn resolved(&self, dtype: DtypeChoice) -> DtypeChoice {
        match dtype {
            DtypeChoice::Auto if self.device.capabilities().f16 => DtypeChoice::F16,
            DtypeChoice::Auto => DtypeChoice::F32,
            other => other,
        }
    }
}
