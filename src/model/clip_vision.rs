//! The image encoder. Reference: transformers `CLIPVisionModelWithProjection`.

use super::{
    attention::Sequence,
    clip::{ClipLayer, Sizes},
};
use crate::{
    checkpoint::ClipVisionConfig,
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, Input, LayerNorm, Linear, Param, Params, Tensor},
    kernel::Dtype,
};

/// Patches, class token, transformer, projection of the class token.
#[derive(Clone, Debug)]
pub struct ClipVision {
    class_embedding: Param,
    patch_embedding: Conv2d,
    position_embedding: Param,
    pre_layrnorm: LayerNorm,
    layers: Vec<ClipLayer>,
    post_layernorm: LayerNorm,
    visual_projection: Linear,
    channels_in: usize,
    side: usize,
    patch: usize,
}

impl ClipVision {
    /// Declares the parameters.
    pub fn new(c: &ClipVisionConfig, p: &Params) -> Self {
        let v = p.sub("vision_model");
        let sizes = Sizes {
            channels: c.hidden_size,
            intermediate: c.intermediate_size,
            heads: c.num_attention_heads,
            eps: c.layer_norm_eps,
            activation: c.hidden_act,
        };
        Self {
            class_embedding: v.param("embeddings.class_embedding", &[c.hidden_size]),
            patch_embedding: v.conv2d_no_bias(
                "embeddings.patch_embedding",
                c.num_channels,
                c.hidden_size,
                c.patch_size,
            ),
            position_embedding: v.param("embeddings.position_embedding.weight", &[c.tokens(), c.hidden_size]),
            pre_layrnorm: v.layer_norm("pre_layrnorm", c.hidden_size, c.layer_norm_eps), // misspelt in the checkpoint
            layers: (0..c.num_hidden_layers).map(|i| ClipLayer::new(&v.sub("encoder.layers").sub(i), sizes)).collect(),
            post_layernorm: v.layer_norm("post_layernorm", c.hidden_size, c.layer_norm_eps),
            visual_projection: p.linear_no_bias("visual_projection", c.hidden_size, c.projection_dim),
            channels_in: c.num_channels,
            side: c.image_size,
            patch: c.patch_size,
        }
    }

    /// Input `clip_pixels` `[1, S, S, 3]` f32; output `image_embeds` `[1, X]`.
    pub fn record(&self, g: &mut Graph) -> Result<(), Error> {
        let pixels = g.input("clip_pixels", &[1, self.side, self.side, self.channels_in], Dtype::F32);
        let geometry = ConvGeometry { stride: self.patch, pad: 0, upsample: None, out: None };
        let x = g.conv2d("patch_embedding", &[&pixels], &self.patch_embedding, geometry, Epilogue::default())?; // [1, P, P, C]
        let (patches, channels) = (x.rows(), x.channels());
        let x = x.reshape(&[1, patches, channels]);
        let parts = [Input::param(&self.class_embedding), Input::Tensor(&x)];
        let x = g.concat_rows("embeddings", 1, &parts, Some(&self.position_embedding))?; // [1, 1 + P·P, C]
        let mut x: Tensor = g.layer_norm("pre_layrnorm", &x, &self.pre_layrnorm)?;
        for (i, layer) in self.layers.iter().enumerate() {
            x = g.scope(format!("encoder.layers.{i}"), |g| layer.forward(g, &x, Sequence::Pixels(1)))?; // [1, 1 + P·P, C]
        }
        let class = x.view_rows(0..1); // [1, C]
        let h = g.layer_norm("post_layernorm", &class, &self.post_layernorm)?;
        let y = g.linear("visual_projection", &h, &self.visual_projection, Epilogue::default())?; // [1, X]
        g.output("image_embeds", &y);
        Ok(())
    }
}
