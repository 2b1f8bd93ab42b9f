//! Group normalisation, statistics: `kernels/group_norm_finish.wgsl`.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{self, rows, workgroups},
};
use crate::gpu::Capabilities;

/// Up to so many parts one thread merges them all.
const SERIAL: usize = 16;

/// `(mean, 1 / √(variance + eps))` of every group, from the counts, means and squares of its segments.
///
/// partial `[F, S, G, 3]` → stats `[F / frames_per_stat, G, 2]` f32. The variance is that of all values (divided by their
/// number), as in torch's GroupNorm. Units: rows of stats.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupNormFinish {
    /// Frames.
    pub frames: usize,
    /// Segments per frame, see [`GroupNormPartial::segments`](super::GroupNormPartial::segments).
    pub segments: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Consecutive frames that share their statistics: 1, or all frames of one video.
    pub frames_per_stat: usize,
    /// Added to the variance.
    #[serde(default = "shape::eps")]
    pub eps: f32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    parts: u32,
    groups: u32,
    eps: f32,
    partials_base: u32,
    stats_base: u32,
}

impl GroupNormFinish {
    /// Segments that one row of stats combines.
    fn parts(&self) -> usize {
        self.frames_per_stat * self.segments
    }
}

impl Op for GroupNormFinish {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![
            Binding::input("partials", &[self.frames, self.segments, self.groups, 3], Dtype::F32),
            Binding::output("stats", &[self.units(), self.groups, 2], Dtype::F32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        let choice = |variant, reason, serial: bool| {
            Choice::new(variant, reason, [("SERIAL", serial.into()), (threads::DEFINE, 64.into())])
        };
        let serial = choice("serial", "few parts: a workgroup's barriers would cost more", true);
        let parallel = choice("parallel", "many parts: a workgroup merges them", false);
        if self.parts() <= SERIAL { vec![serial, parallel] } else { vec![parallel, serial] }
    }

    fn cost(&self) -> Cost {
        let merges = (self.frames * self.segments * self.groups) as f64;
        Cost::of(10.0 * merges, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames / self.frames_per_stat.max(1)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let bindings = self.bindings();
        vec![rows(&bindings[0], units, self.parts() * self.groups * 3), rows(&bindings[1], units, self.groups * 2)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            parts: self.parts() as u32,
            groups: self.groups as u32,
            eps: self.eps,
            partials_base: bases[0],
            stats_base: bases[1],
        };
        let statistics = units.len() * self.groups;
        Dispatch::new(params, if choice.variant == "serial" { workgroups(choice, statistics) } else { statistics })
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("frames", self.frames), ("segments", self.segments), ("groups", self.groups)])
            .or_else(|| shape::divides(("frames_per_stat", self.frames_per_stat), ("frames", self.frames)))
            .or_else(|| shape::variance("eps", self.eps))
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance { worst: 4e-6, reason: "f32 merges of a few dozen parts, one inverse square root" }
    }

    /// Count, mean, squares.
    fn fill(&self, _: &Binding, i: usize, normal: f32) -> f32 {
        match i % 3 {
            0 => 200.0 + (i % 11) as f32,
            1 => 3.0 + normal,
            _ => 100.0 * normal.abs(),
        }
    }

    /// Counts cannot be scaled.
    fn scales(&self, _: &Binding) -> RangeInclusive<i32> {
        0..=0
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [partials] = inputs else { return vec![] };
        let mut stats = Vec::new();
        for row in units.clone() {
            for g in 0..self.groups {
                let parts: Vec<[f64; 3]> = (0..self.parts())
                    .map(|part| ((row * self.parts() + part) * self.groups + g) * 3)
                    .map(|at| [0, 1, 2].map(|i| f64::from(partials[at + i])))
                    .collect();
                let count: f64 = parts.iter().map(|p| p[0]).sum();
                let mean = parts.iter().map(|p| p[0] * p[1]).sum::<f64>() / count;
                let square: f64 = parts.iter().map(|p| p[2] + p[0] * (p[1] - mean).powi(2)).sum();
                let rstd = 1.0 / (square / count + f64::from(self.eps)).sqrt();
                stats.extend([mean as f32, rstd as f32]);
            }
        }
        vec![stats]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, frames, segments, groups, frames_per_stat) in [
        ("per frame", 5, 3, 32, 1),
        ("over all frames of two videos", 12, 17, 4, 6),
        ("more parts than threads", 16, 9, 2, 16),
        ("one part", 1, 1, 3, 1),
    ] {
        let op = GroupNormFinish { frames, segments, groups, frames_per_stat, eps: 1e-5 };
        cases.push(Case::new(name, Arc::new(op)));
    }
    cases
}
