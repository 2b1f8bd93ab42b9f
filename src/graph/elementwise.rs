//! Recording what is neither a product nor a norm.

use std::sync::Arc;

use super::{Error, Graph, Param, Tensor, record::Input};
use crate::kernel::{self, Activation, Dtype};

impl Graph {
    /// `act(scale · a + b)`, stored as `dtype`, of `shape`; a and b are repeated to fill it.
    #[expect(clippy::too_many_arguments, reason = "one formula")]
    pub fn pointwise(
        &mut self,
        name: &str,
        scale: f32,
        a: &Tensor,
        b: Option<&Tensor>,
        activation: Activation,
        dtype: Dtype,
        shape: &[usize],
    ) -> Result<Tensor, Error> {
        let op = kernel::Pointwise {
            elements: shape.iter().product(),
            scale,
            a_elements: a.elements(),
            b_elements: b.map_or(0, Tensor::elements),
            activation,
            a: a.dtype(),
            b: b.map_or(a.dtype(), Tensor::dtype),
            y: dtype,
        };
        Ok(Self::one(self.record(name, Arc::new(op), &[a.into(), b.map(Input::Tensor)])?, shape))
    }

    /// The rows of up to three parts one behind the other, in every batch item: `[B, Σ rows, C]`, plus `add` `[Σ rows, C]`.
    /// A part without a batch axis is the same for all.
    pub fn concat_rows(
        &mut self,
        name: &str,
        batch: usize,
        parts: &[Input<'_>],
        add: Option<&Param>,
    ) -> Result<Tensor, Error> {
        let channels_of = |p: &Input<'_>| match p {
            Input::Tensor(t) => (t.channels(), t.elements(), t.dtype()),
            Input::Params(all) => {
                let channels = all.first().and_then(|p| p.shape.last().copied()).unwrap_or(1);
                (channels, all.iter().map(Param::elements).sum(), self.types().activation)
            }
        };
        let channels = parts.first().map_or(1, |p| channels_of(p).0).max(1);
        let mut rows = [0; 3];
        let mut shared = [false; 3];
        for (i, part) in parts.iter().enumerate().take(3) {
            let is_shared = match part {
                Input::Tensor(t) => t.shape().len() == 2,
                Input::Params(_) => true,
            };
            shared[i] = is_shared;
            rows[i] = channels_of(part).1 / channels / if is_shared { 1 } else { batch.max(1) };
        }
        let op =
            kernel::ConcatRows { batch, parts: rows, shared, channels, add: add.is_some(), x: self.types().activation };
        let part = |i: usize| parts.get(i).copied();
        let inputs = [part(0), part(1), part(2), add.map(Input::param)];
        let shape = [batch, rows.iter().sum(), channels];
        Ok(Self::one(self.record(name, Arc::new(op), &inputs)?, &shape))
    }

    /// Rows of a table, plus positions: ids `[T]` → `[T, C]`.
    pub fn embedding(&mut self, name: &str, ids: &Tensor, table: &Param, positions: &Param) -> Result<Tensor, Error> {
        let op = kernel::Embedding {
            tokens: ids.elements(),
            vocabulary: table.shape[0],
            channels: table.shape[1],
            positions: true,
            w: self.types().weight,
            y: self.types().activation,
        };
        let shape = [ids.elements(), table.shape[1]];
        let positions = positions.range(0, 0..ids.elements());
        Ok(Self::one(self.record(name, Arc::new(op), &[ids.into(), table.into(), (&positions).into()])?, &shape))
    }

    /// `cos(t f) | sin(t f)` of the transformer's frequencies: t `[n]` → `[n, channels]`.
    pub fn sinusoid(&mut self, name: &str, t: &Tensor, channels: usize) -> Result<Tensor, Error> {
        let op = kernel::Sinusoid { count: t.elements(), channels, y: self.types().activation };
        Ok(Self::one(self.record(name, Arc::new(op), &[t.into()])?, &[t.elements(), channels]))
    }

    /// Adaptive average pooling of `[F, H, W, C]` to `out`.
    pub fn adaptive_pool(&mut self, name: &str, x: &Tensor, out: [usize; 2]) -> Result<Tensor, Error> {
        let s = x.shape();
        let op = kernel::AdaptivePool {
            frames: s[0],
            size: [s[1], s[2]],
            out,
            channels: s[3],
            x: x.dtype(),
            y: self.types().activation,
        };
        Ok(Self::one(self.record(name, Arc::new(op), &[x.into()])?, &[s[0], out[0], out[1], s[3]]))
    }
}
