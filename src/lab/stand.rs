//! One op on a device, by itself: buffers of its own, with guard zones around every tensor, and a dispatch for any range of its units.

use std::{ops::Range, sync::Arc};

use crate::{
    gpu::{Buffer, Command, Device, Pipeline},
    graph::{Error, Rate, Target, ZEROS, grid, pipeline, split},
    kernel::{Binding, Choice, Op, Role, Span},
};

/// What outputs hold before anything is written: a NaN in f16, a number in f32 that no kernel computes.
pub const POISON: u8 = 0xfe;
/// What stands around inputs: a NaN in every floating-point type, and another one than that in outputs, so that a NaN which is read there
/// and stored is seen.
const BEYOND: u8 = 0xff;

/// Bytes of poison in front of and behind every tensor: two units of it within these bounds. They are inside the binding, so that no
/// bounds check of a compiler or driver hides a write beyond the tensor.
const GUARD: [u64; 2] = [4 << 10, 64 << 10];
/// Tensors begin where a planner would let them begin: a multiple of WebGPU's largest alignment.
const ALIGNMENT: u64 = 256;

/// An op in one variant, ready to run on memory that holds the tensors of some of its units.
#[derive(Debug)]
pub struct Stand {
    device: Device,
    op: Arc<dyn Op>,
    choice: Choice,
    pipeline: Pipeline,
    tensors: Vec<Tensor>,
    zeros: Buffer,
}

/// The part of a binding that some units touch, in a buffer between guards; clones share the buffer.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The binding.
    pub binding: Binding,
    place: Place,
    buffer: Buffer,
}

/// Where the elements of a tensor lie in its buffer.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    /// The elements on the device that it holds.
    span: Range<usize>,
    /// The element at which the buffer begins, which may be negative.
    first: i64,
    /// Bytes of an element.
    size: usize,
    /// Bytes of a guard.
    guard: u64,
    /// Is all of it bound, whatever the units? Then the kernel may take its base for 0, and nothing stands in front of it.
    whole: bool,
    /// Bytes of the buffer.
    bytes: u64,
}

impl Place {
    /// The place for what some units touch of a binding of an op with so many units.
    fn new(binding: &Binding, span: Span, units: usize, max_binding: u64) -> Self {
        let (size, all) = (binding.dtype.bytes(), binding.device_elements());
        let unit = (all / units.max(1) * size) as u64;
        let guard = (2 * unit).clamp(GUARD[0], GUARD[1]).next_multiple_of(ALIGNMENT);
        let (span, whole) = match span {
            Span::All => (0..all, true),
            Span::Elements(part) => (part.start.min(all)..part.end.min(all), false),
        };
        let aligned = (span.start * size) as u64 / ALIGNMENT * ALIGNMENT;
        let first = if whole { 0 } else { (aligned as i64 - guard as i64) / size as i64 };
        let end = (span.end as i64 - first) as u64 * size as u64;
        // A weight may fill the largest binding; then there is no room behind it.
        let bytes = match (end + guard).next_multiple_of(16) {
            bytes if whole && bytes > max_binding => end.next_multiple_of(16),
            bytes => bytes,
        };
        Self { span, first, size, guard, whole, bytes }
    }

    /// Where elements lie.
    fn bytes_of(&self, elements: &Range<usize>) -> Range<usize> {
        let at = |element: usize| (element as i64 - self.first) as usize * self.size;
        at(elements.start)..at(elements.end)
    }

    /// The bytes to bind for a span, its guards among them, and the element at which they begin (modulo 2³²).
    fn bind(&self, span: &Span, alignment: u64) -> (Range<u64>, u32) {
        match span {
            Span::Elements(elements) if !self.whole => {
                let at = self.bytes_of(elements);
                let start = (at.start as u64).saturating_sub(self.guard) / alignment * alignment;
                let end = (at.end as u64 + self.guard).next_multiple_of(16).min(self.bytes);
                (start..end, (self.first + start as i64 / self.size as i64) as u32)
            }
            _ => (0..self.bytes, self.first as u32),
        }
    }
}

impl Tensor {
    /// The elements on the device that it holds.
    pub fn span(&self) -> &Range<usize> {
        &self.place.span
    }

    /// Fills the buffer: these bytes, poison where there are none, between guards.
    pub fn write(&self, device: &Device, contents: &[u8]) {
        let around = if self.binding.role == Role::Output { POISON } else { BEYOND };
        let mut all = vec![around; self.place.bytes as usize];
        let at = self.place.bytes_of(&self.place.span).start;
        all[at..at + contents.len()].copy_from_slice(contents);
        device.write(&self.buffer, 0, &all);
    }

    /// What the buffer holds: the guard in front, the tensor, the guard behind.
    pub fn read(&self, device: &Device) -> Result<[Vec<u8>; 3], Error> {
        let mut front = device.read(&self.buffer, 0, self.place.bytes)?;
        let at = self.place.bytes_of(&self.place.span);
        let behind = front.split_off(at.end);
        let tensor = front.split_off(at.start);
        Ok([front, tensor, behind])
    }
}

impl Stand {
    /// Compiles the variant with the device's guards and allocates what `units` touch.
    pub fn new(device: &Device, op: &Arc<dyn Op>, choice: &Choice, units: &Range<usize>) -> Result<Self, Error> {
        let bindings = op.bindings();
        let pipeline = pipeline(device, op.as_ref(), choice)?;
        let max_binding = device.capabilities().max_binding;
        let tensors = bindings.into_iter().zip(op.spans(units)).map(|(binding, span)| {
            let place = Place::new(&binding, span, op.units(), max_binding);
            let buffer = device.buffer(binding.name, place.bytes)?;
            Ok::<_, Error>(Tensor { binding, place, buffer })
        });
        let tensors = tensors.collect::<Result<_, _>>()?;
        let zeros = device.buffer("zeros", ZEROS)?;
        Ok(Self { device: device.clone(), op: op.clone(), choice: choice.clone(), pipeline, tensors, zeros })
    }

    /// The same op on the same buffers in another variant.
    pub fn with(&self, choice: &Choice) -> Result<Self, Error> {
        let pipeline = pipeline(&self.device, self.op.as_ref(), choice)?;
        let (device, op, tensors, zeros) =
            (self.device.clone(), self.op.clone(), self.tensors.clone(), self.zeros.clone());
        Ok(Self { device, op, choice: choice.clone(), pipeline, tensors, zeros })
    }

    /// Inputs and weights, in the order of the bindings; not those that are absent.
    pub fn inputs(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().filter(|t| !matches!(t.binding.role, Role::Output | Role::Absent))
    }

    /// Outputs, in the order of the bindings.
    pub fn outputs(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().filter(|t| t.binding.role == Role::Output)
    }

    /// A dispatch for each of these ranges of units, with at most `max_workgroups` in one dimension if the device can count them then.
    pub fn commands(&self, pieces: &[Range<usize>], max_workgroups: u32) -> Result<Vec<Command>, Error> {
        let device = &self.device;
        let alignment = device.capabilities().alignment.max(ALIGNMENT);
        let mut params: Vec<u8> = Vec::new();
        let mut dispatches = Vec::new();
        for piece in pieces {
            let spans = self.op.spans(piece);
            let bound = self.tensors.iter().zip(&spans).map(|(tensor, span)| tensor.place.bind(span, alignment));
            let (ranges, bases): (Vec<_>, Vec<_>) = bound.unzip();
            let dispatch = self.op.dispatch(&self.choice, piece, &bases);
            let start = params.len().next_multiple_of(alignment as usize);
            params.resize(start, 0);
            params.extend(&dispatch.params);
            dispatches.push((start as u64..params.len() as u64, ranges, dispatch.workgroups));
        }
        let uniforms = device.uniforms(&params)?;
        let commands = dispatches.into_iter().map(|(params, ranges, workgroups)| {
            let storage: Vec<_> = self.tensors.iter().zip(ranges).map(|(t, range)| self.bound(t, range)).collect();
            let limit = limit(workgroups, max_workgroups, device.capabilities().max_workgroups);
            device.command(&self.pipeline, (&uniforms, params), &storage, grid(workgroups, limit))
        });
        Ok(commands.collect())
    }

    fn bound<'a>(&'a self, tensor: &'a Tensor, range: Range<u64>) -> (&'a Buffer, Range<u64>) {
        match tensor.binding.role {
            Role::Absent => (&self.zeros, 0..ZEROS),
            _ => (&tensor.buffer, range),
        }
    }
}

/// The pieces in which an op runs on this device: as few as its largest binding allows, none longer than `max_seconds` at this rate.
pub fn pieces(device: &Device, op: &dyn Op, rate: Rate, max_seconds: f64) -> Result<Vec<Range<usize>>, Error> {
    let mut target = Target::new(device.capabilities().clone(), rate).within(max_seconds);
    // Guards are bound, too.
    target.device.max_binding = target.device.max_binding.saturating_sub(2 * (GUARD[1] + ALIGNMENT));
    split(op.kernel().name, op, &vec![0; op.bindings().len()], &target, rate.seconds(op.cost()))
}

/// The length of a line of workgroups: the wanted one, or as much more as leaves no more lines than the device starts.
fn limit(workgroups: usize, wanted: u32, device: u32) -> u32 {
    let least = workgroups.div_ceil(device.max(1) as usize).min(device as usize) as u32;
    wanted.clamp(least.max(1), device.max(1))
}

/// Cuts units into at most `count` pieces of the same length.
pub fn cut(units: &Range<usize>, count: usize) -> Vec<Range<usize>> {
    let length = units.len().div_ceil(count.max(1)).max(1);
    units.clone().step_by(length).map(|start| start..(start + length).min(units.end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Dtype;

    #[test]
    fn a_tensor_stands_between_guards_that_are_bound() {
        let y = Binding::output("y", &[100, 24], Dtype::F16);
        let place = Place::new(&y, Span::Elements(0..2400), 100, 1 << 30);
        assert_eq!((place.first, place.bytes_of(&(0..2400))), (-2048, 4096..8896));
        assert_eq!(place.bytes, 4096 + 4800 + 4096);
        assert_eq!(place.bind(&Span::Elements(0..2400), 256), (0..place.bytes, -2048i32 as u32));
        // Row 50 begins in the middle of an alignment; the element at which the binding begins is a multiple of it.
        let (range, base) = place.bind(&Span::Elements(1200..1224), 256);
        assert_eq!((range.start, range.end), (2304, 6496 + 48 + 4096));
        assert_eq!(base as i32, -2048 + 1152);
    }

    #[test]
    fn some_units_need_a_part_of_the_memory() {
        let x = Binding::input("x", &[100, 64], Dtype::F32);
        let place = Place::new(&x, Span::Elements(3200..3264), 100, 1 << 30);
        assert_eq!((place.first, place.bytes), (3200 - 1024, 4096 + 256 + 4096));
        // What is bound whole begins at its first element.
        let place = Place::new(&x, Span::All, 100, 1 << 30);
        assert_eq!((place.first, place.bytes), (0, 25_600 + 4096));
        assert_eq!(place.bind(&Span::Elements(64..128), 256), (0..place.bytes, 0));
        assert_eq!(Place::new(&x, Span::All, 100, 25_600).bytes, 25_600);
    }

    #[test]
    fn lines_are_no_more_than_the_device_starts() {
        assert_eq!([limit(0, 3, 65_535), limit(1000, 3, 65_535), limit(1000, 70_000, 65_535)], [3, 3, 65_535]);
        assert_eq!(limit(1_000_000, 3, 65_535), 16);
        assert_eq!(grid(1_000_000, 16), [16, 62_500]);
    }

    #[test]
    fn units_are_cut_evenly() {
        assert_eq!(cut(&(10..15), 2), [10..13, 13..15]);
        assert_eq!(cut(&(0..3), 37), [0..1, 1..2, 2..3]);
        assert!(cut(&(4..4), 3).is_empty());
    }
}
