//! A model as far as it is known without its weights.

use i2vgen::{
    checkpoint::{Checkpoint, Configs, Defaults, ModelFiles},
    graph::Target,
    pipeline::{DtypeChoice, MAX_SECONDS, MemoryPolicy, Networks, PlanTypes, Planner, Request},
    sampler::SchedulerConfig,
};

use super::Error;

/// What a request is held against: configurations, scheduler, and the settings that suit the checkpoint.
pub struct Model {
    /// Its name in messages.
    pub name: String,
    pub configs: Configs,
    pub scheduler: SchedulerConfig,
    pub defaults: Option<Defaults>,
    /// Its files, if they are there.
    pub files: Option<ModelFiles>,
}

impl Model {
    /// A model of which the configurations are there.
    pub fn read(files: ModelFiles) -> Result<Self, Error> {
        let (configs, defaults) = (Configs::read(&files)?, Defaults::read(&files)?);
        Self::of(files, configs, defaults)
    }

    /// A model that was opened.
    pub fn opened(checkpoint: &Checkpoint) -> Result<Self, Error> {
        Self::of(checkpoint.files().clone(), checkpoint.configs().clone(), checkpoint.defaults().cloned())
    }

    fn of(files: ModelFiles, configs: Configs, defaults: Option<Defaults>) -> Result<Self, Error> {
        let (name, scheduler) = (files.root().display().to_string(), SchedulerConfig::open(&files)?);
        Ok(Self { name, configs, scheduler, defaults, files: Some(files) })
    }

    /// The published model, without its files.
    pub fn published() -> Result<Self, Error> {
        let configs = Configs::published();
        let scheduler = SchedulerConfig::try_from(configs.scheduler.clone())?;
        Ok(Self { name: "i2vgen-xl".into(), configs, scheduler, defaults: None, files: None })
    }

    /// Are its networks those of the published checkpoint?
    pub fn is_published(&self) -> bool {
        let (configs, published) = (&self.configs, Configs::published());
        let mut unet = configs.unet.clone();
        unet.sample_size = published.unet.sample_size;
        unet == published.unet
            && configs.text_encoder == published.text_encoder
            && configs.image_encoder == published.image_encoder
    }

    /// Hands `then` what plans requests of this kind for a target. Nothing is loaded: of weight files only the heads are read,
    /// for their types.
    pub fn planning<T>(
        &self,
        request: &Request,
        dtype: DtypeChoice,
        target: Target,
        memory: MemoryPolicy,
        then: impl FnOnce(&Planner<'_>) -> T,
    ) -> Result<T, Error> {
        let activation = dtype.on(&target.device)?;
        let checkpoint = self.files.clone().and_then(|files| Checkpoint::open(files).ok());
        let types = PlanTypes::new(checkpoint.as_ref(), activation);
        let target = target.within(MAX_SECONDS);
        let networks = Networks::new(&self.configs, request.compat);
        Ok(then(&Planner { configs: &self.configs, networks: &networks, types, target: &target, memory }))
    }
}
