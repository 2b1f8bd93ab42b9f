//! The draw from the VAE's posterior: `kernels/posterior.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{planes, portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// `sample = mean + exp(clamp(logvar, −30, 20) / 2) · noise`, `latent = sample · scale`.
///
/// moments `[P, 2 C]` (mean, then logvar), noise `[C, P]` as torch draws it → sample `[P, C]`, latent `[P, C]`; all f32.
/// Source: diffusers' `DiagonalGaussianDistribution`. Units: pixels.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Posterior {
    /// Pixels of the latents.
    pub pixels: usize,
    /// Latent channels.
    pub channels: usize,
    /// The VAE's scaling factor.
    pub scale: f32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    pixels: u32,
    channels: u32,
    scale: f32,
    bases: [u32; 4],
}

impl Op for Posterior {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (p, c, f32) = (self.pixels, self.channels, Dtype::F32);
        vec![
            Binding::input("moments", &[p, 2 * c], f32),
            Binding::input("noise", &[c, p], f32),
            Binding::output("sample", &[p, c], f32),
            Binding::output("latent", &[p, c], f32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        Cost::of(8.0 * (self.pixels * self.channels) as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.pixels
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        vec![
            rows(&b[0], units, 2 * self.channels),
            planes(units, self.channels, self.pixels),
            rows(&b[2], units, self.channels),
            rows(&b[3], units, self.channels),
        ]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            pixels: self.pixels as u32,
            channels: self.channels as u32,
            scale: self.scale,
            bases: [0, 1, 2, 3].map(|i| bases[i]),
        };
        Dispatch::new(params, workgroups(choice, units.len() * self.channels))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("pixels", self.pixels), ("channels", self.channels)])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(Dtype::F32)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [moments, noise] = inputs else {
            return vec![];
        };
        let mut sample = Vec::new();
        for i in units.clone() {
            for c in 0..self.channels {
                let at = i * 2 * self.channels + c;
                let deviation = (f64::from(moments[at + self.channels].clamp(-30.0, 20.0)) / 2.0).exp();
                let noise = f64::from(noise[c * self.pixels + i]);
                sample.push((f64::from(moments[at]) + deviation * noise) as f32);
            }
        }
        let latent = sample.iter().map(|v| v * self.scale).collect();
        vec![sample, latent]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, pixels, channels) in [("latents", 70, 4), ("many pixels", 1100, 4), ("odd", 13, 3), ("one", 1, 1)] {
        let op = Posterior { pixels, channels, scale: 0.18215 };
        cases.push(Case::new(name, Arc::new(op)));
    }
    // Beyond both bounds of the clamp, mean and logvar alike.
    let op = Posterior { pixels: 50, channels: 4, scale: 1.0 };
    let clamped = Case::new("clamped", Arc::new(op));
    cases.push(clamped.with_fill(|b, _, v| if b.name == "moments" { 30.0 * v } else { v }));
    cases
}
