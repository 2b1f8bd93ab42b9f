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
/// cross-attention is computed once: maps `[F, H, W, C]` are shared by all clips, maps `[B·F, H, W, C]` are those of each. Where a block's doc says
/// `[F, H, W, C]`, either may go in; what comes out is shared if nothing in it attends to the context.
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
        let time = self.times.of(resnet)?;
        g.scope(name, |g| resnet.forward(g, x, time))
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
    /// Records those of each group of residual blocks as one product, or as few as the device can bind: a row alone is little work, and each
    /// would wait for the one before. `time` `[1, T]` is silu of the embedding.
    pub fn record(g: &mut Graph, time: &Tensor, groups: &[Vec<&Resnet>]) -> Result<Self, Error> {
        let mut of = Vec::new();
        for group in groups {
            for layers in Self::products(g, group.iter().filter_map(|resnet| resnet.time())) {
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

    /// Which layers are computed together: their weights are bound at once, and kernels read a layer's part of the product up to 8 values at a
    /// time.
    fn products<'a>(g: &Graph, layers: impl Iterator<Item = &'a Linear>) -> Vec<Vec<&'a Linear>> {
        let bytes = |layer: &Linear| (layer.weight.elements() * g.types().weight.bytes()) as u64;
        let mut products: Vec<Vec<&Linear>> = Vec::new();
        for layer in layers {
            let joins = |product: &&mut Vec<&Linear>| {
                let whole = product.iter().all(|layer| layer.width().is_multiple_of(8));
                whole && product.iter().map(|layer| bytes(layer)).sum::<u64>() + bytes(layer) <= g.max_binding()
            };
            match products.last_mut().filter(joins) {
                Some(product) => product.push(layer),
                None => products.push(vec![layer]),
            }
        }
        products
    }

    /// That of one of them, `[1, C]`, if it has any.
    fn of(&self, resnet: &Resnet) -> Result<Option<&Tensor>, Error> {
        let Some(layer) = resnet.time() else { return Ok(None) };
        let found = self.of.iter().find(|(path, _)| *path == layer.weight.path);
        found.map(|(_, time)| Some(time)).ok_or_else(|| Error::Unbound(layer.weight.path.to_string()))
    }
}
