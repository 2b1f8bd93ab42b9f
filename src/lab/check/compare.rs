//! What came out beside what the twin says: errors with their place, what was not written, what was written elsewhere.

use std::ops::Range;

use half::f16;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{Binding, Dtype},
    lab::stand::POISON,
};

/// What the twin says of some elements of an output.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The elements.
    pub elements: Range<usize>,
    /// Their values; NaN where they are not to be written.
    pub values: Vec<f32>,
}

/// The worst of an output's errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// The output.
    pub output: String,
    /// Where in it, an index per axis.
    pub index: Vec<usize>,
    /// What the twin has there, as stored.
    pub expected: f64,
    /// What the kernel wrote.
    pub found: f64,
    /// The error, relative to the rms of the twin's output.
    pub error: f64,
}

/// What was found in an output.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The worst error, if there is any.
    pub worst: Option<Worst>,
    /// Rms error relative to the rms of the twin's output.
    pub rms: f64,
    /// What is wrong whatever the tolerance.
    pub faults: Vec<String>,
    /// Elements that were compared.
    pub compared: usize,
}

/// An output as it was read back: its span with its bytes.
pub struct Output<'a> {
    /// The binding.
    pub binding: &'a Binding,
    /// The elements that were read.
    pub span: &'a Range<usize>,
    /// Their bytes.
    pub bytes: &'a [u8],
}

/// Below the smallest normal number of a type, a device may round to 0.
fn smallest_normal(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F16 => f16::MIN_POSITIVE.to_f64(),
        Dtype::F32 => f64::from(f32::MIN_POSITIVE),
        Dtype::U32 => 0.0,
    }
}

/// What a value's error is relative to: the rms, or a sixteenth of the value itself where that is more and f16 rounds it, which does so by a part
/// of the value. Tolerances of f16 reckon with values up to 16 rms; a few of many thousand random ones are larger.
fn own_scale(dtype: Dtype, rms: f64, value: f32) -> f64 {
    match dtype {
        Dtype::F16 => rms.max(f64::from(value.abs()) / 16.0),
        _ => rms,
    }
}

impl Output<'_> {
    /// Compares with the twin. `slack` is for each expected value what the inputs' own rounding may change.
    pub fn compare(&self, expected: &[Expected], slack: Option<&[Expected]>) -> Found {
        let dtype = self.binding.dtype;
        let mut found = Found::default();
        let words = dtype == Dtype::U32;
        // Bytes are compared as such: the scale of a word is that of nothing.
        let scale = if words { 1.0 } else { self.rms(expected).max(1e-30) };
        let (mut squares, mut unwritten, mut invalid, mut off_by_one) = (0.0, Vec::new(), Vec::new(), 0);
        for (part, window) in expected.iter().enumerate() {
            for (i, &value) in window.values.iter().enumerate() {
                let element = window.elements.start + i;
                let bytes = self.element(element);
                let poisoned = bytes.iter().all(|&b| b == POISON);
                if !words && value.is_nan() {
                    if !poisoned {
                        found.faults.push(format!("{} was written, which other units do", self.name(element)));
                    }
                    continue;
                }
                found.compared += 1;
                let (value, is) = (saturated(dtype, value), to_f64(dtype, bytes));
                let error = match dtype {
                    Dtype::U32 => {
                        let (error, ones) = bytes_apart(value.to_bits(), bytes);
                        off_by_one += ones;
                        error
                    }
                    _ if poisoned => {
                        unwritten.push(element);
                        continue;
                    }
                    _ if !is.is_finite() => {
                        invalid.push((element, is, value));
                        continue;
                    }
                    _ => {
                        let slack = slack.map_or(0.0, |slack| f64::from(slack[part].values[i]));
                        ((f64::from(value) - is).abs() - smallest_normal(dtype) - slack).max(0.0)
                    }
                };
                squares += error * error;
                let error = error / own_scale(dtype, scale, value);
                if found.worst.as_ref().is_none_or(|w| error > w.error) {
                    let (output, index) = (self.binding.name.to_owned(), index(element, &self.binding.shape));
                    let expected = if words { f64::from(value.to_bits()) } else { f64::from(value) };
                    found.worst = Some(Worst { output, index, expected, found: is, error });
                }
            }
        }
        let off = too_many(off_by_one, found.compared);
        found.rms = (squares / found.compared.max(1) as f64).sqrt() / scale;
        found.faults.truncate(1);
        found.faults.extend(off);
        found.faults.extend(not_written(self.binding, unwritten.into_iter()));
        if let Some(&(first, is, value)) = invalid.first() {
            let more = more(invalid.len());
            found.faults.push(format!("{} is {is} where the twin has {value}{more}", self.name(first)));
        }
        found
    }

    /// Elements that still hold poison, of an output of which all elements are to be written.
    pub fn unwritten(&self) -> Option<String> {
        let size = self.binding.dtype.bytes();
        // A white pixel has the bytes of poison.
        if self.binding.dtype == Dtype::U32 {
            return None;
        }
        let is_poison = |element: &[u8]| element.iter().all(|&b| b == POISON);
        let poisoned = self.bytes.chunks_exact(size).enumerate().filter(|(_, element)| is_poison(element));
        not_written(self.binding, poisoned.map(|(at, _)| self.span.start + at))
    }

    /// The first element whose bytes are others than in a second run.
    pub fn differs(&self, other: &[u8]) -> Option<String> {
        let at = self.bytes.iter().zip(other).position(|(a, b)| a != b)?;
        Some(self.name(self.span.start + at / self.binding.dtype.bytes()))
    }

    /// What two runs of different units wrote, joined; and the first element that both wrote.
    pub fn joined(&self, one: &[u8], other: &[u8]) -> (Vec<u8>, Option<String>) {
        let size = self.binding.dtype.bytes();
        let written = |element: &[u8]| element.iter().any(|&b| b != POISON);
        let pairs = || one.chunks_exact(size).zip(other.chunks_exact(size));
        let twice = pairs().position(|(one, other)| written(one) && written(other));
        let joined = pairs().flat_map(|(one, other)| if written(one) { one } else { other }).copied().collect();
        (joined, twice.map(|at| self.name(self.span.start + at)))
    }

    fn element(&self, element: usize) -> &[u8] {
        let size = self.binding.dtype.bytes();
        let at = element.saturating_sub(self.span.start) * size;
        self.bytes.get(at..at + size).unwrap_or(&[])
    }

    fn name(&self, element: usize) -> String {
        named(self.binding, element)
    }

    fn rms(&self, expected: &[Expected]) -> f64 {
        let values = || expected.iter().flat_map(|e| &e.values).filter(|v| !v.is_nan());
        let square = |&v: &f32| f64::from(saturated(self.binding.dtype, v)).powi(2);
        (values().map(square).sum::<f64>() / values().count().max(1) as f64).sqrt()
    }
}

/// What stands in a guard that should hold nothing but poison; `behind`: the guard behind the tensor.
pub fn guard(binding: &Binding, bytes: &[u8], behind: bool) -> Option<String> {
    let size = binding.dtype.bytes();
    let written = |b: &u8| *b != POISON;
    let count = bytes.iter().filter(|b| written(b)).count().div_ceil(size);
    let nearest = match behind {
        true => bytes.iter().position(written)? / size + 1,
        false => bytes.iter().rev().position(written)? / size + 1,
    };
    let side = if behind { "behind the last" } else { "before the first" };
    let elements = if count == 1 { "1 element".into() } else { format!("{count} elements") };
    Some(format!("{elements} of {} written outside of the tensor, the nearest {nearest} {side}", binding.name))
}

/// `y[3, 0, 7]`.
pub fn named(binding: &Binding, element: usize) -> String {
    format!("{}{:?}", binding.name, index(element, &binding.shape))
}

/// The fault that these elements are, if there are any.
pub fn not_written(binding: &Binding, mut elements: impl Iterator<Item = usize>) -> Option<String> {
    let first = elements.next()?;
    Some(format!("{} not written{}", named(binding, first), more(elements.count() + 1)))
}

fn more(count: usize) -> String {
    if count > 1 { format!(", and {} more", count - 1) } else { String::new() }
}

/// An index per axis.
pub fn index(element: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = element;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&length| {
            let at = rest % length.max(1);
            rest /= length.max(1);
            at
        })
        .collect();
    index.reverse();
    index
}

/// A value as its type can hold it: beyond f16, kernels saturate.
pub fn saturated(dtype: Dtype, value: f32) -> f32 {
    if dtype == Dtype::F16 { value.clamp(-65504.0, 65504.0) } else { value }
}

fn to_f64(dtype: Dtype, bytes: &[u8]) -> f64 {
    match (dtype, bytes) {
        (Dtype::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f64(),
        (Dtype::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (Dtype::U32, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
        _ => f64::NAN,
    }
}

/// The largest difference of one byte beyond 1, and how many differ by 1: a value on the edge may be rounded either way, but few are.
pub fn bytes_apart(expected: u32, found: &[u8]) -> (f64, usize) {
    let differences = || expected.to_le_bytes().into_iter().zip(found).map(|(e, &f)| e.abs_diff(f));
    let ones = differences().filter(|&difference| difference == 1).count();
    (differences().max().map_or(f64::MAX, |most| f64::from(most.saturating_sub(1))), ones)
}

/// The fault that so many bytes off by one are in so many words: a few percent may lie on an edge.
pub fn too_many(off_by_one: usize, words: usize) -> Option<String> {
    let bytes = 4 * words;
    (100 * off_by_one > bytes + 200).then(|| format!("{off_by_one} bytes of {bytes} are off by one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn compare(values: &[f32], expected: &[f32]) -> Found {
        let binding = Binding::output("y", &[2, 2], Dtype::F32);
        let expected = Expected { elements: 0..4, values: expected.to_vec() };
        Output { binding: &binding, span: &(0..4), bytes: &bytes(values) }.compare(&[expected], None)
    }

    const POISONED: f32 = f32::from_bits(0xfefe_fefe);

    #[test]
    fn the_worst_error_is_found_where_it_is() {
        let found = compare(&[2.0, 2.0, 1.5, -2.0], &[2.0, 2.0, 2.0, -2.0]);
        let worst = found.worst.unwrap();
        assert_eq!((worst.index, worst.error, worst.expected, worst.found), (vec![1, 0], 0.25, 2.0, 1.5));
        assert!((found.rms - 0.125).abs() < 1e-12 && found.faults.is_empty());
    }

    #[test]
    fn what_is_no_number_is_a_fault() {
        let found = compare(&[1.0, POISONED, f32::INFINITY, f32::NAN], &[1.0; 4]);
        assert_eq!(found.faults, ["y[0, 1] not written", "y[1, 0] is inf where the twin has 1, and 1 more"]);
        let found = compare(&[1.0, 5.0, POISONED, 1.0], &[1.0, f32::NAN, f32::NAN, 1.0]);
        assert_eq!(found.faults, ["y[0, 1] was written, which other units do"]);
        assert_eq!(found.compared, 2);
    }

    #[test]
    fn what_two_runs_write_is_seen() {
        let binding = Binding::output("y", &[2, 2], Dtype::F32);
        let output = Output { binding: &binding, span: &(0..4), bytes: &bytes(&[1.0, 2.0, 3.0, 4.0]) };
        let (one, other) = (bytes(&[1.0, 2.0, POISONED, POISONED]), bytes(&[POISONED, POISONED, 3.0, 4.0]));
        let (joined, twice) = output.joined(&one, &other);
        assert_eq!((output.differs(&joined), twice), (None, None));
        let (joined, twice) = output.joined(&one, &bytes(&[POISONED, 2.0, 3.0, POISONED]));
        assert_eq!(output.differs(&joined).as_deref(), Some("y[1, 1]"));
        assert_eq!(twice.as_deref(), Some("y[0, 1]"));
    }

    #[test]
    fn halves_saturate_and_may_be_flushed() {
        let binding = Binding::output("y", &[3], Dtype::F16);
        let stored: Vec<u8> =
            [65504.0, 0.0, f32::INFINITY].iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        let output = Output { binding: &binding, span: &(0..3), bytes: &stored };
        let found = output.compare(&[Expected { elements: 0..3, values: vec![1e6, 5e-5, 1e6] }], None);
        assert_eq!(found.worst.unwrap().error, 0.0);
        assert_eq!(found.faults, ["y[2] is inf where the twin has 65504"]);
    }

    #[test]
    fn the_rounding_of_a_half_is_a_part_of_its_value() {
        let binding = Binding::output("y", &[4096], Dtype::F16);
        let expected: Vec<f32> = (0..4096).map(|i| if i == 9 { 60.0146 } else { 1.0 }).collect();
        let worst = |found: f32| {
            let values = expected.iter().map(|&value| if value == 1.0 { value } else { found });
            let stored: Vec<u8> = values.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
            let output = Output { binding: &binding, span: &(0..4096), bytes: &stored };
            output.compare(&[Expected { elements: 0..4096, values: expected.clone() }], None).worst.unwrap().error
        };
        // Half an ulp there is 0.0156: almost that was rounded off. The next but one is wrong.
        assert!((3e-3..8e-3).contains(&worst(60.0146)), "{}", worst(60.0146));
        assert!(worst(60.0146 + 2.0 * 0.03125) > 8e-3);
    }

    #[test]
    fn packed_bytes_may_be_off_by_one() {
        let binding = Binding::output("y", &[2], Dtype::U32);
        let words: Vec<u8> = [0xffff_ffffu32, 0x0001_0203].iter().flat_map(|w| w.to_le_bytes()).collect();
        let output = Output { binding: &binding, span: &(0..2), bytes: &words };
        let values = [0xffff_feffu32, 0x0001_0507].map(f32::from_bits).to_vec();
        let worst = output.compare(&[Expected { elements: 0..2, values }], None).worst.unwrap();
        assert_eq!((worst.index, worst.error), (vec![1], 3.0));
        // All of them are not on the edge.
        let words = vec![1; 400];
        let output = Output { binding: &binding, span: &(0..100), bytes: &words };
        let found = output.compare(&[Expected { elements: 0..100, values: vec![0.0; 100] }], None);
        assert_eq!(found.faults, ["400 bytes of 400 are off by one"]);
    }

    #[test]
    fn a_guard_tells_how_far_off_it_was_written() {
        let y = Binding::output("y", &[4], Dtype::F32);
        let mut zone = vec![POISON; 32];
        assert_eq!(guard(&y, &zone, true), None);
        zone[8..16].fill(0);
        let told = guard(&y, &zone, true).unwrap();
        assert_eq!(told, "2 elements of y written outside of the tensor, the nearest 3 behind the last");
        assert!(guard(&y, &zone, false).unwrap().ends_with("the nearest 5 before the first"));
    }
}
