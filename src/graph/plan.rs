//! The planner: from a record to dispatches and buffers, without a device.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    Error, Graph, Operand, Rate, Watch,
    memory::{Life, Limits, pack},
    record::TensorInfo,
    weights::WeightKey,
};
use crate::{
    gpu::Capabilities,
    kernel::{Binding, Choice, Choices, Cost, Dtype, Op, Role, Span, spelled},
};

/// What is planned for.
#[derive(Clone, Debug)]
pub struct Target {
    /// The device's features and limits.
    pub device: Capabilities,
    /// How fast it is.
    pub rate: Rate,
    /// No dispatch and no submission should take longer than this many seconds: desktops reset a GPU that does not answer.
    pub max_seconds: f64,
    /// Which variants run, where that is not left to the kernels.
    pub choices: Arc<Choices>,
    /// Who runs the programs in our place, if anybody watches.
    pub watch: Option<Arc<dyn Watch>>,
}

impl Target {
    /// A device of this speed, for which nothing needs to be split by time and the kernels choose their variants.
    pub fn new(device: Capabilities, rate: Rate) -> Self {
        Self { device, rate, max_seconds: f64::INFINITY, choices: Arc::default(), watch: None }
    }

    /// The same, with dispatches and submissions of at most so many seconds.
    pub fn within(self, max_seconds: f64) -> Self {
        Self { max_seconds, ..self }
    }
}

/// Which named intermediates stay readable after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None: their memory is shared.
    Nothing,
    /// Those that the record taps.
    Taps,
}

/// Where an operand lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A buffer that intermediates share, each at a range of its own while it is needed.
    Slot(usize),
    /// A tensor that is exchanged with the outside.
    External(usize),
    /// A weight.
    Weight(usize),
    /// Zeros that stand for an absent operand.
    Zeros,
}

/// A tensor that is exchanged with the outside.
#[derive(Clone, Debug, PartialEq)]
pub struct External {
    /// Its name.
    pub name: String,
    /// Its number of elements.
    pub elements: usize,
    /// Its element type.
    pub dtype: Dtype,
    /// Is it written by this plan?
    pub written: bool,
}

impl External {
    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        (self.elements * self.dtype.bytes()) as u64
    }
}

/// An operation with its variant, its operands' places and the ranges of units into which it is split.
#[derive(Clone, Debug)]
pub struct PlannedOp {
    /// Its path in the model.
    pub label: String,
    /// The operation.
    pub op: Arc<dyn Op>,
    /// The variant and why.
    pub choice: Choice,
    /// Where its bindings lie, and at which element they begin there.
    pub places: Vec<(Place, usize)>,
    /// One dispatch per range.
    pub chunks: Vec<Range<usize>>,
    /// Estimated seconds of the whole operation.
    pub seconds: f64,
}

/// A static plan for one network and shape.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is a plan of; empty if nobody says.
    pub name: &'static str,
    /// The operations in order.
    pub ops: Vec<PlannedOp>,
    /// Sizes of the shared buffers in bytes.
    pub slots: Vec<u64>,
    /// Tensors exchanged with the outside.
    pub externals: Vec<External>,
    /// Parameters of the model that it reads.
    pub weights: Vec<WeightKey>,
    /// The names under which kept intermediates were tapped, each with the name of the external tensor that holds it.
    pub taps: Vec<(String, String)>,
    /// Arithmetic and traffic of one run.
    pub cost: Cost,
    /// What it was planned for.
    pub target: Target,
}

impl Plan {
    /// Plans a record.
    pub fn new(graph: &Graph, target: &Target, keep: Keep) -> Result<Self, Error> {
        let mut tensors = graph.tensors.clone();
        let mut taps = Vec::new();
        if keep == Keep::Taps {
            for (name, tensor) in &graph.taps {
                // A tensor may have several names: the output of a block is that of its last layer.
                let external = tensors[tensor.id].external.get_or_insert_with(|| name.clone());
                taps.push((name.clone(), external.clone()));
            }
        }
        let live = live(graph, &tensors);
        let mut written = vec![false; tensors.len()];
        let mut life: Vec<Option<(usize, usize)>> = vec![None; tensors.len()];
        for (i, node) in graph.nodes.iter().enumerate().filter(|&(i, _)| live[i]) {
            for (operand, binding) in node.operands.iter().zip(node.op.bindings()) {
                if let Operand::Tensor { id, .. } = *operand {
                    let (first, _) = life[id].unwrap_or((i, i));
                    life[id] = Some((first, i));
                    written[id] |= binding.role == Role::Output;
                }
            }
        }

        let mut externals: Vec<External> = Vec::new();
        let mut lives = Vec::new();
        let mut places = vec![(Place::Zeros, 0); tensors.len()];
        for (t, info) in tensors.iter().enumerate() {
            let Some((first, last)) = life[t] else { continue };
            let bytes = (info.elements * info.dtype.bytes()) as u64;
            if bytes > target.device.max_buffer {
                return Err(Error::Buffer {
                    label: graph.nodes[first].label.clone(),
                    bytes,
                    limit: target.device.max_buffer,
                });
            }
            match &info.external {
                Some(name) => {
                    let found = externals.iter().position(|e| e.name == *name);
                    let at = found.unwrap_or_else(|| {
                        externals.push(External {
                            name: name.clone(),
                            elements: info.elements,
                            dtype: info.dtype,
                            written: false,
                        });
                        externals.len() - 1
                    });
                    externals[at].written |= written[t];
                    places[t] = (Place::External(at), 0);
                }
                None => lives.push(Life { tensor: t, bytes, first, last }),
            }
        }
        let slots = place(graph, &live, &lives, target, &mut places);

        let mut ops = Vec::with_capacity(graph.nodes.len());
        let mut cost = Cost::default();
        for (_, node) in graph.nodes.iter().enumerate().filter(|&(i, _)| live[i]) {
            let op_cost = node.op.cost();
            cost += op_cost;
            let places = node.operands.iter().map(|o| match *o {
                Operand::Tensor { id, offset } => (places[id].0, places[id].1 + offset),
                Operand::Weight(w) => (Place::Weight(w), 0),
                Operand::Absent => (Place::Zeros, 0),
            });
            let places: Vec<(Place, usize)> = places.collect();
            let offsets: Vec<usize> = places.iter().map(|&(_, offset)| offset).collect();
            let seconds = target.rate.seconds(op_cost);
            ops.push(PlannedOp {
                label: node.label.clone(),
                choice: target.choices.choose(node.op.as_ref(), &target.device).map_err(|error| {
                    let (label, shape) = (node.label.clone(), spelled(&node.op.shape()));
                    Error::Fit { label, shape, error }
                })?,
                chunks: split(&node.label, node.op.as_ref(), &offsets, target, seconds)?,
                places,
                op: node.op.clone(),
                seconds,
            });
        }
        let weights = graph.weights.clone();
        Ok(Self { name: "", ops, slots, externals, weights, taps, cost, target: target.clone() })
    }

    /// The same under a name.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// For every dispatch the submission it belongs to: no submission should take longer than the target allows.
    pub(super) fn groups(&self) -> Vec<usize> {
        let (mut group, mut seconds) = (0, 0.0);
        let mut groups = Vec::with_capacity(self.dispatches());
        for op in &self.ops {
            let share = op.seconds / op.chunks.len().max(1) as f64;
            for _ in &op.chunks {
                if seconds + share > self.target.max_seconds && seconds > 0.0 {
                    (group, seconds) = (group + 1, 0.0);
                }
                seconds += share;
                groups.push(group);
            }
        }
        groups
    }

    /// Submissions of one run.
    pub fn submissions(&self) -> usize {
        self.groups().last().map_or(0, |last| last + 1)
    }

    /// Dispatches of one run.
    pub fn dispatches(&self) -> usize {
        self.ops.iter().map(|op| op.chunks.len()).sum()
    }
}

/// Packs the intermediates of `lives`: sets the place of each and the element of the buffer at which it begins, and returns the buffers' sizes.
fn place(graph: &Graph, live: &[bool], lives: &[Life], target: &Target, places: &mut [(Place, usize)]) -> Vec<u64> {
    let life_of: HashMap<usize, usize> = lives.iter().enumerate().map(|(at, life)| (life.tensor, at)).collect();
    let mut apart = Vec::new();
    for (_, node) in graph.nodes.iter().enumerate().filter(|&(i, _)| live[i]) {
        let of = |output: bool| {
            let pairs = node.operands.iter().zip(node.op.bindings());
            pairs
                .filter_map(|(operand, binding)| match operand {
                    Operand::Tensor { id, .. } if (binding.role == Role::Output) == output => life_of.get(id).copied(),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        let (read, written) = (of(false), of(true));
        // Two outputs are apart as well: what is bound to be written is bound once.
        apart.extend(written.iter().flat_map(|&w| read.iter().map(move |&r| [r, w])));
        apart.extend(written.iter().enumerate().flat_map(|(n, &w)| written[..n].iter().map(move |&v| [v, w])));
    }
    let limits = Limits { alignment: target.device.alignment, max_buffer: target.device.max_buffer };
    let (spots, slots) = pack(lives, &apart, limits);
    for (life, spot) in lives.iter().zip(spots) {
        let size = graph.tensors[life.tensor].dtype.bytes() as u64;
        places[life.tensor] = (Place::Slot(spot.buffer), (spot.start / size) as usize);
    }
    slots
}

/// Which operations are needed: those that write something readable from outside, and those that they depend on.
fn live(graph: &Graph, tensors: &[TensorInfo]) -> Vec<bool> {
    let mut wanted: Vec<bool> = tensors.iter().map(|t| t.external.is_some()).collect();
    let mut live = vec![false; graph.nodes.len()];
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        let bindings = node.op.bindings();
        let tensor_ids = |output: bool| {
            let pairs = node.operands.iter().zip(&bindings);
            pairs.filter_map(move |(operand, binding)| match operand {
                Operand::Tensor { id, .. } if (binding.role == Role::Output) == output => Some(*id),
                _ => None,
            })
        };
        live[i] = tensor_ids(true).any(|id| wanted[id]);
        if live[i] {
            let inputs: Vec<usize> = tensor_ids(false).collect();
            inputs.into_iter().for_each(|id| wanted[id] = true);
        }
    }
    live
}

/// A range of bytes to bind, which begins at a multiple of `alignment`, and the logical element at which it begins (modulo 2³²:
/// in front of a view's first element it is negative).
pub(super) fn bind(span: &Span, binding: &Binding, alignment: u64, offset: usize) -> (Range<u64>, u32) {
    let size = binding.dtype.bytes() as u64;
    let elements = match span {
        Span::All => 0..binding.device_elements(),
        Span::Elements(range) => range.start.min(binding.device_elements())..range.end.min(binding.device_elements()),
    };
    let start = (offset + elements.start) as u64 * size / alignment * alignment;
    let end = ((offset + elements.end) as u64 * size).next_multiple_of(4);
    (start..end, (start / size).wrapping_sub(offset as u64) as u32)
}

/// Cuts an op's units so that no dispatch is too long and no binding too large.
pub(crate) fn split(
    label: &str,
    op: &dyn Op,
    offsets: &[usize],
    target: &Target,
    seconds: f64,
) -> Result<Vec<Range<usize>>, Error> {
    let (units, bindings) = (op.units().max(1), op.bindings());
    let largest = |chunk: &Range<usize>| {
        let bytes = |((span, binding), &offset): ((Span, &Binding), &usize)| {
            let (range, _) = bind(&span, binding, target.device.alignment, offset);
            (range.end - range.start, binding.name)
        };
        op.spans(chunk)
            .into_iter()
            .zip(&bindings)
            .zip(offsets)
            .map(bytes)
            .max_by_key(|&(bytes, _)| bytes)
            .unwrap_or((0, ""))
    };
    // One unit alone: what splitting cannot make smaller.
    let (needed, binding) = largest(&(0..1));
    let limit = target.device.max_binding;
    let too_large =
        |needed, binding| Error::Binding { label: label.to_owned(), kernel: op.kernel().name, binding, needed, limit };
    if needed > limit {
        return Err(too_large(needed, binding));
    }
    let mut pieces = ((seconds / target.max_seconds).ceil() as usize).clamp(1, units);
    loop {
        let length = units.div_ceil(pieces);
        let chunks: Vec<_> = (0..units).step_by(length).map(|start| start..(start + length).min(units)).collect();
        match chunks.iter().map(largest).max_by_key(|&(bytes, _)| bytes) {
            Some((needed, binding)) if needed > limit && length == 1 => return Err(too_large(needed, binding)),
            Some((needed, _)) if needed > limit => pieces = (pieces * 2).min(units),
            _ => return Ok(chunks),
        }
    }
}
