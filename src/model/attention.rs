//! Multi-head attention with its projections. Reference: diffusers `Attention`, transformers `CLIPAttention`.

use std::ops::Range;

use crate::{
    graph::{Epilogue, Error, Graph, Linear, Params, Tensor},
    kernel,
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
            y = self.part(heads.clone()).forward_whole(g, x, sequence, &y)?;
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

    fn forward_whole(&self, g: &mut Graph, x: &Tensor, sequence: Sequence, residual: &Tensor) -> Result<Tensor, Error> {
        let q = g.linear("to_q", x, &self.to_q, Epilogue::default())?; // [F, H·W, heads·width]
        let k = g.linear("to_k", x, &self.to_k, Epilogue::default())?;
        let v = g.linear("to_v", x, &self.to_v, Epilogue::default())?;
        let (rows, dtype) = (x.rows(), x.dtype());
        let op = match sequence {
            Sequence::Pixels(frames) => {
                let tokens = rows / frames.max(1);
                kernel::Attention::rows(frames, self.heads, self.width, tokens, tokens, 1, dtype)
            }
            Sequence::Frames(batch) => {
                let frames = x.shape()[0] / batch.max(1);
                let pixels = rows / x.shape()[0].max(1);
                kernel::Attention::frames(batch, frames, pixels, self.heads, self.width, dtype)
            }
            Sequence::Causal => kernel::Attention::rows(1, self.heads, self.width, rows, rows, 1, dtype).causal(),
        };
        let y = g.attention("attention", op, [&q, &k, &v])?;
        g.linear("to_out", &y, &self.to_out, Epilogue::add(residual)) // [F, H·W, C]
    }

    /// Keys and values of a context `[B, T, X]`, computed once per clip: two of `[B, T, heads·width]`.
    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<[Tensor; 2], Error> {
        let k = g.linear("to_k", context, &self.to_k, Epilogue::default())?;
        let v = g.linear("to_v", context, &self.to_v, Epilogue::default())?;
        Ok([k, v])
    }

    /// The shape of the keys and of the values of a context of this many tokens.
    pub fn context_shape(&self, batch: usize, tokens: usize) -> [usize; 3] {
        [batch, tokens, self.heads * self.width]
    }

    /// Cross-attention of `x` `[F, H·W, C]` to the context of its clip, added to `residual`.
    pub fn cross(&self, g: &mut Graph, x: &Tensor, [k, v]: [&Tensor; 2], residual: &Tensor) -> Result<Tensor, Error> {
        let q = g.linear("to_q", x, &self.to_q, Epilogue::default())?;
        let frames = x.shape()[0];
        let [batch, tokens] = [k.shape()[0], k.shape()[1]];
        let pixels = x.rows() / frames.max(1);
        let op =
            kernel::Attention::rows(frames, self.heads, self.width, pixels, tokens, frames / batch.max(1), x.dtype());
        let y = g.attention("attention", op, [&q, k, v])?;
        g.linear("to_out", &y, &self.to_out, Epilogue::add(residual))
    }
}
