//! The UNet. Reference: diffusers `I2VGenXLUNet`.

mod blocks;
mod conditions;
mod flow;
mod layer;
mod temporal;
mod transformer;

pub use conditions::{Condition, Conditions};

use blocks::{DownBlock, MidBlock, UpBlock};
use conditions::Embedding;
use flow::{Flow, Times};
use temporal::TemporalTransformer;

use crate::{
    checkpoint::UNetConfig,
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, GroupNorm, Params, Statistics, Tensor},
    kernel::{Activation, Dtype},
    model::resnet::Resnet,
};

/// eps of the norms of resnets, temporal convolutions and the output.
const EPS: f32 = 1e-5;

/// What the blocks need of the configuration.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    groups: usize,
    /// Width of the time embedding.
    time: usize,
    /// Width of the context tokens.
    context: usize,
    /// Width of one attention head.
    head: usize,
}

/// The network that predicts the noise (or velocity, or sample) of all frames at once.
#[derive(Clone, Debug)]
pub struct UNet {
    conditions: Conditions,
    time_embedding: Embedding,
    conv_in: Conv2d,
    transformer_in: TemporalTransformer,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    channels: usize,
    base: usize,
}

/// Layers of the outermost level on the way up that run in every evaluation; on the way down those that their skip connections need.
/// Each of the reference's levels has three.
const OUTER_LAYERS: usize = 1;

/// Which part of an evaluation is recorded. Features from below change little between neighbouring steps. Source: Ma et al.,
/// *DeepCache: Accelerating Diffusion Models for Free*, 2023.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// All of it; what the outermost layers receive from below is left as `deep`.
    Leaving,
    /// The outermost layers alone, on the `deep` of an earlier evaluation.
    Outer,
}

impl UNet {
    /// Declares the parameters.
    pub fn new(c: &UNetConfig, p: &Params) -> Self {
        let widths = &c.block_out_channels;
        let (levels, last) = (widths.len(), widths.len().saturating_sub(1));
        let s = Sizes {
            groups: c.norm_num_groups,
            time: c.time_embed_dim(),
            context: c.cross_attention_dim,
            head: c.attention_head_dim,
        };
        let down = |i: usize| {
            let inputs = widths[i.saturating_sub(1)];
            let sampler = i < last;
            DownBlock::new(
                &p.sub("down_blocks").sub(i),
                [inputs, widths[i]],
                c.layers_per_block,
                c.down_block_types[i].has_attention(),
                sampler,
                s,
            )
        };
        // Up blocks run through the levels in reverse; skips come from the encoder's layers in reverse order.
        let up = |i: usize| {
            let level = last - i;
            let outputs = widths[level];
            let below = widths[(level + 1).min(last)];
            let skip_end = widths[level.saturating_sub(1)];
            UpBlock::new(
                &p.sub("up_blocks").sub(i),
                [below, outputs, skip_end],
                c.layers_per_block + 1,
                c.up_block_types[i].has_attention(),
                i < last,
                s,
            )
        };
        let base = widths[0];
        Self {
            conditions: Conditions::new(c, p),
            time_embedding: Embedding::new(
                p,
                ["time_embedding.linear_1", "time_embedding.linear_2"],
                base,
                s.time,
                s.time,
            ),
            conv_in: p.conv2d("conv_in", 2 * c.in_channels, base, 3),
            transformer_in: TemporalTransformer::new(
                &p.sub("transformer_in"),
                base,
                UNetConfig::TRANSFORMER_IN_HEADS,
                s.head,
                s.groups,
            ),
            down_blocks: (0..levels).map(down).collect(),
            mid_block: MidBlock::new(&p.sub("mid_block"), widths[last], s),
            up_blocks: (0..levels).map(up).collect(),
            conv_norm_out: p.group_norm("conv_norm_out", base, s.groups, EPS),
            conv_out: p.conv2d("conv_out", base, c.out_channels, 3),
            channels: c.in_channels,
            base,
        }
    }

    /// Records what does not depend on the timestep: see [`Conditions`].
    pub fn record_conditions(&self, g: &mut Graph, c: &Condition) -> Result<(), Error> {
        let context = self.conditions.record(g, c)?;
        self.keys_values(g, &context)
    }

    /// Keys and values of every cross-attention: outputs `kv.PATH` `[B, tokens, 2C]`.
    fn keys_values(&self, g: &mut Graph, context: &Tensor) -> Result<(), Error> {
        for (i, block) in self.down_blocks.iter().enumerate() {
            g.scope(format!("down_blocks.{i}"), |g| block.keys_values(g, context))?;
        }
        g.scope("mid_block", |g| self.mid_block.keys_values(g, context))?;
        for (i, block) in self.up_blocks.iter().enumerate() {
            g.scope(format!("up_blocks.{i}"), |g| block.keys_values(g, context))?;
        }
        Ok(())
    }

    /// One evaluation, or a part of it. Inputs `latents` `[F, h, w, 4]` f32, `timestep` `[1]` f32, and the outputs of
    /// [`record_conditions`](Self::record_conditions); output `prediction` `[B, F, h·w, 4]` f32. `deep` `[B·F, h, w, C]` is an output or
    /// an input by `depth`.
    pub fn record(&self, g: &mut Graph, c: &Condition, depth: Depth) -> Result<(), Error> {
        let time = self.time(g)?; // [1, T]
        let times = Times::record(g, &time, &self.resnets(depth))?;
        let flow = Flow { batch: c.batch, frames: c.frames, times: &times, tokens: self.conditions.tokens(c) };
        let x = self.enter(g, c, &flow)?;
        let mut skips = vec![x.clone()];
        let deep = match depth {
            Depth::Outer => {
                if let Some(block) = self.down_blocks.first() {
                    g.scope("down_blocks.0", |g| block.forward_layers(g, x, OUTER_LAYERS - 1, &flow, &mut skips))?;
                }
                let map = [c.batch * c.frames, c.height, c.width, self.base];
                g.input("deep", &map, g.types().activation)
            }
            Depth::Whole | Depth::Leaving => self.descend(g, x, &flow, &mut skips)?,
        };
        if depth == Depth::Leaving {
            g.output("deep", &deep);
        }
        let mut x = deep;
        if let Some((last, block)) = self.up_blocks.iter().enumerate().next_back() {
            let layers = block.depth().saturating_sub(OUTER_LAYERS)..block.depth();
            x = g.scope(format!("up_blocks.{last}"), |g| block.forward_layers(g, x, layers, &flow, &mut skips))?; // [B·F, h, w, C]
            flow.tap(g, &format!("up_blocks.{last}"), &x)?;
        }
        let norm = g.group_norm("conv_norm_out", &[&x], &self.conv_norm_out, Statistics::PerFrame, Activation::None)?;
        g.tap("unet0.conv_norm_out", &norm); // dropped from plans that keep no taps: the next line fuses the activation
        let h = g.group_norm("conv_norm_out", &[&x], &self.conv_norm_out, Statistics::PerFrame, Activation::Silu)?;
        let f32 = Epilogue { f32: true, ..Epilogue::default() };
        let y = g.conv2d("conv_out", &[&h], &self.conv_out, ConvGeometry::same(3), f32)?; // [B·F, h, w, 4]
        g.output("prediction", &y);
        Ok(())
    }

    /// The residual blocks that run: those of the outermost layers, and all others.
    fn resnets(&self, depth: Depth) -> Vec<Vec<&Resnet>> {
        let downs = self.down_blocks.iter().flat_map(DownBlock::resnets);
        let ups = self.up_blocks.iter().flat_map(UpBlock::resnets);
        let mut inner: Vec<&Resnet> = downs.chain(self.mid_block.resnets()).chain(ups).collect();
        let mut outer: Vec<&Resnet> = inner.drain(..OUTER_LAYERS - 1).collect();
        outer.extend(inner.split_off(inner.len().saturating_sub(OUTER_LAYERS)));
        if depth == Depth::Outer { vec![outer] } else { vec![outer, inner] }
    }

    /// silu(time + fps) `[1, T]`.
    fn time(&self, g: &mut Graph) -> Result<Tensor, Error> {
        let t = g.input("timestep", &[1], Dtype::F32);
        let fps = g.input("fps_embedding", &[1, self.time_embedding.width()], g.types().activation);
        let time = g.scope("time_embedding", |g| self.time_embedding.forward(g, &t, self.base))?; // [1, T]
        g.tap("unet0.time_embedding", &time);
        let dtype = g.types().activation;
        g.pointwise("time_embedding", 1.0, &time, Some(&fps), Activation::Silu, dtype, time.shape()) // [1, T]
    }

    /// From the inputs to the first skip connection `[F, h, w, C]`, which all clips share.
    fn enter(&self, g: &mut Graph, c: &Condition, flow: &Flow<'_>) -> Result<Tensor, Error> {
        let map = [c.frames, c.height, c.width, self.channels];
        let dtype = g.types().activation;
        let latents = g.input("latents", &map, Dtype::F32);
        let x = g.pointwise("latents", 1.0, &latents, None, Activation::None, dtype, &map)?; // [F, h, w, 4]
        let image = g.input("image_branch", &map, dtype);
        let x = g.conv2d("conv_in", &[&x, &image], &self.conv_in, ConvGeometry::same(3), Epilogue::default())?; // [F, h, w, C]
        flow.tap(g, "conv_in", &x)?;
        let x = g.scope("transformer_in", |g| self.transformer_in.forward(g, &x, flow.clips(&x)))?;
        flow.tap(g, "transformer_in", &x)?;
        Ok(x)
    }

    /// Down, through the middle, and up to the last layers of the outermost level: what they receive from below, `[B·F, h, w, C]`.
    fn descend(&self, g: &mut Graph, mut x: Tensor, flow: &Flow<'_>, skips: &mut Vec<Tensor>) -> Result<Tensor, Error> {
        for (i, block) in self.down_blocks.iter().enumerate() {
            x = g.scope(format!("down_blocks.{i}"), |g| block.forward(g, x, flow, skips))?; // [F, h/2, w/2, C], as Flow says
            flow.tap(g, &format!("down_blocks.{i}"), &x)?;
        }
        x = g.scope("mid_block", |g| self.mid_block.forward(g, &x, flow))?;
        flow.tap(g, "mid_block", &x)?;
        for (i, block) in self.up_blocks.iter().enumerate() {
            let scope = format!("up_blocks.{i}");
            if i + 1 == self.up_blocks.len() {
                let layers = 0..block.depth().saturating_sub(OUTER_LAYERS);
                x = g.scope(scope, |g| block.forward_layers(g, x, layers, flow, skips))?; // [B·F, h, w, C]
            } else {
                x = g.scope(scope, |g| block.forward(g, x, flow, skips))?; // [B·F, 2h, 2w, C]
                flow.tap(g, &format!("up_blocks.{i}"), &x)?;
            }
        }
        Ok(x)
    }
}
