//! Which intermediates share a buffer.

/// A tensor's size and the operations between which it is needed, both inclusive.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub tensor: usize,
    pub bytes: u64,
    pub first: usize,
    pub last: usize,
}

/// Gives every tensor a buffer so that no two that live at the same time share one. Returns for each life its buffer, and the
/// buffers' sizes.
///
/// Greedy by size (Pisarchyk & Lee 2020, "shared objects"): the largest tensors get their buffers first; each takes the smallest
/// buffer that is free during its whole life. Whole buffers are shared, not ranges: wgpu does not let one dispatch read one
/// range of a buffer and write another.
pub(super) fn assign(lives: &[Life]) -> (Vec<usize>, Vec<u64>) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].bytes), lives[i].first));
    let mut sizes: Vec<u64> = Vec::new();
    let mut busy: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut slots = vec![0; lives.len()];
    for i in order {
        let life = &lives[i];
        let free = |slot: &usize| busy[*slot].iter().all(|&(first, last)| life.last < first || last < life.first);
        // Sizes only shrink from here on, so every existing buffer is large enough; the smallest wastes least.
        let slot = (0..sizes.len()).filter(free).min_by_key(|&s| sizes[s]).unwrap_or_else(|| {
            sizes.push(life.bytes);
            busy.push(Vec::new());
            sizes.len() - 1
        });
        busy[slot].push((life.first, life.last));
        slots[i] = slot;
    }
    (slots, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(bytes: u64, first: usize, last: usize) -> Life {
        Life { tensor: 0, bytes, first, last }
    }

    #[test]
    fn tensors_share_only_when_they_do_not_live_together() {
        let lives = [life(100, 0, 1), life(60, 1, 2), life(100, 2, 3), life(50, 3, 4), life(10, 0, 4)];
        let (slots, sizes) = assign(&lives);
        assert_eq!(slots[0], slots[2]);
        assert_eq!(slots[1], slots[3]);
        assert_ne!(slots[0], slots[1]);
        assert_eq!(sizes.iter().sum::<u64>(), 170);
        for (i, a) in lives.iter().enumerate() {
            for (j, b) in lives.iter().enumerate().skip(i + 1) {
                let together = a.first <= b.last && b.first <= a.last;
                assert!(!(together && slots[i] == slots[j]), "{i} and {j}");
            }
        }
    }
}
