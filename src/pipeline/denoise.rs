//! The denoising loop: it runs on the device; the host only hands over a few numbers per step.

use super::{Course, Draw, Encoded, Error, Event, Noise, Observer, Plans, Shape, plans::StepPlans, progress::tell};
use crate::{
    gpu::{Buffer, Device},
    graph::{Bindings, Plan, Program, Slots, WeightStore},
    kernel::{Ddim, Dtype, StepCoefficients},
    sampler::Sampler,
};

/// The UNet, ready to denoise clips of one shape.
pub struct Denoiser<'a> {
    device: &'a Device,
    plans: &'a Plans,
    /// What steps have in common.
    bindings: Bindings,
    step: StepPrograms,
    /// A step without guidance, where other steps have it.
    unguided_step: Option<StepPrograms>,
    initial: Program,
}

/// A denoising step.
struct StepPrograms {
    /// One evaluation of the UNet each: one, or two with guidance in two passes.
    passes: Vec<Pass>,
    ddim: Program,
    shape: Shape,
    /// What the passes have in common and what the sampler's step reads and writes.
    bindings: Bindings,
}

struct Pass {
    conditions: Program,
    unet: Program,
    /// Its outermost layers alone, where steps reuse deep features.
    outer: Option<Program>,
    bindings: Bindings,
}

/// Which rows of a batch a pass evaluates: the negative prompt, the prompt.
type Rows = Vec<bool>;

impl<'a> Denoiser<'a> {
    /// Compiles and binds everything; `weights` are the UNet's.
    pub fn new(device: &'a Device, plans: &'a Plans, weights: &WeightStore) -> Result<Self, Error> {
        let s = &plans.shape;
        let mut bindings = Bindings::new();
        let mut f32 = |name: &str, elements: usize| {
            let buffer = device.buffer(name, (elements * 4) as u64)?;
            bindings.insert(name.to_owned(), buffer);
            Ok::<_, Error>(())
        };
        f32("timestep", 1)?;
        f32("fps", 1)?;
        f32("step", Ddim::COEFFICIENTS + s.frames)?;
        f32("image_latent", s.pixels() * s.channels)?;
        f32("latents", s.elements())?;
        f32("guided", s.elements())?;
        f32("x0", s.elements())?;
        if s.sampler == Sampler::DpmSolver {
            f32("x0.before", s.elements())?;
        }
        if s.anchor.is_some() {
            f32("anchor", 1 + s.frames)?;
        }
        Noise::bind(device, &mut bindings, "noise.init", s.elements(), s.drawn)?;
        if s.noise {
            Noise::bind(device, &mut bindings, "noise.step", s.elements(), s.drawn)?;
        }
        // Steps, passes and plans run one after the other: they share their intermediates.
        let slots = Slots::new(device, plans.networks())?;
        let step = StepPrograms::new(device, &plans.step, weights, &bindings, &slots)?;
        let unguided_step = plans.unguided_step.as_ref();
        let unguided_step =
            unguided_step.map(|plans| StepPrograms::new(device, plans, weights, &bindings, &slots)).transpose()?;
        let initial = Program::new(device, &plans.initial, &WeightStore::default(), &mut bindings)?;
        Ok(Self { device, plans, bindings, step, unguided_step, initial })
    }

    /// Computes what does not depend on the timestep for clip `clip` of what was encoded.
    pub fn condition(&self, encoded: &Encoded, clip: usize, target_fps: f32) -> Result<(), Error> {
        self.write("fps", &[target_fps])?;
        let latent = &encoded.latents[clip][1];
        self.device.copy(latent, 0, &self.bindings["image_latent"], 0, latent.bytes());
        self.step.condition(self.device, &self.plans.step, encoded)?;
        match self.unguided_step.as_ref().zip(self.plans.unguided_step.as_ref()) {
            Some((step, plans)) => step.condition(self.device, plans, encoded),
            None => Ok(()),
        }
    }

    /// Denoises one clip from its initial noise; the latents stay on the device.
    pub fn run(&self, course: &Course, noise: &mut Noise, observer: &mut dyn Observer) -> Result<(), Error> {
        self.start(noise)?;
        let of = course.steps.len();
        for index in 0..of {
            self.evaluate(course, index)?;
            self.step(course, index, noise)?;
            self.device.wait()?;
            let latents = || self.read("latents");
            tell(observer, Event::Step { done: index + 1, of, latents: &latents })?;
        }
        Ok(())
    }

    /// The initial latents.
    pub fn start(&self, noise: &mut Noise) -> Result<(), Error> {
        let elements = self.plans.shape.elements();
        noise.fill(self.device, &self.bindings, "noise.init", elements, Draw::Initial)?;
        Ok(self.initial.run()?)
    }

    /// The programs of a step: where none of its frames is guided, one evaluation is enough.
    fn programs(&self, course: &Course, index: usize) -> &StepPrograms {
        self.unguided_step.as_ref().filter(|_| !course.guided(index)).unwrap_or(&self.step)
    }

    /// Submits the UNet's evaluation of the current latents at step number `index`: all of it, or of its outermost layers alone where the
    /// step reuses what the one before left.
    pub fn evaluate(&self, course: &Course, index: usize) -> Result<(), Error> {
        let Some(step) = course.steps.get(index) else { return Ok(()) };
        self.write("timestep", &[step.timestep as f32])?;
        let reuses = course.reuses(index);
        let program = |pass: &'_ Pass| pass.outer.as_ref().filter(|_| reuses).unwrap_or(&pass.unet).submit();
        Ok(self.programs(course, index).passes.iter().try_for_each(program)?)
    }

    /// Submits guidance, the sampler's step number `index` and anchoring.
    pub fn step(&self, course: &Course, index: usize, noise: &mut Noise) -> Result<(), Error> {
        self.hand_over(course, index, noise)?;
        Ok(self.programs(course, index).ddim.submit()?)
    }

    /// Hands the device all numbers of step number `index`, so that [`parts`](Self::parts) can run.
    pub fn hand_over(&self, course: &Course, index: usize, noise: &mut Noise) -> Result<(), Error> {
        let Some(step) = course.steps.get(index) else { return Ok(()) };
        self.write("timestep", &[step.timestep as f32])?;
        let s = &self.plans.shape;
        if s.noise {
            noise.fill(self.device, &self.bindings, "noise.step", s.elements(), Draw::Step(index))?;
        }
        let coefficients = StepCoefficients {
            x0_from_sample: step.x0_from_sample,
            x0_from_model: step.x0_from_model,
            eps_from_sample: step.eps_from_sample,
            eps_from_model: step.eps_from_model,
            clip: step.clip.unwrap_or(0.0),
            next_from_x0: step.next_from_x0,
            next_from_eps: step.next_from_eps,
            next_from_noise: step.next_from_noise,
            next_from_change: step.next_from_change,
        };
        let guidance = course.guidance.get(index).map_or(&[][..], Vec::as_slice);
        self.write("step", &coefficients.tensor(guidance, s.frames))?;
        if let Some(anchoring) = course.anchoring.filter(|_| s.anchor.is_some()) {
            let weights = anchoring.weights(index, course.steps.len(), s.frames);
            self.write("anchor", &[vec![anchoring.gain(step)], weights].concat())?;
        }
        Ok(())
    }

    /// What a guided step runs that reuses nothing, in order: an evaluation of the UNet or two, then guidance, the sampler's step and anchoring.
    pub fn parts(&self) -> Vec<(&Plan, &Program)> {
        let unet = self.step.passes.iter().map(|pass| (&self.plans.step.unet, &pass.unet));
        unet.chain([(&self.plans.step.ddim, &self.step.ddim)]).collect()
    }

    /// What a clip runs once before its first guided step.
    pub fn condition_parts(&self) -> Vec<(&Plan, &Program)> {
        self.step.passes.iter().map(|pass| (&self.plans.step.conditions, &pass.conditions)).collect()
    }

    /// Overwrites a tensor, such as `latents`.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn write(&self, name: &str, values: &[f32]) -> Result<(), Error> {
        self.device.write(named(&self.bindings, name)?, 0, bytemuck::cast_slice(values));
        Ok(())
    }

    /// Reads a tensor of the loop: `latents`, `guided`, `x0`, `prediction`.
    ///
    /// # Errors
    /// There is none of that name; those of the device.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, Error> {
        let buffer = named(&self.step.bindings, name)?;
        Ok(bytemuck::pod_collect_to_vec(&self.device.read(buffer, 0, buffer.bytes())?))
    }

    /// The latents' buffer, `[F, h, w, 4]` f32.
    pub fn latents(&self) -> &Buffer {
        &self.bindings["latents"]
    }

    /// A tensor of pass `index` by name, such as one that the plan kept.
    pub fn pass_tensor(&self, index: usize, name: &str) -> Option<&Buffer> {
        self.step.passes.get(index).and_then(|pass| pass.bindings.get(name))
    }
}

impl StepPrograms {
    /// `common` holds what all steps share; the latents' networks share their intermediates.
    fn new(
        device: &Device,
        plans: &StepPlans,
        weights: &WeightStore,
        common: &Bindings,
        slots: &Slots,
    ) -> Result<Self, Error> {
        let s = &plans.shape;
        let mut bindings = common.clone();
        let mut passes = Vec::new();
        for &name in prediction_names(s) {
            let mut own = common.clone();
            let prediction = device.buffer(name, (s.batch() * s.elements() * 4) as u64)?;
            bindings.insert(name.to_owned(), prediction.clone());
            own.insert("prediction".to_owned(), prediction);
            let given = plans.conditions.externals.iter().filter(|e| !e.written && !common.contains_key(&e.name));
            for external in given {
                own.insert(external.name.clone(), device.buffer(&external.name, external.bytes())?);
            }
            let conditions = Program::with_slots(device, &plans.conditions, weights, &mut own, slots)?;
            let unet = Program::with_slots(device, &plans.unet, weights, &mut own, slots)?;
            let outer = plans.outer.as_ref();
            let outer = outer.map(|plan| Program::with_slots(device, plan, weights, &mut own, slots)).transpose()?;
            passes.push(Pass { conditions, unet, outer, bindings: own });
        }
        let ddim = Program::new(device, &plans.ddim, &WeightStore::default(), &mut bindings)?;
        Ok(Self { passes, ddim, shape: *s, bindings })
    }

    /// Computes what does not depend on the timestep.
    fn condition(&self, device: &Device, plans: &StepPlans, encoded: &Encoded) -> Result<(), Error> {
        let types = &plans.conditions.externals;
        let dtype = types.iter().find(|e| e.name == "text").map_or(Dtype::F32, |e| e.dtype);
        for (pass, rows) in self.passes.iter().zip(self.rows()) {
            let (text, image) = (&pass.bindings["text"], &pass.bindings["clip"]);
            let row_bytes = |name: &str| {
                let elements = types.iter().find(|e| e.name == name).map_or(0, |e| e.elements);
                (elements / rows.len().max(1) * dtype.bytes()) as u64
            };
            for (i, &is_prompt) in (0..).zip(&rows) {
                let row = if is_prompt { Some(&encoded.prompt) } else { encoded.negative.as_ref() };
                if let Some(row) = row {
                    device.copy(row, 0, text, i * row_bytes("text"), row_bytes("text"));
                }
                // The negative row sees no picture: zeros, which still go through the projection with its biases.
                if is_prompt {
                    device.copy(&encoded.clip, 0, image, i * row_bytes("clip"), row_bytes("clip"));
                }
            }
            pass.conditions.run()?;
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Rows> {
        match (self.shape.guided, self.shape.one_batch) {
            (false, _) => vec![vec![true]],
            (true, true) => vec![vec![false, true]],
            (true, false) => vec![vec![false], vec![true]],
        }
    }
}

fn named<'a>(bindings: &'a Bindings, name: &str) -> Result<&'a Buffer, Error> {
    Ok(bindings.get(name).ok_or_else(|| crate::graph::Error::Unbound(name.to_owned()))?)
}

/// The names under which the sampler's step finds what the passes predict.
fn prediction_names(shape: &Shape) -> &'static [&'static str] {
    match (shape.guided, shape.one_batch) {
        (true, false) => &["prediction.uncond", "prediction.cond"],
        _ => &["prediction"],
    }
}
