//! The layer that both CLIP encoders stack. Reference: transformers `CLIPEncoderLayer`.

use super::attention::{Attention, Sequence};
use crate::{
    checkpoint::HiddenAct,
    graph::{Epilogue, Error, Graph, LayerNorm, Linear, Params, Tensor},
    kernel::Activation,
};

/// Pre-norm self-attention and MLP.
#[derive(Clone, Debug)]
pub(super) struct ClipLayer {
    layer_norm1: LayerNorm,
    self_attn: Attention,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
}

/// Sizes of a [`ClipLayer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub channels: usize,
    pub intermediate: usize,
    pub heads: usize,
    pub eps: f32,
    pub activation: HiddenAct,
}

impl ClipLayer {
    pub fn new(p: &Params, s: Sizes) -> Self {
        Self {
            layer_norm1: p.layer_norm("layer_norm1", s.channels, s.eps),
            self_attn: Attention::clip(&p.sub("self_attn"), s.channels, s.heads),
            layer_norm2: p.layer_norm("layer_norm2", s.channels, s.eps),
            fc1: p.linear("mlp.fc1", s.channels, s.intermediate),
            fc2: p.linear("mlp.fc2", s.intermediate, s.channels),
            activation: match s.activation {
                HiddenAct::Gelu => Activation::Gelu,
                HiddenAct::QuickGelu => Activation::QuickGelu,
                HiddenAct::Silu => Activation::Silu,
            },
        }
    }

    /// x `[1, T, C]` → `[1, T, C]`.
    pub fn forward(&self, g: &mut Graph, x: &Tensor, sequence: Sequence) -> Result<Tensor, Error> {
        let h = g.layer_norm("layer_norm1", x, &self.layer_norm1)?; // [1, T, C]
        let x = g.scope("self_attn", |g| self.self_attn.forward(g, &h, sequence, x))?; // [1, T, C]
        let h = g.layer_norm("layer_norm2", &x, &self.layer_norm2)?; // [1, T, C]
        let h = g.linear("mlp.fc1", &h, &self.fc1, Epilogue::act(self.activation))?; // [1, T, 4C]
        g.linear("mlp.fc2", &h, &self.fc2, Epilogue::add(&x)) // [1, T, C]
    }
}
