//! Which intermediates share memory, and where.

use std::{cmp::Reverse, ops::Range};

/// A tensor's size and the operations between which it is needed, both inclusive.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub tensor: usize,
    pub bytes: u64,
    pub first: usize,
    pub last: usize,
}

impl Life {
    fn meets(&self, other: &Life) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// What buffers of the device allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Tensors begin at multiples of this many bytes.
    pub alignment: u64,
    /// Bytes of the largest buffer.
    pub max_buffer: u64,
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub buffer: usize,
    pub start: u64,
}

/// Numbers of buffers to try: fewer are too few for a chain with residuals, more save nothing.
const BUFFERS: std::ops::RangeInclusive<usize> = 3..=6;

/// Packs tensors into a few buffers: a place for each life, and the buffers' sizes. Tensors that live at the same time never overlap,
/// and two of `apart` never share a buffer: wgpu does not let a dispatch read one range of a buffer and write another.
///
/// One tensor after the other gets the lowest gap of the buffer that grows least (Pisarchyk & Lee 2020). No order is always the best one: by
/// size, by first and by last use are tried, with several numbers of buffers, and the smallest sum counts.
pub(super) fn pack(lives: &[Life], apart: &[[usize; 2]], limits: Limits) -> (Vec<Spot>, Vec<u64>) {
    let mut strangers = vec![Vec::new(); lives.len()];
    for &[a, b] in apart {
        strangers[a].push(b);
        strangers[b].push(a);
    }
    type Key<'a> = &'a dyn Fn(&Life) -> (Reverse<u64>, usize);
    let keys: [Key<'_>; 3] = [
        &|life| (Reverse(life.bytes), life.first),
        &|life| (Reverse(u64::MAX - life.first as u64), usize::MAX - life.bytes as usize),
        &|life| (Reverse(life.last as u64), usize::MAX - life.bytes as usize),
    ];
    let orders = keys.map(|key| {
        let mut order: Vec<usize> = (0..lives.len()).collect();
        order.sort_by_key(|&i| key(&lives[i]));
        order
    });
    let tries = orders.iter().flat_map(|order| BUFFERS.map(move |buffers| (order, buffers)));
    let packed = tries.map(|(order, buffers)| Packing::new(lives, &strangers, limits, buffers).place(order));
    packed.min_by_key(|(_, sizes)| sizes.iter().sum::<u64>()).unwrap_or_default()
}

/// Tensors that have their places.
struct Packing<'a> {
    lives: &'a [Life],
    strangers: &'a [Vec<usize>],
    limits: Limits,
    spots: Vec<Option<Spot>>,
    /// The lives in each buffer, and its size.
    buffers: Vec<(Vec<usize>, u64)>,
}

impl<'a> Packing<'a> {
    fn new(lives: &'a [Life], strangers: &'a [Vec<usize>], limits: Limits, buffers: usize) -> Self {
        Self { lives, strangers, limits, spots: vec![None; lives.len()], buffers: vec![(Vec::new(), 0); buffers] }
    }

    fn place(mut self, order: &[usize]) -> (Vec<Spot>, Vec<u64>) {
        for &i in order {
            let bytes = self.lives[i].bytes;
            let allowed = |b: &usize| {
                let end = (self.start(i, *b) + bytes).next_multiple_of(self.limits.alignment);
                let fits = end <= self.limits.max_buffer;
                fits && !self.strangers[i].iter().any(|&s| self.spots[s].is_some_and(|spot| spot.buffer == *b))
            };
            let growth = |&b: &usize| {
                let start = self.start(i, b);
                ((start + bytes).saturating_sub(self.buffers[b].1), start)
            };
            let buffer = (0..self.buffers.len()).filter(allowed).min_by_key(growth).unwrap_or_else(|| {
                self.buffers.push((Vec::new(), 0));
                self.buffers.len() - 1
            });
            let start = self.start(i, buffer);
            self.spots[i] = Some(Spot { buffer, start });
            let (inside, size) = &mut self.buffers[buffer];
            inside.push(i);
            *size = (*size).max((start + bytes).next_multiple_of(self.limits.alignment));
        }
        (self.spots.into_iter().flatten().collect(), self.buffers.into_iter().map(|(_, size)| size).collect())
    }

    /// The lowest gap of a buffer that is free during a life.
    fn start(&self, i: usize, buffer: usize) -> u64 {
        let life = &self.lives[i];
        let taken = |&other: &usize| -> Option<Range<u64>> {
            let start = self.spots[other].filter(|_| self.lives[other].meets(life))?.start;
            Some(start..(start + self.lives[other].bytes).next_multiple_of(self.limits.alignment))
        };
        let mut taken: Vec<_> = self.buffers[buffer].0.iter().filter_map(taken).collect();
        taken.sort_by_key(|range| range.start);
        let mut start = 0;
        for range in taken {
            if range.start >= start + life.bytes {
                break;
            }
            start = start.max(range.end);
        }
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { alignment: 4, max_buffer: 1 << 20 };

    fn life(bytes: u64, first: usize, last: usize) -> Life {
        Life { tensor: 0, bytes, first, last }
    }

    /// No two that live at the same time overlap, none is larger than its buffer, and strangers have different buffers.
    fn check(lives: &[Life], apart: &[[usize; 2]], limits: Limits) -> u64 {
        let (spots, sizes) = pack(lives, apart, limits);
        for (i, a) in lives.iter().enumerate() {
            assert!(spots[i].start + a.bytes <= sizes[spots[i].buffer] && sizes[spots[i].buffer] <= limits.max_buffer);
            assert!(spots[i].start.is_multiple_of(limits.alignment));
            for (j, b) in lives.iter().enumerate().skip(i + 1) {
                let (s, t) = (spots[i], spots[j]);
                let over = s.start < t.start + b.bytes && t.start < s.start + a.bytes;
                assert!(!(a.meets(b) && s.buffer == t.buffer && over), "{i} and {j}");
            }
        }
        apart.iter().for_each(|&[a, b]| assert_ne!(spots[a].buffer, spots[b].buffer));
        sizes.iter().sum()
    }

    #[test]
    fn a_chain_needs_what_lives_at_the_same_time() {
        // Each reads the one before and writes the next.
        let lives = [life(100, 0, 1), life(60, 1, 2), life(100, 2, 3), life(60, 3, 4), life(12, 0, 4)];
        assert_eq!(check(&lives, &[[0, 1], [1, 2], [2, 3]], LIMITS), 172);
    }

    #[test]
    fn a_large_tensor_lies_where_several_smaller_ones_were() {
        let mut lives: Vec<Life> = (0..4).map(|i| life(40, 0, 2 + i % 2)).collect();
        lives.push(life(160, 4, 5));
        assert_eq!(check(&lives, &[], LIMITS), 160);
    }

    #[test]
    fn buffers_keep_to_their_largest_size() {
        let lives: Vec<Life> = (0..9).map(|_| life(400, 0, 1)).collect();
        check(&lives, &[[0, 1], [2, 3]], Limits { max_buffer: 900, ..LIMITS });
    }
}
