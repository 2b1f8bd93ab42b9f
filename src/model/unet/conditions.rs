//! What conditions the UNet and does not depend on the timestep: computed once per clip.
//! Reference: the first half of diffusers `I2VGenXLUNet.forward`.

use crate::{
    checkpoint::UNetConfig,
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, Input, LayerNorm, Linear, Params, Tensor},
    kernel::{Activation, Dtype},
    model::attention::{self, Attention, Sequence},
};

/// The shape of a request, and how the references differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Clips side by side: 1, or 2 (negative prompt, prompt) with guidance as one batch.
    pub batch: usize,
    /// Frames of the clip.
    pub frames: usize,
    /// Height of the latents.
    pub height: usize,
    /// Width of the latents.
    pub width: usize,
    /// Tokens of a prompt.
    pub text_tokens: usize,
    /// How often the image-latent branch is added: once in diffusers, twice in VGen, which trained the model.
    pub image_branch_scale: f32,
}

/// Linear, SiLU, Linear.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    first: Linear,
    second: Linear,
}

impl Embedding {
    pub fn new(p: &Params, names: [&str; 2], inputs: usize, hidden: usize, outputs: usize) -> Self {
        Self { first: p.linear(names[0], inputs, hidden), second: p.linear(names[1], hidden, outputs) }
    }

    /// Channels of the output.
    pub fn width(&self) -> usize {
        self.second.weight.shape[0]
    }

    /// The embedding of numbers `t` `[n]` through sinusoids of `channels`: `[n, T]`.
    pub fn forward(&self, g: &mut Graph, t: &Tensor, channels: usize) -> Result<Tensor, Error> {
        let sinusoid = g.sinusoid("sinusoid", t, channels)?; // [n, channels]
        self.project(g, &sinusoid)
    }

    /// `second(silu(first x))`.
    pub fn project(&self, g: &mut Graph, x: &Tensor) -> Result<Tensor, Error> {
        let h = g.linear("linear_1", x, &self.first, Epilogue::act(Activation::Silu))?;
        g.linear("linear_2", &h, &self.second, Epilogue::default())
    }
}

/// Heads of the image latents' little transformer. Fixed in the reference.
const IMAGE_HEADS: usize = 2;
/// Side of the pooled image latents before their convolutions to context tokens.
const POOLED: usize = 32;

/// The parameters that turn text, picture and frame rate into conditions.
#[derive(Clone, Debug)]
pub struct Conditions {
    fps_embedding: Embedding,
    context_embedding: Embedding,
    image_latents_context_embedding: [Conv2d; 3],
    image_latents_proj_in: [Conv2d; 3],
    norm1: LayerNorm,
    attn1: Attention,
    ff: [Linear; 2],
    channels: usize,
    context: usize,
    base: usize,
}

impl Conditions {
    pub(super) fn new(c: &UNetConfig, p: &Params) -> Self {
        let (n, x, base, time) = (c.in_channels, c.cross_attention_dim, c.block_out_channels[0], c.time_embed_dim());
        let (proj, ctx, enc) = (
            p.sub("image_latents_proj_in"),
            p.sub("image_latents_context_embedding"),
            p.sub("image_latents_temporal_encoder"),
        );
        Self {
            fps_embedding: Embedding::new(p, ["fps_embedding.0", "fps_embedding.2"], base, time, time),
            context_embedding: Embedding::new(p, ["context_embedding.0", "context_embedding.2"], x, time, n * x),
            image_latents_context_embedding: [
                ctx.conv2d("0", n, 8 * n, 3),
                ctx.conv2d("3", 8 * n, 16 * n, 3),
                ctx.conv2d("5", 16 * n, x, 3),
            ],
            image_latents_proj_in: [
                proj.conv2d("0", n, 4 * n, 3),
                proj.conv2d("2", 4 * n, 4 * n, 3),
                proj.conv2d("4", 4 * n, n, 3),
            ],
            norm1: enc.layer_norm("norm1", n, 1e-5),
            attn1: Attention::new(
                &enc.sub("attn1"),
                attention::Sizes { channels: n, context: n, heads: IMAGE_HEADS, width: n },
            ),
            ff: [enc.linear("ff.net.0.proj", n, 4 * n), enc.linear("ff.net.2", 4 * n, n)],
            channels: n,
            context: x,
            base,
        }
    }

    /// Context tokens: text, image latents, CLIP.
    pub(super) fn tokens(&self, c: &Condition) -> usize {
        c.text_tokens + (POOLED / 4) * (POOLED / 4) + self.channels
    }

    /// Inputs `text` `[B, T, X]`, `clip` `[B, X]`, `image_latent` `[h·w, 4]` f32, `fps` `[1]` f32; outputs `fps_embedding` `[1, T]` and
    /// `image_branch` `[F, h, w, 4]`. Returns the context `[B, tokens, X]`.
    pub(super) fn record(&self, g: &mut Graph, c: &Condition) -> Result<Tensor, Error> {
        let dtype = g.types().activation;
        let (n, x) = (self.channels, self.context);
        let fps = g.input("fps", &[1], Dtype::F32);
        let fps = g.scope("fps_embedding", |g| self.fps_embedding.forward(g, &fps, self.base))?; // [1, T]
        g.output("fps_embedding", &fps);

        let latent = g.input("image_latent", &[c.height * c.width, n], Dtype::F32);
        let latents = g.image_latents(&latent, c.frames)?; // [F, h·w, 4]
        g.tap("unet_in.image_latents", &latents);
        let branch = g.scope("image_latents", |g| self.image_branch(g, &latents, c))?; // [F, h, w, 4]
        let map = [c.frames, c.height, c.width, n];
        let branch = g.pointwise("image_branch", c.image_branch_scale, &branch, None, Activation::None, dtype, &map)?;
        g.output("image_branch", &branch); // [F, h, w, 4]

        let first = latents.view_rows(0..c.height * c.width).reshape(&[1, c.height, c.width, n]);
        let image = g.scope("image_latents_context_embedding", |g| self.image_tokens(g, &first))?; // [64, X]
        g.tap("unet0.context_image_latents", &image);
        let clip = g.input("clip", &[c.batch, x], dtype);
        let clip = g.scope("context_embedding", |g| self.context_embedding.project(g, &clip))?; // [B, 4·X]
        g.tap("unet0.context_clip", &clip);
        let clip = clip.reshape(&[c.batch, n, x]);
        let text = g.input("text", &[c.batch, c.text_tokens, x], dtype);
        let parts = [Input::Tensor(&text), Input::Tensor(&image), Input::Tensor(&clip)];
        let context = g.concat_rows("context", c.batch, &parts, None)?; // [B, 77 + 64 + 4, X]
        g.tap("unet0.encoder_hidden_states", &context);
        Ok(context)
    }

    /// What is added to the input of every frame: convolutions, then a tiny transformer over frames without a norm before its
    /// feed-forward. `[F, h·w, 4]` → `[F, h, w, 4]`.
    fn image_branch(&self, g: &mut Graph, latents: &Tensor, c: &Condition) -> Result<Tensor, Error> {
        let [a, b, d] = &self.image_latents_proj_in;
        let x = latents.reshape(&[c.frames, c.height, c.width, self.channels]);
        let (same, silu) = (ConvGeometry::same(3), Epilogue::act(Activation::Silu));
        let x = g.conv2d("proj_in.0", &[&x], a, same, silu)?; // [F, h, w, 16]
        let x = g.conv2d("proj_in.2", &[&x], b, same, silu)?; // [F, h, w, 16]
        let x = g.conv2d("proj_in.4", &[&x], d, same, Epilogue::default())?; // [F, h, w, 4]
        g.tap("unet0.image_latents_proj_in", &x);
        let h = g.layer_norm("norm1", &x, &self.norm1)?;
        let x = g.scope("attn1", |g| self.attn1.forward(g, &h, Sequence::Frames(1), &x))?; // [F, h, w, 4]
        let h = g.linear("ff.net.0", &x, &self.ff[0], Epilogue::act(Activation::Gelu))?; // [F, h, w, 16]
        let x = g.linear("ff.net.2", &h, &self.ff[1], Epilogue::add(&x))?; // [F, h, w, 4]
        g.tap("unet0.image_latents_temporal_encoder", &x);
        Ok(x)
    }

    /// Context tokens of the picture's latent: `[1, h, w, 4]` → `[64, X]`.
    fn image_tokens(&self, g: &mut Graph, latent: &Tensor) -> Result<Tensor, Error> {
        let [a, b, d] = &self.image_latents_context_embedding;
        let half = ConvGeometry { stride: 2, ..ConvGeometry::same(3) };
        let silu = Epilogue::act(Activation::Silu);
        let h = g.conv2d("0", &[latent], a, ConvGeometry::same(3), silu)?; // [1, h, w, 32]
        let h = g.adaptive_pool("pool", &h, [POOLED, POOLED])?; // [1, 32, 32, 32]
        let h = g.conv2d("3", &[&h], b, half, silu)?; // [1, 16, 16, 64]
        let h = g.conv2d("5", &[&h], d, half, Epilogue::default())?; // [1, 8, 8, X]
        Ok(h.reshape(&[h.rows(), self.context]))
    }
}
