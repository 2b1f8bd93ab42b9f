//! Token embeddings: `kernels/embedding.wgsl`.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Layout, Op, Span, Tolerance, shape,
    threads::{item, portable, rows, vec, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// `y[t] = table[ids[t]] + position[t]`; an id beyond the vocabulary reads the last row.
///
/// ids `[T]` u32, table `[V, C]`, position `[T, C]` f32 → y `[T, C]`. Units: rows of the table, which may exceed a device's
/// largest binding; a dispatch writes the tokens whose rows it has, so that every token is written once.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Embedding {
    /// Tokens.
    pub tokens: usize,
    /// Rows of the table.
    pub vocabulary: usize,
    /// Channels of a row.
    pub channels: usize,
    /// Is there a position table?
    #[serde(default)]
    pub positions: bool,
    /// Storage of the table: f32 or f16, which is unpacked without the device's f16 feature.
    #[serde(default)]
    pub w: Dtype,
    /// Storage of y.
    #[serde(default)]
    pub y: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    tokens: u32,
    vocabulary: u32,
    width: u32,
    positions: u32,
    ids_base: u32,
    table_base: u32,
}

impl Op for Embedding {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (c, shape) = (self.channels, [self.tokens, self.channels]);
        vec![
            Binding::input("ids", &[self.tokens], Dtype::U32),
            Binding::weight("table", &[self.vocabulary, c], self.w, Layout::Plain),
            Binding::optional_weight("position", self.positions, &shape, Dtype::F32, Layout::Plain),
            Binding::output("y", &shape, self.y),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("W", self.w.into()), ("Y", self.y.into()), ("VEC", vec(self.channels))])
    }

    /// Only the rows that tokens ask for are read.
    fn cost(&self) -> Cost {
        let elements = (self.tokens * self.channels) as f64;
        let bytes = self.w.bytes() + self.y.bytes() + if self.positions { 4 } else { 0 };
        Cost { flops: elements, bytes: elements * bytes as f64 }
    }

    fn units(&self) -> usize {
        self.vocabulary
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let table = &self.bindings()[1];
        vec![Span::All, rows(table, units, self.channels), Span::All, Span::All]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let width = self.channels / item(self.channels);
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            tokens: self.tokens as u32,
            vocabulary: self.vocabulary as u32,
            width: width as u32,
            positions: self.positions.into(),
            ids_base: bases[0],
            table_base: bases[1],
        };
        Dispatch::new(params, workgroups(choice, self.tokens * width))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("tokens", self.tokens), ("vocabulary", self.vocabulary), ("channels", self.channels)])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    /// Ids of the whole vocabulary, the first row among them, and some beyond it.
    fn fill(&self, binding: &Binding, i: usize, normal: f32) -> f32 {
        if binding.name == "ids" { (i * 89 % (self.vocabulary + 7)) as f32 } else { normal }
    }

    /// The tables are what is added.
    fn scales(&self, binding: &Binding) -> RangeInclusive<i32> {
        Binding::input(binding.name, &binding.shape, binding.dtype).scales()
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [ids, table, position] = inputs else {
            return vec![];
        };
        let mut y = Vec::new();
        for (t, &id) in ids.iter().enumerate() {
            let row = (id as usize).min(self.vocabulary - 1);
            for c in 0..self.channels {
                let position = position.get(t * self.channels + c).copied().unwrap_or(0.0);
                y.push(if units.contains(&row) { table[row * self.channels + c] + position } else { f32::NAN });
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (w, y) in [(Dtype::F32, Dtype::F32), (Dtype::F16, Dtype::F32), (Dtype::F16, Dtype::F16)] {
        let mut add = |name: &str, tokens, vocabulary, channels, positions| {
            let op = Embedding { tokens, vocabulary, channels, positions, w, y };
            cases.push(Case::new(format!("{name} {w}/{y}"), Arc::new(op)));
        };
        add("tokens and positions", 77, 150, 64, true);
        add("no positions", 13, 158, 8, false);
        add("odd width", 40, 101, 27, true);
        add("one row", 1, 1, 12, false);
    }
    cases
}
