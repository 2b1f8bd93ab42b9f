//! The denoising loop: it runs on the device; the host only hands over a few numbers per step.

use super::{Draw, Encoded, Error, Event, Noise, Observer, Plans, progress::tell};
use crate::{
    gpu::{Buffer, Device},
    graph::{Bindings, Program, Slots, WeightStore},
    kernel::{Ddim, Dtype},
    sampler::Step,
};

/// The UNet, ready to denoise clips of one shape.
pub struct Denoiser<'a> {
    device: &'a Device,
    plans: &'a Plans,
    /// What the passes have in common and what the DDIM step reads and writes.
    bindings: Bindings,
    /// One evaluation of the UNet each: one, or two with guidance in two passes.
    passes: Vec<Pass>,
    ddim: Program,
    initial: Program,
}

struct Pass {
    conditions: Program,
    unet: Program,
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
        f32("noise.init", s.elements())?;
        if s.noise {
            f32("noise.step", s.elements())?;
        }
        // Passes and plans run one after the other: they share their intermediates.
        let mut slots = Slots::default();
        slots.reserve(device, &plans.unet)?;
        let mut passes = Vec::new();
        for &name in prediction_names(plans) {
            let mut own = bindings.clone();
            let prediction = device.buffer(name, (s.batch() * s.elements() * 4) as u64)?;
            bindings.insert(name.to_owned(), prediction.clone());
            own.insert("prediction".to_owned(), prediction);
            for external in plans
                .conditions
                .externals
                .iter()
                .filter(|e| !e.written && !own.contains_key(&e.name))
                .collect::<Vec<_>>()
            {
                own.insert(external.name.clone(), device.buffer(&external.name, external.bytes())?);
            }
            let conditions = Program::with_slots(device, &plans.conditions, weights, &mut own, &mut slots)?;
            let unet = Program::with_slots(device, &plans.unet, weights, &mut own, &mut slots)?;
            passes.push(Pass { conditions, unet, bindings: own });
        }
        let nothing = WeightStore::default();
        let ddim = Program::new(device, &plans.ddim, &nothing, &mut bindings)?;
        let initial = Program::new(device, &plans.initial, &nothing, &mut bindings)?;
        Ok(Self { device, plans, bindings, passes, ddim, initial })
    }

    /// Computes what does not depend on the timestep for clip `clip` of what was encoded.
    pub fn condition(&self, encoded: &Encoded, clip: usize, target_fps: f32) -> Result<(), Error> {
        self.write("fps", &[target_fps]);
        let latent = &encoded.latents[clip][1];
        self.device.copy(latent, 0, &self.bindings["image_latent"], 0, latent.bytes());
        let types = &self.plans.conditions.externals;
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
                    self.device.copy(row, 0, text, i * row_bytes("text"), row_bytes("text"));
                }
                // The negative row sees no picture: zeros, which still go through the projection with its biases.
                if is_prompt {
                    self.device.copy(&encoded.clip, 0, image, i * row_bytes("clip"), row_bytes("clip"));
                }
            }
            pass.conditions.run()?;
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Rows> {
        match (self.plans.shape.guided, self.plans.shape.one_batch) {
            (false, _) => vec![vec![true]],
            (true, true) => vec![vec![false, true]],
            (true, false) => vec![vec![false], vec![true]],
        }
    }

    /// Denoises one clip from its initial noise; the latents stay on the device.
    pub fn run(
        &self,
        steps: &[Step],
        guidance: &[f32],
        noise: &mut Noise,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        self.start(noise)?;
        for (i, step) in steps.iter().enumerate() {
            self.evaluate(step)?;
            self.step(i, step, guidance, noise)?;
            self.device.wait()?;
            let latents = || self.read("latents");
            tell(observer, Event::Step { done: i + 1, of: steps.len(), latents: &latents })?;
        }
        Ok(())
    }

    /// The initial latents.
    pub fn start(&self, noise: &mut Noise) -> Result<(), Error> {
        let elements = self.plans.shape.elements();
        noise.fill(self.device, &self.plans.initial.target, &self.bindings["noise.init"], elements, Draw::Initial)?;
        Ok(self.initial.run()?)
    }

    /// Submits the UNet's evaluation of the current latents at a step.
    pub fn evaluate(&self, step: &Step) -> Result<(), Error> {
        self.write("timestep", &[step.timestep as f32]);
        self.passes.iter().for_each(|pass| pass.unet.submit());
        Ok(())
    }

    /// Submits guidance (one scale per frame) and DDIM step number `index`.
    pub fn step(&self, index: usize, step: &Step, guidance: &[f32], noise: &mut Noise) -> Result<(), Error> {
        if self.plans.shape.noise {
            let elements = self.plans.shape.elements();
            noise.fill(
                self.device,
                &self.plans.ddim.target,
                &self.bindings["noise.step"],
                elements,
                Draw::Step(index),
            )?;
        }
        let mut values = vec![
            step.x0_from_sample,
            step.x0_from_model,
            step.eps_from_sample,
            step.eps_from_model,
            step.clip.unwrap_or(0.0),
            step.next_from_x0,
            step.next_from_eps,
            step.next_from_noise,
        ];
        values.resize(Ddim::COEFFICIENTS, 0.0);
        values.extend(guidance);
        self.write("step", &values);
        self.ddim.submit();
        Ok(())
    }

    /// Overwrites a tensor, such as `latents`.
    pub fn write(&self, name: &str, values: &[f32]) {
        self.device.write(&self.bindings[name], 0, bytemuck::cast_slice(values));
    }

    /// Reads a tensor of the loop: `latents`, `guided`, `x0`, `prediction`.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, Error> {
        let buffer = &self.bindings[name];
        Ok(bytemuck::pod_collect_to_vec(&self.device.read(buffer, 0, buffer.bytes())?))
    }

    /// The latents' buffer, `[F, h, w, 4]` f32.
    pub fn latents(&self) -> &Buffer {
        &self.bindings["latents"]
    }

    /// A tensor of pass `index` by name, such as one that the plan kept.
    pub fn pass_tensor(&self, index: usize, name: &str) -> Option<&Buffer> {
        self.passes.get(index).and_then(|pass| pass.bindings.get(name))
    }

    /// Submissions of one step, for a report.
    pub fn submissions(&self) -> usize {
        self.ddim.submissions() + self.passes.iter().map(|pass| pass.unet.submissions()).sum::<usize>()
    }
}

/// The names under which the DDIM step finds what the passes predict.
fn prediction_names(plans: &Plans) -> &'static [&'static str] {
    match (plans.shape.guided, plans.shape.one_batch) {
        (true, false) => &["prediction.uncond", "prediction.cond"],
        _ => &["prediction"],
    }
}
