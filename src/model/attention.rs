//! Multi-head attention with its projections. Reference: diffusers `Attention`, transformers `CLIPAttention`.

use std::ops::Range;

use crate::{
    graph::{Epilogue, Error, Graph, Linear, PART_BYTES, Params, Tensor},
    kernel::{self, Joined},
};

/// Projections to queries, keys and values, and back.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
    width: usize,
}

/// Sizes of an [`Attention`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Channels in and out.
    pub channels: usize,
    /// Channels of what keys and values are made of.
    pub context: usize,
    /// Number of heads.
    pub heads: usize,
    /// Width of one head.
    pub width: usize,
}

/// Which tokens form a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sequence {
    /// The pixels of each of this many frames.
    Pixels(usize),
    /// The frames at each pixel, in this many clips.
    Frames(usize),
    /// The tokens of a text: each sees those before it.
    Causal,
}

impl Sequence {
    /// Into how many equal groups of rows it divides a tensor, each of which attends to nothing outside.
    fn independent(self) -> usize {
        match self {
            Self::Pixels(count) | Self::Frames(count) => count.max(1),
            Self::Causal => 1,
        }
    }
}

impl Attention {
    /// diffusers' names; only the output has a bias.
    pub fn new(p: &Params, s: Sizes) -> Self {
        let inner = s.heads * s.width;
        Self {
            to_q: p.linear_no_bias("to_q", s.channels, inner),
            to_k: p.linear_no_bias("to_k", s.context, inner),
            to_v: p.linear_no_bias("to_v", s.context, inner),
            to_out: p.linear("to_out.0", inner, s.channels),
            heads: s.heads,
            width: s.width,
        }
    }

    /// One head, biases everywhere: the VAE's.
    pub fn with_biases(p: &Params, channels: usize) -> Self {
        Self {
            to_q: p.linear("to_q", channels, channels),
            to_k: p.linear("to_k", channels, channels),
            to_v: p.linear("to_v", channels, channels),
            to_out: p.linear("to_out.0", channels, channels),
            heads: 1,
            width: channels,
        }
    }

    /// transformers' names; biases everywhere.
    pub fn clip(p: &Params, channels: usize, heads: usize) -> Self {
        Self {
            to_q: p.linear("q_proj", channels, channels),
            to_k: p.linear("k_proj", channels, channels),
            to_v: p.linear("v_proj", channels, channels),
            to_out: p.linear("out_proj", channels, channels),
            heads,
            width: channels / heads.max(1),
        }
    }

    /// Self-attention of `x` `[F, H·W, C]`, added to `residual`.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, sequence: Sequence, residual: &Tensor) -> Result<Tensor, Error> {
        let mut y = residual.clone();
        for heads in self.head_groups(g, x, sequence) {
            y = self.part(heads.clone()).forward_parts(g, x, sequence, &y)?;
        }
        Ok(y)
    }

    /// Sequences of frames reach through a whole clip: where that is more than the device binds at once, the heads are done group by
    /// group, each added to the sum. Otherwise all at once.
    fn head_groups(&self, g: &Graph, x: &Tensor, sequence: Sequence) -> Vec<Range<usize>> {
        let reach = match sequence {
            Sequence::Frames(batch) => x.rows() / batch.max(1) * self.heads * self.width * x.dtype().bytes(),
            Sequence::Pixels(_) | Sequence::Causal => 0,
        };
        let groups = (reach as u64).div_ceil(g.max_binding()).clamp(1, self.heads as u64) as usize;
        let length = self.heads.div_ceil(groups);
        (0..self.heads).step_by(length).map(|start| start..(start + length).min(self.heads)).collect()
    }

    /// The attention of some heads; the first part keeps the output's bias.
    fn part(&self, heads: Range<usize>) -> Self {
        if heads == (0..self.heads) {
            return self.clone();
        }
        let channels = heads.start * self.width..heads.end * self.width;
        let first = heads.start == 0;
        Self {
            to_q: self.to_q.outputs(channels.clone()),
            to_k: self.to_k.outputs(channels.clone()),
            to_v: self.to_v.outputs(channels.clone()),
            to_out: self.to_out.inputs(channels, first),
            heads: heads.len(),
            width: self.width,
        }
    }

    /// Self-attention in parts, each of whole sequences: queries, keys and values never exist whole.
    fn forward_parts(&self, g: &mut Graph, x: &Tensor, sequence: Sequence, residual: &Tensor) -> Result<Tensor, Error> {
        let inner = self.heads * self.width;
        let independent = sequence.independent();
        let rows = x.rows() / independent;
        let y = g.tensor(&x.with_channels(inner), x.dtype()); // [F, H·W, heads·width]
        for part in g.row_parts(independent, rows * 3 * inner) {
            let op = self.operation(sequence, part.len(), rows, x);
            let part = part.start * rows..part.end * rows;
            self.attend(g, &x.view_rows(part.clone()), op, rows, &y.view_rows(part))?;
        }
        g.linear("to_out", &y, &self.to_out, Epilogue::add(residual)) // [F, H·W, C]
    }

    /// What `count` independent groups of `rows` rows of `x` compute.
    fn operation(&self, sequence: Sequence, count: usize, rows: usize, x: &Tensor) -> kernel::Attention {
        let (heads, width, dtype) = (self.heads, self.width, x.dtype());
        match sequence {
            Sequence::Pixels(_) => kernel::Attention::rows(count, heads, width, rows, rows, 1, dtype),
            Sequence::Frames(batch) => {
                let frames = x.shape()[0] / batch.max(1);
                kernel::Attention::frames(count, frames, rows / frames.max(1), heads, width, dtype)
            }
            Sequence::Causal => kernel::Attention::rows(count, heads, width, rows, rows, 1, dtype).causal(),
        }
    }

    /// Self-attention of `x` `[count · rows, C]`, without the last projection, into `y` `[count · rows, heads·width]`.
    fn attend(&self, g: &mut Graph, x: &Tensor, op: kernel::Attention, rows: usize, y: &Tensor) -> Result<(), Error> {
        // Where that exceeds a part or a binding, three tensors are easier to place in memory and to bind than one of their size.
        let together = rows * 3 * self.heads * self.width * x.dtype().bytes();
        if together <= PART_BYTES && together as u64 <= g.max_binding() {
            let layers = [&self.to_q, &self.to_k, &self.to_v];
            let qkv = g.linears("to_qkv", x, &layers, Epilogue::default())?; // [count · rows, 3·heads·width]
            return g.attention_into("attention", op.joined(Joined::Qkv), [&qkv; 3], y);
        }
        let q = g.linear("to_q", x, &self.to_q, Epilogue::default())?; // [count · rows, heads·width]
        let k = g.linear("to_k", x, &self.to_k, Epilogue::default())?;
        let v = g.linear("to_v", x, &self.to_v, Epilogue::default())?;
        g.attention_into("attention", op, [&q, &k, &v], y)
    }

    /// Keys and values of a context `[B, T, X]` side by side, computed once per clip: `[B, T, 2·heads·width]`.
    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<Tensor, Error> {
        g.linears("to_kv", context, &[&self.to_k, &self.to_v], Epilogue::default())
    }

    /// The shape of the keys and values of a context of this many tokens.
    pub fn context_shape(&self, batch: usize, tokens: usize) -> [usize; 3] {
        [batch, tokens, 2 * self.heads * self.width]
    }

    /// Cross-attention of `x` `[B·F, H, W, C]` to the keys and values of its clip, which has `frames` frames, added to `residual`. Of an
    /// `x` `[F, H, W, C]` that all clips share there is one result for each: `[B·F, H, W, C]`.
    pub fn cross(
        &self,
        g: &mut Graph,
        x: &Tensor,
        kv: &Tensor,
        frames: usize,
        residual: &Tensor,
    ) -> Result<Tensor, Error> {
        let q = g.linear("to_q", x, &self.to_q, Epilogue::default())?;
        let [batch, tokens] = [kv.shape()[0], kv.shape()[1]];
        let pixels = x.rows() / x.shape()[0].max(1);
        let (heads, width, dtype) = (self.heads, self.width, x.dtype());
        let op = |count| kernel::Attention::rows(count, heads, width, pixels, tokens, frames, dtype).joined(Joined::Kv);
        let mut shape = x.with_channels(heads * width);
        let y = if shape[0] == batch * frames {
            g.attention("attention", op(batch * frames), [&q, kv, kv])?
        } else {
            shape[0] = batch * frames;
            let y = g.tensor(&shape, dtype);
            for clip in 0..batch {
                let kv = kv.view_rows(clip * tokens..(clip + 1) * tokens);
                let rows = clip * frames * pixels..(clip + 1) * frames * pixels;
                g.attention_into("attention", op(frames), [&q, &kv, &kv], &y.view_rows(rows))?;
            }
            y
        };
        g.linear("to_out", &y, &self.to_out, Epilogue::add(residual)) // [B·F, H, W, C]
    }
}
