//! The residual block that UNet and VAE share. Reference: diffusers `ResnetBlock2D`.

use crate::{
    graph::{Conv2d, ConvGeometry, Epilogue, Error, Graph, GroupNorm, Linear, Params, Statistics, Tensor},
    kernel::Activation,
};

/// `x + conv2(silu(norm2(conv1(silu(norm1 x)) + time)))`, with a 1x1 convolution on x where the channels change.
#[derive(Clone, Debug)]
pub(super) struct Resnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

/// Sizes of a [`Resnet`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub inputs: usize,
    pub outputs: usize,
    pub groups: usize,
    pub eps: f32,
    /// Width of the time embedding, if there is one.
    pub time: Option<usize>,
}

impl Resnet {
    pub fn new(p: &Params, s: Sizes) -> Self {
        Self {
            norm1: p.group_norm("norm1", s.inputs, s.groups, s.eps),
            conv1: p.conv2d("conv1", s.inputs, s.outputs, 3),
            time_emb_proj: s.time.map(|width| p.linear("time_emb_proj", width, s.outputs)),
            norm2: p.group_norm("norm2", s.outputs, s.groups, s.eps),
            conv2: p.conv2d("conv2", s.outputs, s.outputs, 3),
            conv_shortcut: (s.inputs != s.outputs).then(|| p.conv2d("conv_shortcut", s.inputs, s.outputs, 1)),
        }
    }

    /// What makes its [`forward`](Self::forward)'s `time` of silu of the time embedding.
    pub fn time(&self) -> Option<&Linear> {
        self.time_emb_proj.as_ref()
    }

    /// x `[F, H, W, C_in]`, or two tensors side by side → `[F, H, W, C]`. `time` `[1, C]` is added behind the first convolution. Statistics
    /// per frame.
    pub fn forward(&self, g: &mut Graph, x: &[&Tensor], time: Option<&Tensor>) -> Result<Tensor, Error> {
        let same = ConvGeometry::same(3);
        let h = g.group_norm("norm1", x, &self.norm1, Statistics::PerFrame, Activation::Silu)?; // [F, H, W, C_in]
        let e = Epilogue { row_bias: time, ..Epilogue::default() };
        let h = g.conv2d("conv1", &[&h], &self.conv1, same, e)?; // [F, H, W, C]
        let h = g.group_norm("norm2", &[&h], &self.norm2, Statistics::PerFrame, Activation::Silu)?; // [F, H, W, C]
        let shortcut = match &self.conv_shortcut {
            Some(conv) => g.conv2d("conv_shortcut", x, conv, ConvGeometry::same(1), Epilogue::default())?, // [F, H, W, C]
            None => x[0].clone(),
        };
        g.conv2d("conv2", &[&h], &self.conv2, same, Epilogue::add(&shortcut)) // [F, H, W, C]
    }
}
