//! The operations that models record: thin functions that check shapes and choose the kernel.

use std::{slice::from_ref, sync::Arc};

use super::{Conv2d, Conv3d, Error, Graph, Linear, Param, Tensor, record::Input};
use crate::kernel::{self, Activation, Dtype, Gemm};

/// What is fused behind a matrix product or convolution: `act(product + bias + row_bias) + residual`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Applied to the sum with its biases.
    pub activation: Activation,
    /// Added after the activation; of the output's shape. A linear layer also takes fewer rows, which repeat.
    pub residual: Option<&'a Tensor>,
    /// `[groups, N]`, each row added to as many consecutive rows of the product.
    pub row_bias: Option<&'a Tensor>,
    /// Store the result in f32 whatever the graph's type.
    pub f32: bool,
    /// Write into this view instead of a new tensor.
    pub into: Option<&'a Tensor>,
}

impl<'a> Epilogue<'a> {
    /// Only an activation.
    pub fn act(activation: Activation) -> Self {
        Self { activation, ..Self::default() }
    }

    /// Only a residual.
    pub fn add(residual: &'a Tensor) -> Self {
        Self { residual: Some(residual), ..Self::default() }
    }
}

/// How a 2-D convolution walks over its input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvGeometry {
    /// Stride, the same in both directions.
    pub stride: usize,
    /// Zero padding at the top and the left; at the bottom and the right too, unless `out` says otherwise.
    pub pad: usize,
    /// Nearest upsampling to this height and width first.
    pub upsample: Option<[usize; 2]>,
    /// Output size, if it does not follow from symmetric padding.
    pub out: Option<[usize; 2]>,
}

impl ConvGeometry {
    /// Stride 1, padded so that the size stays.
    pub fn same(kernel: usize) -> Self {
        Self { stride: 1, pad: kernel / 2, upsample: None, out: None }
    }
}

impl Graph {
    fn gemm(&self, x: &Tensor, columns: usize, bias: bool, e: &Epilogue<'_>) -> Gemm {
        Gemm {
            bias,
            activation: e.activation,
            residual: e.residual.is_some(),
            w: self.types().weight,
            y: self.stored(e),
            ..Gemm::plain(x.rows(), x.channels(), columns, x.dtype())
        }
    }

    /// The type of an output.
    fn stored(&self, e: &Epilogue<'_>) -> Dtype {
        if e.f32 { Dtype::F32 } else { self.types().activation }
    }

    pub(super) fn one(mut outputs: Vec<Tensor>, shape: &[usize]) -> Tensor {
        outputs.swap_remove(0).reshape(shape)
    }

    /// `act(x Wᵀ + b) + residual`: `[…, K]` → `[…, N]`.
    pub fn linear(&mut self, name: &str, x: &Tensor, layer: &Linear, e: Epilogue<'_>) -> Result<Tensor, Error> {
        self.linears(name, x, &[layer], e)
    }

    /// Layers that read the same `x`, as one: their outputs stand side by side, `[…, Σ N]`.
    pub fn linears(&mut self, name: &str, x: &Tensor, layers: &[&Linear], e: Epilogue<'_>) -> Result<Tensor, Error> {
        if let (Some(rows), None) = (e.residual.map(Tensor::rows), e.row_bias)
            && rows < x.rows()
            && x.rows().is_multiple_of(rows)
        {
            return self.repeated(name, x, layers, rows, e);
        }
        let weights: Vec<Param> = layers.iter().map(|layer| layer.weight.clone()).collect();
        let biases: Vec<Param> = layers.iter().filter_map(|layer| layer.bias.clone()).collect();
        let columns = layers.iter().map(|layer| layer.width()).sum();
        let mut gemm = self.gemm(x, columns, !biases.is_empty(), &e);
        gemm.rows_per_group = e.row_bias.map(|t| gemm.rows / t.rows().max(1));
        let shape = x.with_channels(columns);
        self.product(name, kernel::Linear(gemm), [x, x], &weights, &biases, e, &shape, false)
    }

    /// The same in parts of `rows` rows, to each of which the whole residual is added.
    fn repeated(
        &mut self,
        name: &str,
        x: &Tensor,
        layers: &[&Linear],
        rows: usize,
        e: Epilogue<'_>,
    ) -> Result<Tensor, Error> {
        let columns = layers.iter().map(|layer| layer.width()).sum();
        let y = match e.into {
            Some(y) => y.clone(),
            None => self.tensor(&x.with_channels(columns), self.stored(&e)),
        };
        for start in (0..x.rows()).step_by(rows) {
            let part = start..start + rows;
            let into = Some(&y.view_rows(part.clone()));
            self.linears(name, &x.view_rows(part), layers, Epilogue { into, ..e })?;
        }
        Ok(y)
    }

    /// GEGLU: `value · gelu(gate)` of a linear layer to twice the width: `[…, K]` → `[…, N / 2]`.
    pub fn geglu(&mut self, name: &str, x: &Tensor, layer: &Linear) -> Result<Tensor, Error> {
        let columns = layer.weight.shape[0] / 2;
        let e = Epilogue::default();
        let gemm = Gemm { geglu: true, ..self.gemm(x, columns, layer.bias.is_some(), &e) };
        let shape = x.with_channels(columns);
        self.product(
            name,
            kernel::Linear(gemm),
            [x, x],
            from_ref(&layer.weight),
            layer.bias.as_slice(),
            e,
            &shape,
            false,
        )
    }

    /// A convolution of `[F, H, W, C]`, or of two tensors whose channels stand side by side.
    pub fn conv2d(
        &mut self,
        name: &str,
        x: &[&Tensor],
        layer: &Conv2d,
        geometry: ConvGeometry,
        e: Epilogue<'_>,
    ) -> Result<Tensor, Error> {
        let (x0, x1) = (x[0], x.get(1).copied());
        let [frames, h, w, _] = dims(x0);
        let (columns, kernel) = (layer.weight.shape[0], [layer.weight.shape[2], layer.weight.shape[3]]);
        let mut gemm = self.gemm(x0, columns, layer.bias.is_some(), &e);
        gemm.sources = [x0.channels(), x1.map_or(0, Tensor::channels)];
        let up = geometry.upsample.unwrap_or([h, w]);
        let pad = [geometry.pad; 2];
        let mut op = match geometry.out {
            Some(out) => kernel::Conv2d::with_output(gemm, frames, [h, w], up, out, kernel, geometry.stride, pad),
            None => kernel::Conv2d::new(gemm, frames, [h, w], up, kernel, geometry.stride, pad),
        };
        op.gemm.rows_per_group = e.row_bias.map(|t| op.gemm.rows / t.rows().max(1));
        let shape = [frames, op.out[0], op.out[1], columns];
        let two = x1.is_some();
        self.product(name, op, [x0, x1.unwrap_or(x0)], from_ref(&layer.weight), layer.bias.as_slice(), e, &shape, two)
    }

    /// A convolution over the frames of `[B, F, H, W, C]`, zero padding, same number of frames.
    pub fn conv_frames(
        &mut self,
        name: &str,
        x: &Tensor,
        batch: usize,
        layer: &Conv3d,
        e: Epilogue<'_>,
    ) -> Result<Tensor, Error> {
        let [frames, h, w, _] = dims(x);
        let (columns, taps) = (layer.weight.shape[0], layer.weight.shape[2]);
        let gemm = self.gemm(x, columns, true, &e);
        let op = kernel::Conv3d::temporal(gemm, [batch, frames / batch], [h, w], taps);
        let shape = [frames, h, w, columns];
        self.product(name, op, [x, x], from_ref(&layer.weight), from_ref(&layer.bias), e, &shape, false)
    }

    #[expect(clippy::too_many_arguments, reason = "the operands of the implicit matrix product")]
    fn product(
        &mut self,
        name: &str,
        op: impl kernel::Op + 'static,
        x: [&Tensor; 2],
        weights: &[Param],
        biases: &[Param],
        e: Epilogue<'_>,
        shape: &[usize],
        two: bool,
    ) -> Result<Tensor, Error> {
        let x1 = if two { Some(Input::Tensor(x[1])) } else { None };
        let inputs = [
            x[0].into(),
            x1,
            Some(Input::Params(weights)),
            (!biases.is_empty()).then_some(Input::Params(biases)),
            e.row_bias.map(Input::Tensor),
            e.residual.map(Input::Tensor),
        ];
        Ok(Self::one(self.record_into(name, Arc::new(op), &inputs, e.into)?, shape))
    }
}

/// The four axes of a map `[F, H, W, C]`; leading axes are folded into F.
fn dims(x: &Tensor) -> [usize; 4] {
    let s = x.shape();
    let at = |back: usize| s.len().checked_sub(back).map_or(1, |i| s[i]);
    let (h, w, c) = (at(3), at(2), at(1));
    [x.elements() / (h * w * c).max(1), h, w, c]
}
