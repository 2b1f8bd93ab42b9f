//! Levels of the UNet: down, middle, up. Reference: diffusers `CrossAttnDownBlock3D`, `DownBlock3D`, `UNetMidBlock3DCrossAttn`,
//! `CrossAttnUpBlock3D`, `UpBlock3D`.

use std::ops::Range;

use super::{EPS, Flow, Sizes, layer::Layer, temporal::TemporalConv};
use crate::{
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, Params, Tensor},
    model::resnet::{self, Resnet},
};

/// A level on the way down. Every layer's output and the downsampler's become skip connections.
#[derive(Clone, Debug)]
pub(super) struct DownBlock {
    layers: Vec<Layer>,
    downsampler: Option<Conv2d>,
}

impl DownBlock {
    pub fn new(
        p: &Params,
        [inputs, outputs]: [usize; 2],
        layers: usize,
        attention: bool,
        sampler: bool,
        s: Sizes,
    ) -> Self {
        Self {
            layers: (0..layers)
                .map(|i| Layer::new(p, i, if i == 0 { inputs } else { outputs }, outputs, attention, s))
                .collect(),
            downsampler: sampler.then(|| p.conv2d("downsamplers.0.conv", outputs, outputs, 3)),
        }
    }

    pub fn forward(
        &self,
        g: &mut Graph,
        mut x: Tensor,
        flow: &Flow<'_>,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, Error> {
        x = self.forward_layers(g, x, self.layers.len(), flow, skips)?; // [F, H, W, C]
        if let Some(conv) = &self.downsampler {
            let geometry = ConvGeometry { stride: 2, ..ConvGeometry::same(3) };
            x = g.conv2d("downsamplers.0", &[&x], conv, geometry, Epilogue::default())?; // [F, ⌈H/2⌉, ⌈W/2⌉, C]
            skips.push(x.clone());
        }
        Ok(x)
    }

    /// The first `count` layers alone.
    pub fn forward_layers(
        &self,
        g: &mut Graph,
        mut x: Tensor,
        count: usize,
        flow: &Flow<'_>,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, Error> {
        for layer in self.layers.iter().take(count) {
            x = layer.forward(g, &[&x], flow)?; // [F, H, W, C]
            skips.push(x.clone());
        }
        Ok(x)
    }

    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        self.layers.iter().try_for_each(|layer| layer.keys_values(g, context))
    }

    pub fn resnets(&self) -> impl Iterator<Item = &Resnet> {
        self.layers.iter().map(Layer::resnet)
    }
}

/// The middle: residual block and temporal convolution, both transformers, residual block and temporal convolution.
#[derive(Clone, Debug)]
pub(super) struct MidBlock {
    first: Layer,
    resnet: Resnet,
    temp_conv: TemporalConv,
}

impl MidBlock {
    pub fn new(p: &Params, channels: usize, s: Sizes) -> Self {
        let sizes =
            resnet::Sizes { inputs: channels, outputs: channels, groups: s.groups, eps: EPS, time: Some(s.time) };
        Self {
            first: Layer::new(p, 0, channels, channels, true, s),
            resnet: Resnet::new(&p.sub("resnets.1"), sizes),
            temp_conv: TemporalConv::new(&p.sub("temp_convs.1"), channels, s.groups),
        }
    }

    pub fn forward(&self, g: &mut Graph, x: &Tensor, flow: &Flow<'_>) -> Result<Tensor, Error> {
        let h = self.first.forward(g, &[x], flow)?; // [F, H, W, C]
        let h = flow.resnet(g, "resnets.1", &self.resnet, &[&h])?; // [F, H, W, C]
        g.scope("temp_convs.1", |g| self.temp_conv.forward(g, &h, flow.clips(&h))) // [F, H, W, C]
    }

    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        self.first.keys_values(g, context)
    }

    pub fn resnets(&self) -> impl Iterator<Item = &Resnet> {
        [self.first.resnet(), &self.resnet].into_iter()
    }
}

/// A level on the way up. Every layer reads its input and a skip connection side by side.
#[derive(Clone, Debug)]
pub(super) struct UpBlock {
    layers: Vec<Layer>,
    upsampler: Option<Conv2d>,
}

impl UpBlock {
    /// `below`: channels of the level below; `outputs`: of this level; `skip_end`: of the last skip connection, which comes from the
    /// level above.
    pub fn new(
        p: &Params,
        [below, outputs, skip_end]: [usize; 3],
        layers: usize,
        attention: bool,
        sampler: bool,
        s: Sizes,
    ) -> Self {
        let layer = |i: usize| {
            let input = if i == 0 { below } else { outputs };
            let skip = if i + 1 == layers { skip_end } else { outputs };
            Layer::new(p, i, input + skip, outputs, attention, s)
        };
        Self {
            layers: (0..layers).map(layer).collect(),
            upsampler: sampler.then(|| p.conv2d("upsamplers.0.conv", outputs, outputs, 3)),
        }
    }

    pub fn forward(
        &self,
        g: &mut Graph,
        mut x: Tensor,
        flow: &Flow<'_>,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, Error> {
        x = self.forward_layers(g, x, 0..self.layers.len(), flow, skips)?; // [F, H, W, C]
        if let (Some(conv), Some(next)) = (&self.upsampler, skips.last()) {
            // Sizes halve upwards, so the doubled map may be one larger than the next skip: it is cropped to the skip's size.
            let upsample = Some([next.shape()[1], next.shape()[2]]);
            let geometry = ConvGeometry { upsample, ..ConvGeometry::same(3) };
            x = g.conv2d("upsamplers.0", &[&x], conv, geometry, Epilogue::default())?; // [F, 2H, 2W, C]
        }
        Ok(x)
    }

    /// These layers alone.
    pub fn forward_layers(
        &self,
        g: &mut Graph,
        mut x: Tensor,
        layers: Range<usize>,
        flow: &Flow<'_>,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, Error> {
        for layer in self.layers.iter().take(layers.end).skip(layers.start) {
            let skip = skips.pop().ok_or_else(|| Error::Unbound("a skip connection".into()))?;
            let skip = flow.each(g, &skip)?;
            x = layer.forward(g, &[&x, &skip], flow)?; // [F, H, W, C]
        }
        Ok(x)
    }

    /// How many layers it has.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    pub fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        self.layers.iter().try_for_each(|layer| layer.keys_values(g, context))
    }

    pub fn resnets(&self) -> impl Iterator<Item = &Resnet> {
        self.layers.iter().map(Layer::resnet)
    }
}
