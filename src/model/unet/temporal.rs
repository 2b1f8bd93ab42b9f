//! What mixes frames: the temporal convolution and the temporal transformer.
//! Reference: diffusers `TemporalConvLayer`, `TransformerTemporalModel` (with `double_self_attention`).

use super::{
    EPS,
    transformer::{FeedForward, LAYER_EPS, NORM_EPS},
};
use crate::{
    graph::{Conv3d, Epilogue, Error, Graph, GroupNorm, LayerNorm, Linear, Params, Statistics, Tensor},
    kernel::Activation,
    model::attention::{self, Attention, Sequence},
};

/// Four times norm, silu, convolution over three frames; added to the input. Statistics over all frames of a clip.
#[derive(Clone, Debug)]
pub(super) struct TemporalConv {
    stages: [(GroupNorm, Conv3d); 4],
}

impl TemporalConv {
    pub fn new(p: &Params, channels: usize, groups: usize) -> Self {
        let stage = |i: usize| {
            let p = p.sub(format!("conv{}", i + 1));
            // The later stages have a dropout between activation and convolution.
            let conv = if i == 0 { "2" } else { "3" };
            (p.group_norm("0", channels, groups, EPS), p.conv3d(conv, channels, channels, 3))
        };
        Self { stages: [0, 1, 2, 3].map(stage) }
    }

    /// x `[B·F, H, W, C]` → `[B·F, H, W, C]`.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, batch: usize) -> Result<Tensor, Error> {
        let mut h = x.clone();
        for (i, (norm, conv)) in self.stages.iter().enumerate() {
            h = g.group_norm("norm", &[&h], norm, Statistics::AllFrames(batch), Activation::Silu)?;
            let e = if i == 3 { Epilogue::add(x) } else { Epilogue::default() };
            h = g.conv_frames(&format!("conv{}", i + 1), &h, batch, conv, e)?;
        }
        Ok(h)
    }
}

/// `x + proj_out(block(proj_in(norm x)))` with the frames at each pixel as tokens; the block attends to itself twice. There is no
/// encoding of the frames' positions.
#[derive(Clone, Debug)]
pub(super) struct TemporalTransformer {
    norm: GroupNorm,
    proj_in: Linear,
    attentions: [(LayerNorm, Attention); 2],
    norm3: LayerNorm,
    ff: FeedForward,
    proj_out: Linear,
}

impl TemporalTransformer {
    pub fn new(p: &Params, channels: usize, heads: usize, width: usize, groups: usize) -> Self {
        let (b, inner) = (p.sub("transformer_blocks.0"), heads * width);
        let sizes = attention::Sizes { channels: inner, context: inner, heads, width };
        let attention = |i: usize| {
            (b.layer_norm(format!("norm{i}"), inner, LAYER_EPS), Attention::new(&b.sub(format!("attn{i}")), sizes))
        };
        Self {
            norm: p.group_norm("norm", channels, groups, NORM_EPS),
            proj_in: p.linear("proj_in", channels, inner),
            attentions: [1, 2].map(attention),
            norm3: b.layer_norm("norm3", inner, LAYER_EPS),
            ff: FeedForward::new(&b.sub("ff"), inner),
            proj_out: p.linear("proj_out", inner, channels),
        }
    }

    /// x `[B·F, H, W, C]` → `[B·F, H, W, C]`: a stride, not a copy.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, batch: usize) -> Result<Tensor, Error> {
        let h = g.group_norm("norm", &[x], &self.norm, Statistics::AllFrames(batch), Activation::None)?;
        let mut h = g.linear("proj_in", &h, &self.proj_in, Epilogue::default())?; // [B·F, H, W, inner]
        for (i, (norm, attention)) in self.attentions.iter().enumerate() {
            let n = g.layer_norm("norm", &h, norm)?;
            h = g.scope(format!("attn{}", i + 1), |g| attention.forward(g, &n, Sequence::Frames(batch), &h))?;
        }
        let n = g.layer_norm("norm3", &h, &self.norm3)?;
        let h = g.scope("ff", |g| self.ff.forward(g, &n, &h))?;
        g.linear("proj_out", &h, &self.proj_out, Epilogue::add(x)) // [B·F, H, W, C]
    }
}
