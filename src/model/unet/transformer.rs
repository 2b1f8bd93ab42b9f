//! The transformer over the pixels of every frame, and the feed-forward that all transformers share.
//! Reference: diffusers `Transformer2DModel` (linear projections), `BasicTransformerBlock`.

use super::{Flow, Sizes};
use crate::{
    graph::{Epilogue, Error, Graph, GroupNorm, LayerNorm, Linear, Params, Statistics, Tensor},
    kernel::Activation,
    model::attention::{self, Attention, Sequence},
};

/// eps of the group norm before a transformer.
pub(super) const NORM_EPS: f32 = 1e-6;
/// eps of the layer norms inside.
pub(super) const LAYER_EPS: f32 = 1e-5;

/// `x + proj_out(block(proj_in(norm x)))`; the block attends to itself, then to the context, then feeds forward.
#[derive(Clone, Debug)]
pub(super) struct SpatialTransformer {
    norm: GroupNorm,
    proj_in: Linear,
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
    proj_out: Linear,
}

impl SpatialTransformer {
    pub fn new(p: &Params, channels: usize, heads: usize, s: Sizes) -> Self {
        let b = p.sub("transformer_blocks.0");
        let own = attention::Sizes { channels, context: channels, heads, width: s.head };
        Self {
            norm: p.group_norm("norm", channels, s.groups, NORM_EPS),
            proj_in: p.linear("proj_in", channels, heads * s.head),
            norm1: b.layer_norm("norm1", channels, LAYER_EPS),
            attn1: Attention::new(&b.sub("attn1"), own),
            norm2: b.layer_norm("norm2", channels, LAYER_EPS),
            attn2: Attention::new(&b.sub("attn2"), attention::Sizes { context: s.context, ..own }),
            norm3: b.layer_norm("norm3", channels, LAYER_EPS),
            ff: FeedForward::new(&b.sub("ff"), channels),
            proj_out: p.linear("proj_out", heads * s.head, channels),
        }
    }

    /// x `[F, H, W, C]`, which clips may share → `[B·F, H, W, C]`: behind the cross-attention none is like another.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, flow: &Flow<'_>) -> Result<Tensor, Error> {
        let frames = x.shape()[0];
        let h = g.group_norm("norm", &[x], &self.norm, Statistics::PerFrame, Activation::None)?; // [F, H, W, C]
        let h = g.linear("proj_in", &h, &self.proj_in, Epilogue::default())?;
        let n = g.layer_norm("norm1", &h, &self.norm1)?;
        let h = g.scope("attn1", |g| self.attn1.forward(g, &n, Sequence::Pixels(frames), &h))?;
        let n = g.layer_norm("norm2", &h, &self.norm2)?;
        let path = g.path("");
        let shape = self.attn2.context_shape(flow.batch, flow.tokens);
        let kv = g.input(format!("kv.{path}"), &shape, x.dtype()); // [B, tokens, 2C]
        let h = g.scope("attn2", |g| self.attn2.cross(g, &n, &kv, flow.frames, &h))?; // [B·F, H, W, C]
        let n = g.layer_norm("norm3", &h, &self.norm3)?;
        let h = g.scope("ff", |g| self.ff.forward(g, &n, &h))?;
        g.linear("proj_out", &h, &self.proj_out, Epilogue::add(x)) // [B·F, H, W, C]
    }

    /// Keys and values of the context, as output `kv.PATH`.
    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        let path = g.path("");
        let kv = g.scope("attn2", |g| self.attn2.keys_values(g, context))?;
        g.output(format!("kv.{path}"), &kv);
        Ok(())
    }
}

/// `W2 (value · gelu(gate))`, four times as wide inside. Reference: diffusers `FeedForward` with `GEGLU`.
#[derive(Clone, Debug)]
pub(super) struct FeedForward {
    geglu: Linear,
    out: Linear,
}

impl FeedForward {
    pub fn new(p: &Params, channels: usize) -> Self {
        Self { geglu: p.linear("net.0.proj", channels, 8 * channels), out: p.linear("net.2", 4 * channels, channels) }
    }

    /// x `[…, C]` → `[…, C]`, added to `residual`. Large inputs are done part by part: the wide tensor never exists whole.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, residual: &Tensor) -> Result<Tensor, Error> {
        let y = g.tensor(x.shape(), g.types().activation); // [F, H, W, C]
        for rows in g.row_parts(x.rows(), self.out.weight.shape[1]) {
            let (x, residual, y) = (x.view_rows(rows.clone()), residual.view_rows(rows.clone()), y.view_rows(rows));
            let h = g.geglu("net.0", &x, &self.geglu)?; // [rows, 4C]
            g.linear("net.2", &h, &self.out, Epilogue { into: Some(&y), ..Epilogue::add(&residual) })?; // [rows, C]
        }
        Ok(y)
    }
}
