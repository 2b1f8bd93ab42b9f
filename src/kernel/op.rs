//! What every kernel tells about itself: bindings, variants, cost, how it can be split, and its CPU twin.

use std::{
    fmt::Debug,
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use serde_json::Value;

use super::{Binding, Choice, Kernel, Span, threads};
use crate::gpu::Capabilities;

/// A kernel with its shapes filled in: one recorded operation, which may become several dispatches.
///
/// # Splitting
/// An op is divisible along one axis of [`units`](Op::units) (rows, output lines, sequences …). The planner cuts this axis
/// so that no dispatch runs too long and no binding exceeds the device's limit; [`spans`](Op::spans) says which elements
/// of each binding a range of units touches.
pub trait Op: Debug + Send + Sync {
    /// The kernel's name and WGSL.
    fn kernel(&self) -> &'static Kernel;

    /// All bindings in the order of the WGSL, from `@binding(1)` on (`@binding(0)` is the parameter struct).
    fn bindings(&self) -> Vec<Binding>;

    /// Every variant that can run this shape on this device, the best guess first: the rungs of the kernel's ladder. Never empty.
    fn variants(&self, device: &Capabilities) -> Vec<Choice>;

    /// Which variant to run on this device, and why.
    fn choose(&self, device: &Capabilities) -> Choice {
        self.variants(device).swap_remove(0)
    }

    /// The variants with all settings that are worth trying on this device.
    fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        threads::tunings(&self.variants(device), device)
    }

    /// The integers among a choice's defines that [`dispatch`](Op::dispatch) counts workgroups by, with their meaning: what a WGSL file
    /// that stands in for a variant has to declare as constants. `THREADS` is read off its workgroup size instead.
    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        &[(threads::DEFINE, "threads of a workgroup, one for each item")]
    }

    /// The shape as JSON, as [`parse`](super::parse) reads it.
    fn shape(&self) -> Value;

    /// What is contradictory about the shape, which may come from a user.
    fn problem(&self) -> Option<String>;

    /// Arithmetic and distinct memory traffic of the whole op.
    fn cost(&self) -> Cost;

    /// How many units the op can be divided into; at least 1.
    fn units(&self) -> usize;

    /// The elements of every binding that these units read or write, in the order of [`bindings`](Op::bindings).
    fn spans(&self, units: &Range<usize>) -> Vec<Span>;

    /// Parameters and workgroup count for these units. `bases[i]` is the element at which binding `i` starts:
    /// the shader subtracts it from its logical indices.
    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch;

    /// The CPU twin of some units: the specification in plain loops with f64 accumulators. `inputs` are the input and weight bindings
    /// in order (absent ones are empty), whole, but only what [`spans`](Op::spans) names is read; weights in the reference's layout.
    ///
    /// Returns of each output the elements of its span, in order: NaN where the span holds elements that other units write, words of
    /// a u32 output as the f32 of their bits.
    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>>;

    /// The CPU twin of the whole op.
    fn reference(&self, inputs: &[&[f32]]) -> Vec<Vec<f32>> {
        self.twin(inputs, &(0..self.units()))
    }

    /// How far a kernel may be from its twin.
    fn tolerance(&self) -> Tolerance;

    /// For tests: the value of element `i` of an input, from a standard normal. Ids and counters are whole numbers.
    fn fill(&self, _binding: &Binding, _i: usize, normal: f32) -> f32 {
        normal
    }

    /// For tests: the powers of 2 between which an input may be scaled without leaving what the kernel is made for. By default that
    /// are inputs whose squares and their sums stay normal numbers of f32, and parameters as they are.
    fn scales(&self, binding: &Binding) -> RangeInclusive<i32> {
        binding.scales()
    }
}

/// Floating-point operations (2 per multiply-add) and distinct bytes read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: f64,
    /// Bytes read and written, each once.
    pub bytes: f64,
}

impl Cost {
    /// A cost whose bytes are those of all bindings, each touched once.
    pub fn of(flops: f64, bindings: &[Binding]) -> Self {
        let bytes = bindings.iter().map(|b| b.device_elements() as f64 * b.dtype.bytes() as f64).sum();
        Self { flops, bytes }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |mut a, b| {
            a += b;
            a
        })
    }
}

/// One dispatch: the bytes of the kernel's parameter struct and the number of workgroups.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// Bytes of the WGSL `Params` struct.
    pub params: Vec<u8>,
    /// Workgroups in all; the runner folds them into two dimensions, `shared/grid.wgsl` unfolds them.
    pub workgroups: usize,
}

impl Dispatch {
    /// A dispatch from a parameter struct.
    pub fn new<P: bytemuck::Pod>(params: P, workgroups: usize) -> Self {
        Self { params: bytemuck::bytes_of(&params).to_vec(), workgroups: workgroups.max(1) }
    }
}

/// How far a kernel may be from its twin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Largest error, relative to the rms of the twin's output; of a value that is stored as f16 and more than 16 times that, to its sixteenth.
    pub worst: f64,
    /// Why this number.
    pub reason: &'static str,
}

/// One row of the table that the harness tests, times and tunes over.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the case is, e.g. `down.0 resnet conv 3x3`.
    pub name: String,
    /// The op with its shapes.
    pub op: Arc<dyn Op>,
    /// The tolerance it must meet.
    pub tolerance: Tolerance,
    /// What takes the place of [`Op::fill`].
    fill: Option<Fill>,
}

/// Turns a random normal into the value of element `i` of an input.
type Fill = fn(&Binding, usize, f32) -> f32;

impl Case {
    /// A case with the op's own tolerance and inputs.
    pub fn new(name: impl Into<String>, op: Arc<dyn Op>) -> Self {
        Self { name: name.into(), tolerance: op.tolerance(), op, fill: None }
    }

    /// The value of element `i` of an input, from a standard normal.
    pub fn fill(&self, binding: &Binding, i: usize, normal: f32) -> f32 {
        match self.fill {
            Some(fill) => fill(binding, i, normal),
            None => self.op.fill(binding, i, normal),
        }
    }

    /// The same case with a tolerance of its own.
    pub fn within(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// The same case with inputs of its own making.
    pub fn with_fill(self, fill: Fill) -> Self {
        Self { fill: Some(fill), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Role, cases};

    /// And every element belongs to some unit.
    #[test]
    fn the_twin_of_some_units_is_what_the_whole_has_there() {
        for case in cases().into_iter().filter(|case| case.op.cost().flops < 1e7) {
            let op = case.op.as_ref();
            let bindings = op.bindings();
            let given = bindings.iter().filter(|b| b.role != Role::Output).map(|binding| {
                let count = if binding.role == Role::Absent { 0 } else { binding.elements() };
                (0..count).map(|i| case.fill(binding, i, (i * 37 % 101) as f32 / 50.0 - 1.0)).collect()
            });
            let given: Vec<Vec<f32>> = given.collect();
            let inputs: Vec<&[f32]> = given.iter().map(Vec::as_slice).collect();
            let whole = op.reference(&inputs);
            let mut seen: Vec<Vec<bool>> = whole.iter().map(|values| vec![false; values.len()]).collect();
            let units = op.units();
            for part in [0..units.div_ceil(3), units.div_ceil(3)..units].into_iter().filter(|part| !part.is_empty()) {
                let outputs = bindings.iter().zip(op.spans(&part)).filter(|(b, _)| b.role == Role::Output);
                for (i, ((_, span), values)) in outputs.zip(op.twin(&inputs, &part)).enumerate() {
                    let start = if let Span::Elements(elements) = span { elements.start } else { 0 };
                    for (at, value) in (start..).zip(values) {
                        let is = whole[i][at].to_bits() == value.to_bits();
                        assert!(is || value.is_nan(), "{} {}: {at}", op.kernel().name, case.name);
                        seen[i][at] |= is;
                    }
                }
            }
            assert!(seen.iter().flatten().all(|&seen| seen), "{} {}", op.kernel().name, case.name);
        }
    }
}
