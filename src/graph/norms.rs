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
        let stats = match given {
            Some(given) => given,
            None => {
                let partial = kernel::GroupNormPartial { frames, rows, sources, groups: layer.groups, x: dtype };
                let segments = partial.segments();
                let sums = self.record(name, Arc::new(partial), &[x0.into(), second])?;
                let finish =
                    kernel::GroupNormFinish { frames, segments, groups: layer.groups, frames_per_stat, eps: layer.eps };
                Self::one(
                    self.record(name, Arc::new(finish), &[(&sums[0]).into()])?,
                    &[frames / frames_per_stat.max(1), layer.groups, 2],
                )
            }
        };
        let apply = kernel::GroupNormApply {
            frames,
            rows,
            sources,
            groups: layer.groups,
            frames_per_stat,
            activation,
            x: dtype,
            y: self.types().activation,
        };
        let inputs = [x0.into(), second, (&stats).into(), (&layer.weight).into(), (&layer.bias).into()];
        let mut shape = x0.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = sources[0] + sources[1];
        }
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
