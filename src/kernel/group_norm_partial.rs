//! Group normalisation, first pass: `kernels/group_norm_partial.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{self, item, rows, wide_lanes},
};
use crate::gpu::Capabilities;

/// Count, mean and sum of squared deviations of every group over a segment of a frame.
///
/// x0 `[F, R, C0]`, x1 `[F, R, C1]` with their channels side by side → partial `[F, S, G, 3]` f32; a group may lie in
/// both inputs. [`GroupNormFinish`](super::GroupNormFinish) combines the segments. Units: segments of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupNormPartial {
    /// Frames.
    pub frames: usize,
    /// Pixels per frame.
    pub rows: usize,
    /// Channels of the inputs; the second is 0 if there is one input.
    #[serde(deserialize_with = "shape::sources")]
    pub sources: [usize; 2],
    /// Groups of channels; they divide the channels.
    pub groups: usize,
    /// Storage of the inputs.
    #[serde(default)]
    pub x: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    segments: u32,
    segment_rows: u32,
    rows: u32,
    c0: u32,
    c1: u32,
    groups: u32,
    tile: u32,
    lanes: u32,
    x0_base: u32,
    x1_base: u32,
    partials_base: u32,
}

impl GroupNormPartial {
    fn channels(&self) -> usize {
        self.sources[0] + self.sources[1]
    }

    /// Rows of one segment: at least 256 elements per group, at most 64 segments per frame.
    fn segment_rows(&self) -> usize {
        let enough = (256 * self.groups).div_ceil(self.channels().max(1));
        self.rows.div_ceil(64).max(enough).clamp(1, self.rows.max(1))
    }

    /// Segments into which every frame is cut; a pure function of the shape.
    pub fn segments(&self) -> usize {
        self.rows.div_ceil(self.segment_rows()).max(1)
    }

    /// vec4 columns side by side in a workgroup of so many threads: the widest tile that leaves at most an eighth of them idle, since a workgroup
    /// takes one tile after the other; or else the one that leaves the fewest.
    fn tile(&self, threads: usize) -> usize {
        let columns = self.channels().div_ceil(4).max(1);
        let busy = |tile: usize| threads / tile * tile;
        (1..=columns)
            .map(|tiles| columns.div_ceil(tiles))
            .filter(|&tile| tile <= threads && (tile >= 16 || tile == columns))
            .max_by_key(|&tile| (busy(tile).min(threads * 7 / 8), tile))
            .unwrap_or(columns.min(threads))
    }
}

impl Op for GroupNormPartial {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let [c0, c1] = self.sources;
        let shape = |c| [self.frames, self.rows, c];
        vec![
            Binding::input("x0", &shape(c0), self.x),
            Binding::optional("x1", c1 > 0, &shape(c1), self.x),
            Binding::output("partials", &[self.frames, self.segments(), self.groups, 3], Dtype::F32),
        ]
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        let vec = self.sources.iter().all(|&c| item(c) == 4);
        let types = [("X", self.x.into()), ("VEC", vec.into()), ("TWO", (self.sources[1] > 0).into())];
        // A GPU has few threads here and waits long for each load.
        let unroll = if device.is_cpu() { 1 } else { 4 };
        let rung = |variant, reason, threads: u32| {
            Choice::new(variant, reason, types.clone())
                .with(threads::DEFINE, threads)
                .with("BODY", "shared/group_norm_partial_lanes.wgsl")
                .with("QUADS", 1)
                .with("UNROLL", unroll)
        };
        let wide = wide_lanes(device, &self.sources).map(|lanes| {
            rung("wide", threads::WIDE, lanes).with("BODY", "shared/group_norm_partial_eight.wgsl").with("QUADS", 2)
        });
        let small = rung("small", "a CPU driver: barriers are cheaper among few threads", 64);
        let large = rung("large", "a GPU: many rows are read at a time", 256);
        let others = if device.is_cpu() { [small, large] } else { [large, small] };
        wide.into_iter().chain(others).collect()
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.rows * self.channels()) as f64;
        Cost::of(4.0 * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.segments()
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let (segments, length) = (self.segments(), self.segment_rows());
        let row = |unit: usize| unit / segments * self.rows + unit % segments * length;
        let last = units.end.saturating_sub(1);
        let end = (row(last) + length).min((last / segments + 1) * self.rows);
        let bindings = self.bindings();
        let read = row(units.start)..end;
        vec![
            rows(&bindings[0], &read, self.sources[0]),
            rows(&bindings[1], &read, self.sources[1]),
            rows(&bindings[2], units, self.groups * 3),
        ]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let threads = choice.int(threads::DEFINE);
        let tile = self.tile(threads);
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            segments: self.segments() as u32,
            segment_rows: self.segment_rows() as u32,
            rows: self.rows as u32,
            c0: self.sources[0] as u32,
            c1: self.sources[1] as u32,
            groups: self.groups as u32,
            tile: tile as u32,
            lanes: (threads / tile) as u32,
            x0_base: bases[0],
            x1_base: bases[1],
            partials_base: bases[2],
        };
        Dispatch::new(params, units.len())
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::grouped(self.frames, self.rows, self.sources, self.groups)
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance {
            worst: 4e-6,
            reason: "hundreds of squares, shifted by a value that may be three deviations off, are summed in f32; 2.0e-6 was seen",
        }
    }

    fn fill(&self, _: &Binding, i: usize, normal: f32) -> f32 {
        normal + (i % 7) as f32
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x0, x1] = inputs else { return vec![] };
        let [c0, c1] = self.sources;
        let width = self.channels() / self.groups;
        let mut partials = Vec::new();
        for unit in units.clone() {
            let (f, s) = (unit / self.segments(), unit % self.segments());
            let first = s * self.segment_rows();
            let rows = first..(first + self.segment_rows()).min(self.rows);
            for g in 0..self.groups {
                let mut values = Vec::new();
                for row in rows.clone().map(|r| f * self.rows + r) {
                    values.extend(
                        (g * width..(g + 1) * width)
                            .map(|c| f64::from(if c < c0 { x0[row * c0 + c] } else { x1[row * c1 + c - c0] })),
                    );
                }
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let square: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
                partials.extend([count as f32, mean as f32, square as f32]);
            }
        }
        vec![partials]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for x in [Dtype::F32, Dtype::F16] {
        let mut add = |name: &str, frames, rows, sources, groups| {
            let op = GroupNormPartial { frames, rows, sources, groups, x };
            cases.push(Case::new(format!("{name} {x}"), Arc::new(op)));
        };
        add("groups of 10", 3, 210, [320, 0], 32);
        add("groups of 2", 2, 700, [64, 0], 32);
        add("groups of 80 across two inputs", 2, 9, [640, 1920], 32);
        add("a group across two inputs", 2, 61, [28, 20], 4);
        add("odd channels", 2, 133, [9, 6], 3);
        add("one group wider than a workgroup", 1, 40, [1100, 0], 1);
        add("one channel per group", 1, 300, [40, 0], 40);
        add("one row", 2, 1, [8, 0], 2);
    }
    // Far from 0 a plain sum of squares would be off by about 5e-3.
    let tolerance = Tolerance { worst: 1e-5, reason: "the means of the threads, near 300, are rounded to 3e-5" };
    let op = GroupNormPartial { frames: 1, rows: 500, sources: [16, 0], groups: 2, x: Dtype::F32 };
    cases.push(Case::new("far from zero f32", Arc::new(op)).within(tolerance).with_fill(|_, _, v| 300.0 + v));
    cases
}
