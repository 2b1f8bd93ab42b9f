//! A variant on the interpreter, with the inputs of a check.

use std::{borrow::Cow, ops::Range};

use super::{
    compare::{Expected, bytes_apart, index, not_written, saturated, too_many},
    trial::{Prepared, Trial},
};
use crate::{
    kernel::{Binding, Choice, Dtype, Role, Span},
    lab::sanitize::{Run, Sanitized, sanitize},
};

/// Lanes of a subgroup where a device does not say.
const SUBGROUP: u32 = 32;

impl Prepared {
    /// The cover that the interpreter runs, on the first kind of inputs: the smallest.
    pub(super) fn smallest(&self) -> Option<usize> {
        (0..self.covers.len()).min_by_key(|&at| self.covers[at].units.len())
    }

    /// Runs a variant on an interpreter that sees races, memory that is read before it is written, barriers that not all threads reach,
    /// and elements beyond what is bound; `subgroup` is the device's size, `budget` the operations that single threads may do. No device
    /// is needed.
    pub fn sanitize(&self, choice: &Choice, subgroup: Option<u32>, budget: u64) -> Sanitized {
        let (Some(trial), Some(cover)) = (self.trials.first(), self.smallest()) else {
            return Sanitized::default();
        };
        let units = &self.covers[cover].units;
        let op = self.case.op.as_ref();
        let bindings = op.bindings();
        let spans: Vec<Range<usize>> = bindings
            .iter()
            .zip(op.spans(units))
            .map(|(binding, span)| match span {
                Span::All => 0..binding.device_elements(),
                Span::Elements(range) => range.start..range.end.min(binding.device_elements()),
            })
            .collect();
        let inputs = bindings.iter().zip(&spans).filter(|(b, _)| b.role != Role::Output).map(|(_, span)| span.clone());
        let mut values = trial.inputs.device_values(&inputs.collect::<Vec<_>>()).into_iter();
        let values = bindings.iter().map(|binding| match binding.role {
            Role::Output => Cow::Borrowed(&[][..]),
            _ => values.next().unwrap_or_default(),
        });
        let run = Run {
            op,
            choice,
            units: units.clone(),
            values: values.collect(),
            subgroup: subgroup.unwrap_or(SUBGROUP),
            max_workgroups: self.conditions.max_workgroups,
            budget,
        };
        let (mut found, written) = sanitize(run);
        let outputs = bindings.iter().zip(&spans).filter(|(binding, _)| binding.role == Role::Output);
        for (number, ((binding, span), written)) in outputs.zip(&written).enumerate() {
            if found.is_complete() {
                found.faults.extend(unwritten(binding, &trial.expected[cover][number], span, written));
            }
            if binding.dtype == Dtype::U32 {
                found.faults.extend(off_by_one(&trial.expected[cover][number], span, written));
            }
            let error = self.error(trial, cover, number, binding.dtype, span, written);
            if let Some((error, at)) = error.filter(|(error, _)| *error > found.error.unwrap_or(-1.0)) {
                found.error = Some(error);
                found.at = Some((binding.name.to_owned(), index(at, &binding.shape)));
            }
        }
        found
    }

    /// The largest error of what was written, relative to the rms of the twin's output, and its element.
    fn error(
        &self,
        trial: &Trial,
        cover: usize,
        output: usize,
        dtype: Dtype,
        span: &Range<usize>,
        written: &[Option<f32>],
    ) -> Option<(f64, usize)> {
        let (mut worst, mut squares, mut count): (Option<(f64, usize)>, f64, usize) = (None, 0.0, 0);
        for (at, value, is) in beside(&trial.expected[cover][output], span, written) {
            let Some(is) = is else { continue };
            let error = match dtype {
                // Bytes may be off by one where they lie between two values.
                Dtype::U32 => bytes_apart(value.to_bits(), &is.to_bits().to_le_bytes()).0,
                _ if value.is_nan() => continue,
                _ => {
                    let value = f64::from(saturated(dtype, value));
                    squares += value * value;
                    (value - f64::from(is)).abs()
                }
            };
            count += 1;
            let error = if error.is_nan() { f64::MAX } else { error };
            if worst.is_none_or(|(most, _)| error > most) {
                worst = Some((error, at));
            }
        }
        let scale = if dtype == Dtype::U32 { 1.0 } else { (squares / count.max(1) as f64).sqrt().max(1e-30) };
        worst.map(|(error, at)| ((error / scale).min(f64::MAX), at))
    }
}

/// Elements with the twin's values, and what was written there.
fn beside<'a>(
    expected: &'a [Expected],
    span: &'a Range<usize>,
    written: &'a [Option<f32>],
) -> impl Iterator<Item = (usize, f32, Option<f32>)> + 'a {
    let is = |at: usize| *written.get(at.checked_sub(span.start)?)?;
    let pairs = expected.iter().flat_map(|e| (e.elements.start..).zip(&e.values));
    pairs.map(move |(at, &value)| (at, value, is(at)))
}

/// Too many bytes beside those of the twin's.
fn off_by_one(expected: &[Expected], span: &Range<usize>, written: &[Option<f32>]) -> Option<String> {
    let (mut ones, mut words) = (0, 0);
    for (value, is) in beside(expected, span, written).filter_map(|(_, value, is)| Some((value, is?))) {
        ones += bytes_apart(value.to_bits(), &is.to_bits().to_le_bytes()).1;
        words += 1;
    }
    too_many(ones, words)
}

/// Elements of the twin's that no workgroup wrote.
fn unwritten(binding: &Binding, expected: &[Expected], span: &Range<usize>, written: &[Option<f32>]) -> Option<String> {
    let wanted = |value: f32| binding.dtype == Dtype::U32 || !value.is_nan();
    let missing = beside(expected, span, written).filter(|&(_, value, is)| is.is_none() && wanted(value));
    not_written(binding, missing.map(|(at, ..)| at))
}
