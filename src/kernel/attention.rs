//! Attention without a score matrix in memory: `kernels/attention.wgsl`.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, attention_rungs, shape, tolerance,
};
use crate::gpu::Capabilities;

/// Multi-head attention: `y = softmax(q kᵀ / √width) v` for every sequence and head, C = heads · width.
///
/// q, y `[outer, q_tokens, inner, C]`; k, v `[outer / kv_repeat, k_tokens, inner, C]`; `inner` is 1 for sequences whose tokens
/// follow each other. Where q, k and v are columns of one tensor, see [`Joined`], each of them is that tensor. All axes are at least 1.
/// Units: query rows if `inner` is 1, otherwise sequences, of which there are outer · inner.
/// Source: "Attention Is All You Need" (2017) and, for the running softmax, "FlashAttention" (2022).
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Attention {
    /// Axes before the tokens.
    pub outer: usize,
    /// Sequences that lie between one token and the next.
    #[serde(default = "shape::one")]
    pub inner: usize,
    /// Heads.
    pub heads: usize,
    /// Width of one head.
    pub width: usize,
    /// Queries of a sequence.
    pub q_tokens: usize,
    /// Keys of a sequence.
    pub k_tokens: usize,
    /// Consecutive outer indices that share their keys and values; divides `outer`.
    #[serde(default = "shape::one")]
    pub kv_repeat: usize,
    /// Does token i see only the keys up to i?
    #[serde(default)]
    pub causal: bool,
    /// Which of q, k and v lie side by side.
    #[serde(default)]
    pub joined: Option<Joined>,
    /// Storage of q, k, v and y.
    #[serde(default)]
    pub x: Dtype,
}

/// Operands that are columns of one tensor, which is bound once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joined {
    /// Queries, keys and values: rows of `3 C`.
    Qkv,
    /// Keys and values: rows of `2 C`.
    Kv,
}

/// Where an operand lies in the rows of its tensor.
#[derive(Clone, Copy)]
struct Columns {
    /// Elements of a row.
    row: usize,
    /// The operand's first column.
    first: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    row_begin: u32,
    row_end: u32,
    group_rows: u32,
    k_tokens: u32,
    inner: u32,
    heads: u32,
    share: u32,
    causal: u32,
    tile_begin: u32,
    tiles: u32,
    tile_count: u32,
    heads_first: u32,
    q_row: u32,
    k_row: u32,
    q_base: u32,
    k_base: u32,
    v_base: u32,
    y_base: u32,
    scale: f32,
}

impl Attention {
    /// Token after token: q, y `[batch, q_tokens, C]`, k, v `[batch / kv_repeat, k_tokens, C]`. With `kv_repeat` > 1 consecutive
    /// batches (the frames of one video) share one context.
    pub fn rows(
        batch: usize,
        heads: usize,
        width: usize,
        q_tokens: usize,
        k_tokens: usize,
        kv_repeat: usize,
        x: Dtype,
    ) -> Self {
        Self { outer: batch, inner: 1, heads, width, q_tokens, k_tokens, kv_repeat, causal: false, joined: None, x }
    }

    /// Over the frames of every pixel: q, k, v, y `[batch, frames, pixels, C]`, as they lie.
    pub fn frames(batch: usize, frames: usize, pixels: usize, heads: usize, width: usize, x: Dtype) -> Self {
        Self {
            outer: batch,
            inner: pixels,
            heads,
            width,
            q_tokens: frames,
            k_tokens: frames,
            kv_repeat: 1,
            causal: false,
            joined: None,
            x,
        }
    }

    /// Token i sees the keys 0..=i.
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// With operands side by side.
    pub fn joined(self, joined: Joined) -> Self {
        Self { joined: Some(joined), ..self }
    }

    fn channels(&self) -> usize {
        self.heads * self.width
    }

    /// Where q, k and v lie.
    fn columns(&self) -> [Columns; 3] {
        let c = self.channels();
        let [q, k, v] = match self.joined {
            None => [(c, 0), (c, 0), (c, 0)],
            Some(Joined::Qkv) => [(3 * c, 0), (3 * c, c), (3 * c, 2 * c)],
            Some(Joined::Kv) => [(c, 0), (2 * c, 0), (2 * c, c)],
        };
        [q, k, v].map(|(row, first)| Columns { row, first })
    }

    /// Outer indices whose queries form one group of the shader, and groups that share keys. Sequences that share a context are
    /// as good as one long sequence, unless the mask counts their tokens.
    pub(super) fn merged(&self) -> (usize, usize) {
        if self.causal || self.inner > 1 { (1, self.kv_repeat) } else { (self.kv_repeat, 1) }
    }

    /// Query rows of one unit.
    fn unit_rows(&self) -> usize {
        if self.inner == 1 { 1 } else { self.q_tokens }
    }

    /// The rows of q and y that these units touch, or lie among those that they touch.
    fn query_rows(&self, units: &Range<usize>) -> Range<usize> {
        if self.inner == 1 { units.clone() } else { self.token_rows(units, self.q_tokens, 1) }
    }

    /// From the first token of the first of these sequences to the last token of the last one.
    fn token_rows(&self, sequences: &Range<usize>, tokens: usize, repeat: usize) -> Range<usize> {
        let row = |sequence: usize, token: usize| {
            (sequence / self.inner / repeat * tokens + token) * self.inner + sequence % self.inner
        };
        row(sequences.start, 0)..row(sequences.end - 1, tokens - 1) + 1
    }
}

impl Op for Attention {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let shape = |outer: usize, tokens: usize, row: usize| match self.inner {
            1 => vec![outer, tokens, row],
            inner => vec![outer, tokens, inner, row],
        };
        let queries = |row: usize| shape(self.outer, self.q_tokens, row);
        let keys = |row: usize| shape(self.outer / self.kv_repeat, self.k_tokens, row);
        let [q, k, v] = self.columns();
        vec![
            Binding::input("q", &queries(q.row), self.x),
            Binding::input("k", &keys(k.row), self.x),
            Binding::input("v", &keys(v.row), self.x),
            Binding::output("y", &queries(self.channels()), self.x),
        ]
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        attention_rungs::variants(self, device)
    }

    fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        attention_rungs::tunings(self, device)
    }

    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        &[("TILE", "queries of a tile: those that one item computes"), ("SLOTS", "items of a workgroup")]
    }

    fn cost(&self) -> Cost {
        let pairs = (self.outer * self.inner * self.q_tokens) as f64 * self.k_tokens as f64;
        let seen = if self.causal { 0.5 } else { 1.0 };
        // A tensor that is bound for several operands is read once.
        let apart = Self { joined: None, ..self.clone() };
        Cost::of(4.0 * seen * pairs * self.channels() as f64, &apart.bindings())
    }

    fn units(&self) -> usize {
        (self.outer * self.inner * self.q_tokens / self.unit_rows()).max(1)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let queries = self.query_rows(units);
        let keys = if self.inner == 1 {
            let context = |row: usize| row / self.q_tokens / self.kv_repeat * self.k_tokens;
            context(units.start)..context(units.end - 1) + self.k_tokens
        } else {
            self.token_rows(units, self.k_tokens, self.kv_repeat)
        };
        let span = |rows: &Range<usize>, row: usize| Span::Elements(rows.start * row..rows.end * row);
        let [q, k, v] = self.columns();
        vec![span(&queries, q.row), span(&keys, k.row), span(&keys, v.row), span(&queries, self.channels())]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let (merged, share) = self.merged();
        let group_rows = self.q_tokens * merged;
        let rows = units.start * self.unit_rows()..units.end * self.unit_rows();
        let tile_rows = choice.int("TILE");
        let tiles = group_rows.div_ceil(tile_rows);
        let tile = |row: usize| row / group_rows * tiles + row % group_rows / tile_rows;
        let tile_count = tile(rows.end - 1) + 1 - tile(rows.start);
        let [q, k, v] = self.columns();
        // Modulo 2³²: a binding may begin in front of an operand's first column.
        let base = |at: usize, columns: Columns| bases[at].wrapping_sub(columns.first as u32);
        let params = Params {
            row_begin: rows.start as u32,
            row_end: rows.end as u32,
            group_rows: group_rows as u32,
            k_tokens: self.k_tokens as u32,
            inner: self.inner as u32,
            heads: self.heads as u32,
            share: share as u32,
            causal: self.causal.into(),
            tile_begin: tile(rows.start) as u32,
            tiles: tiles as u32,
            tile_count: tile_count as u32,
            // Short sequences: the heads of a token lie side by side. Long ones: the keys of a head stay in the cache.
            heads_first: (group_rows <= attention_rungs::SHORT).into(),
            q_row: q.row as u32,
            k_row: k.row as u32,
            q_base: base(0, q),
            k_base: base(1, k),
            v_base: base(2, v),
            y_base: bases[3],
            scale: (std::f64::consts::LOG2_E / (self.width as f64).sqrt()) as f32,
        };
        Dispatch::new(params, (tile_count * self.heads).div_ceil(choice.int("SLOTS")))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[
            ("outer", self.outer),
            ("inner", self.inner),
            ("heads", self.heads),
            ("width", self.width),
            ("q_tokens", self.q_tokens),
            ("k_tokens", self.k_tokens),
        ])
        .or_else(|| shape::divides(("kv_repeat", self.kv_repeat), ("outer", self.outer)))
        .or_else(|| {
            let differ = self.joined == Some(Joined::Qkv) && (self.q_tokens, 1) != (self.k_tokens, self.kv_repeat);
            differ.then(|| "`joined` qkv needs as many `k_tokens` as `q_tokens` and `kv_repeat` 1".to_owned())
        })
    }

    /// Scores are kept near those of a model, some 50 apart: beyond, a rounding of their sums is an error of the weights that exceeds the
    /// tolerance, and at last decides which key wins.
    fn scales(&self, binding: &Binding) -> RangeInclusive<i32> {
        let all = binding.scales();
        match binding.name {
            "q" => *all.start()..=4,
            "k" => *all.start()..=0,
            _ => all,
        }
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.x)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [q, k, v] = inputs else { return vec![] };
        let c = self.channels();
        let [q_at, k_at, v_at] =
            self.columns().map(|columns| move |row: usize, n: usize| row * columns.row + columns.first + n);
        let scale = 1.0 / (self.width as f64).sqrt();
        let first = self.query_rows(units).start * c;
        let mut y = vec![f32::NAN; self.query_rows(units).len() * c];
        for unit in units.clone() {
            // A unit is a query, or all queries of a sequence.
            let (outer, inner, queries) = match self.inner {
                1 => (unit / self.q_tokens, 0, unit % self.q_tokens..unit % self.q_tokens + 1),
                n => (unit / n, unit % n, 0..self.q_tokens),
            };
            for i in queries {
                let q_row = (outer * self.q_tokens + i) * self.inner + inner;
                let k_row = |j: usize| (outer / self.kv_repeat * self.k_tokens + j) * self.inner + inner;
                let seen = if self.causal { self.k_tokens.min(i + 1) } else { self.k_tokens };
                for head in 0..self.heads {
                    let columns = head * self.width..(head + 1) * self.width;
                    let score = |j: usize| {
                        let product = |n: usize| f64::from(q[q_at(q_row, n)]) * f64::from(k[k_at(k_row(j), n)]);
                        scale * columns.clone().map(product).sum::<f64>()
                    };
                    let scores: Vec<f64> = (0..seen).map(score).collect();
                    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let weights: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
                    let sum: f64 = weights.iter().sum();
                    for n in columns {
                        let value: f64 =
                            weights.iter().enumerate().map(|(j, w)| w * f64::from(v[v_at(k_row(j), n)])).sum();
                        y[q_row * c + n - first] = (value / sum) as f32;
                    }
                }
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for x in [Dtype::F32, Dtype::F16] {
        let mut add = |name: &str, op: Attention| cases.push(Case::new(format!("{name} {x}"), Arc::new(op)));
        add("self, 2 heads of 64", Attention::rows(2, 2, 64, 70, 70, 1, x));
        add("cross, 145 context tokens for 3 frames", Attention::rows(6, 2, 64, 20, 145, 3, x));
        add("causal, heads of 64", Attention::rows(2, 3, 64, 77, 77, 1, x).causal());
        add("causal, shared keys", Attention::rows(4, 1, 12, 9, 9, 2, x).causal());
        add("CLIP vision, heads of 80", Attention::rows(1, 2, 80, 257, 257, 1, x));
        add("VAE, one head of 512", Attention::rows(1, 1, 512, 40, 40, 1, x));
        add("temporal, 16 frames", Attention::frames(2, 16, 13, 3, 64, x));
        add("temporal, 8 frames, side by side", Attention::frames(2, 8, 7, 3, 32, x).joined(Joined::Qkv));
        add("temporal, 24 frames, heads of 40", Attention::frames(1, 24, 5, 2, 40, x));
        add("temporal, causal", Attention::frames(2, 5, 3, 2, 16, x).causal());
        add("image latents, 2 heads of 4", Attention::frames(2, 6, 9, 2, 4, x));
        add("odd width", Attention::rows(2, 3, 6, 11, 13, 1, x));
        add("q, k, v side by side", Attention::rows(2, 2, 64, 70, 70, 1, x).joined(Joined::Qkv));
        add("q, k, v side by side, causal", Attention::rows(1, 3, 16, 40, 40, 1, x).causal().joined(Joined::Qkv));
        add("q, k, v side by side, temporal", Attention::frames(2, 16, 13, 3, 64, x).joined(Joined::Qkv));
        add("q, k, v side by side, one head of 512", Attention::rows(1, 1, 512, 40, 40, 1, x).joined(Joined::Qkv));
        add("q, k, v side by side, odd width", Attention::rows(2, 3, 6, 11, 11, 1, x).joined(Joined::Qkv));
        add("k, v side by side, for 3 frames", Attention::rows(6, 2, 64, 20, 145, 3, x).joined(Joined::Kv));
        add("k, v side by side, odd width", Attention::rows(4, 1, 6, 9, 13, 2, x).joined(Joined::Kv));
        add("one token", Attention::rows(1, 1, 16, 1, 1, 1, x));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_spans_reach_from_the_first_touched_pixel_to_the_last() {
        // 2 batches of 3 frames of 5 pixels, 4 channels.
        let op = Attention::frames(2, 3, 5, 2, 2, Dtype::F32);
        assert_eq!(op.units(), 10);
        assert_eq!(op.spans(&(1..3))[0], Span::Elements(4..13 * 4)); // pixels 1 and 2 of batch 0: frames 0 to 2
        assert_eq!(op.spans(&(4..6))[3], Span::Elements(4 * 4..26 * 4)); // into batch 1, pixel 0
    }

    #[test]
    fn row_spans_follow_the_shared_context() {
        let op = Attention::rows(6, 1, 4, 10, 7, 3, Dtype::F32);
        assert_eq!(op.units(), 60);
        let spans = op.spans(&(25..35));
        assert_eq!(spans[0], Span::Elements(25 * 4..35 * 4));
        assert_eq!(spans[1], Span::Elements(0..14 * 4)); // batches 2 and 3 have different contexts
        assert_eq!(op.spans(&(29..30))[2], Span::Elements(0..7 * 4));
    }

    #[test]
    fn operands_side_by_side_are_read_at_their_columns() {
        // Rows of q, k and v: the second query meets equal scores, the first sees one key.
        let op = Attention::rows(1, 1, 1, 2, 2, 1, Dtype::F32).causal().joined(Joined::Qkv);
        let qkv = [5.0, 7.0, 1.0, 0.0, 9.0, 3.0];
        assert_eq!(op.reference(&[&qkv, &qkv, &qkv]), [[1.0, 2.0]]);
        assert_eq!(op.spans(&(1..2)), [3..6, 0..6, 0..6, 1..2].map(Span::Elements));
        // Each is read once, whatever it is bound as.
        assert_eq!(op.cost(), Attention { joined: None, ..op.clone() }.cost());
        assert!(Attention { k_tokens: 3, ..op }.problem().is_some_and(|problem| problem.contains("`joined`")));
        let op = Attention::rows(1, 1, 1, 1, 2, 1, Dtype::F32).joined(Joined::Kv);
        let kv = [0.0, 4.0, 3f32.ln(), 8.0];
        assert_eq!(op.reference(&[&[1.0], &kv, &kv]), [[7.0]]);
        assert_eq!(op.spans(&(0..1)), [0..1, 0..4, 0..4, 0..1].map(Span::Elements));
    }

    #[test]
    fn the_twin_averages_values_and_masks_the_future() {
        // Equal scores: token i gets the mean of the values up to i.
        let op = Attention::rows(1, 1, 1, 3, 3, 1, Dtype::F32).causal();
        assert_eq!(op.reference(&[&[0.0; 3], &[5.0; 3], &[1.0, 3.0, 8.0]]), [[1.0, 2.0, 4.0]]);
        // Scores 0 and ln 3: weights 1/4 and 3/4.
        let op = Attention::rows(1, 1, 1, 1, 2, 1, Dtype::F32);
        assert_eq!(op.reference(&[&[1.0], &[0.0, 3f32.ln()], &[4.0, 8.0]]), [[7.0]]);
    }
}
