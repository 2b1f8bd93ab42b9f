//! Buffers for intermediates.

use super::{Error, Plan};
use crate::gpu::{Buffer, Device};

/// Bytes of zeros that stand for absent operands, of which kernels read the first element at most. So few of them that the interpreter of
/// `kernels check` sees a kernel that reads on.
pub(crate) const ZEROS: u64 = 256;

/// Buffers for intermediates that several programs share, and zeros that stand for absent operands.
#[derive(Debug)]
pub struct Slots {
    /// The largest first.
    buffers: Vec<Buffer>,
    pub(super) zeros: Buffer,
}

impl Slots {
    /// Allocates what each of these plans needs.
    ///
    /// # Errors
    /// Those of the device's memory.
    pub fn new<'a>(device: &Device, plans: impl IntoIterator<Item = &'a Plan>) -> Result<Self, Error> {
        let buffers = shared_slots(plans).into_iter().map(|bytes| device.buffer("intermediate tensors", bytes));
        Ok(Self { buffers: buffers.collect::<Result<_, _>>()?, zeros: device.buffer("zeros", ZEROS)? })
    }

    /// The buffers of a plan's slots, in its order.
    pub(super) fn of(&self, plan: &Plan) -> Result<Vec<Buffer>, Error> {
        let mut order: Vec<usize> = (0..plan.slots.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(plan.slots[i]));
        let mut taken = vec![None; plan.slots.len()];
        // Largest with largest.
        for (rank, &slot) in order.iter().enumerate() {
            let buffer = self.buffers.get(rank).filter(|buffer| buffer.bytes() >= plan.slots[slot]);
            taken[slot] = Some(buffer.cloned().ok_or_else(|| Error::Unbound("intermediate tensors".into()))?);
        }
        Ok(taken.into_iter().flatten().collect())
    }
}

/// The sizes of buffers in which the intermediates of each of these plans fit, the largest first: at every rank the largest of all plans.
pub(super) fn shared_slots<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<u64> {
    let mut shared: Vec<u64> = Vec::new();
    for plan in plans {
        let mut sizes = plan.slots.clone();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        shared.resize(shared.len().max(sizes.len()), 0);
        shared.iter_mut().zip(sizes).for_each(|(shared, size)| *shared = size.max(*shared));
    }
    shared
}
