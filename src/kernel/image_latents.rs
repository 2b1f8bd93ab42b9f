//! The clip of latents that conditions on the picture: `kernels/image_latents.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// `y[0] = latent`, `y[f] = f / (F − 1)` in every element of the other frames: the frame's position in the clip.
///
/// latent `[P, C]` f32 → y `[F, P, C]`. Source: `prepare_image_latents` of diffusers' I2VGenXLPipeline. Units: pixels of all
/// frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ImageLatents {
    /// Frames.
    pub frames: usize,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Latent channels.
    pub channels: usize,
    /// Storage of y.
    #[serde(default)]
    pub y: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    per_frame: u32,
    frames: u32,
    latent_base: u32,
    y_base: u32,
}

impl Op for ImageLatents {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (f, p, c) = (self.frames, self.pixels, self.channels);
        vec![Binding::input("latent", &[p, c], Dtype::F32), Binding::output("y", &[f, p, c], self.y)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("Y", self.y.into())])
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.pixels * self.channels) as f64;
        Cost::of(elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.pixels
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        // Only the first frame reads; the others are given one pixel, as a binding cannot be empty.
        let start = units.start.min(self.pixels.saturating_sub(1));
        let read = start..units.end.clamp(start + 1, self.pixels.max(start + 1));
        vec![rows(&b[0], &read, self.channels), rows(&b[1], units, self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            per_frame: (self.pixels * self.channels) as u32,
            frames: self.frames as u32,
            latent_base: bases[0],
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
        tolerance(self.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [latent] = inputs else { return vec![] };
        let value = |i: usize| match i / self.channels / self.pixels {
            0 => latent[i],
            f => f as f32 / (self.frames - 1) as f32,
        };
        vec![(units.start * self.channels..units.end * self.channels).map(value).collect()]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for y in [Dtype::F32, Dtype::F16] {
        for (name, frames, pixels, channels) in
            [("a clip", 6, 70, 4), ("sixteen frames", 16, 33, 4), ("odd channels", 4, 9, 3), ("one frame", 1, 12, 4)]
        {
            let op = ImageLatents { frames, pixels, channels, y };
            cases.push(Case::new(format!("{name} {y}"), Arc::new(op)));
        }
    }
    cases
}
