//! The autoencoder. Reference: diffusers `AutoencoderKL`.

use super::{
    attention::{Attention, Sequence},
    resnet::{Resnet, Sizes},
};
use crate::{
    checkpoint::VaeConfig,
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, GroupNorm, Params, Statistics, Tensor},
    kernel::{Activation, Dtype},
};

const EPS: f32 = 1e-6;

fn resnet(p: &Params, inputs: usize, outputs: usize, groups: usize) -> Resnet {
    Resnet::new(p, Sizes { inputs, outputs, groups, eps: EPS, time: None })
}

/// Residual block, self-attention over all pixels with one head, residual block. Reference: `UNetMidBlock2D`.
#[derive(Clone, Debug)]
struct MidBlock {
    resnets: [Resnet; 2],
    attention: Option<(GroupNorm, Attention)>,
}

impl MidBlock {
    fn new(p: &Params, channels: usize, groups: usize, attention: bool) -> Self {
        let a = p.sub("attentions.0");
        Self {
            resnets: [0, 1].map(|i| resnet(&p.sub("resnets").sub(i), channels, channels, groups)),
            attention: attention
                .then(|| (a.group_norm("group_norm", channels, groups, EPS), Attention::with_biases(&a, channels))),
        }
    }

    /// x `[1, H, W, C]` → `[1, H, W, C]`.
    fn forward(&self, g: &mut Graph, x: &Tensor) -> Result<Tensor, Error> {
        let mut x = g.scope("resnets.0", |g| self.resnets[0].forward(g, &[x], None))?;
        if let Some((norm, attention)) = &self.attention {
            x = g.scope("attentions.0", |g| {
                let h = g.group_norm("group_norm", &[&x], norm, Statistics::PerFrame, Activation::None)?;
                attention.forward(g, &h, Sequence::Pixels(1), &x)
            })?;
        }
        g.scope("resnets.1", |g| self.resnets[1].forward(g, &[&x], None))
    }
}

/// A level of the encoder or decoder.
#[derive(Clone, Debug)]
struct Level {
    resnets: Vec<Resnet>,
    /// The downsampler or upsampler.
    resample: Option<Conv2d>,
}

/// From pixels to the moments of the posterior.
#[derive(Clone, Debug)]
pub struct VaeEncoder {
    conv_in: Conv2d,
    down_blocks: Vec<Level>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    quant_conv: Option<Conv2d>,
    channels: usize,
    scaling_factor: f32,
}

impl VaeEncoder {
    /// Declares the parameters; `scaling_factor` multiplies the draw.
    pub fn new(c: &VaeConfig, scaling_factor: f32, p: &Params) -> Self {
        let (e, groups) = (p.sub("encoder"), c.norm_num_groups);
        let widths = &c.block_out_channels;
        let last = widths.len().saturating_sub(1);
        let level = |i: usize| {
            let b = e.sub("down_blocks").sub(i);
            let resnets = (0..c.layers_per_block).map(|j| {
                let inputs = if j == 0 { widths[i.saturating_sub(1)] } else { widths[i] };
                resnet(&b.sub("resnets").sub(j), inputs, widths[i], groups)
            });
            Level {
                resnets: resnets.collect(),
                resample: (i < last).then(|| b.conv2d("downsamplers.0.conv", widths[i], widths[i], 3)),
            }
        };
        let moments = 2 * c.latent_channels;
        Self {
            conv_in: e.conv2d("conv_in", c.in_channels, widths[0], 3),
            down_blocks: (0..widths.len()).map(level).collect(),
            mid_block: MidBlock::new(&e.sub("mid_block"), widths[last], groups, c.mid_block_add_attention),
            conv_norm_out: e.group_norm("conv_norm_out", widths[last], groups, EPS),
            conv_out: e.conv2d("conv_out", widths[last], moments, 3),
            quant_conv: c.use_quant_conv.then(|| p.conv2d("quant_conv", moments, moments, 1)),
            channels: c.in_channels,
            scaling_factor,
        }
    }

    /// Inputs `vae_pixels` `[1, H, W, 3]` f32 and the normals `noise.vae` `[4, h, w]` f32 (see [`Graph::normals`]); outputs `moments` `[1, h, w, 8]`, `vae_sample` `[h·w, 4]` and
    /// `image_latent` `[h·w, 4]` (the sample times the scaling factor), all f32.
    pub fn record(&self, g: &mut Graph, height: usize, width: usize, drawn: bool) -> Result<(), Error> {
        let pixels = g.input("vae_pixels", &[1, height, width, self.channels], Dtype::F32);
        let mut x = g.conv2d("conv_in", &[&pixels], &self.conv_in, ConvGeometry::same(3), Epilogue::default())?; // [1, H, W, C]
        for (i, level) in self.down_blocks.iter().enumerate() {
            x = g.scope(format!("encoder.down_blocks.{i}"), |g| {
                for (j, resnet) in level.resnets.iter().enumerate() {
                    x = g.scope(format!("resnets.{j}"), |g| resnet.forward(g, &[&x], None))?;
                }
                if let Some(conv) = &level.resample {
                    // Zeros on the right and below only: the last window hangs over the edge by one.
                    let out = [x.shape()[1] / 2, x.shape()[2] / 2];
                    let geometry = ConvGeometry { stride: 2, pad: 0, upsample: None, out: Some(out) };
                    x = g.conv2d("downsamplers.0", &[&x], conv, geometry, Epilogue::default())?; // [1, H/2, W/2, C]
                }
                Ok::<_, Error>(x)
            })?;
        }
        let x = g.scope("encoder.mid_block", |g| self.mid_block.forward(g, &x))?; // [1, h, w, C]
        let h = g.group_norm("conv_norm_out", &[&x], &self.conv_norm_out, Statistics::PerFrame, Activation::Silu)?;
        let f32 = Epilogue { f32: true, ..Epilogue::default() };
        let mut moments = g.conv2d("conv_out", &[&h], &self.conv_out, ConvGeometry::same(3), f32)?; // [1, h, w, 8]
        if let Some(conv) = &self.quant_conv {
            moments = g.conv2d("quant_conv", &[&moments], conv, ConvGeometry::same(1), f32)?;
        }
        g.output("moments", &moments);
        let noise = g.normals("noise.vae", &[moments.channels() / 2, moments.rows()], drawn)?;
        let [sample, latent] = g.posterior(&moments, &noise, self.scaling_factor)?; // [h·w, 4]
        g.output("vae_sample", &sample);
        g.output("image_latent", &latent);
        Ok(())
    }
}

/// From one frame's latents to pixels.
#[derive(Clone, Debug)]
pub struct VaeDecoder {
    post_quant_conv: Option<Conv2d>,
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<Level>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    channels: usize,
    /// Channels of the middle block.
    widest: usize,
    scaling_factor: f32,
}

impl VaeDecoder {
    /// Declares the parameters; the latents are divided by `scaling_factor`.
    pub fn new(c: &VaeConfig, scaling_factor: f32, p: &Params) -> Self {
        let (d, groups) = (p.sub("decoder"), c.norm_num_groups);
        let widths: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
        let last = widths.len().saturating_sub(1);
        let level = |i: usize| {
            let b = d.sub("up_blocks").sub(i);
            let resnets = (0..=c.layers_per_block).map(|j| {
                let inputs = if j == 0 { widths[i.saturating_sub(1)] } else { widths[i] };
                resnet(&b.sub("resnets").sub(j), inputs, widths[i], groups)
            });
            Level {
                resnets: resnets.collect(),
                resample: (i < last).then(|| b.conv2d("upsamplers.0.conv", widths[i], widths[i], 3)),
            }
        };
        Self {
            post_quant_conv: c
                .use_post_quant_conv
                .then(|| p.conv2d("post_quant_conv", c.latent_channels, c.latent_channels, 1)),
            conv_in: d.conv2d("conv_in", c.latent_channels, widths[0], 3),
            mid_block: MidBlock::new(&d.sub("mid_block"), widths[0], groups, c.mid_block_add_attention),
            up_blocks: (0..widths.len()).map(level).collect(),
            conv_norm_out: d.group_norm("conv_norm_out", widths[last], groups, EPS),
            conv_out: d.conv2d("conv_out", widths[last], c.out_channels, 3),
            channels: c.latent_channels,
            widest: widths[0],
            scaling_factor,
        }
    }

    /// Input `frame_latents` `[1, h, w, 4]` f32; outputs `pixels` `[1, H, W, 3]` f32 in [-1, 1] or so, and `rgb8`, packed bytes.
    pub fn record(&self, g: &mut Graph, height: usize, width: usize) -> Result<(), Error> {
        let x = self.middle(g, height, width)?;
        let pixels = self.rise(g, x)?;
        g.output("pixels", &pixels);
        let rgb8 = g.rgb8(&pixels)?;
        g.output("rgb8", &rgb8);
        Ok(())
    }

    /// The part with the attention over all pixels: input `frame_latents` `[1, h, w, 4]` f32, output `features` `[1, h, w, C]`.
    pub fn record_features(&self, g: &mut Graph, height: usize, width: usize) -> Result<(), Error> {
        let x = self.middle(g, height, width)?;
        g.output("features", &x);
        Ok(())
    }

    /// The rest for some rows: input `features` `[1, rows, w, C]`, output `pixels` `[1, 8 rows, W, 3]` f32.
    pub fn record_strip(&self, g: &mut Graph, rows: usize, width: usize) -> Result<(), Error> {
        let x = g.input("features", &[1, rows, width, self.widest], g.types().activation);
        let pixels = self.rise(g, x)?;
        g.output("pixels", &pixels);
        Ok(())
    }

    /// Latents → `[1, h, w, C]`.
    fn middle(&self, g: &mut Graph, height: usize, width: usize) -> Result<Tensor, Error> {
        let latents = g.input("frame_latents", &[1, height, width, self.channels], Dtype::F32);
        let dtype = g.types().activation;
        let mut x = g.pointwise(
            "unscale",
            1.0 / self.scaling_factor,
            &latents,
            None,
            Activation::None,
            dtype,
            latents.shape(),
        )?;
        if let Some(conv) = &self.post_quant_conv {
            x = g.conv2d("post_quant_conv", &[&x], conv, ConvGeometry::same(1), Epilogue::default())?; // [1, h, w, 4]
        }
        let x = g.conv2d("conv_in", &[&x], &self.conv_in, ConvGeometry::same(3), Epilogue::default())?; // [1, h, w, C]
        g.scope("decoder.mid_block", |g| self.mid_block.forward(g, &x))
    }

    /// x `[1, h, w, C]` → pixels `[1, H, W, 3]` f32.
    fn rise(&self, g: &mut Graph, mut x: Tensor) -> Result<Tensor, Error> {
        for (i, level) in self.up_blocks.iter().enumerate() {
            x = g.scope(format!("decoder.up_blocks.{i}"), |g| {
                for (j, resnet) in level.resnets.iter().enumerate() {
                    x = g.scope(format!("resnets.{j}"), |g| resnet.forward(g, &[&x], None))?;
                }
                if let Some(conv) = &level.resample {
                    let upsample = Some([2 * x.shape()[1], 2 * x.shape()[2]]);
                    let geometry = ConvGeometry { upsample, ..ConvGeometry::same(3) };
                    x = g.conv2d("upsamplers.0", &[&x], conv, geometry, Epilogue::default())?; // [1, 2H, 2W, C]
                }
                Ok::<_, Error>(x)
            })?;
        }
        let h = g.group_norm("conv_norm_out", &[&x], &self.conv_norm_out, Statistics::PerFrame, Activation::Silu)?;
        let f32 = Epilogue { f32: true, ..Epilogue::default() };
        g.conv2d("conv_out", &[&h], &self.conv_out, ConvGeometry::same(3), f32) // [1, H, W, 3]
    }
}
