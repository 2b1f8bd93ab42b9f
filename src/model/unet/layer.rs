//! One layer of a UNet level.

use super::{EPS, Flow, Sizes, temporal::TemporalConv, temporal::TemporalTransformer, transformer::SpatialTransformer};
use crate::{
    graph::{Error, Graph, Params, Tensor},
    model::resnet::{self, Resnet},
};

/// Residual block, temporal convolution, then (where the level has attention) spatial and temporal transformer.
///
/// `x` `[F, H, W, C_in]` → `[F, H, W, C]`. Reference: the loop bodies of diffusers `unet_3d_blocks.py`.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    resnet: Resnet,
    temp_conv: TemporalConv,
    attention: Option<(SpatialTransformer, TemporalTransformer)>,
    index: usize,
}

impl Layer {
    /// Layer `index` of the block at `p`, from `inputs` to `outputs` channels.
    pub fn new(p: &Params, index: usize, inputs: usize, outputs: usize, attention: bool, s: Sizes) -> Self {
        let sizes = resnet::Sizes { inputs, outputs, groups: s.groups, eps: EPS, time: Some(s.time) };
        let heads = outputs / s.head.max(1);
        Self {
            resnet: Resnet::new(&p.sub("resnets").sub(index), sizes),
            temp_conv: TemporalConv::new(&p.sub("temp_convs").sub(index), outputs, s.groups),
            attention: attention.then(|| {
                (
                    SpatialTransformer::new(&p.sub("attentions").sub(index), outputs, heads, s),
                    TemporalTransformer::new(&p.sub("temp_attentions").sub(index), outputs, heads, s.head, s.groups),
                )
            }),
            index,
        }
    }

    /// x, or x and its skip connection side by side.
    pub fn forward(&self, g: &mut Graph, x: &[&Tensor], flow: &Flow<'_>) -> Result<Tensor, Error> {
        let i = self.index;
        let h = flow.resnet(g, &format!("resnets.{i}"), &self.resnet, x)?; // [F, H, W, C] statistics per frame
        flow.tap(g, &format!("resnets.{i}"), &h)?;
        let h = g.scope(format!("temp_convs.{i}"), |g| self.temp_conv.forward(g, &h, flow.clips(&h)))?; // [F, H, W, C] statistics over all frames
        flow.tap(g, &format!("temp_convs.{i}"), &h)?;
        self.attend(g, h, flow)
    }

    /// Its residual block.
    pub fn resnet(&self) -> &Resnet {
        &self.resnet
    }

    /// Both transformers, if there are any.
    fn attend(&self, g: &mut Graph, h: Tensor, flow: &Flow<'_>) -> Result<Tensor, Error> {
        let Some((spatial, temporal)) = &self.attention else { return Ok(h) };
        let i = self.index;
        let h = g.scope(format!("attentions.{i}"), |g| spatial.forward(g, &h, flow))?; // [F, H, W, C] tokens are pixels
        flow.tap(g, &format!("attentions.{i}"), &h)?;
        let h = g.scope(format!("temp_attentions.{i}"), |g| temporal.forward(g, &h, flow.clips(&h)))?; // [F, H, W, C] tokens are frames
        flow.tap(g, &format!("temp_attentions.{i}"), &h)?;
        Ok(h)
    }

    /// Keys and values of the spatial transformer's cross-attention.
    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        match &self.attention {
            Some((spatial, _)) => g.scope(format!("attentions.{}", self.index), |g| spatial.keys_values(g, context)),
            None => Ok(()),
        }
    }
}
