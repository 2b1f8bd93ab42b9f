//! What kernels share whose threads do not work together: the number of workgroups, spans, the one variant.

use std::ops::Range;

use super::{Binding, Choice, Define, Role, Span};
use crate::gpu::Capabilities;

/// The define that holds the threads of a workgroup.
pub(super) const DEFINE: &str = "THREADS";
/// Threads of a workgroup where nobody says otherwise.
pub(super) const USUAL: u32 = 64;
/// The reason of rungs called `portable` that are not there for the sake of others.
pub(super) const PORTABLE: &str = "memory is the limit, not arithmetic";
/// The reason of rungs called `wide`.
pub(super) const WIDE: &str =
    "a CPU driver with subgroups and 64-bit integers: each lane loads 8 values at a time, where loads are dear";

/// Workgroups for one thread per item.
pub(super) fn workgroups(choice: &Choice, items: usize) -> usize {
    items.div_ceil(choice.int(DEFINE))
}

/// The only variant of a kernel that waits for memory and not for arithmetic.
pub(super) fn portable<const N: usize>(defines: [(&'static str, Define); N]) -> Vec<Choice> {
    vec![Choice::new("portable", PORTABLE, defines).with(DEFINE, USUAL)]
}

/// Other numbers of threads that are worth trying on this device.
pub(super) fn others(device: &Capabilities) -> impl Iterator<Item = u32> {
    let most = device.max_invocations;
    [32, 128, 256].into_iter().filter(move |&threads| threads <= most)
}

/// These variants with other numbers of threads, where that is a setting of theirs.
pub(super) fn tunings(variants: &[Choice], device: &Capabilities) -> Vec<Choice> {
    let other = |choice: &Choice| {
        let settable = choice.defines.contains_key(DEFINE);
        let others = others(device).filter(|_| settable).map(|threads| choice.clone().with(DEFINE, threads));
        others.collect::<Vec<_>>()
    };
    let mut all = variants.to_vec();
    all.extend(variants.iter().flat_map(other).filter(|choice| !variants.contains(choice)));
    all
}

/// Lanes that share their loads, where a workgroup can be one subgroup of a known size; the tile's rows are dealt out to them evenly.
pub(super) fn shared_lanes(device: &Capabilities) -> Option<u32> {
    match device.subgroup {
        Some([least, most]) if device.is_cpu() && least == most && matches!(most, 4 | 8 | 16 | 32) => Some(most),
        _ => None,
    }
}

/// [`shared_lanes`], if rows of these widths can be read 8 values at a time as 64-bit integers: what the rungs called `wide` and `tall` need.
pub(super) fn wide_lanes(device: &Capabilities, widths: &[usize]) -> Option<u32> {
    shared_lanes(device).filter(|_| device.int64 && widths.iter().all(|width| width.is_multiple_of(8)))
}

/// Values that a thread takes at once when tensors have rows of `width`: 4 or 1.
pub(super) fn item(width: usize) -> usize {
    if width.is_multiple_of(4) { 4 } else { 1 }
}

/// Is [`item`] a vector?
pub(super) fn vec(width: usize) -> Define {
    (item(width) == 4).into()
}

/// The elements of these units, `width` each; all of a binding that is absent.
pub(super) fn rows(binding: &Binding, units: &Range<usize>, width: usize) -> Span {
    match binding.role {
        Role::Absent => Span::All,
        _ => Span::Elements(units.start * width..units.end * width),
    }
}

/// The elements of these positions in `planes` planes of `length` elements each.
pub(super) fn planes(units: &Range<usize>, planes: usize, length: usize) -> Span {
    Span::Elements(units.start..planes.saturating_sub(1) * length + units.end)
}

/// A span of a tensor of `length` elements that is read again and again, for these elements of its endless repetition.
pub(super) fn repeated(elements: &Range<usize>, length: usize) -> Span {
    let length = length.max(1);
    let last = elements.end.saturating_sub(1).max(elements.start);
    if elements.start / length == last / length {
        Span::Elements(elements.start % length..last % length + 1)
    } else {
        Span::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_spans_cover_what_is_read() {
        for (elements, expected) in [
            (0..4, Span::Elements(0..4)),
            (12..20, Span::Elements(2..10)),
            (8..12, Span::All),
            (8..10, Span::Elements(8..10)),
        ] {
            assert_eq!(repeated(&elements, 10), expected, "{elements:?}");
        }
    }
}
