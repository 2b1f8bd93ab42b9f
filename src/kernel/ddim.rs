//! One DDIM step with guidance: `kernels/ddim.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// One sampling step with classifier-free guidance:
///
/// ```text
/// model = uncond + guidance[f] · (cond − uncond), or cond
/// x0    = x0_from_sample · sample + x0_from_model · model        clipped to ±clip, if that is above 0
/// eps   = eps_from_sample · sample + eps_from_model · model
/// next  = next_from_x0 · x0 + next_from_eps · eps + next_from_noise · noise
/// ```
///
/// cond, uncond, sample `[F, P, C]`, noise `[F, C, P]` as torch draws it, step `[16 + F]` → model, x0, next `[F, P, C]`; all f32.
/// `step` holds what changes between steps ([`StepCoefficients`], 7 zeros), then what changes between frames: the guidance of each. It is one
/// binding because a shader is sure of eight only. Source: Song et al., *Denoising Diffusion Implicit Models*, 2021, eq. 12; Ho and
/// Salimans, *Classifier-Free Diffusion Guidance*, 2022. Units: pixels of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ddim {
    /// Frames.
    pub frames: usize,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Latent channels.
    pub channels: usize,
    /// Is there a model output without the prompt?
    #[serde(default)]
    pub uncond: bool,
    /// Is fresh noise added?
    #[serde(default)]
    pub noise: bool,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    pixels: u32,
    channels: u32,
    has_uncond: u32,
    has_noise: u32,
    cond_base: u32,
    uncond_base: u32,
    sample_base: u32,
    noise_base: u32,
    step_base: u32,
    model_base: u32,
    x0_base: u32,
    next_base: u32,
}

impl Ddim {
    /// Elements of `step` before the guidance of the frames.
    pub const COEFFICIENTS: usize = 16;
}

/// What changes between steps, as it stands in `step`: see [`Ddim`], and for the last one [`super::Multistep`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct StepCoefficients {
    /// Of the sample in x0.
    pub x0_from_sample: f32,
    /// Of the model's output in x0.
    pub x0_from_model: f32,
    /// Of the sample in eps.
    pub eps_from_sample: f32,
    /// Of the model's output in eps.
    pub eps_from_model: f32,
    /// x0 lies between this and its negative; 0 is no limit.
    pub clip: f32,
    /// Of x0 in the next sample.
    pub next_from_x0: f32,
    /// Of eps in the next sample.
    pub next_from_eps: f32,
    /// Of fresh noise in the next sample.
    pub next_from_noise: f32,
    /// Of the change of x0 since the last step in the next sample.
    pub next_from_change: f32,
}

impl StepCoefficients {
    /// The tensor `step` `[16 + F]`, with a guidance scale for each frame; 1 for those that have none.
    pub fn tensor(self, guidance: &[f32], frames: usize) -> Vec<f32> {
        let mut values: Vec<f32> = bytemuck::cast_slice(&[self]).to_vec();
        values.resize(Ddim::COEFFICIENTS, 0.0);
        values.extend(guidance);
        values.resize(Ddim::COEFFICIENTS + frames, 1.0);
        values
    }
}

impl Op for Ddim {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (f, p, c, f32) = (self.frames, self.pixels, self.channels, Dtype::F32);
        let shape = [f, p, c];
        vec![
            Binding::input("cond", &shape, f32),
            Binding::optional("uncond", self.uncond, &shape, f32),
            Binding::input("sample", &shape, f32),
            Binding::optional("noise", self.noise, &[f, c, p], f32),
            Binding::input("step", &[Self::COEFFICIENTS + f], f32),
            Binding::output("model", &shape, f32),
            Binding::output("x0", &shape, f32),
            Binding::output("next", &shape, f32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.pixels * self.channels) as f64;
        Cost::of(14.0 * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.pixels
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let frames = units.start / self.pixels..units.end.div_ceil(self.pixels);
        let of = |i: usize| rows(&b[i], units, self.channels);
        let noise = rows(&b[3], &frames, self.channels * self.pixels);
        vec![of(0), of(1), of(2), noise, Span::All, of(5), of(6), of(7)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            pixels: self.pixels as u32,
            channels: self.channels as u32,
            has_uncond: self.uncond.into(),
            has_noise: self.noise.into(),
            cond_base: bases[0],
            uncond_base: bases[1],
            sample_base: bases[2],
            noise_base: bases[3],
            step_base: bases[4],
            model_base: bases[5],
            x0_base: bases[6],
            next_base: bases[7],
        };
        Dispatch::new(params, workgroups(choice, units.len() * self.channels))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("frames", self.frames), ("pixels", self.pixels), ("channels", self.channels)])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(Dtype::F32)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [cond, uncond, sample, noise, step] = inputs else {
            return vec![];
        };
        let step: Vec<f64> = step.iter().map(|&v| f64::from(v)).collect();
        let (mut models, mut cleans, mut nexts) = (Vec::new(), Vec::new(), Vec::new());
        for i in units.start * self.channels..units.end * self.channels {
            let (m, s) = (cond[i], sample[i]);
            let (c, pixel) = (i % self.channels, i / self.channels % self.pixels);
            let frame = i / self.channels / self.pixels;
            let (mut m, s) = (f64::from(m), f64::from(s));
            if let Some(&u) = uncond.get(i) {
                let u = f64::from(u);
                m = u + step[Self::COEFFICIENTS + frame] * (m - u);
            }
            let mut clean = step[0] * s + step[1] * m;
            let eps = step[2] * s + step[3] * m;
            if step[4] > 0.0 {
                clean = clean.clamp(-step[4], step[4]);
            }
            let noise = noise.get((frame * self.channels + c) * self.pixels + pixel);
            let noise = f64::from(noise.copied().unwrap_or(0.0));
            models.push(m as f32);
            cleans.push(clean as f32);
            nexts.push((step[5] * clean + step[6] * eps + step[7] * noise) as f32);
        }
        vec![models, cleans, nexts]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, frames, pixels, channels, uncond, noise) in [
        ("guided, with noise", 6, 70, 4, true, true),
        ("guided", 3, 300, 4, true, false),
        ("one pass, with noise", 2, 13, 4, false, true),
        ("odd channels", 5, 9, 3, true, true),
        ("one pixel", 1, 1, 4, false, false),
    ] {
        let op = Ddim { frames, pixels, channels, uncond, noise };
        // Not clipped, then clipped within the range of the values.
        let free = Case::new(name, Arc::new(op.clone()));
        cases.push(free.with_fill(|b, i, v| if b.name == "step" && i == 4 { 0.0 } else { v }));
        let clipped = Case::new(format!("{name}, clipped"), Arc::new(op));
        cases.push(clipped.with_fill(|b, i, v| if b.name == "step" && i == 4 { 0.5 } else { v }));
    }
    cases
}
