//! The second-order part of a sampling step: `kernels/multistep.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Ddim, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// What a multistep solver adds to a step of first order: `y = next + change · (x0 − before)`, with the clean estimate x0 of this step
/// and that of the step before. Without a change `before` is not read: in a clip's first step it is of another clip.
///
/// next, x0, before `[F, P, C]`, step `[16 + F]` → y `[F, P, C]`; all f32. `step` is that of [`Ddim`], which computes next and x0; the
/// change follows its eight coefficients. Source: Lu et al., *DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic
/// Models*, 2022, algorithm 2; see [`crate::sampler::Step`] for how its formula comes apart into these two. Units: pixels of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Multistep {
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
    next_base: u32,
    x0_base: u32,
    before_base: u32,
    step_base: u32,
    y_base: u32,
}

impl Multistep {
    /// Where the change is in `step`.
    const CHANGE: usize = 8;
}

impl Op for Multistep {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (shape, f32) = ([self.frames, self.pixels, self.channels], Dtype::F32);
        vec![
            Binding::input("next", &shape, f32),
            Binding::input("x0", &shape, f32),
            Binding::input("before", &shape, f32),
            Binding::input("step", &[Ddim::COEFFICIENTS + self.frames], f32),
            Binding::output("y", &shape, f32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        Cost::of(3.0 * (self.frames * self.pixels * self.channels) as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.pixels
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let of = |i: usize| rows(&b[i], units, self.channels);
        vec![of(0), of(1), of(2), Span::All, of(4)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            next_base: bases[0],
            x0_base: bases[1],
            before_base: bases[2],
            step_base: bases[3],
            y_base: bases[4],
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
        let [next, x0, before, step] = inputs else { return vec![] };
        let change = f64::from(step[Self::CHANGE]);
        let y = (units.start * self.channels..units.end * self.channels).map(|i| {
            let next = f64::from(next[i]);
            if change == 0.0 {
                return next as f32;
            }
            (next + change * (f64::from(x0[i]) - f64::from(before[i]))) as f32
        });
        vec![y.collect()]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, frames, pixels, channels) in [("latents", 6, 70, 4), ("odd", 5, 13, 3), ("one", 1, 1, 4)] {
        let op = Multistep { frames, pixels, channels };
        cases.push(Case::new(name, Arc::new(op.clone())));
        // A first step: whatever lies in `before` leaves no trace.
        let first = Case::new(format!("{name}, first step"), Arc::new(op));
        cases.push(first.with_fill(|b, i, v| match b.name {
            "step" if i == Multistep::CHANGE => 0.0,
            "before" => f32::NAN,
            _ => v,
        }));
    }
    cases
}
