//! What flows through the blocks beside the activations.

use std::sync::Arc;

use crate::{
    graph::{Epilogue, Error, Graph, Linear, Tensor},
    kernel::Activation,
    model::resnet::Resnet,
};

/// The same for all blocks of an evaluation.
///
/// With guidance as one batch there are two clips side by side, which differ in nothing but their context. So everything up to the first
/// cross-attention is computed once: maps `[F, H, W, C]` are shared by all clips, maps `[B·F, H, W, C]` are those of each.
pub(super) struct Flow<'a> {
    /// Clips side by side: 1, or 2 with guidance as one batch.
    pub batch: usize,
    /// Frames of one clip.
    pub frames: usize,
    /// What the residual blocks make of the time.
    pub times: &'a Times,
    /// Tokens of the context.
    pub tokens: usize,
}

impl Flow<'_> {
    /// A residual block of the scope `name`: x, or x and its skip connection side by side.
    pub fn resnet(&self, g: &mut Graph, name: &str, resnet: &Resnet, x: &[&Tensor]) -> Result<Tensor, Error> {
        g.scope(name, |g| resnet.forward(g, x, self.times.of(resnet)))
    }

    /// How many clips a map has: 1 as long as all share it.
    pub fn clips(&self, x: &Tensor) -> usize {
        x.shape()[0] / self.frames.max(1)
    }

    /// The map of every clip, `[B·F, H, W, C]`: a copy of one that they share.
    pub fn each(&self, g: &mut Graph, x: &Tensor) -> Result<Tensor, Error> {
        if self.clips(x) == self.batch {
            return Ok(x.clone());
        }
        let mut shape = x.shape().to_vec();
        shape[0] = self.batch * self.frames;
        g.pointwise("shared", 1.0, x, None, Activation::None, x.dtype(), &shape)
    }

    /// Names the output of module `name` of the current scope as the reference data do, which have it for each clip. Plans that keep no taps
    /// drop the copy.
    pub fn tap(&self, g: &mut Graph, name: &str, x: &Tensor) -> Result<(), Error> {
        let path = g.path(name);
        let each = self.each(g, x)?;
        g.tap(format!("unet0.{path}"), &each);
        Ok(())
    }
}

/// The time embedding's projections by the residual blocks.
pub(super) struct Times {
    /// The path of each projection's weight, and what it makes of the time, `[1, C]`.
    of: Vec<(Arc<str>, Tensor)>,
}

impl Times {
    /// Records those of each group of residual blocks as one product: a row alone is little work, and each would wait for the one before.
    /// `time` `[1, T]` is silu of the embedding.
    pub fn record(g: &mut Graph, time: &Tensor, groups: &[Vec<&Resnet>]) -> Result<Self, Error> {
        let mut of = Vec::new();
        for group in groups {
            let layers = group.iter().filter_map(|resnet| resnet.time());
            // Kernels read their parts of a product up to 8 values at a time.
            let (together, alone): (Vec<&Linear>, Vec<&Linear>) = layers.partition(|l| l.width().is_multiple_of(8));
            let products = std::iter::once(together).chain(alone.into_iter().map(|layer| vec![layer]));
            for layers in products.filter(|layers| !layers.is_empty()) {
                let all = g.linears("time_emb_proj", time, &layers, Epilogue::default())?; // [1, Σ C]
                // In a buffer of its own: it is read all the way, and into the buffer it lies in nothing could be written then.
                g.output(format!("times.{}", layers[0].weight.path), &all);
                let column = all.reshape(&[all.elements(), 1]);
                let mut start = 0;
                for layer in layers {
                    let part = column.view_rows(start..start + layer.width()).reshape(&[1, layer.width()]);
                    start += layer.width();
                    of.push((layer.weight.path.clone(), part));
                }
            }
        }
        Ok(Self { of })
    }

    /// That of one of them, `[1, C]`.
    fn of(&self, resnet: &Resnet) -> Option<&Tensor> {
        let path = &resnet.time()?.weight.path;
        self.of.iter().find(|(of, _)| of == path).map(|(_, time)| time)
    }
}
