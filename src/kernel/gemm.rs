//! What linear layers and convolutions share: the operands of the implicit matrix product, its tiles, its epilogue.
//! The WGSL is `kernels/shared/gemm*.wgsl`.

use std::ops::Range;

use super::{
    Binding, Choice, Dtype, Layout, Span,
    activation::{Activation, gelu},
    matrix, shape,
    threads::{self, shared_lanes, wide_lanes},
};
use crate::gpu::Capabilities;

/// What a kernel's file must say about its tile, so that the host knows how many workgroups to start.
pub(super) static GEOMETRY: &[(&str, &str)] =
    &[("ROWS", "rows of y that a workgroup computes"), ("COLS", "columns of w that it computes, in vec4")];

/// Tiles from which on a large one leaves no part of a large GPU idle.
const MANY: usize = 128;

/// Inner indices of a step of the rung `workgroup`: all of its 256 threads take part in every load.
fn staged_inner(tm: u32, tn: u32) -> u32 {
    if tm == 8 && tn >= 2 { 8 } else { 16 }
}

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

    fn tap_count(&self) -> usize {
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

    /// Every rung that can run this product on this device, the one for it first: see the heads of `kernels/shared/gemm_*.wgsl`.
    pub fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        let cpu = device.is_cpu();
        let few = self.is_few();
        let (lanes, tall) = (if cpu { 8 } else { 64 }, if cpu && !few { 16 } else { 2 });
        let register = match (few, cpu) {
            (true, _) => self.register("few rows: a tile in workgroup memory would stand empty", lanes, 2, 2),
            (false, true) => {
                self.register("a CPU driver: registers beat workgroup memory and barriers", lanes, tall, 2)
            }
            (false, false) => self.register("portable: no workgroup memory, no barriers", lanes, 4, 2),
        };
        let mut variants = vec![register];
        let workgroup = self.workgroup_tiles(device).into_iter().next();
        variants.splice(if few || cpu { 1..1 } else { 0..0 }, workgroup.map(|[tm, tn]| self.workgroup(tm, tn)));
        // On a CPU driver matrices are only there to be tested, and of few rows most of a matrix would stand empty.
        let at = if cpu || few { variants.len() } else { 0 };
        if let Some(choice) = matrix::variants(self, device).into_iter().next() {
            variants.insert(at, choice);
        }
        if self.is_split() {
            let at = if cpu { variants.len() } else { 0 };
            variants.insert(at, self.split(16));
        }
        if let Some(lanes) = shared_lanes(device) {
            // Rows beyond the last are computed and dropped: no more of them than needed.
            let tm = if self.rows <= 8 { lanes.max(8) } else { 32 };
            // Narrow outputs would leave half of the lanes idle. With GEGLU a thread holds value and gate.
            let tn = if self.n4() <= lanes as usize && !self.geglu { 1 } else { 2 };
            variants.insert(0, self.broadcast(lanes, tm, tn));
            if self.is_wide(device) {
                let wide = self.wide(lanes, if self.rows <= 8 { tm } else { self.wide_rows(lanes) });
                let tall = self.tall(lanes, [8, 4]);
                let taller = tall.as_ref().is_some_and(|tall| self.filled(tall) >= self.filled(&wide));
                variants.insert(0, wide);
                if let Some(tall) = tall {
                    variants.insert(usize::from(!taller), tall);
                }
            }
        }
        variants
    }

    /// Tile sizes of the rungs that are worth trying on this device.
    pub fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        let reason = "tuned";
        let mut tunings = self.variants(device);
        tunings.extend(self.workgroup_tiles(device).into_iter().map(|[tm, tn]| self.workgroup(tm, tn)));
        if self.is_split() {
            tunings.extend([4, 8].map(|slices| self.split(slices)));
        }
        let widths = if self.geglu { &[2, 4][..] } else { &[1, 2, 4] };
        for &tn in widths {
            let lanes = if device.is_cpu() { &[4, 8][..] } else { &[32, 64, 128] };
            for (&wg, tm) in lanes.iter().flat_map(|wg| [2, 4, 8, 16].map(|tm| (wg, tm))) {
                if tm * tn <= 32 {
                    tunings.push(self.register(reason, wg, tm, tn));
                }
            }
            tunings.extend(matrix::tunings(self, device));
            if let Some(lanes) = shared_lanes(device) {
                let heights = [lanes, 2 * lanes, 4 * lanes, 8 * lanes];
                tunings.extend(heights.iter().filter(|&tm| tm * tn <= 128).map(|&tm| self.broadcast(lanes, tm, tn)));
                if self.is_wide(device) {
                    tunings.extend(heights.map(|tm| self.wide(lanes, tm)));
                    tunings.extend([[4, 4], [8, 2], [8, 4], [4, 8]].iter().filter_map(|&tile| self.tall(lanes, tile)));
                }
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        tunings.retain(|choice| seen.insert(choice.defines.clone()));
        tunings
    }

    fn register(&self, reason: &'static str, wg: u32, tm: u32, tn: u32) -> Choice {
        self.rung("register", reason, "shared/gemm_register.wgsl", [wg, tm, tn], [tm, wg * tn])
    }

    fn broadcast(&self, lanes: u32, tm: u32, tn: u32) -> Choice {
        let reason = "a CPU driver with subgroups: loads are dear there, so each lane loads for all of them";
        self.rung("broadcast", reason, "shared/gemm_broadcast.wgsl", [lanes, tm, tn], [tm, lanes * tn])
            .with("TWO", self.sources[1] > 0)
    }

    fn wide(&self, lanes: u32, tm: u32) -> Choice {
        let choice = self.rung("wide", threads::WIDE, "shared/gemm_wide.wgsl", [lanes, tm, 2], [tm, lanes * 2]);
        self.eights(choice)
    }

    /// A tile whose lanes have rows of their own, `tm` of them, an even number, and `tn` vec4 columns in common. Each of 8 lanes loads one of 8
    /// inner indices.
    fn tall(&self, lanes: u32, [tm, tn]: [u32; 2]) -> Option<Choice> {
        let reason =
            "a CPU driver, as `wide` with rows and columns exchanged: faster where no more of its tiles stands empty";
        let rung = || self.rung("tall", reason, "shared/gemm_tall.wgsl", [lanes, tm, tn], [tm * lanes, tn]);
        (lanes == 8).then(|| self.eights(rung()))
    }

    /// What the rungs that load 8 values at a time leave out.
    fn eights(&self, choice: Choice) -> Choice {
        choice
            .with("TWO", self.sources[1] > 0)
            .with("GROUPED", self.rows_per_group.is_some())
            .with("RESIDUAL", self.residual)
            .with("ACTIVATION", self.activation.function())
    }

    /// Rows of the wide rung's tile: more of them share what is loaded, but their sums leave the registers. In f32 there is twice as much to load.
    fn wide_rows(&self, lanes: u32) -> u32 {
        lanes * if self.w == Dtype::F16 { 2 } else { 4 }
    }

    /// The share of a choice's tiles that is y, and not beyond its last rows and columns.
    fn filled(&self, choice: &Choice) -> f64 {
        let share = |size: usize, tile: usize| size as f64 / (size.div_ceil(tile) * tile) as f64;
        share(self.rows, choice.int("ROWS")) * share(self.n4(), choice.int("COLS"))
    }

    /// Can all operands be read 8 values at a time?
    fn is_wide(&self, device: &Capabilities) -> bool {
        wide_lanes(device, &[self.columns, self.sources[0], self.sources[1]]).is_some()
    }

    /// Are there so few rows that tiles of them would be mostly empty?
    fn is_few(&self) -> bool {
        self.rows <= 4
    }

    /// Can threads share sums ([`Gemm::split`]), and is it worth it?
    fn is_split(&self) -> bool {
        self.is_few() && !self.geglu && self.tap_count() == 1 && self.sources[1] == 0
    }

    /// So many threads for every vec4 column of all rows.
    fn split(&self, slices: u32) -> Choice {
        let reason = "few rows: threads share their sums, where tiles would leave most of a GPU idle";
        let rows = self.rows.max(1) as u32;
        self.rung("split", reason, "shared/gemm_split.wgsl", [0, rows, 1], [rows, 16]).with("SLICES", slices)
    }

    /// Rows and vec4 columns of a thread that fit into workgroup memory, those for this product first; none if its channels are no whole vec4.
    fn workgroup_tiles(&self, device: &Capabilities) -> Vec<[u32; 2]> {
        let tiles = [[8, 2], [4, 2], [8, 1], [4, 1]];
        let runs = |[tm, tn]: [u32; 2]| {
            // Two steps of both operands.
            let bytes = 2 * 4 * staged_inner(tm, tn) * 16 * (tm + 4 * tn);
            self.sources.iter().all(|c| c.is_multiple_of(4))
                && (!self.geglu || tn > 1)
                && bytes <= device.max_workgroup_memory
        };
        let mut tiles: Vec<[u32; 2]> = tiles.into_iter().filter(|&tile| runs(tile)).collect();
        self.largest_of_many_first(&mut tiles, |&[tm, tn]| [16 * tm, 64 * tn]);
        tiles
    }

    /// Puts the first tile of which there are many in front, or else the last one; `size` is rows and columns.
    pub(super) fn largest_of_many_first<T>(&self, tiles: &mut [T], size: impl Fn(&T) -> [u32; 2]) {
        let count = |tile: &T| {
            let [rows, columns] = size(tile).map(|v| v as usize);
            self.rows.div_ceil(rows) * (4 * self.n4()).div_ceil(columns)
        };
        let best = tiles.iter().position(|tile| count(tile) >= MANY).unwrap_or(tiles.len().saturating_sub(1));
        if best < tiles.len() {
            tiles[..=best].rotate_right(1);
        }
    }

    /// 16 x 16 threads with so many rows and vec4 columns each.
    fn workgroup(&self, tm: u32, tn: u32) -> Choice {
        let reason = "a GPU: operands are shared through workgroup memory";
        let choice = self.staged("workgroup", reason, [tm, tn], [16 * tm, 16 * tn], staged_inner(tm, tn));
        choice.with("UNIT", 4).with("PAD", 0)
    }

    /// A rung whose operands pass through workgroup memory, `inner` inner indices at a time.
    pub(super) fn staged(
        &self,
        variant: &'static str,
        reason: &'static str,
        [tm, tn]: [u32; 2],
        tile: [u32; 2],
        inner: u32,
    ) -> Choice {
        self.rung(variant, reason, "shared/gemm_staged.wgsl", [0, tm, tn], tile)
            .with("KT", inner)
            .with("TWO", self.sources[1] > 0)
            .with("EVEN", self.sources.iter().all(|c| c.is_multiple_of(inner as usize)))
    }

    /// A rung with its tile per thread and the rows and vec4 columns that a workgroup computes.
    pub(super) fn rung(
        &self,
        variant: &'static str,
        reason: &'static str,
        body: &'static str,
        [wg, tm, tn]: [u32; 3],
        [rows, columns]: [u32; 2],
    ) -> Choice {
        let vec = |c: usize| c.is_multiple_of(4);
        Choice::new(
            variant,
            reason,
            [
                ("TILE", body.into()),
                ("WIDE", matches!(variant, "wide" | "tall").into()),
                ("TALL", (variant == "tall").into()),
                ("MATRIX", (variant == "matrix").into()),
                ("WG", wg.into()),
                ("TM", tm.into()),
                ("TN", tn.into()),
                ("ROWS", rows.into()),
                ("COLS", columns.into()),
                ("X", self.x.into()),
                ("W", self.w.into()),
                ("Y", self.y.into()),
                ("X_VEC", (vec(self.sources[0]) && vec(self.sources[1])).into()),
                ("Y_VEC", vec(self.columns).into()),
                ("GEGLU", self.geglu.into()),
            ],
        )
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
