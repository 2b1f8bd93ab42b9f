//! What linear layers and convolutions share: the operands of the implicit matrix product and its epilogue. The WGSL is
//! `kernels/shared/gemm*.wgsl`, its rungs are in `gemm_rungs.rs`.

use std::ops::Range;

use super::{
    Binding, Choice, Dtype, Layout, Span,
    activation::{Activation, gelu},
    shape,
};

/// What a kernel's file must say about its tile, so that the host knows how many workgroups to start.
pub(super) static GEOMETRY: &[(&str, &str)] =
    &[("ROWS", "rows of y that a workgroup computes"), ("COLS", "columns of w that it computes, in vec4")];

/// The operands of `y[m, n] = act(Σ a[m, k]·w[k, n] + bias[n] + row_bias) + residual`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Gemm {
    /// Rows of y.
    pub rows: usize,
    /// Channels of the inputs that stand side by side; the second is 0 if there is one input.
    #[serde(deserialize_with = "shape::sources")]
    pub sources: [usize; 2],
    /// Rows (pixels) of the inputs; follows from the kernel that includes the product.
    #[serde(skip)]
    pub pixels: usize,
    /// Kernel positions: 1 for a linear layer.
    #[serde(skip)]
    pub taps: Vec<usize>,
    /// Columns of y.
    pub columns: usize,
    /// Two products, value and gate: `y = value · gelu(gate)`. The weight has 2·columns rows in the checkpoint.
    pub geglu: bool,
    /// Is there a bias?
    pub bias: bool,
    /// Rows that share one row of `row_bias` (`[rows / rows_per_group, columns]`), if there is one.
    pub rows_per_group: Option<usize>,
    /// Is there a residual of y's shape, added after the activation?
    pub residual: bool,
    /// Applied to the sum with its biases.
    pub activation: Activation,
    /// Storage of x, row_bias and residual.
    pub x: Dtype,
    /// Storage of w.
    pub w: Dtype,
    /// Storage of y.
    pub y: Dtype,
}

/// `struct Gemm` of the WGSL.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    row_begin: u32,
    row_end: u32,
    taps: u32,
    c0: u32,
    c1: u32,
    n: u32,
    n4: u32,
    tiles_n: u32,
    activation: u32,
    rows_per_group: u32,
    has_residual: u32,
    has_bias: u32,
    x0_base: u32,
    x1_base: u32,
    row_bias_base: u32,
    residual_base: u32,
    y_base: u32,
    _pad: [u32; 3],
}

impl Default for Gemm {
    fn default() -> Self {
        Self::plain(0, 0, 0, Dtype::F32)
    }
}

impl Gemm {
    /// One input, no epilogue, one type.
    pub fn plain(rows: usize, channels: usize, columns: usize, dtype: Dtype) -> Self {
        Self {
            rows,
            sources: [channels, 0],
            pixels: rows,
            taps: vec![],
            columns,
            geglu: false,
            bias: true,
            rows_per_group: None,
            residual: false,
            activation: Activation::None,
            x: dtype,
            w: dtype,
            y: dtype,
        }
    }

    /// Columns of the weight as stored in the checkpoint.
    fn stored_columns(&self) -> usize {
        self.columns * if self.geglu { 2 } else { 1 }
    }

    /// vec4 columns of the weight on the device.
    pub(super) fn n4(&self) -> usize {
        if self.geglu { self.columns.div_ceil(4) * 2 } else { self.columns.div_ceil(4) }
    }

    /// Kernel positions.
    pub(super) fn tap_count(&self) -> usize {
        self.taps.iter().product()
    }

    /// The weight's shape in the checkpoint: `[N, C, taps…]`.
    fn weight_shape(&self) -> Vec<usize> {
        let mut shape = vec![self.stored_columns(), self.sources[0] + self.sources[1]];
        shape.extend(&self.taps);
        shape
    }

    /// The layout of the weight on the device.
    pub fn weight_layout(&self) -> Layout {
        let sources = self.sources.iter().copied().filter(|&c| c > 0).collect();
        Layout::Gemm { sources, geglu: self.geglu }
    }

    /// The bindings in the order of the WGSL; x and y have the given shapes.
    pub fn bindings(&self, x: [&[usize]; 2], y: &[usize]) -> Vec<Binding> {
        let n = self.columns;
        let groups = self.rows_per_group.map_or(0, |r| self.rows.div_ceil(r));
        vec![
            Binding::input("x0", x[0], self.x),
            Binding::optional("x1", self.sources[1] > 0, x[1], self.x),
            Binding::weight("w", &self.weight_shape(), self.w, self.weight_layout()),
            Binding::optional_weight(
                "bias",
                self.bias,
                &[self.stored_columns()],
                Dtype::F32,
                Layout::Bias { geglu: self.geglu },
            ),
            Binding::optional("row_bias", groups > 0, &[groups, n], self.x),
            Binding::optional("residual", self.residual, y, self.x),
            Binding::output("y", y, self.y),
        ]
    }

    /// What is contradictory about it.
    pub(super) fn problem(&self) -> Option<String> {
        let whole = |what: &str, size: Option<usize>| (size == Some(0)).then(|| format!("`{what}` is 0"));
        shape::side_by_side(self.sources)
            .or_else(|| shape::sizes(&[("columns", self.columns)]))
            .or_else(|| whole("rows_per_group", self.rows_per_group))
            .or_else(|| {
                let uneven = self.geglu && !self.columns.is_multiple_of(4);
                uneven.then(|| format!("with `geglu`, `columns` must be a multiple of 4, not {}", self.columns))
            })
            .or_else(|| {
                let more = self.geglu
                    && (self.residual || self.rows_per_group.is_some() || self.activation != Activation::None);
                more.then(|| "with `geglu` there is no other epilogue".into())
            })
            .or_else(|| shape::divides(("rows_per_group", self.rows_per_group.unwrap_or(1)), ("rows", self.rows)))
    }

    /// What is contradictory about it as part of a convolution.
    pub(super) fn of_convolution(&self) -> Option<String> {
        self.geglu.then(|| "convolutions have no `geglu`".into()).or_else(|| self.problem())
    }

    /// Multiply-adds count twice; the epilogue is not counted.
    pub fn flops(&self) -> f64 {
        let inner = self.tap_count() * (self.sources[0] + self.sources[1]);
        2.0 * self.rows as f64 * inner as f64 * self.stored_columns() as f64
    }

    /// The spans of the bindings when rows `rows` read the pixels `pixels`.
    pub fn spans(&self, rows: &Range<usize>, pixels: Range<usize>) -> Vec<Span> {
        let rows_of = |width: usize| Span::Elements(rows.start * width..rows.end * width);
        let pixels_of = |width: usize| Span::Elements(pixels.start * width..pixels.end * width);
        let groups = self
            .rows_per_group
            .map_or(Span::All, |r| Span::Elements(rows.start / r * self.columns..rows.end.div_ceil(r) * self.columns));
        vec![
            pixels_of(self.sources[0]),
            pixels_of(self.sources[1]),
            Span::All,
            Span::All,
            groups,
            rows_of(self.columns),
            rows_of(self.columns),
        ]
    }

    /// The shader's parameters and the number of workgroups for these rows.
    pub(super) fn dispatch(&self, choice: &Choice, rows: &Range<usize>, bases: &[u32]) -> (Params, usize) {
        let (tile_rows, tile_columns) = (choice.int("ROWS"), choice.int("COLS"));
        let tiles_n = self.n4().div_ceil(tile_columns);
        let params = Params {
            row_begin: rows.start as u32,
            row_end: rows.end as u32,
            taps: self.tap_count() as u32,
            c0: self.sources[0] as u32,
            c1: self.sources[1] as u32,
            n: self.columns as u32,
            n4: self.n4() as u32,
            tiles_n: tiles_n as u32,
            activation: self.activation.code(),
            rows_per_group: self.rows_per_group.unwrap_or(0) as u32,
            has_residual: self.residual.into(),
            has_bias: self.bias.into(),
            x0_base: bases[0],
            x1_base: bases[1],
            row_bias_base: bases[4],
            residual_base: bases[5],
            y_base: bases[6],
            _pad: [0; 3],
        };
        (params, rows.len().div_ceil(tile_rows) * tiles_n)
    }

    /// The CPU twin of some rows. `pixel(row, tap)` is the input pixel under a tap, if it is not padding.
    pub fn twin(
        &self,
        inputs: &[&[f32]],
        rows: Range<usize>,
        pixel: impl Fn(usize, usize) -> Option<usize>,
    ) -> Vec<Vec<f32>> {
        let [x0, x1, w, bias, row_bias, residual] = inputs else { return vec![] };
        let (taps, n_stored, [c0, c1]) = (self.tap_count(), self.stored_columns(), self.sources);
        let inner = (c0 + c1) * taps;
        let mut y = Vec::with_capacity(rows.len() * self.columns);
        // The row of `a`, in the order of a row of w: channel by channel, tap by tap.
        let mut a = vec![0.0; inner];
        for row in rows {
            for tap in 0..taps {
                let at = pixel(row, tap);
                let channels = |x: &[f32], c: usize, width: usize| at.map_or(0.0, |at| f64::from(x[at * width + c]));
                (0..c0).for_each(|c| a[c * taps + tap] = channels(x0, c, c0));
                (0..c1).for_each(|c| a[(c0 + c) * taps + tap] = channels(x1, c, c1));
            }
            let sum = |n: usize| {
                let bias = bias.get(n).map_or(0.0, |&b| f64::from(b));
                let w = &w[n * inner..(n + 1) * inner];
                a.iter().zip(w).fold(bias, |sum, (a, &w)| sum + a * f64::from(w))
            };
            let sums: Vec<f64> = (0..n_stored).map(sum).collect();
            for n in 0..self.columns {
                let mut v = if self.geglu { sums[n] * gelu(sums[self.columns + n]) } else { sums[n] };
                if let Some(group) = self.rows_per_group {
                    v += f64::from(row_bias[row / group * self.columns + n]);
                }
                v = self.activation.apply(v);
                if self.residual {
                    v += f64::from(residual[row * self.columns + n]);
                }
                y.push(v as f32);
            }
        }
        vec![y]
    }
}
