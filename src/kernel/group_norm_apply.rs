//! Group normalisation, second pass: `kernels/group_norm_apply.wgsl`.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Layout, Op, Span, Tolerance,
    activation::Activation,
    shape,
    threads::{self, item, rows, wide_lanes, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// Rows that one thread walks down.
const ROWS: u32 = 8;

/// `y = act((x − mean) · rstd · weight[c] + bias[c])` with the statistics of
/// [`GroupNormFinish`](super::GroupNormFinish).
///
/// x0 `[F, R, C0]`, x1 `[F, R, C1]`, stats `[F / frames_per_stat, G, 2]`, weight and bias `[C0 + C1]` f32 → y
/// `[F, R, C0 + C1]`. Units: rows of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupNormApply {
    /// Frames.
    pub frames: usize,
    /// Pixels per frame.
    pub rows: usize,
    /// Channels of the inputs; the second is 0 if there is one input.
    #[serde(deserialize_with = "shape::sources")]
    pub sources: [usize; 2],
    /// Groups of channels; they divide the channels.
    pub groups: usize,
    /// Consecutive frames that share their statistics.
    pub frames_per_stat: usize,
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
    c0: u32,
    c1: u32,
    group_width: u32,
    rows_per_stat: u32,
    stats_width: u32,
    activation: u32,
    x0_base: u32,
    x1_base: u32,
    stats_base: u32,
    y_base: u32,
}

impl GroupNormApply {
    fn channels(&self) -> usize {
        self.sources[0] + self.sources[1]
    }

    /// Rows that share one row of stats.
    fn rows_per_stat(&self) -> usize {
        (self.rows * self.frames_per_stat).max(1)
    }
}

impl Op for GroupNormApply {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let ([c0, c1], c) = (self.sources, self.channels());
        let shape = |c| [self.frames, self.rows, c];
        let stats = self.frames / self.frames_per_stat.max(1);
        vec![
            Binding::input("x0", &shape(c0), self.x),
            Binding::optional("x1", c1 > 0, &shape(c1), self.x),
            Binding::input("stats", &[stats, self.groups, 2], Dtype::F32),
            Binding::weight("weight", &[c], Dtype::F32, Layout::Plain),
            Binding::weight("bias", &[c], Dtype::F32, Layout::Plain),
            Binding::output("y", &shape(c), self.y),
        ]
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        let two = self.sources[1] > 0;
        let vec = self.sources.iter().all(|&c| item(c) == 4);
        let rung = |variant, reason, channels: u32| {
            let types = [("X", self.x.into()), ("Y", self.y.into()), ("VEC", vec.into()), ("TWO", two.into())];
            Choice::new(variant, reason, types)
                .with(threads::DEFINE, threads::USUAL)
                .with("ROWS", ROWS)
                .with("CHANNELS", channels)
        };
        let wide = wide_lanes(device, &self.sources).map(|_| {
            rung("wide", threads::WIDE, 8)
                .with("BODY", "shared/group_norm_apply_eight.wgsl")
                .with("ACTIVATION", self.activation.function())
        });
        let portable = rung("portable", threads::PORTABLE, 4).with("BODY", "shared/group_norm_apply_four.wgsl");
        wide.into_iter().chain([portable]).collect()
    }

    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (threads::DEFINE, "threads of a workgroup"),
            ("ROWS", "pixels below each other of a thread"),
            ("CHANNELS", "channels of a thread"),
        ]
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.rows * self.channels()) as f64;
        Cost::of(10.0 * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.rows
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let stats = units.start / self.rows_per_stat()..units.end.div_ceil(self.rows_per_stat());
        vec![
            rows(&b[0], units, self.sources[0]),
            rows(&b[1], units, self.sources[1]),
            rows(&b[2], &stats, self.groups * 2),
            Span::All,
            Span::All,
            rows(&b[5], units, self.channels()),
        ]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            c0: self.sources[0] as u32,
            c1: self.sources[1] as u32,
            group_width: (self.channels() / self.groups.max(1)) as u32,
            rows_per_stat: self.rows_per_stat() as u32,
            stats_width: (self.groups * 2) as u32,
            activation: self.activation.code(),
            x0_base: bases[0],
            x1_base: bases[1],
            stats_base: bases[2],
            y_base: bases[5],
        };
        let columns = self.channels().div_ceil(choice.int("CHANNELS"));
        Dispatch::new(params, workgroups(choice, units.len().div_ceil(choice.int("ROWS")) * columns))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::grouped(self.frames, self.rows, self.sources, self.groups)
            .or_else(|| shape::divides(("frames_per_stat", self.frames_per_stat), ("frames", self.frames)))
    }

    /// Deviations are positive and near 1, so that outputs are products of two normals.
    fn fill(&self, binding: &Binding, i: usize, normal: f32) -> f32 {
        if binding.name == "stats" && i % 2 == 1 { (0.25 * normal).exp2() } else { normal }
    }

    /// Statistics stay what they are while the values grow.
    fn scales(&self, binding: &Binding) -> RangeInclusive<i32> {
        if binding.name == "stats" { 0..=0 } else { binding.scales() }
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x0, x1, stats, weight, bias] = inputs else {
            return vec![];
        };
        let ([c0, c1], channels) = (self.sources, self.channels());
        let width = channels / self.groups;
        let mut y = Vec::new();
        for row in units.clone() {
            let stat = row / self.rows_per_stat() * self.groups;
            for c in 0..channels {
                let x = if c < c0 { x0[row * c0 + c] } else { x1[row * c1 + c - c0] };
                let at = (stat + c / width) * 2;
                let [x, mean, rstd, w, b] = [x, stats[at], stats[at + 1], weight[c], bias[c]].map(f64::from);
                y.push(self.activation.apply((x - mean) * rstd * w + b) as f32);
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
            let op = GroupNormApply { frames, rows, sources, groups, frames_per_stat, activation, x, y };
            cases.push(Case::new(format!("{name} {x}/{y}"), Arc::new(op)));
        };
        let silu = Activation::Silu;
        add("per frame", 3, 35, [320, 0], 32, 1, silu);
        add("over all frames", 6, 13, [64, 0], 32, 3, Activation::None);
        add("two inputs", 2, 20, [28, 20], 4, 2, silu);
        add("odd channels", 4, 17, [9, 6], 3, 1, silu);
        add("one row", 1, 1, [8, 0], 2, 1, Activation::None);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{GroupNormFinish, GroupNormPartial};

    #[test]
    fn the_three_passes_are_a_group_norm() {
        let (frames, rows, sources, groups, x) = (4, 300, [6, 4], 2, Dtype::F32);
        let values = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * 37 + seed) % 101) as f32 / 50.0).collect()
        };
        let x0 = values(frames * rows * 6, 1);
        let x1 = values(frames * rows * 4, 2);
        let (weight, bias) = (values(10, 3), values(10, 4));
        let at = |row: usize, c: usize| f64::from(if c < 6 { x0[row * 6 + c] } else { x1[row * 4 + c - 6] });
        for frames_per_stat in [1, 2] {
            let partial = GroupNormPartial { frames, rows, sources, groups, x };
            let segments = partial.segments();
            assert!(segments > 1);
            let partials = partial.reference(&[&x0, &x1]).remove(0);
            let finish = GroupNormFinish { frames, segments, groups, frames_per_stat, eps: 1e-5 };
            let stats = finish.reference(&[&partials]).remove(0);
            let apply = GroupNormApply {
                frames,
                rows,
                sources,
                groups,
                frames_per_stat,
                activation: Activation::None,
                x,
                y: x,
            };
            let y = apply.reference(&[&x0, &x1, &stats, &weight, &bias]).remove(0);
            let length = rows * frames_per_stat;
            for stat in 0..frames / frames_per_stat {
                for g in 0..groups {
                    let values: Vec<f64> = (stat * length..(stat + 1) * length)
                        .flat_map(|row| (g * 5..g * 5 + 5).map(move |c| (row, c)))
                        .map(|(row, c)| at(row, c))
                        .collect();
                    let n = values.len() as f64;
                    let mean = values.iter().sum::<f64>() / n;
                    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                    let (row, c) = (stat * length + 7, g * 5 + 3);
                    let normal = (at(row, c) - mean) / (variance + 1e-5).sqrt();
                    let expected = normal * f64::from(weight[c]) + f64::from(bias[c]);
                    assert!((f64::from(y[row * 10 + c]) - expected).abs() < 1e-5);
                }
            }
        }
    }
}
