//! Layer normalisation: `kernels/layer_norm.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Layout, Op, Span, Tolerance, shape,
    threads::{self, item, rows, vec, wide_lanes},
    tolerance,
};
use crate::gpu::Capabilities;

/// `y[m, c] = (x[m, c] − mean[m]) / √(variance[m] + eps) · weight[c] + bias[c]`, over the channels of a row.
///
/// x `[M, C]`, weight and bias `[C]` f32 → y `[M, C]`. Units: rows.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LayerNorm {
    /// Rows.
    pub rows: usize,
    /// Channels of a row.
    pub channels: usize,
    /// Added to the variance.
    #[serde(default = "shape::eps")]
    pub eps: f32,
    /// Storage of x.
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
    channels: u32,
    eps: f32,
    x_base: u32,
    y_base: u32,
    pad: [u32; 2],
}

impl LayerNorm {
    /// Rows by threads that share one, a power of two of them: each takes a few items.
    fn portable(&self, threads: u32) -> Choice {
        let few = (self.channels / item(self.channels)).div_ceil(4).next_power_of_two();
        self.rung("portable", threads::PORTABLE, "shared/layer_norm_rows.wgsl", [threads, threads.min(few as u32)])
    }

    /// A row for each lane of a subgroup.
    fn wide(&self, lanes: u32) -> Choice {
        self.rung("wide", threads::WIDE, "shared/layer_norm_wide.wgsl", [lanes, 1])
    }

    /// A rung with its threads and those of a row.
    fn rung(
        &self,
        variant: &'static str,
        reason: &'static str,
        body: &'static str,
        [threads, lanes]: [u32; 2],
    ) -> Choice {
        let types = [("BODY", body.into()), ("X", self.x.into()), ("Y", self.y.into()), ("VEC", vec(self.channels))];
        Choice::new(variant, reason, types).with("LANES", lanes).with("ROWS", threads / lanes)
    }
}

impl Op for LayerNorm {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let c = self.channels;
        vec![
            Binding::input("x", &[self.rows, c], self.x),
            Binding::weight("weight", &[c], Dtype::F32, Layout::Plain),
            Binding::weight("bias", &[c], Dtype::F32, Layout::Plain),
            Binding::output("y", &[self.rows, c], self.y),
        ]
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        let wide = wide_lanes(device, &[self.channels]).map(|lanes| self.wide(lanes));
        wide.into_iter().chain([self.portable(threads::USUAL)]).collect()
    }

    fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        let others = threads::others(device).map(|threads| self.portable(threads));
        self.variants(device).into_iter().chain(others).collect()
    }

    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        &[("ROWS", "rows of a workgroup")]
    }

    fn cost(&self) -> Cost {
        Cost::of(8.0 * (self.rows * self.channels) as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.rows
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        vec![rows(&b[0], units, self.channels), Span::All, Span::All, rows(&b[3], units, self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            channels: self.channels as u32,
            eps: self.eps,
            x_base: bases[0],
            y_base: bases[3],
            pad: [0; 2],
        };
        Dispatch::new(params, units.len().div_ceil(choice.int("ROWS")))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("rows", self.rows), ("channels", self.channels)]).or_else(|| shape::variance("eps", self.eps))
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    /// Away from 0: the deviations are taken from the mean, not from squares.
    fn fill(&self, binding: &Binding, _: usize, normal: f32) -> f32 {
        if binding.name == "x" { normal + 4.0 } else { normal }
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x, weight, bias] = inputs else {
            return vec![];
        };
        let n = self.channels as f64;
        let mut y = Vec::new();
        for row in x[units.start * self.channels..units.end * self.channels].chunks_exact(self.channels) {
            let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
            let rstd = 1.0 / (variance + f64::from(self.eps)).sqrt();
            y.extend(
                row.iter()
                    .zip(weight.iter().zip(*bias))
                    .map(|(&v, (&w, &b))| ((f64::from(v) - mean) * rstd * f64::from(w) + f64::from(b)) as f32),
            );
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (x, y) in [(Dtype::F32, Dtype::F32), (Dtype::F16, Dtype::F16), (Dtype::F32, Dtype::F16)] {
        for (name, rows, channels) in [
            ("transformer", 50, 320),
            ("image encoder", 9, 1280),
            ("width 4", 700, 4),
            ("odd width", 41, 27),
            ("width 1030", 3, 1030),
            ("one row", 1, 64),
        ] {
            let op = LayerNorm { rows, channels, eps: 1e-5, x, y };
            cases.push(Case::new(format!("{name} {x}/{y}"), Arc::new(op)));
        }
    }
    cases
}
