//! Which weights of a network stay on the device, where not all of them have room.
//!
//! The largest stay first. What is streamed passes through windows as large as the weights of the operation that streams most, so the
//! windows shrink with every size that stays. And a network has large and small weights in each of its blocks: what is left to stream is
//! spread over the whole run, and the host brings it while the device computes with what is there. For the same reason every second of
//! equally large weights stays before the others do: with a prefix, the device would first keep the host waiting, then the host the device.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Plan, WeightKey,
    stream::{op_weights, padded, three_windows, window_bytes},
    weight_store::loading_bytes,
};

/// Which weights of a network stay on the device while it is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Residence {
    /// All.
    #[default]
    All,
    /// These; the others are streamed.
    Only(Arc<HashSet<WeightKey>>),
}

/// The bytes in which weights have to find room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes for the weights and everything that comes with them.
    pub limit: u64,
    /// Bytes that come once the weights are there; until then the room is free for loading.
    pub beside: u64,
}

impl Residence {
    /// None stays; all do where that takes no more memory.
    pub fn none(plans: &[&Plan]) -> Self {
        let none = Self::Only(Arc::default());
        if none.weight_bytes(plans) < Self::All.weight_bytes(plans) { none } else { Self::All }
    }

    /// As many as fit, in an order that does not depend on the room: in a larger one no weight is streamed that stays in a smaller one. If
    /// not even the windows fit, none. Weights that only the plans of `once` read stay last: those run once where the `often` run in every
    /// step.
    pub fn within(often: &[&Plan], once: &[&Plan], room: Room) -> Self {
        let plans = [often, once].concat();
        let order = order(often, once);
        match Ladder::new(&plans, &order).highest(room) {
            Some(kept) if kept == order.len() => Self::All,
            Some(kept) if kept > 0 => Self::Only(Arc::new(order[..kept].iter().map(|&key| key.clone()).collect())),
            _ => Self::none(&plans),
        }
    }

    /// Does this weight stay?
    pub fn holds(&self, key: &WeightKey) -> bool {
        match self {
            Self::All => true,
            Self::Only(kept) => kept.contains(key),
        }
    }

    /// Bytes of the weights of these plans that stay, each counted once.
    pub fn kept_bytes(&self, plans: &[&Plan]) -> u64 {
        self.kept(plans).into_iter().map(WeightKey::buffer_bytes).sum()
    }

    /// Bytes of weights that go to the device in one run of a plan.
    pub fn streamed_bytes(&self, plan: &Plan) -> u64 {
        plan.weights.iter().filter(|key| !self.holds(key)).map(WeightKey::bytes).sum()
    }

    /// Bytes on the device for the weights of these plans: those that stay, and the windows of the others.
    pub fn weight_bytes(&self, plans: &[&Plan]) -> u64 {
        self.held(plans).bytes()
    }

    /// Bytes beyond these while weights are loaded: some of them exist twice then, and there are no windows yet.
    pub fn upload_bytes(&self, plans: &[&Plan]) -> u64 {
        self.held(plans).upload_bytes()
    }

    fn held(&self, plans: &[&Plan]) -> Held {
        let largest = self.kept(plans).into_iter().map(WeightKey::buffer_bytes).max().unwrap_or(0);
        Held { kept: self.kept_bytes(plans), largest, window: window_bytes(plans, self) }
    }

    fn kept<'a>(&self, plans: &[&'a Plan]) -> HashSet<&'a WeightKey> {
        plans.iter().flat_map(|plan| &plan.weights).filter(|key| self.holds(key)).collect()
    }
}

/// What the device holds for weights, in bytes.
#[derive(Clone, Copy)]
struct Held {
    /// Those that stay.
    kept: u64,
    /// The largest of them.
    largest: u64,
    /// A window for the others.
    window: u64,
}

impl Held {
    fn bytes(self) -> u64 {
        self.kept + three_windows(self.window)
    }

    fn upload_bytes(self) -> u64 {
        loading_bytes(self.kept, self.largest).saturating_sub(three_windows(self.window))
    }

    fn fits(self, room: Room) -> bool {
        self.bytes() + self.upload_bytes().max(room.beside) <= room.limit
    }
}

/// All weights, from the one that stays first to the one that stays last.
fn order<'a>(often: &[&'a Plan], once: &[&'a Plan]) -> Vec<&'a WeightKey> {
    let mut reads: HashMap<&WeightKey, usize> = HashMap::new();
    let mut order = Vec::new();
    for (plans, count) in [(often, 1), (once, 0)] {
        for key in plans.iter().flat_map(|plan| &plan.weights) {
            *reads.entry(key).or_insert_with(|| {
                order.push(key);
                0
            }) += count;
        }
    }
    let class = |key: &WeightKey| (Reverse(reads[key]), Reverse(key.bytes()));
    order.sort_by_key(|key| class(key));
    // Equals by the reversed bits of their number: every second, then every fourth of the others, and so on.
    let mut spread = Vec::with_capacity(order.len());
    for equals in order.chunk_by(|a, b| class(a) == class(b)) {
        let mut numbers: Vec<usize> = (0..equals.len()).collect();
        numbers.sort_by_key(|number| number.reverse_bits());
        spread.extend(numbers.into_iter().map(|number| equals[number]));
    }
    spread
}

/// What the device holds if the first weights of an order stay, for each number of them.
struct Ladder<'a> {
    order: &'a [&'a WeightKey],
    /// Bytes of the window for the others: one more than there are weights.
    windows: Vec<u64>,
}

impl<'a> Ladder<'a> {
    fn new(plans: &[&Plan], order: &'a [&'a WeightKey]) -> Self {
        let rank: HashMap<&WeightKey, usize> = order.iter().enumerate().map(|(rank, &key)| (key, rank)).collect();
        let mut readers = vec![Vec::new(); order.len()];
        let ops = plans.iter().flat_map(|plan| plan.ops.iter().map(move |op| (plan, op)));
        let mut count = 0;
        for (number, (plan, op)) in ops.enumerate() {
            for weight in op_weights(op) {
                readers[rank[&plan.weights[weight]]].push((number, padded(plan, weight)));
            }
            count = number + 1;
        }
        // From the top: one weight after the other is streamed, too.
        let mut streamed = vec![0; count];
        let mut window = 0;
        let mut windows = vec![0];
        for readers in readers.into_iter().rev() {
            for (op, bytes) in readers {
                streamed[op] += bytes;
                window = window.max(streamed[op]);
            }
            windows.push(window);
        }
        windows.reverse();
        Self { order, windows }
    }

    /// The most weights that fit.
    fn highest(&self, room: Room) -> Option<usize> {
        let (mut kept, mut largest, mut highest) = (0, 0, None);
        for (count, &window) in self.windows.iter().enumerate() {
            if let Some(last) = count.checked_sub(1).and_then(|last| self.order.get(last)) {
                kept += last.buffer_bytes();
                largest = largest.max(last.buffer_bytes());
            }
            if (Held { kept, largest, window }).fits(room) {
                highest = Some(count);
            }
        }
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph::stream::tests::plans, pipeline::Plans};

    const MIB: u64 = 1 << 20;

    fn within(plans: &Plans, limit: u64, beside: u64) -> Residence {
        Residence::within(&plans.evaluations(), &plans.conditions(), Room { limit, beside })
    }

    #[test]
    fn streaming_all_takes_a_fraction() {
        let plans = plans();
        let unet = plans.networks();
        let none = Residence::none(&unet);
        assert!(none.kept_bytes(&unet) == 0 && none.weight_bytes(&unet) < 200 * MIB);
        assert_eq!(none.upload_bytes(&unet), 0);
        // Little is not worth it.
        assert_eq!(Residence::none(&[&plans.initial]), Residence::All);
    }

    #[test]
    fn what_stays_fits_and_leaves_no_room_for_more() {
        let plans = plans();
        let unet = plans.networks();
        let all = Residence::All.weight_bytes(&unet);
        let largest = unet.iter().flat_map(|plan| &plan.weights).map(WeightKey::buffer_bytes).max().unwrap();
        for limit in (200 * MIB..all).step_by(89 << 20) {
            for beside in [0, 100 * MIB, 150 * MIB] {
                let residence = within(&plans, limit, beside);
                let taken = residence.weight_bytes(&unet) + residence.upload_bytes(&unet).max(beside);
                if residence.kept_bytes(&unet) > 0 {
                    assert!(taken <= limit && taken + largest > limit, "{limit} {beside}: {taken}");
                }
            }
        }
        assert_eq!(within(&plans, all + 200 * MIB, 100 * MIB), Residence::All);
        assert_eq!(within(&plans, 100 * MIB, 0), Residence::none(&unet));
    }

    #[test]
    fn in_more_room_nothing_is_streamed_that_stays_in_less() {
        let plans = plans();
        let evaluation = &plans.step.unet;
        let mut streamed = u64::MAX;
        let mut less = Residence::none(&plans.networks());
        for limit in (150 * MIB..3000 * MIB).step_by(37 << 20) {
            let more = within(&plans, limit, 30 * MIB);
            let Residence::Only(keys) = &less else { break };
            assert!(keys.iter().all(|key| more.holds(key)), "{limit}");
            assert!(more.streamed_bytes(evaluation) <= streamed, "{limit}");
            (streamed, less) = (more.streamed_bytes(evaluation), more);
        }
        assert_eq!((streamed, less), (0, Residence::All));
    }

    #[test]
    fn large_weights_stay_first_equal_ones_spread_and_those_of_the_conditions_last() {
        let plans = plans();
        let (evaluations, conditions) = (plans.evaluations(), plans.conditions());
        let order = order(&evaluations, &conditions);
        let distinct: HashSet<_> = plans.networks().into_iter().flat_map(|plan| &plan.weights).collect();
        assert_eq!((order.len(), order.iter().copied().collect::<HashSet<_>>()), (distinct.len(), distinct));
        let in_steps: HashSet<_> = plans.step.unet.weights.iter().collect();
        let first_once = order.iter().position(|key| !in_steps.contains(key)).unwrap();
        assert!(order[first_once..].iter().all(|key| !in_steps.contains(key)));
        assert!(order[..first_once].is_sorted_by_key(|key| Reverse(key.bytes())));
        // Of the first half of equals, no two are neighbours as they run.
        let size = 1280 * 1280 * 9 * 2;
        let of_size = |key: &&WeightKey| key.bytes() == size;
        let running: Vec<_> = plans.step.unet.weights.iter().filter(of_size).collect();
        let places = order.iter().copied().filter(of_size).map(|key| running.iter().position(|r| *r == key).unwrap());
        let mut half: Vec<usize> = places.take(running.len() / 2).collect();
        half.sort_unstable();
        assert!(half.len() > 8 && half.windows(2).all(|pair| pair[1] > pair[0] + 1), "{half:?}");
    }
}
