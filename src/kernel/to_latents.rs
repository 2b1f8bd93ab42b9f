//! From torch's order of noise to ours: `kernels/to_latents.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{planes, portable, rows, workgroups},
};
use crate::gpu::Capabilities;

/// `y[f, i, c] = noise[c, f, i]`: noise `[C, F, P]` as torch draws it → y `[F, P, C]`, f32. Units: pixels of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ToLatents {
    /// Frames.
    pub frames: usize,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Latent channels.
    pub channels: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    channels: u32,
    plane: u32,
    noise_base: u32,
    y_base: u32,
}

impl Op for ToLatents {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (f, p, c) = (self.frames, self.pixels, self.channels);
        vec![Binding::input("noise", &[c, f, p], Dtype::F32), Binding::output("y", &[f, p, c], Dtype::F32)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        Cost::of(0.0, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.pixels
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        vec![planes(units, self.channels, self.units()), rows(&self.bindings()[1], units, self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            channels: self.channels as u32,
            plane: self.units() as u32,
            noise_base: bases[0],
            y_base: bases[1],
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
        Tolerance { worst: 0.0, reason: "a copy" }
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [noise] = inputs else { return vec![] };
        let plane = self.units();
        let written = units.start * self.channels..units.end * self.channels;
        let y = written.map(|i| noise[i % self.channels * plane + i / self.channels]);
        vec![y.collect()]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    [("latents", 6, 70, 4), ("odd", 5, 13, 3), ("one", 1, 1, 4)]
        .map(|(name, frames, pixels, channels)| Case::new(name, Arc::new(ToLatents { frames, pixels, channels })))
        .into()
}
