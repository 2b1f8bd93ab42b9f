//! A device with a checkpoint: from request to clips.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    Compat, Course, Denoiser, DtypeChoice, Encoder, Error, Estimate, Event, Fit, MemoryPolicy, Networks, Noise,
    Observer, Passes, Phase, PlanTypes, Planner, Plans, Request, Shape, Streaming, Text, advice, decode::Decoder,
    estimate::alone, frame::Frame, memory::Budget, model_weights::ModelWeights, progress::tell,
};
use crate::{
    checkpoint::{self, Checkpoint, ComponentKind},
    gpu::{Buffer, Device},
    graph::{self, Keep, Plan, Rate, Residence, Target, Watch, WeightStore, measure},
    kernel::{Choices, Dtype, TunedInUse},
    picture::{self, ClipPixels, Prepared},
    prompt::{Encoded as Tokens, Tokenizer},
    sampler::{Schedule, SchedulerConfig},
};

/// Longest time that a dispatch or submission should take on the device, in seconds: desktops reset a GPU that does not answer.
pub const MAX_SECONDS: f64 = 0.4;

/// A clip.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its seed.
    pub seed: u64,
    /// 8-bit RGB frames, `[H, W, 3]` each.
    pub frames: Vec<Vec<u8>>,
    /// The final latents in torch's order, `(1, 4, F, h, w)`.
    pub latents: Vec<f32>,
    /// Their shape.
    pub latents_shape: [usize; 5],
    /// The tuned settings that ran.
    pub tuned: TunedInUse,
    /// The device's memory while it was made, with the other clips of its request.
    pub memory: MemoryUse,
}

/// The clips of a request that were finished.
#[derive(Debug)]
pub struct Generated {
    /// At least one, in the order of the seeds.
    pub outputs: Vec<Output>,
    /// What ended the run before the others.
    pub stopped: Option<Error>,
}

/// Bytes on the device, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// As planned.
    pub planned: u64,
    /// As counted: buffers, and what was on its way to them.
    pub counted: u64,
    /// How the UNet's weights were divided, if some were streamed.
    pub streaming: Option<Streaming>,
}

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
    memory: MemoryPolicy,
    /// The plans of the last request, for the next one of the same sizes.
    last: Mutex<Option<Planned>>,
}

/// Plans, and all that they depend on.
type Planned = ((Shape, Passes), Arc<Plans>);

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
        self.memory = MemoryPolicy { resident: self.memory.resident, ..memory };
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
    pub fn planned(&self, request: &Request) -> Result<Arc<Plans>, Error> {
        let sizes = (Shape::new(self.checkpoint().configs(), request), request.passes);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, plans)) = &*last
            && *of == sizes
        {
            return Ok(plans.clone());
        }
        let plans = Arc::new(self.plans(request, Keep::Nothing)?);
        *last = Some((sizes, plans.clone()));
        Ok(plans)
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

    /// Which weights of a network that runs alone stay on the device: none if the user says so, else what fits.
    pub(super) fn residence(&self, plan: &Plan) -> Residence {
        let MemoryPolicy { offload, resident, .. } = self.memory;
        match Budget::new(self.memory, &self.target.device) {
            _ if resident => Residence::All,
            _ if offload => Residence::none(&[plan]),
            Some(budget) => {
                let room = alone(plan, self.device.memory()[0]).room(budget.bytes());
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
    fn decode_into(
        &self,
        clips: &mut Vec<Vec<Frame>>,
        plans: &Plans,
        latents: &[Buffer],
        pixels: bool,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let weights = self.weights.load(ComponentKind::Vae, &plans.decoding(), &plans.residences.decode)?;
        let decoder = Decoder::new(&self.device, plans, &weights)?;
        for (clip, one) in latents.iter().enumerate() {
            tell(observer, Event::Phase { phase: Phase::Decode, clip, clips: latents.len() })?;
            clips.push(decoder.run(one, pixels, observer)?);
        }
        Ok(())
    }

    /// Generates one clip per seed, all or none.
    pub fn generate(&self, request: &Request, observer: &mut dyn Observer) -> Result<Vec<Output>, Error> {
        Ok(self.run(request, false, observer)?.outputs)
    }

    /// The same, without losing clips that are finished: when the observer cancels or a clip fails, those that were denoised before are still
    /// decoded, whatever the observer says to that, and returned with the error. An error alone if there are none.
    pub fn generate_finished(&self, request: &Request, observer: &mut dyn Observer) -> Result<Generated, Error> {
        self.run(request, true, observer)
    }

    fn run(&self, request: &Request, keep: bool, observer: &mut dyn Observer) -> Result<Generated, Error> {
        request.check(self.checkpoint().configs())?;
        if request.compat != self.compat {
            let reason = "the engine was opened for the other reference".to_owned();
            return Err(Error::Request { field: "--compat", reason });
        }
        let course = self.course(request)?;
        let prepared = self.prepare(request)?;
        let text = self.text(request, observer)?;
        let plans = self.planned(request)?;
        let fit = self.planner().fit_of(request, &plans);
        let planned = self.keep_weights(request, &plans);
        self.device.reset_peak();
        if !fit.savings.is_none() {
            tell(observer, Event::Note(&fit.advice().to_string()))?;
        }
        // Kernels are compiled while the encoders run and weights are uploaded. What fails to compile is told by the program that needs it.
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (device, all, enough) = (&self.device, plans.all(), &enough);
            scope.spawn(move || graph::compile(device, &all, enough));
            let made = self.make(request, (&plans, planned), (&text, &prepared), &course, keep, observer);
            // Where that failed, nobody needs the other kernels.
            enough.store(true, Ordering::Relaxed);
            made
        })
    }

    /// Has the weights of all networks stay on the device, if the user allows it and they have room there beside everything else, or releases
    /// those that stayed. Returns the bytes on the device in the largest phase.
    fn keep_weights(&self, request: &Request, plans: &Plans) -> u64 {
        let estimate = Estimate::new(plans, request.step_counts());
        let room =
            Budget::new(self.memory, &self.target.device).filter(|_| self.memory.keep && !plans.residences.streams());
        if room.is_some_and(|room| estimate.batch_peak_bytes <= room.bytes()) {
            self.weights.keep(plans);
            return estimate.batch_peak_bytes;
        }
        self.weights.release();
        estimate.peak_bytes
    }

    /// The phases of a generation, one after the other; `keep`: what is finished when an error comes.
    fn make(
        &self,
        request: &Request,
        (plans, planned): (&Plans, u64),
        (text, prepared): (&Text, &Prepared),
        course: &Course,
        keep: bool,
        observer: &mut dyn Observer,
    ) -> Result<Generated, Error> {
        let mut noise: Vec<Noise> = request.seeds.iter().map(|&seed| Noise::new(request.rng, seed)).collect();
        let encoded = self.encoder(plans).run(text, prepared, &mut noise, observer)?;

        let clips = noise.len();
        let mut latents = Vec::new();
        let mut stopped = None;
        {
            tell(observer, Event::Phase { phase: Phase::Load, clip: 0, clips })?;
            let weights = self.unet_weights(plans)?;
            let denoiser = Denoiser::new(&self.device, plans, &weights)?;
            for (clip, noise) in noise.iter_mut().enumerate() {
                let mut one = || -> Result<Buffer, Error> {
                    tell(observer, Event::Phase { phase: Phase::Denoise, clip, clips })?;
                    denoiser.condition(&encoded, clip, request.target_fps)?;
                    denoiser.run(course, noise, observer)?;
                    if denoiser.read("latents")?.iter().any(|v| !v.is_finite()) {
                        return Err(Error::NotANumber(format!("clip {}", clip + 1)));
                    }
                    let kept = self.device.buffer("latents", denoiser.latents().bytes())?;
                    self.device.copy(denoiser.latents(), 0, &kept, 0, kept.bytes());
                    Ok(kept)
                };
                match one() {
                    Ok(kept) => latents.push(kept),
                    Err(error) if keep && clip > 0 => {
                        stopped = Some(error);
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let mut frames = Vec::new();
        // Who has stopped the others is told of these, and asked no more.
        let mut told = |event: Event<'_>| {
            let answer = observer.event(event);
            if stopped.is_some() { ControlFlow::Continue(()) } else { answer }
        };
        let waited = self.device.wait().map_err(Error::from);
        let decoded = waited.and_then(|()| self.decode_into(&mut frames, plans, &latents, false, &mut told));
        if let Err(error) = decoded {
            let first = stopped.unwrap_or(error);
            if !keep || frames.is_empty() {
                return Err(first);
            }
            stopped = Some(first);
        }
        let memory = MemoryUse { planned, counted: self.device.memory()[1], streaming: plans.streaming() };
        let mut outputs = Vec::new();
        for ((seed, frames), latents) in request.seeds.iter().zip(frames).zip(&latents) {
            let (latents, latents_shape) = self.read_latents(latents, &plans.shape)?;
            outputs.push(Output {
                seed: *seed,
                frames: frames.into_iter().map(|f| f.rgb8).collect(),
                latents,
                latents_shape,
                tuned: plans.tuned(),
                memory,
            });
        }
        Ok(Generated { outputs, stopped })
    }

    /// Token ids of a request's prompts; says what was cut.
    fn text(&self, request: &Request, observer: &mut dyn Observer) -> Result<Text, Error> {
        let mut ids = |name: &str, text: &str| {
            let tokens = self.tokenize(text)?;
            if let Some(long) = advice::too_long(name, &tokens) {
                tell(observer, Event::Note(&long.to_string()))?;
            }
            Ok::<_, Error>(tokens.ids)
        };
        let prompt = ids("prompt", &request.prompt)?;
        let negative = if request.guided() { Some(ids("negative prompt", request.negative())?) } else { None };
        Ok(Text { prompt, negative })
    }

    fn read_latents(&self, latents: &Buffer, s: &Shape) -> Result<(Vec<f32>, [usize; 5]), Error> {
        let values: Vec<f32> =
            bytemuck::pod_collect_to_vec(&self.device.read(latents, 0, (s.elements() * 4) as u64)?);
        Ok((to_torch(&values, s), [1, s.channels, s.frames, s.latent[0], s.latent[1]]))
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
