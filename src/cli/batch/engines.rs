//! One device, and an engine for each way in which the jobs want it to compute.

use std::sync::Arc;

use i2vgen::{
    gpu::Device,
    graph::Keep,
    kernel::Choices,
    pipeline::{self, Compat, DtypeChoice, Engine, MemoryPolicy, Request, Shape, check_overrides},
};

use super::Todo;
use crate::cli::{Error, machine::Machine};

/// Open engines. They share the device and its compiled pipelines. Where they have room, the weights of the one that runs stay there from clip to
/// clip.
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
        Self { device, choices, memory: MemoryPolicy { keep_weights: true, ..memory }, open: Vec::new() }
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

    /// An engine that was opened, for the next job: the others release what stayed of their weights.
    pub fn turn_to(&self, dtype: DtypeChoice, compat: Compat) -> Result<&Engine, Error> {
        let found = self.opened(dtype, compat)?;
        let others = self.open.iter().map(|(.., engine)| engine).filter(|&engine| !std::ptr::eq(engine, found));
        others.for_each(Engine::release_weights);
        Ok(found)
    }

    /// Whether the runs of these jobs have something of every override; returns what to know. One that only some of them have is none
    /// too many.
    ///
    /// Jobs of one size have the same plans, which are made once.
    pub fn check_overrides(&self, todo: &[Todo<'_>]) -> Result<Vec<String>, Error> {
        if self.choices.overrides().is_empty() {
            return Ok(Vec::new());
        }
        let (mut seen, mut plans) = (Vec::new(), Vec::new());
        for todo in todo {
            // What runs does not depend on the picture.
            let request = todo.job.recipe(Request::plain().picture)?.request;
            let engine = self.opened(todo.dtype, todo.compat)?;
            let shape = Shape::new(engine.checkpoint().configs(), &request);
            let kind = (self.resolved(todo.dtype), todo.compat, request.passes, shape);
            if !seen.contains(&kind) {
                seen.push(kind);
                match engine.plans(&request, Keep::Nothing) {
                    // Told when its turn comes: the others can be made.
                    Err(pipeline::Error::TooLarge { .. }) => {}
                    made => plans.push(made?),
                }
            }
        }
        let all: Vec<_> = plans.iter().flat_map(|plans| plans.all()).collect();
        Ok(check_overrides(&all)?)
    }

    fn opened(&self, dtype: DtypeChoice, compat: Compat) -> Result<&Engine, Error> {
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
