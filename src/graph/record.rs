//! The recorder: symbolic tensors and the operations on them.

use std::{ops::Range, sync::Arc};

use super::{Cores, Cut, Error, Param, weights::WeightKey};
use crate::kernel::{self, Dtype, Layout, Op, Role};

/// A symbolic tensor: what an operation will write. Row-major and contiguous, channels innermost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub(super) id: usize,
    /// Where it begins in its memory, in elements: a view of rows begins later than the tensor.
    pub(super) offset: usize,
    shape: Vec<usize>,
    dtype: Dtype,
}

impl Tensor {
    /// The lengths of its axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its innermost axis.
    pub fn channels(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The product of all axes but the innermost.
    pub fn rows(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }

    /// Its shape, but for so many channels.
    pub fn with_channels(&self, channels: usize) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = channels;
        }
        shape
    }

    /// A view of some rows: `[rows, C]`.
    pub fn view_rows(&self, rows: Range<usize>) -> Tensor {
        debug_assert!(rows.end <= self.rows());
        let offset = self.offset + rows.start * self.channels();
        Tensor { offset, shape: vec![rows.len(), self.channels()], ..self.clone() }
    }

    /// The same elements under another shape.
    pub fn reshape(&self, shape: &[usize]) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), self.elements(), "{:?} as {shape:?}", self.shape);
        Tensor { shape: shape.to_vec(), ..self.clone() }
    }
}

/// Bytes of the largest part of a tensor that need not exist whole.
pub const PART_BYTES: usize = 64 << 20;

/// How a graph stores what it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// Activations between kernels.
    pub activation: Dtype,
    /// Matrices and convolutions; norms and biases are always f32.
    pub weight: Dtype,
}

/// What an operation reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A tensor, from an element on.
    Tensor {
        /// Which one.
        id: usize,
        /// The first element.
        offset: usize,
    },
    /// A parameter of the model.
    Weight(usize),
    /// Nothing: an optional input that this operation does not have.
    Absent,
}

/// A recorded operation: operands in the order of the op's bindings (outputs last or where the op has them).
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub label: String,
    pub op: Arc<dyn Op>,
    pub operands: Vec<Operand>,
}

/// What is known of a tensor.
#[derive(Clone, Debug)]
pub(super) struct TensorInfo {
    pub elements: usize,
    pub dtype: Dtype,
    /// The name under which it is exchanged with the outside, if it is.
    pub external: Option<String>,
}

/// The record of one network at one shape.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) tensors: Vec<TensorInfo>,
    pub(super) weights: Vec<WeightKey>,
    pub(super) taps: Vec<(String, Tensor)>,
    types: Types,
    /// Is it a record of strips?
    pub(super) cores: Option<Cores>,
    /// Where it is cut, then.
    pub(super) cuts: Vec<Cut>,
    max_binding: u64,
    scope: Vec<String>,
}

impl Graph {
    /// An empty record.
    pub fn new(types: Types) -> Self {
        Self {
            nodes: Vec::new(),
            tensors: Vec::new(),
            weights: Vec::new(),
            taps: Vec::new(),
            types,
            cores: None,
            cuts: Vec::new(),
            max_binding: u64::MAX,
            scope: Vec::new(),
        }
    }

    /// A record for a device that binds at most this many bytes at once.
    pub fn with_max_binding(mut self, bytes: u64) -> Self {
        self.max_binding = bytes;
        self
    }

    /// How many bytes may be bound at once.
    pub fn max_binding(&self) -> u64 {
        self.max_binding
    }

    /// How activations and weights are stored.
    pub fn types(&self) -> Types {
        self.types
    }

    /// The number of operations.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Is nothing recorded?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Records `body` under a name: labels read like paths in the checkpoint.
    pub fn scope<T>(&mut self, name: impl Into<String>, body: impl FnOnce(&mut Self) -> T) -> T {
        self.scope.push(name.into());
        let result = body(self);
        self.scope.pop();
        result
    }

    /// The path of `name` in the current scope; of the scope itself if it is empty.
    pub fn path(&self, name: &str) -> String {
        let mut path = self.scope.join(".");
        if !path.is_empty() && !name.is_empty() {
            path.push('.');
        }
        path + name
    }

    /// A tensor that comes from outside: written by the host or by another plan, under this name.
    pub fn input(&mut self, name: impl Into<String>, shape: &[usize], dtype: Dtype) -> Tensor {
        let tensor = self.tensor(shape, dtype);
        self.tensors[tensor.id].external = Some(name.into());
        tensor
    }

    /// Makes a tensor readable from outside, for the host or another plan, under this name.
    pub fn output(&mut self, name: impl Into<String>, tensor: &Tensor) {
        self.tensors[tensor.id].external = Some(name.into());
    }

    /// Names an intermediate, so that it can be read back by plans that keep taps; costs nothing otherwise.
    pub fn tap(&mut self, name: impl Into<String>, tensor: &Tensor) {
        self.taps.push((name.into(), tensor.clone()));
    }

    /// A tensor that operations will write in parts.
    pub fn tensor(&mut self, shape: &[usize], dtype: Dtype) -> Tensor {
        self.tensors.push(TensorInfo { elements: shape.iter().product(), dtype, external: None });
        Tensor { id: self.tensors.len() - 1, offset: 0, shape: shape.to_vec(), dtype }
    }

    /// Records an op. `inputs` are its input and weight bindings in order (`None` where absent); the outputs are returned in order.
    pub fn record(&mut self, name: &str, op: Arc<dyn Op>, inputs: &[Option<Input<'_>>]) -> Result<Vec<Tensor>, Error> {
        self.record_into(name, op, inputs, None)
    }

    /// The same, with the first output written into `target`, a view of an existing tensor.
    pub(super) fn record_into(
        &mut self,
        name: &str,
        op: Arc<dyn Op>,
        inputs: &[Option<Input<'_>>],
        mut target: Option<&Tensor>,
    ) -> Result<Vec<Tensor>, Error> {
        let label = self.path(name);
        // From here on sizes are multiplied, and kernels take them as u32.
        if let Err(reason) = kernel::check(op.as_ref()) {
            return Err(Error::Operation { label, kernel: op.kernel().name, reason });
        }
        let mut inputs = inputs.iter();
        let mut operands = Vec::new();
        let mut outputs = Vec::new();
        for binding in &op.bindings() {
            let error = |found: &[usize]| Error::Shape {
                label: label.clone(),
                what: binding.name,
                found: found.to_vec(),
                expected: format!("{:?} {}", binding.shape, binding.dtype),
            };
            let place = |t: &Tensor| {
                let inner = binding.shape.last().copied().unwrap_or(1);
                let of = [8, 4, 2].into_iter().find(|&values| inner.is_multiple_of(values)).unwrap_or(1);
                match t.offset.is_multiple_of(of) {
                    true => Ok(Operand::Tensor { id: t.id, offset: t.offset }),
                    false => Err(Error::View { label: label.clone(), what: binding.name, offset: t.offset, of }),
                }
            };
            let operand = match &binding.role {
                Role::Output => {
                    let tensor = match target.take() {
                        Some(t) if t.elements() == binding.elements() && t.dtype == binding.dtype => t.clone(),
                        Some(t) => return Err(error(&t.shape)),
                        None => self.tensor(&binding.shape, binding.dtype),
                    };
                    outputs.push(tensor.clone());
                    place(&tensor)?
                }
                Role::Absent => {
                    inputs.next();
                    Operand::Absent
                }
                Role::Input => match inputs.next() {
                    Some(Some(Input::Tensor(t))) if t.elements() == binding.elements() && t.dtype == binding.dtype => {
                        place(t)?
                    }
                    Some(Some(Input::Tensor(t))) => return Err(error(&t.shape)),
                    // A parameter that enters like an activation: a class token, position embeddings.
                    Some(Some(Input::Params(all))) if elements(all) == binding.elements() => {
                        Operand::Weight(self.weight(WeightKey::new(all, binding, Layout::Plain)))
                    }
                    _ => return Err(error(&[])),
                },
                Role::Weight(layout) => match inputs.next() {
                    Some(Some(Input::Params(all))) if elements(all) == binding.elements() => {
                        Operand::Weight(self.weight(WeightKey::new(all, binding, layout.clone())))
                    }
                    Some(Some(Input::Params([p, ..]))) => return Err(error(&p.shape)),
                    _ => return Err(error(&[])),
                },
            };
            operands.push(operand);
        }
        self.nodes.push(Node { label, op, operands });
        Ok(outputs)
    }

    /// Ranges of `rows` rows of `width` elements so that each is at most [`PART_BYTES`]: what is made in parts need never exist whole.
    pub fn row_parts(&self, rows: usize, width: usize) -> Vec<Range<usize>> {
        let parts = (rows * width * self.types.activation.bytes()).div_ceil(PART_BYTES).max(1);
        let length = rows.div_ceil(parts).max(1);
        (0..rows).step_by(length).map(|start| start..(start + length).min(rows)).collect()
    }

    fn weight(&mut self, key: WeightKey) -> usize {
        self.weights.iter().position(|k| *k == key).unwrap_or_else(|| {
            self.weights.push(key);
            self.weights.len() - 1
        })
    }
}

/// What is given to [`Graph::record`].
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A tensor.
    Tensor(&'a Tensor),
    /// Parameters of the model, read as one, behind each other in their first axis.
    Params(&'a [Param]),
}

impl<'a> Input<'a> {
    /// One parameter of the model.
    pub fn param(param: &'a Param) -> Self {
        Self::Params(std::slice::from_ref(param))
    }
}

fn elements(params: &[Param]) -> usize {
    params.iter().map(Param::elements).sum()
}

impl<'a> From<&'a Tensor> for Option<Input<'a>> {
    fn from(tensor: &'a Tensor) -> Self {
        Some(Input::Tensor(tensor))
    }
}

impl<'a> From<&'a Param> for Option<Input<'a>> {
    fn from(param: &'a Param) -> Self {
        Some(Input::param(param))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::{Epilogue, Params},
        kernel::{Gemm, Linear},
    };

    fn graph() -> Graph {
        Graph::new(Types { activation: Dtype::F16, weight: Dtype::F16 })
    }

    #[test]
    fn more_elements_than_a_shader_counts_are_refused() {
        let mut g = graph();
        let x = g.input("x", &[1 << 20, 64], Dtype::F16);
        let layer = Params::new().linear_no_bias("layer", 64, 4096);
        let error = g.scope("block", |g| g.linear("to_q", &x, &layer, Epilogue::default())).unwrap_err().to_string();
        for part in ["block.to_q: kernel 'linear'", "`y` would have more than 2^31 elements", "choose a smaller size"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(g.is_empty());
    }

    /// Kernels would read 8 values from another place.
    #[test]
    fn a_view_between_what_kernels_read_at_once_is_refused() {
        let mut g = graph();
        let values = g.input("x", &[1, 24], Dtype::F16).reshape(&[24, 1]);
        let layer = Params::new().linear_no_bias("layer", 16, 8);
        let mut at = |start| {
            let x = values.view_rows(start..start + 16).reshape(&[1, 16]);
            g.linear("layer", &x, &layer, Epilogue::default()).map(drop)
        };
        at(8).unwrap();
        let error = at(4).unwrap_err().to_string();
        assert_eq!(error, "layer: x0 begins at element 4, which is no multiple of 8");
    }

    /// All tensors are of the shapes that it names.
    #[test]
    fn a_shape_that_contradicts_itself_is_refused() {
        let mut g = graph();
        let x = g.input("x", &[8, 16], Dtype::F16);
        let layer = Params::new().linear_no_bias("layer", 16, 12);
        let op = Gemm { bias: false, geglu: true, ..Gemm::plain(8, 16, 6, Dtype::F16) };
        let inputs = [(&x).into(), None, (&layer.weight).into(), None, None, None];
        let error = g.record("ff", Arc::new(Linear(op)), &inputs).unwrap_err().to_string();
        assert!(error.contains("ff: kernel 'linear'") && error.contains("multiple of 4, not 6"), "{error}");
    }
}
