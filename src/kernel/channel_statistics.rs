//! Mean and spread of every channel of every frame: `kernels/channel_statistics.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows},
    tolerance,
};
use crate::gpu::Capabilities;

/// Mean and standard deviation (of the population) of every channel of every frame, over its pixels:
///
/// ```text
/// y[f, 0, c] = mean over p of x[f, p, c]
/// y[f, 1, c] = sqrt(mean over p of (x[f, p, c] − y[f, 0, c])²)
/// ```
///
/// x `[F, P, C]` → y `[F, 2, C]`, both f32. Units: frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChannelStatistics {
    /// Frames.
    pub frames: usize,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Channels.
    pub channels: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    pixels: u32,
    channels: u32,
    x_base: u32,
    y_base: u32,
}

impl Op for ChannelStatistics {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (f, p, c) = (self.frames, self.pixels, self.channels);
        vec![Binding::input("x", &[f, p, c], Dtype::F32), Binding::output("y", &[f, 2, c], Dtype::F32)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        Cost::of(4.0 * (self.frames * self.pixels * self.channels) as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        vec![rows(&b[0], units, self.pixels * self.channels), rows(&b[1], units, 2 * self.channels)]
    }

    fn dispatch(&self, _: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            pixels: self.pixels as u32,
            channels: self.channels as u32,
            x_base: bases[0],
            y_base: bases[1],
        };
        Dispatch::new(params, units.len() * self.channels)
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
        let [x] = inputs else { return vec![] };
        let mut y = vec![0.0; units.len() * 2 * self.channels];
        for (at, f) in units.clone().enumerate() {
            for c in 0..self.channels {
                let value = |p: usize| f64::from(x[(f * self.pixels + p) * self.channels + c]);
                let over_pixels =
                    |term: &dyn Fn(usize) -> f64| (0..self.pixels).map(term).sum::<f64>() / self.pixels as f64;
                let mean = over_pixels(&value);
                let variance = over_pixels(&|p| (value(p) - mean).powi(2));
                y[2 * at * self.channels + c] = mean as f32;
                y[(2 * at + 1) * self.channels + c] = variance.sqrt() as f32;
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    [
        ("latents of a clip", 5, 300, 4),
        ("odd sizes", 3, 65, 3),
        ("fewer pixels than threads", 2, 9, 4),
        ("one", 1, 1, 1),
    ]
    .map(|(name, frames, pixels, channels)| Case::new(name, Arc::new(ChannelStatistics { frames, pixels, channels })))
    .into()
}
