//! Token sequences behind each other: `kernels/concat_rows.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{item, portable, rows, vec, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// The rows of up to three parts behind each other, plus something that is the same for the whole batch.
///
/// part i `[B, parts[i], C]`, or `[parts[i], C]` if shared; add `[rows, C]`; all of them activations → y
/// `[B, rows, C]`, rows the sum of the parts. Units: rows of the whole batch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConcatRows {
    /// Sequences.
    pub batch: usize,
    /// Rows of each part; 0: it is absent.
    pub parts: [usize; 3],
    /// Which parts have no batch axis: they are the same for all sequences.
    pub shared: [bool; 3],
    /// Channels of a row.
    pub channels: usize,
    /// Is there something to add?
    #[serde(default)]
    pub add: bool,
    /// Storage of parts, add and y.
    #[serde(default)]
    pub x: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    width: u32,
    rows: u32,
    parts: [u32; 3],
    shared: [u32; 3],
    has_add: u32,
    bases: [u32; 5],
}

impl ConcatRows {
    /// Rows of one sequence of y.
    fn rows(&self) -> usize {
        self.parts.iter().sum()
    }
}

impl Op for ConcatRows {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let part = |i: usize| [if self.shared[i] { 1 } else { self.batch }, self.parts[i], self.channels];
        let optional = |name, i| Binding::optional(name, self.parts[i] > 0, &part(i), self.x);
        vec![
            optional("part0", 0),
            optional("part1", 1),
            optional("part2", 2),
            Binding::optional("add", self.add, &[self.rows(), self.channels], self.x),
            Binding::output("y", &[self.batch, self.rows(), self.channels], self.x),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("X", self.x.into()), ("Y", self.x.into()), ("VEC", vec(self.channels))])
    }

    fn cost(&self) -> Cost {
        let elements = (self.batch * self.rows() * self.channels) as f64;
        Cost::of(elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.batch * self.rows()
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let batches = units.start / self.rows()..units.end.div_ceil(self.rows());
        let part = |i: usize| {
            let batches = if self.shared[i] { 0..1 } else { batches.clone() };
            rows(&b[i], &batches, self.parts[i] * self.channels)
        };
        vec![part(0), part(1), part(2), Span::All, rows(&b[4], units, self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let width = self.channels / item(self.channels);
        let params = Params {
            begin: (units.start * width) as u32,
            end: (units.end * width) as u32,
            width: width as u32,
            rows: self.rows() as u32,
            parts: self.parts.map(|n| n as u32),
            shared: self.shared.map(u32::from),
            has_add: self.add.into(),
            bases: [0, 1, 2, 3, 4].map(|i| bases[i]),
        };
        Dispatch::new(params, workgroups(choice, units.len() * width))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("batch", self.batch), ("channels", self.channels)])
            .or_else(|| shape::sizes(&self.parts.map(|rows| ("parts", rows.max(1)))))
            .or_else(|| (self.parts == [0; 3]).then(|| "all `parts` are empty".into()))
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.x)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let (Some(parts), Some(add)) = (inputs.get(..3), inputs.get(3)) else {
            return vec![];
        };
        let mut y = Vec::new();
        for unit in units.clone() {
            let (batch, row) = (unit / self.rows(), unit % self.rows());
            // The part that has this row, and the row in it.
            let (mut i, mut from) = (0, row);
            while from >= self.parts[i] {
                from -= self.parts[i];
                i += 1;
            }
            let from = if self.shared[i] { from } else { batch * self.parts[i] + from };
            for c in 0..self.channels {
                let add = add.get(row * self.channels + c).copied().unwrap_or(0.0);
                y.push(parts[i][from * self.channels + c] + add);
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for x in [Dtype::F32, Dtype::F16] {
        let mut add = |name: &str, batch, parts, shared, channels, add| {
            let op = ConcatRows { batch, parts, shared, channels, add, x };
            cases.push(Case::new(format!("{name} {x}"), Arc::new(op)));
        };
        add("class token, patches, positions", 3, [1, 16, 0], [true, false, false], 40, true);
        add("context tokens", 2, [77, 64, 4], [false, true, false], 12, false);
        add("odd width", 4, [3, 0, 2], [false, false, true], 7, true);
        add("only the last part", 2, [0, 0, 5], [false; 3], 8, false);
    }
    cases
}
