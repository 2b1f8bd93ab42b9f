//! What kernels share whose threads do not work together: the number of workgroups, spans, the one variant.

use std::ops::Range;

use super::{
    Binding, Choice,
    op::{Define, Role, Span},
};
use crate::gpu::Capabilities;

/// The define that holds the threads of a workgroup.
pub(super) const DEFINE: &str = "THREADS";
/// Threads of a workgroup where nobody says otherwise.
const THREADS: u32 = 64;

/// Workgroups for one thread per item.
pub(super) fn workgroups(choice: &Choice, items: usize) -> usize {
    items.div_ceil(choice.int(DEFINE))
}

/// The only variant of a kernel that waits for memory and not for arithmetic.
pub(super) fn portable<const N: usize>(defines: [(&'static str, Define); N]) -> Vec<Choice> {
    vec![Choice::new("portable", "one variant: memory is the limit, not arithmetic", defines).with(DEFINE, THREADS)]
}

/// These variants with other numbers of threads, where that is a setting of theirs.
pub(super) fn tunings(variants: &[Choice], device: &Capabilities) -> Vec<Choice> {
    let other = |choice: &Choice| {
        let sizes = if choice.defines.contains_key(DEFINE) { &[32, 128, 256][..] } else { &[] };
        let sizes = sizes.iter().filter(|&&threads| threads <= device.max_invocations);
        sizes.map(|&threads| choice.clone().with(DEFINE, threads)).collect::<Vec<_>>()
    };
    let mut all = variants.to_vec();
    all.extend(variants.iter().flat_map(other).filter(|choice| !variants.contains(choice)));
    all
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
