//! Sinusoidal embeddings: `kernels/sinusoid.wgsl`.

use std::{
    f64::consts::LN_10,
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// `y[i] = [cos(t[i] f_k)…, sin(t[i] f_k)…]`, `f_k = exp(−ln(10000) k / half)`, `half = C / 2`; an odd last channel is 0.
///
/// t `[count]` f32, below 2^24 → y `[count, C]`. Source: diffusers' `get_timestep_embedding` with `flip_sin_to_cos` and
/// `downscale_freq_shift = 0`, whose roundings to f32 (of the exponent, of `f_k`, of `t f_k`) are part of the definition: at
/// `t = 1000` they move the angle by up to 6e-5. Units: rows.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sinusoid {
    /// Numbers to embed.
    pub count: usize,
    /// Channels of a row.
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
    channels: u32,
    t_base: u32,
    y_base: u32,
}

const TIGHT: Tolerance =
    Tolerance { worst: 4e-7, reason: "polynomials of f32; angles and frequencies are the very same numbers" };

impl Op for Sinusoid {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![Binding::input("t", &[self.count], Dtype::F32), Binding::output("y", &[self.count, self.channels], self.y)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("Y", self.y.into())])
    }

    fn cost(&self) -> Cost {
        // Mostly the integers of the frequency: some 20 wide products.
        let elements = (self.count * self.channels) as f64;
        Cost::of(1000.0 * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.count
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        vec![rows(&b[0], units, 1), rows(&b[1], units, self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            channels: self.channels as u32,
            t_base: bases[0],
            y_base: bases[1],
        };
        let width = self.channels.div_ceil(2);
        Dispatch::new(params, workgroups(choice, units.len() * width))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("count", self.count), ("channels", self.channels)])
    }

    fn tolerance(&self) -> Tolerance {
        match self.y {
            Dtype::F32 => TIGHT,
            y => tolerance(y),
        }
    }

    /// Timesteps, all below 2^24 however they are scaled.
    fn fill(&self, _: &Binding, i: usize, _: f32) -> f32 {
        1000.0 - (i * 37 % 1001) as f32
    }

    fn scales(&self, _: &Binding) -> RangeInclusive<i32> {
        -20..=13
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [t] = inputs else { return vec![] };
        let half = self.channels / 2;
        let mut y = vec![0.0; units.len() * self.channels];
        for (row, &t) in y.chunks_exact_mut(self.channels).zip(&t[units.clone()]) {
            for k in 0..half {
                let exponent = -((4.0 * LN_10) as f32) * k as f32 / half as f32;
                let frequency = f64::from(exponent).exp() as f32;
                let angle = f64::from(t * frequency);
                row[k] = angle.cos() as f32;
                row[half + k] = angle.sin() as f32;
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for y in [Dtype::F32, Dtype::F16] {
        for (name, count, channels) in
            [("timesteps", 100, 320), ("one", 1, 64), ("odd width", 9, 27), ("width 2", 5, 2)]
        {
            cases.push(Case::new(format!("{name} {y}"), Arc::new(Sinusoid { count, channels, y })));
        }
    }
    let op = Sinusoid { count: 9, channels: 64, y: Dtype::F32 };
    cases.push(Case::new("negative and fractional numbers f32", Arc::new(op)).with_fill(|_, _, v| 77.7 * v));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_diffusers() {
        // get_timestep_embedding(torch.tensor([981.0]), 320, flip_sin_to_cos=True, downscale_freq_shift=0)
        let op = Sinusoid { count: 1, channels: 320, y: Dtype::F32 };
        let y = op.reference(&[&[981.0]]).remove(0);
        // torch's exp is off by one ulp for 3 of the 160 frequencies.
        for (at, expected) in [
            (0, 0.679_957),
            (1, -0.798_429),
            (5, 0.871_001),
            (17, -0.426_540),
            (40, -0.757_958),
            (100, -0.999_223),
            (159, 0.994_605),
            (160, 0.733_251),
            (161, 0.602_088),
            (177, -0.904_468),
            (319, 0.103_725),
        ] {
            assert!((y[at] - expected).abs() < 6e-5, "{at}: {} {expected}", y[at]);
        }
    }
}
