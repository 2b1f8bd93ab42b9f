//! A generation: its phases, one after the other, and the clips that come of it.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Course, Denoiser, Encoded, Engine, Error, Estimate, Event, Noise, Observer, Phase, Plans, Request, Streaming, Text,
    advice, engine::to_torch, frame::Frame, memory::Budget, progress::tell,
};
use crate::{gpu::Buffer, graph, kernel::TunedInUse, picture::Prepared};

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

impl Engine {
    /// Generates one clip per seed, all or none.
    pub fn generate(&self, request: &Request, observer: &mut dyn Observer) -> Result<Vec<Output>, Error> {
        Ok(self.run(request, false, observer)?.outputs)
    }

    /// The same, without losing clips that are finished: when the observer cancels or a clip fails, those that were denoised before are still
    /// decoded, whatever the observer says to that, and returned with the error. An error alone if there are none.
    pub fn generate_finished(&self, request: &Request, observer: &mut dyn Observer) -> Result<Generated, Error> {
        self.run(request, true, observer)
    }

    fn run(&self, request: &Request, salvage: bool, observer: &mut dyn Observer) -> Result<Generated, Error> {
        self.check(request)?;
        let (course, prepared) = (self.course(request)?, self.prepare(request)?);
        let text = self.text(request, observer)?;
        let planned = self.planned(request)?;
        let plans = &planned.plans;
        let planned_bytes = self.keep_weights(request, plans);
        self.device().reset_peak();
        if !planned.fit.savings.is_none() {
            tell(observer, Event::Note(&planned.fit.advice().to_string()))?;
        }
        let generation = Generation { engine: self, request, plans, planned_bytes, course, text, prepared, salvage };
        // Kernels are compiled while the encoders run and weights are uploaded. What fails to compile is told by the program that needs it.
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (device, all, enough) = (self.device(), plans.all(), &enough);
            scope.spawn(move || graph::compile(device, &all, enough));
            let made = generation.make(observer);
            // Where that failed, nobody needs the other kernels.
            enough.store(true, Ordering::Relaxed);
            if made.as_ref().is_err_and(Error::is_out_of_memory) {
                self.weights.give_up();
            }
            made
        })
    }

    /// Has the weights of all networks stay on the device, if the user allows it and they have room there beside everything else, or releases
    /// those that stayed. Returns the bytes on the device in the largest phase.
    fn keep_weights(&self, request: &Request, plans: &Plans) -> u64 {
        let estimate = Estimate::new(plans, request.step_counts());
        let stay = self.memory.keep_weights && self.weights.can_stay() && !plans.streams();
        let room = Budget::new(self.memory, &self.target.device).filter(|_| stay);
        if room.is_some_and(|room| estimate.batch_peak_bytes <= room.bytes()) {
            self.weights.keep(plans);
            return estimate.batch_peak_bytes;
        }
        self.release_weights();
        estimate.peak_bytes
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
}

/// A request with everything that it is made of.
struct Generation<'a> {
    engine: &'a Engine,
    request: &'a Request,
    plans: &'a Plans,
    planned_bytes: u64,
    course: Course,
    text: Text,
    prepared: Prepared,
    /// Are clips that are finished kept when an error comes?
    salvage: bool,
}

impl Generation<'_> {
    /// The phases, one after the other.
    fn make(&self, observer: &mut dyn Observer) -> Result<Generated, Error> {
        let Self { engine, request, plans, .. } = self;
        let mut noise: Vec<Noise> = request.seeds.iter().map(|&seed| Noise::new(request.rng, seed)).collect();
        let encoded = engine.encoder(plans).run(&self.text, &self.prepared, &mut noise, observer)?;
        let (latents, stopped) = self.denoise(&encoded, &mut noise, observer)?;
        let (frames, stopped) = self.decode(&latents, stopped, observer)?;
        let (planned, counted) = (self.planned_bytes, engine.device().memory()[1]);
        let memory = MemoryUse { planned, counted, streaming: plans.streaming() };
        let clips = request.seeds.iter().zip(frames).zip(&latents);
        let outputs = clips.map(|((&seed, frames), latents)| self.output(seed, frames, latents, memory));
        Ok(Generated { outputs: outputs.collect::<Result<_, _>>()?, stopped })
    }

    /// The latents of the clips, on the device; with what ended the phase before all were there.
    fn denoise(
        &self,
        encoded: &Encoded,
        noise: &mut [Noise],
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Buffer>, Option<Error>), Error> {
        let (device, clips) = (self.engine.device(), noise.len());
        tell(observer, Event::Phase { phase: Phase::Load, clip: 0, clips })?;
        let weights = self.engine.unet_weights(self.plans)?;
        let denoiser = Denoiser::new(device, self.plans, &weights)?;
        let mut latents = Vec::new();
        for (clip, noise) in noise.iter_mut().enumerate() {
            let mut one = || -> Result<Buffer, Error> {
                tell(observer, Event::Phase { phase: Phase::Denoise, clip, clips })?;
                denoiser.condition(encoded, clip, self.request.target_fps)?;
                denoiser.run(&self.course, noise, observer)?;
                if denoiser.read("latents")?.iter().any(|v| !v.is_finite()) {
                    return Err(Error::NotANumber(format!("clip {}", clip + 1)));
                }
                let kept = device.buffer("latents", denoiser.latents().bytes())?;
                device.copy(denoiser.latents(), 0, &kept, 0, kept.bytes());
                Ok(kept)
            };
            match one() {
                Ok(kept) => latents.push(kept),
                Err(error) if self.salvage && clip > 0 => return Ok((latents, Some(error))),
                Err(error) => return Err(error),
            }
        }
        Ok((latents, None))
    }

    /// The frames of the clips; with what ended this phase, or the one before, before all were there.
    fn decode(
        &self,
        latents: &[Buffer],
        stopped: Option<Error>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Vec<Frame>>, Option<Error>), Error> {
        let mut frames = Vec::new();
        // Who has stopped the others is told of these, and asked no more.
        let mut told = |event: Event<'_>| {
            let answer = observer.event(event);
            if stopped.is_some() { ControlFlow::Continue(()) } else { answer }
        };
        let waited = self.engine.device().wait().map_err(Error::from);
        let decoded = waited.and_then(|()| self.engine.decode_into(&mut frames, self.plans, latents, false, &mut told));
        let Err(error) = decoded else { return Ok((frames, stopped)) };
        let first = stopped.unwrap_or(error);
        if self.salvage && !frames.is_empty() { Ok((frames, Some(first))) } else { Err(first) }
    }

    fn output(&self, seed: u64, frames: Vec<Frame>, latents: &Buffer, memory: MemoryUse) -> Result<Output, Error> {
        let s = &self.plans.shape;
        let bytes = self.engine.device().read(latents, 0, (s.elements() * 4) as u64)?;
        Ok(Output {
            seed,
            frames: frames.into_iter().map(|frame| frame.rgb8).collect(),
            latents: to_torch(&bytemuck::pod_collect_to_vec::<u8, f32>(&bytes), s),
            latents_shape: [1, s.channels, s.frames, s.latent[0], s.latent[1]],
            tuned: self.plans.tuned(),
            memory,
        })
    }
}
