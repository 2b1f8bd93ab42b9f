//! A device with a checkpoint, and what requests share of it.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    Compat, Course, DtypeChoice, Encoder, Error, Event, Fit, MemoryPolicy, Networks, Observer, Passes, Phase,
    PlanTypes, Planner, Plans, Request, Shape, decode::Decoder, estimate::image_alone, frame::Frame, memory::Budget,
    model_weights::ModelWeights, progress::tell,
};
use crate::{
    checkpoint::{self, Checkpoint, ComponentKind},
    gpu::{Buffer, Device},
    graph::{Keep, Plan, Rate, Residence, Target, Watch, WeightStore, measure},
    kernel::{Choices, Dtype},
    picture::{self, ClipPixels, Prepared},
    prompt::{Encoded as Tokens, Tokenizer},
    sampler::{Schedule, SchedulerConfig},
};

/// Longest time that a dispatch or submission should take on the device, in seconds: desktops reset a GPU that does not answer.
pub const MAX_SECONDS: f64 = 0.4;

/// An open device and an open, checked checkpoint.
pub struct Engine {
    device: Device,
    pub(super) weights: ModelWeights,
    pub(super) networks: Networks,
    tokenizer: Tokenizer,
    schedule: Schedule,
    pub(super) types: PlanTypes,
    pub(super) target: Target,
    compat: Compat,
    pub(super) memory: MemoryPolicy,
    /// The plans of the last request, for the next one of the same sizes.
    last: Mutex<Option<Arc<Planned>>>,
}

/// The plans of a request that runs.
#[derive(Debug)]
pub struct Planned {
    /// All that they depend on, beside the engine.
    sizes: (Shape, Passes),
    /// The plans.
    pub plans: Plans,
    /// How they fit the device.
    pub fit: Fit,
}

impl Engine {
    /// Checks the checkpoint's tensors against its configs and measures the device. Nothing is uploaded yet.
    pub fn new(device: Device, checkpoint: Checkpoint, dtype: DtypeChoice, compat: Compat) -> Result<Self, Error> {
        let activation = dtype.on(device.capabilities())?;
        let networks = Networks::new(checkpoint.configs(), compat);
        checkpoint::reject(checkpoint.files().root(), networks.problems(&checkpoint))?;
        let tokenizer = Tokenizer::open(checkpoint.files())?;
        let configs = checkpoint.configs();
        let (known, ids) = (configs.text_encoder.vocab_size, tokenizer.vocab_size());
        if ids > known {
            let reason = format!(
                "its ids go up to {}, and the text encoder knows {known} tokens: the files do not belong together",
                ids - 1
            );
            return Err(Error::Request { field: "tokenizer", reason });
        }
        let (length, tokens) = (configs.tokenizer_length, tokenizer.max_length());
        if tokens != length {
            let reason = format!(
                "it makes {tokens} tokens of a prompt and the text encoder reads {length}: set model_max_length in tokenizer_config.json"
            );
            return Err(Error::Request { field: "tokenizer", reason });
        }
        let schedule = Schedule::new(&SchedulerConfig::open(checkpoint.files())?)?;
        let types = PlanTypes::new(Some(&checkpoint), activation);
        let target = Target::new(device.capabilities().clone(), measure(&device)?).within(MAX_SECONDS);
        Ok(Self {
            weights: ModelWeights::new(device.clone(), checkpoint),
            device,
            networks,
            tokenizer,
            schedule,
            types,
            target,
            compat,
            memory: MemoryPolicy::default(),
            last: Mutex::default(),
        })
    }

    /// The same, with these variants where the choice is not left to the kernels.
    pub fn with_choices(mut self, choices: Arc<Choices>) -> Self {
        self.target.choices = choices;
        self.last = Mutex::default();
        self
    }

    /// The same, within so much memory: the device, and whoever shares it, refuses what would exceed the limit.
    pub fn with_memory(mut self, memory: MemoryPolicy) -> Self {
        self.device.limit_memory(memory.limit);
        self.memory = MemoryPolicy { resident: self.memory.resident || memory.resident, ..memory };
        self.last = Mutex::default();
        self
    }

    /// The same, with somebody who runs its programs in our place.
    pub fn watched(mut self, watch: Arc<dyn Watch>) -> Self {
        // Whoever watches looks for weights in buffers of their own.
        self.memory.resident = true;
        self.target.watch = Some(watch);
        self.last = Mutex::default();
        self
    }

    /// Whether this engine can run a request.
    pub(super) fn check(&self, request: &Request) -> Result<(), Error> {
        request.check(self.checkpoint().configs())?;
        if request.compat != self.compat {
            let reason = "the engine was opened for the other reference".to_owned();
            return Err(Error::Request { field: "--compat", reason });
        }
        Ok(())
    }

    /// Which variants run where the choice is not left to the kernels.
    pub fn choices(&self) -> &Choices {
        &self.target.choices
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.weights.checkpoint()
    }

    /// How activations are stored.
    pub fn activation(&self) -> Dtype {
        self.types.activation
    }

    /// What the device was measured to sustain.
    pub fn rate(&self) -> Rate {
        self.target.rate
    }

    /// Releases the weights that stayed on the device for the next request.
    pub fn release_weights(&self) {
        self.weights.release();
    }

    /// The checkpoint's own noise schedule; a request may override it.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Token ids of a text.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, Error> {
        Ok(self.tokenizer.encode(text)?)
    }

    /// What guides the denoising of a request.
    pub fn course(&self, request: &Request) -> Result<Course, Error> {
        let schedule = self.schedule.with(&request.scheduler)?;
        Course::new(request, &schedule)
    }

    /// Crops and resizes a request's picture.
    pub fn prepare(&self, request: &Request) -> Result<Prepared, Error> {
        Ok(picture::prepare(&request.picture, request.width, request.height, &self.clip_pixels())?)
    }

    /// How the image encoder wants its pixels.
    pub(super) fn clip_pixels(&self) -> ClipPixels {
        let f = &self.checkpoint().configs().feature_extractor;
        ClipPixels { crop_size: f.crop_size[0] as u32, mean: f.image_mean, std: f.image_std }
    }

    /// The plans of a request: see [`Planner`].
    pub fn plans(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        self.planner().plan(request, keep)
    }

    /// Those of [`Engine::generate`]: made once for requests in a row that have the same sizes.
    ///
    /// # Errors
    /// As [`Engine::plans`].
    pub fn planned(&self, request: &Request) -> Result<Arc<Planned>, Error> {
        let sizes = (Shape::new(self.checkpoint().configs(), request), request.passes);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| known.sizes == sizes) {
            return Ok(known.clone());
        }
        let plans = self.plans(request, Keep::Nothing)?;
        let fit = self.planner().fit_of(request, &plans);
        let planned = Arc::new(Planned { sizes, plans, fit });
        *last = Some(planned.clone());
        Ok(planned)
    }

    /// Whether a run of this request has something of every override; see [`Plans::check_overrides`].
    pub fn check_overrides(&self, request: &Request) -> Result<Vec<String>, Error> {
        if self.choices().overrides().is_empty() {
            return Ok(Vec::new());
        }
        self.plans(request, Keep::Nothing)?.check_overrides()
    }

    /// How a request fits the device: see [`Planner::fit`].
    pub fn fit(&self, request: &Request) -> Result<Fit, Error> {
        self.planner().fit(request)
    }

    pub(super) fn planner(&self) -> Planner<'_> {
        let configs = self.checkpoint().configs();
        Planner { configs, networks: &self.networks, types: self.types, target: &self.target, memory: self.memory }
    }

    /// Which weights of the image encoder are on the device where it runs alone: none if the user says so, else what fits.
    pub(super) fn image_residence(&self, plan: &Plan) -> Residence {
        let MemoryPolicy { offload, resident, .. } = self.memory;
        match Budget::new(self.memory, &self.target.device) {
            _ if resident || self.weights.holds(ComponentKind::ImageEncoder, plan) => Residence::All,
            _ if offload => Residence::none(&[plan]),
            Some(budget) => {
                let room = image_alone(plan, self.device.memory()[0]).room(budget.bytes());
                Residence::within(&[plan], &[], room)
            }
            None => Residence::All,
        }
    }

    /// An encoder for these plans.
    pub fn encoder<'a>(&'a self, plans: &'a Plans) -> Encoder<'a> {
        Encoder { device: &self.device, weights: &self.weights, plans }
    }

    /// Uploads the UNet's weights for these plans.
    pub fn unet_weights(&self, plans: &Plans) -> Result<Arc<WeightStore>, Error> {
        self.weights.load(ComponentKind::UNet, &plans.networks(), &plans.residences.unet)
    }

    /// Decodes clips from their latents `[F, h, w, 4]`; `pixels`: also before rounding to 8 bits.
    pub fn decode(
        &self,
        plans: &Plans,
        latents: &[Buffer],
        pixels: bool,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Vec<Frame>>, Error> {
        let mut clips = Vec::new();
        self.decode_into(&mut clips, plans, latents, pixels, observer)?;
        Ok(clips)
    }

    /// The same into `clips`, which has those that are decoded when an error comes.
    pub(super) fn decode_into(
        &self,
        clips: &mut Vec<Vec<Frame>>,
        plans: &Plans,
        latents: &[Buffer],
        pixels: bool,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let weights = self.weights.load(ComponentKind::Vae, &plans.decode.all(), &plans.decode.residence)?;
        let decoder = Decoder::new(&self.device, &plans.decode, &weights)?;
        for (clip, one) in latents.iter().enumerate() {
            tell(observer, Event::Phase { phase: Phase::Decode, clip, clips: latents.len() })?;
            clips.push(decoder.run(one, pixels, observer)?);
        }
        Ok(())
    }
}

/// Latents `[F, h, w, C]` in torch's order `(1, C, F, h, w)`.
pub fn to_torch(values: &[f32], s: &Shape) -> Vec<f32> {
    let per_channel = s.frames * s.pixels();
    (0..s.channels).flat_map(|c| (0..per_channel).map(move |i| i * s.channels + c)).map(|i| values[i]).collect()
}

/// Latents in torch's order `(1, C, F, h, w)` as `[F, h, w, C]`.
pub fn from_torch(values: &[f32], s: &Shape) -> Vec<f32> {
    let per_channel = s.frames * s.pixels();
    (0..per_channel).flat_map(|i| (0..s.channels).map(move |c| c * per_channel + i)).map(|i| values[i]).collect()
}
