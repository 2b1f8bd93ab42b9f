//! Group normalisation in one pass: `kernels/group_norm.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Layout, Op, Span, Tolerance,
    activation::Activation,
    shape,
    threads::{self, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// Values of a group up to which one workgroup reads them all: beyond, the passes of
/// [`GroupNormPartial`](super::GroupNormPartial) share them among many.
const FEW: usize = 4096;

/// `y = act((x − mean) / √(variance + eps) · weight[c] + bias[c])`, statistics over the channels of a group and the pixels of
/// `frames_per_stat` frames.
///
/// x0 `[F, R, C0]`, x1 `[F, R, C1]`, weight and bias `[C0 + C1]` f32 → y `[F, R, C0 + C1]`. The variance is that of all values
/// (divided by their number), as in torch's GroupNorm. Units: statistics.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupNorm {
    /// Frames.
    pub frames: usize,
    /// Pixels per frame.
    pub rows: usize,
    /// Channels of the inputs; the second is 0 if there is one input.
    #[serde(deserialize_with = "shape::sources")]
    pub sources: [usize; 2],
    /// Groups of channels; they divide the channels.
    pub groups: usize,
    /// Consecutive frames that share their statistics: 1, or all frames of one video.
    pub frames_per_stat: usize,
    /// Added to the variance.
    #[serde(default = "shape::eps")]
    pub eps: f32,
    /// Applied to the normalised values.
    #[serde(default)]
    pub activation: Activation,
    /// Storage of the inputs.
    #[serde(default)]
    pub x: Dtype,
    /// Storage of y.
    #[serde(default)]
    pub y: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    rows: u32,
    c0: u32,
    c1: u32,
    groups: u32,
    activation: u32,
    eps: f32,
    x0_base: u32,
    x1_base: u32,
    y_base: u32,
    pad: u32,
}

impl GroupNorm {
    /// Are there so few values in a group that one dispatch is faster than three?
    pub fn is_small(&self) -> bool {
        self.rows_per_stat() * self.width() <= FEW
    }

    fn channels(&self) -> usize {
        self.sources[0] + self.sources[1]
    }

    /// Channels of a group.
    fn width(&self) -> usize {
        self.channels() / self.groups.max(1)
    }

    /// Rows that share their statistics.
    fn rows_per_stat(&self) -> usize {
        self.rows * self.frames_per_stat
    }
}

impl Op for GroupNorm {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let ([c0, c1], c) = (self.sources, self.channels());
        let shape = |c| [self.frames, self.rows, c];
        vec![
            Binding::input("x0", &shape(c0), self.x),
            Binding::optional("x1", c1 > 0, &shape(c1), self.x),
            Binding::weight("weight", &[c], Dtype::F32, Layout::Plain),
            Binding::weight("bias", &[c], Dtype::F32, Layout::Plain),
            Binding::output("y", &shape(c), self.y),
        ]
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        let rung = |variant, reason, body: &'static str, threads: u32| {
            let types = [("BODY", body.into()), ("X", self.x.into()), ("Y", self.y.into())];
            Choice::new(variant, reason, types).with(threads::DEFINE, threads)
        };
        let reason = "each group has a workgroup, whose threads share its values";
        let portable = rung("portable", reason, "shared/group_norm_portable.wgsl", threads::USUAL);
        let pairs = self.width().is_multiple_of(2) && self.sources[0].is_multiple_of(2);
        let reason = "a CPU driver: barriers are dear there, so each group has one thread";
        let lanes = (pairs && device.is_cpu()).then(|| {
            rung("lanes", reason, "shared/group_norm_lanes.wgsl", 8)
                .with("TWO", self.sources[1] > 0)
                .with("ACTIVATION", self.activation.function())
        });
        lanes.into_iter().chain([portable]).collect()
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.rows * self.channels()) as f64;
        Cost::of(14.0 * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames / self.frames_per_stat.max(1)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let rows_of = |binding: &Binding, channels: usize| rows(binding, units, self.rows_per_stat() * channels);
        let [c0, c1] = self.sources;
        vec![rows_of(&b[0], c0), rows_of(&b[1], c1), Span::All, Span::All, rows_of(&b[4], c0 + c1)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            rows: self.rows_per_stat() as u32,
            c0: self.sources[0] as u32,
            c1: self.sources[1] as u32,
            groups: self.groups as u32,
            activation: self.activation.code(),
            eps: self.eps,
            x0_base: bases[0],
            x1_base: bases[1],
            y_base: bases[4],
            pad: 0,
        };
        let groups = units.len() * self.groups;
        Dispatch::new(params, if choice.variant == "lanes" { workgroups(choice, groups) } else { groups })
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::grouped(self.frames, self.rows, self.sources, self.groups)
            .or_else(|| shape::divides(("frames_per_stat", self.frames_per_stat), ("frames", self.frames)))
            .or_else(|| shape::variance("eps", self.eps))
    }

    /// Away from 0: the deviations are taken from the mean, not from squares.
    fn fill(&self, binding: &Binding, _: usize, normal: f32) -> f32 {
        if binding.name.starts_with('x') { normal + 4.0 } else { normal }
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x0, x1, weight, bias] = inputs else { return vec![] };
        let ([c0, c1], channels, width) = (self.sources, self.channels(), self.width());
        let at = |row: usize, c: usize| f64::from(if c < c0 { x0[row * c0 + c] } else { x1[row * c1 + c - c0] });
        let mut y = Vec::new();
        for stat in units.clone() {
            let rows = stat * self.rows_per_stat()..(stat + 1) * self.rows_per_stat();
            let count = (rows.len() * width) as f64;
            let sum = |group: usize, term: &dyn Fn(f64) -> f64| {
                let values = rows.clone().flat_map(|row| (group * width..(group + 1) * width).map(move |c| (row, c)));
                values.map(|(row, c)| term(at(row, c))).sum::<f64>() / count
            };
            let stats = Vec::from_iter((0..self.groups).map(|group| {
                let mean = sum(group, &|v| v);
                let variance = sum(group, &|v| (v - mean).powi(2));
                (mean, 1.0 / (variance + f64::from(self.eps)).sqrt())
            }));
            for row in rows.clone() {
                for c in 0..channels {
                    let (mean, rstd) = stats[c / width];
                    let v = (at(row, c) - mean) * rstd * f64::from(weight[c]) + f64::from(bias[c]);
                    y.push(self.activation.apply(v) as f32);
                }
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (x, y) in [(Dtype::F32, Dtype::F32), (Dtype::F16, Dtype::F16), (Dtype::F32, Dtype::F16)] {
        let mut add = |name: &str, frames, rows, sources, groups, frames_per_stat, activation| {
            let op = GroupNorm { frames, rows, sources, groups, frames_per_stat, eps: 1e-5, activation, x, y };
            cases.push(Case::new(format!("{name} {x}/{y}"), Arc::new(op)));
        };
        let silu = Activation::Silu;
        add("per frame", 3, 35, [320, 0], 32, 1, silu);
        add("over all frames", 6, 13, [64, 0], 32, 3, Activation::None);
        add("two inputs", 2, 20, [28, 20], 4, 2, silu);
        add("odd channels", 4, 17, [9, 6], 3, 1, silu);
        add("one row", 1, 1, [8, 0], 2, 1, Activation::None);
        add("many rows", 2, 600, [6, 6], 2, 1, Activation::Gelu);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{GroupNormApply, GroupNormFinish, GroupNormPartial};

    #[test]
    fn one_pass_is_what_three_passes_are() {
        let (frames, rows, sources, groups, x) = (4, 300, [6, 4], 2, Dtype::F32);
        let values = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * 37 + seed) % 101) as f32 / 50.0).collect()
        };
        let x0 = values(frames * rows * 6, 1);
        let x1 = values(frames * rows * 4, 2);
        let (weight, bias) = (values(10, 3), values(10, 4));
        for frames_per_stat in [1, 2] {
            let (eps, activation) = (1e-5, Activation::Silu);
            let partial = GroupNormPartial { frames, rows, sources, groups, x };
            let segments = partial.segments();
            let partials = partial.reference(&[&x0, &x1]).remove(0);
            let finish = GroupNormFinish { frames, segments, groups, frames_per_stat, eps };
            let stats = finish.reference(&[&partials]).remove(0);
            let apply = GroupNormApply { frames, rows, sources, groups, frames_per_stat, activation, x, y: x };
            let three = apply.reference(&[&x0, &x1, &stats, &weight, &bias]).remove(0);
            let whole = GroupNorm { frames, rows, sources, groups, frames_per_stat, eps, activation, x, y: x };
            let one = whole.reference(&[&x0, &x1, &weight, &bias]).remove(0);
            let worst = one.iter().zip(&three).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert_eq!(one.len(), three.len());
            assert!(worst < 1e-5, "{worst}");
        }
    }
}
