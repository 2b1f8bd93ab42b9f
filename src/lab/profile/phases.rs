//! The phases of a generation, made ready and timed one after the other: the memory of each is free before the next one begins.

use std::time::Instant;

use half::f16;

use super::{
    Error,
    record::{Phase, PhaseKind, Start},
    run::{Job, Timing},
    weights::Weights,
};
use crate::{
    checkpoint::{ComponentKind, Configs},
    gpu::{Buffer, Device},
    graph::{Bindings, External, Plan, Program, Residence, Target, WeightStore},
    kernel::Dtype,
    pipeline::{Course, Denoiser, Encoded, Noise, Plans, Request, RngKind},
    sampler::{Schedule, SchedulerConfig, TorchGenerator},
};

/// Everything that phases are made of.
pub(super) struct Phases<'a> {
    pub device: &'a Device,
    pub target: &'a Target,
    pub configs: &'a Configs,
    pub plans: &'a Plans,
    pub weights: &'a Weights,
    pub request: &'a Request,
}

/// A network that is one plan.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub component: ComponentKind,
    pub plan: &'a Plan,
    pub residence: &'a Residence,
    /// How often a whole clip runs it.
    pub runs: usize,
}

/// The seed of inputs.
pub(super) const SEED: u64 = 5;

impl Phases<'_> {
    /// Times a phase; the UNet's conditions come with its steps.
    pub fn run(&self, kind: PhaseKind, timing: &Timing<'_>, note: &mut dyn FnMut(&str)) -> Result<Vec<Phase>, Error> {
        if kind == PhaseKind::VaeDecode && self.plans.decode.strips.is_some() {
            let reason = "the decode does not fit whole, and one in tiles cannot be profiled".to_owned();
            return Err(Error::Setting { field: "--phase vae-decode", reason });
        }
        match self.network(kind) {
            Some(network) => Ok(vec![self.alone(kind, &network, timing)?]),
            None => self.unet(timing, note),
        }
    }

    /// The network of a phase that is one plan.
    pub fn network(&self, kind: PhaseKind) -> Option<Network<'_>> {
        let s = &self.plans.shape;
        let (p, r) = (self.plans, &self.plans.residences);
        let (component, plan, residence, runs) = match kind {
            PhaseKind::Text => (ComponentKind::TextEncoder, &p.text, &r.text, if s.guided { 2 } else { 1 }),
            PhaseKind::Image => (ComponentKind::ImageEncoder, &p.image, &r.image, 1),
            PhaseKind::VaeEncode => (ComponentKind::Vae, &p.encode, &r.encode, 1),
            PhaseKind::VaeDecode => (ComponentKind::Vae, &p.decode.plan, &p.decode.residence, s.frames),
            PhaseKind::Conditions | PhaseKind::Unet => return None,
        };
        Some(Network { component, plan, residence, runs })
    }

    /// The tensors that a plan reads and others give.
    pub fn inputs(&self, plan: &Plan) -> Result<Bindings, Error> {
        let given = plan.externals.iter().filter(|e| !e.written);
        given.map(|external| Ok((external.name.clone(), self.input(external)?))).collect()
    }

    /// A network that is one plan.
    fn alone(&self, kind: PhaseKind, network: &Network<'_>, timing: &Timing<'_>) -> Result<Phase, Error> {
        let Network { component, plan, residence, runs } = *network;
        let make = || {
            let begin = Instant::now();
            let weights = self.weights.load(self.device, self.target, component, &[plan], residence)?;
            let load = begin.elapsed().as_secs_f64();
            let mut bindings = self.inputs(plan)?;
            let begin = Instant::now();
            let program = Program::new(self.device, plan, &weights, &mut bindings)?;
            let compile = begin.elapsed().as_secs_f64();
            let begin = Instant::now();
            program.run()?;
            Ok::<_, Error>((program, Start { load, compile, first: begin.elapsed().as_secs_f64() }))
        };
        let (cold, start) = make()?;
        drop(cold);
        let (program, again) = make()?;
        let job = Job { kind, runs, start: Some([start, again]), parts: vec![(plan, &program)] };
        timing.phase(job, &mut |_| Ok(()))
    }

    /// The UNet: what does not depend on the step, and steps that follow each other from noise on.
    fn unet(&self, timing: &Timing<'_>, note: &mut dyn FnMut(&str)) -> Result<Vec<Phase>, Error> {
        let s = &self.plans.shape;
        let (plans, residence) = (self.plans.networks(), &self.plans.residences.unet);
        let course = self.course(timing.repetitions)?;
        let encoded = self.encoded()?;
        let load = || {
            let begin = Instant::now();
            let weights = self.weights.load(self.device, self.target, ComponentKind::UNet, &plans, residence)?;
            Ok::<_, Error>((weights, begin.elapsed().as_secs_f64()))
        };
        let make = |weights: &WeightStore, load: f64| {
            let begin = Instant::now();
            let denoiser = Denoiser::new(self.device, self.plans, weights)?;
            let compile = begin.elapsed().as_secs_f64();
            let begin = Instant::now();
            let mut noise = Noise::new(RngKind::TorchCpu, SEED);
            denoiser.condition(&encoded, 0, self.request.target_fps)?;
            denoiser.start(&mut noise)?;
            denoiser.evaluate(&course, 0)?;
            denoiser.step(&course, 0, &mut noise)?;
            self.device.wait()?;
            let first = begin.elapsed().as_secs_f64();
            Ok::<_, Error>((denoiser, noise, Start { load, compile, first }))
        };
        let start = {
            let (weights, seconds) = load()?;
            make(&weights, seconds)?.2
        };
        let (weights, seconds) = load()?;
        let (denoiser, mut noise, again) = make(&weights, seconds)?;
        let job = Job { kind: PhaseKind::Conditions, runs: 1, start: None, parts: denoiser.condition_parts() };
        let conditions = timing.phase(job, &mut |_| Ok(()))?;
        let job = Job {
            kind: PhaseKind::Unet,
            runs: self.request.steps,
            start: Some([start, again]),
            parts: denoiser.parts(),
        };
        let steps = timing.phase(job, &mut |run| {
            // The first of the course's steps is done.
            Ok(denoiser.hand_over(&course, 1 + run, &mut noise)?)
        })?;
        if denoiser.read("latents")?.iter().take(s.elements()).any(|v| !v.is_finite()) {
            note("the latents are not finite after these steps: times of some devices depend on that");
        }
        Ok(vec![conditions, steps])
    }

    /// One step for the first run, and one for each timed and untimed one.
    fn course(&self, repetitions: usize) -> Result<Course, Error> {
        let request = Request { steps: 1 + 2 * repetitions, ..self.request.clone() };
        let schedule = Schedule::new(&SchedulerConfig::from_json(&self.configs.scheduler.to_string())?)?;
        Ok(Course::new(&request, &schedule)?)
    }

    /// Normals in place of what the encoders would give.
    pub fn encoded(&self) -> Result<Encoded, Error> {
        let named = |plan: &Plan, name: &str| {
            let found = plan.externals.iter().find(|e| e.name == name);
            self.input(found.ok_or_else(|| crate::graph::Error::Unbound(name.into()))?)
        };
        let (text, image, encode) = (&self.plans.text, &self.plans.image, &self.plans.encode);
        let latent = named(encode, "image_latent")?;
        Ok(Encoded {
            prompt: named(text, "text_embeds")?,
            negative: if self.plans.shape.guided { Some(named(text, "text_embeds")?) } else { None },
            clip: named(image, "image_embeds")?,
            moments: latent.clone(),
            latents: vec![[latent.clone(), latent]],
        })
    }

    /// A buffer with normals, or with ids of tokens.
    fn input(&self, external: &External) -> Result<Buffer, Error> {
        let buffer = self.device.buffer(&external.name, external.bytes())?;
        let mut random = TorchGenerator::new(SEED);
        let values = random.randn(external.elements);
        let bytes: Vec<u8> = match external.dtype {
            Dtype::F32 => bytemuck::cast_slice(&values).to_vec(),
            Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            Dtype::U32 => {
                let tokens = self.configs.text_encoder.vocab_size.max(1) as u32;
                values.iter().flat_map(|v| (v.to_bits() % tokens).to_le_bytes()).collect()
            }
        };
        self.device.write(&buffer, 0, &bytes);
        Ok(buffer)
    }
}
