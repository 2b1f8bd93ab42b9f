//! Layers as the checkpoint knows them: a path, a shape, no data. Building a model from its config declares them all.

use std::{cell::RefCell, fmt::Display, ops::Range, rc::Rc, sync::Arc};

/// A parameter of the model: its path in the checkpoint and its shape there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// Path in the checkpoint's component.
    pub path: Arc<str>,
    /// Shape in the checkpoint; of a slice, the slice's.
    pub shape: Vec<usize>,
    /// Where it lies in the checkpoint's tensor, if it is a slice of one.
    pub slice: Option<Slice>,
}

/// A part of a checkpoint's tensor: a range of one of its first two axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Shape of the whole tensor.
    pub whole: Vec<usize>,
    /// Which axis is cut.
    pub axis: usize,
    /// From which index on.
    pub start: usize,
}

impl Slice {
    /// The elements of a slice of this shape, out of all elements of the tensor.
    fn cut<T: Copy>(&self, shape: &[usize], values: &[T]) -> Vec<T> {
        let inner: usize = self.whole[self.axis + 1..].iter().product();
        let (length, step) = (shape[self.axis] * inner, self.whole[self.axis] * inner);
        values
            .chunks(step.max(1))
            .flat_map(|outer| outer.iter().skip(self.start * inner).take(length).copied())
            .collect()
    }
}

impl Param {
    /// A range of one axis.
    pub fn range(&self, axis: usize, range: Range<usize>) -> Self {
        let mut shape = self.shape.clone();
        shape[axis] = range.len();
        Self {
            path: self.path.clone(),
            shape,
            slice: Some(Slice { whole: self.shape.clone(), axis, start: range.start }),
        }
    }

    /// Its number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The shape of the checkpoint's tensor, of which it may be a slice.
    pub fn whole(&self) -> &[usize] {
        self.slice.as_ref().map_or(&self.shape, |slice| &slice.whole)
    }

    /// Its elements out of all elements of the checkpoint's tensor.
    pub(super) fn cut<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        match &self.slice {
            Some(slice) => slice.cut(&self.shape, &values),
            None => values,
        }
    }
}

/// Declares parameters under a prefix, and remembers them all.
#[derive(Clone, Debug, Default)]
pub struct Params {
    prefix: String,
    declared: Rc<RefCell<Vec<Param>>>,
}

impl Params {
    /// An empty declaration.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same declaration under a longer prefix.
    pub fn sub(&self, name: impl Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), declared: self.declared.clone() }
    }

    /// Everything declared so far.
    pub fn declared(&self) -> Vec<Param> {
        self.declared.borrow().clone()
    }

    /// Declares a parameter.
    pub fn param(&self, name: &str, shape: &[usize]) -> Param {
        let param = Param { path: format!("{}{name}", self.prefix).into(), shape: shape.to_vec(), slice: None };
        self.declared.borrow_mut().push(param.clone());
        param
    }

    /// A linear layer with bias: `weight [N, K]`, `bias [N]`.
    pub fn linear(&self, name: impl Display, inputs: usize, outputs: usize) -> Linear {
        let p = self.sub(name);
        Linear { weight: p.param("weight", &[outputs, inputs]), bias: Some(p.param("bias", &[outputs])) }
    }

    /// A linear layer without bias.
    pub fn linear_no_bias(&self, name: impl Display, inputs: usize, outputs: usize) -> Linear {
        Linear { weight: self.sub(name).param("weight", &[outputs, inputs]), bias: None }
    }

    /// A 2-D convolution with bias: `weight [N, C, k, k]`.
    pub fn conv2d(&self, name: impl Display, inputs: usize, outputs: usize, kernel: usize) -> Conv2d {
        let p = self.sub(name);
        Conv2d {
            weight: p.param("weight", &[outputs, inputs, kernel, kernel]),
            bias: Some(p.param("bias", &[outputs])),
        }
    }

    /// A 2-D convolution without bias.
    pub fn conv2d_no_bias(&self, name: impl Display, inputs: usize, outputs: usize, kernel: usize) -> Conv2d {
        Conv2d { weight: self.sub(name).param("weight", &[outputs, inputs, kernel, kernel]), bias: None }
    }

    /// A (kt, 1, 1) convolution with bias: `weight [N, C, kt, 1, 1]`.
    pub fn conv3d(&self, name: impl Display, inputs: usize, outputs: usize, kernel_frames: usize) -> Conv3d {
        let p = self.sub(name);
        Conv3d { weight: p.param("weight", &[outputs, inputs, kernel_frames, 1, 1]), bias: p.param("bias", &[outputs]) }
    }

    /// A group norm.
    pub fn group_norm(&self, name: impl Display, channels: usize, groups: usize, eps: f32) -> GroupNorm {
        let p = self.sub(name);
        GroupNorm { weight: p.param("weight", &[channels]), bias: p.param("bias", &[channels]), groups, eps }
    }

    /// A layer norm.
    pub fn layer_norm(&self, name: impl Display, channels: usize, eps: f32) -> LayerNorm {
        let p = self.sub(name);
        LayerNorm { weight: p.param("weight", &[channels]), bias: p.param("bias", &[channels]), eps }
    }
}

/// `y = x W^T + b`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[N, K]`
    pub weight: Param,
    /// `[N]`
    pub bias: Option<Param>,
}

impl Linear {
    /// The number of its outputs.
    pub fn width(&self) -> usize {
        self.weight.shape[0]
    }

    /// The layer that computes only these outputs.
    pub fn outputs(&self, range: Range<usize>) -> Self {
        Self { weight: self.weight.range(0, range.clone()), bias: self.bias.as_ref().map(|b| b.range(0, range)) }
    }

    /// The layer that reads only these inputs; the bias is kept by one of the parts.
    pub fn inputs(&self, range: Range<usize>, bias: bool) -> Self {
        Self { weight: self.weight.range(1, range), bias: self.bias.clone().filter(|_| bias) }
    }
}

/// A convolution over height and width.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// `[N, C, kh, kw]`
    pub weight: Param,
    /// `[N]`
    pub bias: Option<Param>,
}

/// A convolution over frames.
#[derive(Clone, Debug)]
pub struct Conv3d {
    /// `[N, C, kt, 1, 1]`
    pub weight: Param,
    /// `[N]`
    pub bias: Param,
}

/// Normalisation over groups of channels and all pixels of one frame or of all frames.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    /// `[C]`
    pub weight: Param,
    /// `[C]`
    pub bias: Param,
    /// Number of groups.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f32,
}

/// Normalisation over the channels of every row.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// `[C]`
    pub weight: Param,
    /// `[C]`
    pub bias: Param,
    /// Added to the variance.
    pub eps: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_cuts_rows_or_columns() {
        let values: Vec<u32> = (0..12).collect();
        let param = Param { path: "w".into(), shape: vec![3, 4], slice: None };
        assert_eq!(param.range(0, 1..3).cut(values.clone()), [4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(param.range(1, 1..3).cut(values.clone()), [1, 2, 5, 6, 9, 10]);
        assert_eq!(param.cut(values.clone()), values);
    }
}
