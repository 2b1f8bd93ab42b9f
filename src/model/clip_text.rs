//! The text encoder. Reference: transformers `CLIPTextModel`, as diffusers' pipeline uses it.

use super::{
    attention::Sequence,
    clip::{ClipLayer, Sizes},
};
use crate::{
    checkpoint::ClipTextConfig,
    graph::{Error, Graph, LayerNorm, Param, Params},
    kernel::Dtype,
};

/// Token and position embeddings, causal transformer, final norm. Padding is not masked.
#[derive(Clone, Debug)]
pub struct ClipText {
    token_embedding: Param,
    position_embedding: Param,
    layers: Vec<ClipLayer>,
    final_layer_norm: LayerNorm,
}

impl ClipText {
    /// Declares the parameters.
    pub fn new(c: &ClipTextConfig, p: &Params) -> Self {
        let p = p.sub("text_model");
        let sizes = Sizes {
            channels: c.hidden_size,
            intermediate: c.intermediate_size,
            heads: c.num_attention_heads,
            eps: c.layer_norm_eps,
            activation: c.hidden_act,
        };
        Self {
            token_embedding: p.param("embeddings.token_embedding.weight", &[c.vocab_size, c.hidden_size]),
            position_embedding: p
                .param("embeddings.position_embedding.weight", &[c.max_position_embeddings, c.hidden_size]),
            layers: (0..c.num_hidden_layers).map(|i| ClipLayer::new(&p.sub("encoder.layers").sub(i), sizes)).collect(),
            final_layer_norm: p.layer_norm("final_layer_norm", c.hidden_size, c.layer_norm_eps),
        }
    }

    /// Input `ids` `[T]`; output `text_embeds` `[1, T, X]`: the hidden states without the last `clip_skip` layers, then the final norm.
    pub fn record(&self, g: &mut Graph, tokens: usize, clip_skip: usize) -> Result<(), Error> {
        let ids = g.input("ids", &[tokens], Dtype::U32);
        let x = g.embedding("embeddings", &ids, &self.token_embedding, &self.position_embedding)?; // [T, X]
        let mut x = x.reshape(&[1, tokens, x.channels()]);
        let used = self.layers.len().saturating_sub(clip_skip);
        for (i, layer) in self.layers.iter().take(used).enumerate() {
            x = g.scope(format!("encoder.layers.{i}"), |g| layer.forward(g, &x, Sequence::Causal))?; // [1, T, X]
        }
        let y = g.layer_norm("final_layer_norm", &x, &self.final_layer_norm)?; // [1, T, X]
        g.output("text_embeds", &y);
        Ok(())
    }
}
