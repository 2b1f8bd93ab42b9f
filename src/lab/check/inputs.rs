//! What goes into an op that is checked: random, constant, tiny and huge values, rounded to their storage types.

use std::{borrow::Cow, ops::Range};

use half::f16;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{Binding, Case, Dtype, Layout, Op, Role, Span},
    lab::normals::Normals,
};

/// A kind of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Normals, shaped as the kernel's inputs are.
    Random,
    /// One value everywhere, parameters too: what a sum counts once too often shows, and a variance is 0.
    Constant,
    /// Random values so small that their squares are just above the smallest normal f32, or just normal in f16.
    Tiny,
    /// Random values as large as the kernel takes them while no output exceeds half of its type's largest number.
    Huge,
    /// Random values for which some outputs exceed f16 and must saturate; only where the type is f16.
    Overflow,
}

impl Kind {
    /// All kinds, in the order in which they are tried.
    pub const ALL: [Self; 5] = [Self::Random, Self::Constant, Self::Tiny, Self::Huge, Self::Overflow];
}

/// The value behind every constant input: few digits, so that sums of products are exact in any order.
const CONSTANT: f32 = 0.75;

/// Inputs and weights of an op, in the order of its bindings; absent ones are empty. Only what the units at hand read is filled.
#[derive(Clone, Debug)]
pub struct Inputs {
    tensors: Vec<(Binding, Vec<f32>)>,
}

impl Inputs {
    /// Inputs of a kind for these units. Of tiny ones each is scaled down as far as the op allows, of others by `2^scale` at most.
    pub fn new(case: &Case, kind: Kind, scale: i32, seed: u64, units: &[Range<usize>]) -> Self {
        let bindings = case.op.bindings();
        let spans: Vec<Vec<Span>> = units.iter().map(|units| case.op.spans(units)).collect();
        let tensors = bindings.into_iter().enumerate().filter(|(_, b)| b.role != Role::Output).map(|(at, binding)| {
            if binding.role == Role::Absent {
                return (binding, Vec::new());
            }
            let scales = case.op.scales(&binding);
            let factor = 2f32.powi(if kind == Kind::Tiny { *scales.start() } else { scale.min(*scales.end()).max(0) });
            let normals = Normals::new(seed, at as u64);
            let value = |i: usize, normal: f32| {
                let normal = if kind == Kind::Constant { CONSTANT } else { normal };
                stored(binding.dtype, case.fill(&binding, i, normal) * factor)
            };
            // Untouched pages of a large allocation cost nothing.
            let mut values = vec![0.0; binding.elements()];
            for span in spans.iter().map(|spans| &spans[at]) {
                let elements = match (span, &binding.role) {
                    (Span::Elements(part), Role::Input) => part.start.min(values.len())..part.end.min(values.len()),
                    _ => 0..values.len(),
                };
                normals.fill(&mut values[elements.clone()], elements.start, value);
            }
            (binding, values)
        });
        Self { tensors: tensors.collect() }
    }

    /// Inputs from elsewhere, such as those of a layer of a model.
    pub fn given(tensors: Vec<(Binding, Vec<f32>)>) -> Self {
        Self { tensors }
    }

    /// The same, every floating-point value moved by one unit in the last place of f32, up or down: what is lost when an operation's
    /// first step rounds.
    pub fn nudged(&self, seed: u64) -> Self {
        let nudged = |(at, (binding, values)): (usize, &(Binding, Vec<f32>))| {
            let mut values = values.clone();
            if binding.dtype != Dtype::U32 {
                let normals = Normals::new(seed ^ 0x6e75_6467, at as u64);
                let was = values.clone();
                normals.fill(&mut values, 0, |i, normal| was[i] * (1.0 + f32::EPSILON.copysign(normal)));
            }
            (binding.clone(), values)
        };
        Self { tensors: self.tensors.iter().enumerate().map(nudged).collect() }
    }

    /// As the CPU twin takes them.
    pub fn slices(&self) -> Vec<&[f32]> {
        self.tensors.iter().map(|(_, values)| values.as_slice()).collect()
    }

    /// The values of each on the device, for the elements in its span; nothing of those that are absent.
    pub fn device_values<'a>(&'a self, spans: &[Range<usize>]) -> Vec<Cow<'a, [f32]>> {
        let tensors = self.tensors.iter().zip(spans);
        tensors
            .map(|((binding, values), span)| match &binding.role {
                Role::Weight(layout) if *layout != Layout::Plain => {
                    Cow::Owned(layout.arrange(values, &binding.shape, 0.0)[span.clone()].to_vec())
                }
                Role::Absent => Cow::Borrowed(&[][..]),
                _ => Cow::Borrowed(&values[span.clone()]),
            })
            .collect()
    }

    /// The bytes of each that is not absent, on the device, for the elements in `spans`.
    pub fn device_bytes<'a>(&self, mut spans: impl Iterator<Item = &'a Range<usize>>) -> Vec<Vec<u8>> {
        let present = self.tensors.iter().filter(|(binding, _)| binding.role != Role::Absent);
        present
            .map(|(binding, values)| {
                let span = spans.next().cloned().unwrap_or_default();
                match &binding.role {
                    Role::Weight(layout) if *layout != Layout::Plain => {
                        let arranged = match binding.dtype {
                            Dtype::F16 => layout.arrange_f16(&halves(values), &binding.shape),
                            _ => layout.arrange_f32(values, &binding.shape),
                        };
                        let size = binding.dtype.bytes();
                        arranged[span.start * size..span.end * size].to_vec()
                    }
                    _ => to_bytes(binding.dtype, &values[span]),
                }
            })
            .collect()
    }
}

/// Bytes for a tensor on the device whose values do not matter, such as for timing: some usual ones, again and again.
pub fn pattern(op: &dyn Op, binding: &Binding, elements: usize) -> Vec<u8> {
    const LENGTH: usize = 1 << 14;
    let mut values = vec![0.0; LENGTH.min(elements)];
    Normals::new(0, 0).fill(&mut values, 0, |i, normal| stored(binding.dtype, op.fill(binding, i, normal)));
    let bytes = to_bytes(binding.dtype, &values);
    bytes.iter().copied().cycle().take(elements * binding.dtype.bytes()).collect()
}

/// A value as its type stores it.
fn stored(dtype: Dtype, value: f32) -> f32 {
    match dtype {
        Dtype::F16 => f16::from_f32(value.clamp(-65504.0, 65504.0)).to_f32(),
        Dtype::F32 => value,
        Dtype::U32 => value.abs().floor(),
    }
}

fn halves(values: &[f32]) -> Vec<f16> {
    values.par_iter().map(|&v| f16::from_f32(v)).collect()
}

fn to_bytes(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    match dtype {
        Dtype::F32 => bytemuck::cast_slice(values).to_vec(),
        Dtype::F16 => bytemuck::cast_slice(&halves(values)).to_vec(),
        Dtype::U32 => bytemuck::cast_slice(&values.iter().map(|&v| v as u32).collect::<Vec<_>>()).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::{Case, Gemm, Linear},
        lab::stand::cut,
    };
    use std::sync::Arc;

    fn case() -> Case {
        Case::new("a case", Arc::new(Linear(Gemm::plain(8, 6, 4, Dtype::F16))))
    }

    #[test]
    fn a_part_of_the_inputs_is_what_the_whole_has_there() {
        let case = case();
        let whole = Inputs::new(&case, Kind::Random, 0, 7, &cut(&(0..8), 1));
        let part = Inputs::new(&case, Kind::Random, 0, 7, &[2..3, 5..7]);
        let (whole, part) = (whole.slices(), part.slices());
        assert_eq!(part[0][12..18], whole[0][12..18]);
        assert_eq!(part[0][30..42], whole[0][30..42]);
        assert!(part[0][..12].iter().chain(&part[0][18..30]).all(|&v| v == 0.0));
        assert_eq!(part[2], whole[2]); // the weight
        assert!(
            whole[1].is_empty() && whole[0] != Inputs::new(&case, Kind::Random, 0, 8, &cut(&(0..8), 1)).slices()[0]
        );
    }

    #[test]
    fn kinds_are_what_they_are_called() {
        let x = |kind, scale| Inputs::new(&case(), kind, scale, 1, &cut(&(0..8), 1)).slices()[0].to_vec();
        let random = x(Kind::Random, 0);
        assert!(x(Kind::Constant, 0).iter().all(|&v| v == CONSTANT));
        for (kind, scale, factor) in [(Kind::Tiny, 0, 1.0 / 256.0), (Kind::Huge, 6, 64.0), (Kind::Huge, 40, 4096.0)] {
            let values = x(kind, scale);
            assert!(
                values.iter().zip(&random).all(|(v, r)| (v / factor - r).abs() < 1e-3 * r.abs().max(0.1)),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_nudge_is_one_unit_in_the_last_place() {
        let inputs = Inputs::new(&case(), Kind::Random, 0, 3, &cut(&(0..8), 1));
        let nudged = inputs.nudged(3);
        for (a, b) in inputs.slices()[0].iter().zip(nudged.slices()[0]) {
            assert!(a != b && ((a - b) / a).abs() < 2.5e-7, "{a} {b}");
        }
    }
}
