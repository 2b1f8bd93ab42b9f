//! Recording norms and attention.

use std::sync::Arc;

use super::{Error, Graph, GroupNorm, LayerNorm, Tensor, record::Input};
use crate::kernel::{self, Activation};

/// Over what a group norm takes its statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Over the pixels of one frame.
    PerFrame,
    /// Over all frames of a clip; the batch holds this many clips.
    AllFrames(usize),
}

impl Graph {
    /// `act(GroupNorm(x))` of `[F, H, W, C]`, or of two tensors whose channels stand side by side.
    pub fn group_norm(
        &mut self,
        name: &str,
        x: &[&Tensor],
        layer: &GroupNorm,
        statistics: Statistics,
        activation: Activation,
    ) -> Result<Tensor, Error> {
        let (x0, x1) = (x[0], x.get(1).copied());
        let frames = x0.shape()[0];
        let rows = x0.rows() / frames.max(1);
        let sources = [x0.channels(), x1.map_or(0, Tensor::channels)];
        let frames_per_stat = match statistics {
            Statistics::PerFrame => 1,
            Statistics::AllFrames(batch) => frames / batch.max(1),
        };
        let (dtype, second) = (x0.dtype(), x1.map(Input::Tensor));
        let given = match (frames, x1) {
            (1, None) => self.strip_statistics(name, x0, layer)?,
            _ => None,
        };
        let mut shape = x0.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = sources[0] + sources[1];
        }
        let (groups, eps, y) = (layer.groups, layer.eps, self.types().activation);
        let whole = kernel::GroupNorm { frames, rows, sources, groups, frames_per_stat, eps, activation, x: dtype, y };
        if given.is_none() && whole.is_small() {
            let inputs = [x0.into(), second, (&layer.weight).into(), (&layer.bias).into()];
            return Ok(Self::one(self.record(name, Arc::new(whole), &inputs)?, &shape));
        }
        let stats = match given {
            Some(given) => given,
            None => {
                let partial = kernel::GroupNormPartial { frames, rows, sources, groups, x: dtype };
                let segments = partial.segments();
                let sums = self.record(name, Arc::new(partial), &[x0.into(), second])?;
                let finish = kernel::GroupNormFinish { frames, segments, groups, frames_per_stat, eps };
                let stats = self.record(name, Arc::new(finish), &[(&sums[0]).into()])?;
                Self::one(stats, &[frames / frames_per_stat.max(1), groups, 2])
            }
        };
        let apply = kernel::GroupNormApply { frames, rows, sources, groups, frames_per_stat, activation, x: dtype, y };
        let inputs = [x0.into(), second, (&stats).into(), (&layer.weight).into(), (&layer.bias).into()];
        Ok(Self::one(self.record(name, Arc::new(apply), &inputs)?, &shape))
    }

    /// `LayerNorm(x)` over the innermost axis.
    pub fn layer_norm(&mut self, name: &str, x: &Tensor, layer: &LayerNorm) -> Result<Tensor, Error> {
        let op = kernel::LayerNorm {
            rows: x.rows(),
            channels: x.channels(),
            eps: layer.eps,
            x: x.dtype(),
            y: self.types().activation,
        };
        Ok(Self::one(
            self.record(name, Arc::new(op), &[x.into(), (&layer.weight).into(), (&layer.bias).into()])?,
            x.shape(),
        ))
    }

    /// `softmax(q kᵀ / √width) v` for every head: `[…, heads · width]`.
    pub fn attention(&mut self, name: &str, op: kernel::Attention, qkv: [&Tensor; 3]) -> Result<Tensor, Error> {
        let y = self.tensor(&qkv[0].with_channels(op.heads * op.width), op.x);
        self.attention_into(name, op, qkv, &y)?;
        Ok(y)
    }

    /// The same, written into a view.
    pub fn attention_into(
        &mut self,
        name: &str,
        op: kernel::Attention,
        qkv: [&Tensor; 3],
        y: &Tensor,
    ) -> Result<(), Error> {
        self.record_into(name, Arc::new(op), &qkv.map(Into::into), Some(y)).map(drop)
    }
}
