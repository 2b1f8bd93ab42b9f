//! What kernels share whose threads do not work together: the number of workgroups, spans, the one variant.

use std::ops::Range;

use super::{
    Binding, Choice,
    op::{Define, Role, Span},
};

/// Threads of a workgroup.
pub(super) const THREADS: usize = 64;

/// Workgroups for one thread per item.
pub(super) fn workgroups(items: usize) -> usize {
    items.div_ceil(THREADS)
}

/// The only variant of a kernel that waits for memory and not for arithmetic.
pub(super) fn portable<const N: usize>(defines: [(&'static str, Define); N]) -> Choice {
    Choice::new("portable", "one variant: memory is the limit, not arithmetic", defines)
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
