//! Linear layers: `kernels/linear.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, activation::Activation, gemm,
    gemm::Gemm, gemm_rungs, shape, tolerance,
};
use crate::gpu::Capabilities;

/// `y[m, n] = act(Σ_k x[m, k]·w[n, k] + bias[n] + row_bias[m / rows_per_group, n]) + residual[m, n]`.
///
/// x `[M, K]`, w `[N, K]` as in the checkpoint, y `[M, N]`. Units: rows.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Gemm")]
pub struct Linear(pub Gemm);

impl From<Gemm> for Linear {
    fn from(gemm: Gemm) -> Self {
        Self(Gemm { pixels: gemm.rows, ..gemm })
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    gemm: gemm::Params,
}

impl Op for Linear {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let g = &self.0;
        g.bindings([&[g.rows, g.sources[0]], &[g.rows, g.sources[1]]], &[g.rows, g.columns])
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        gemm_rungs::variants(&self.0, None, device)
    }

    fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        gemm_rungs::tunings(&self.0, None, device)
    }

    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        gemm::GEOMETRY
    }

    fn cost(&self) -> Cost {
        Cost::of(self.0.flops(), &self.bindings())
    }

    fn units(&self) -> usize {
        self.0.rows
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        self.0.spans(units, units.clone())
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let (gemm, workgroups) = self.0.dispatch(choice, units, bases);
        Dispatch::new(Params { gemm }, workgroups)
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("rows", self.0.rows)]).or_else(|| self.0.problem())
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.0.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        self.0.twin(inputs, units.clone(), |row, _| Some(row))
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (x, w) in [(Dtype::F32, Dtype::F32), (Dtype::F32, Dtype::F16), (Dtype::F16, Dtype::F16)] {
        let base = |m, k, n| Gemm { w, y: x, ..Gemm::plain(m, k, n, x) };
        let mut add = |name: &str, g: Gemm| cases.push(Case::new(format!("{name} {x}/{w}"), Arc::new(Linear(g))));
        add("one row, as an embedding", Gemm { activation: Activation::Silu, ..base(1, 320, 128) });
        add("two rows, as a time embedding", base(2, 1280, 320));
        add("three rows of odd sizes", Gemm { residual: true, ..base(3, 270, 22) });
        add("odd sizes", Gemm { residual: true, ..base(37, 27, 13) });
        add("no bias", Gemm { bias: false, ..base(145, 96, 72) });
        add("feed-forward in", Gemm { geglu: true, ..base(64, 64, 256) });
        add("feed-forward out", Gemm { residual: true, ..base(64, 256, 64) });
        add("row bias", Gemm { rows_per_group: Some(20), activation: Activation::Gelu, ..base(60, 40, 48) });
        add("two inputs", Gemm { sources: [48, 20], activation: Activation::QuickGelu, ..base(33, 0, 36) });
    }
    cases
}
