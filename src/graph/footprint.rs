//! What a plan takes of a device's memory, to the byte of the device's own count.

use super::{External, Plan, WeightKey, program::ZEROS};
use crate::gpu::buffer_bytes;

/// Written bytes after which the host waits for the device, of so many bytes of weights: until then they exist twice.
pub(super) fn flush_bytes(all: u64) -> u64 {
    (all / 16).clamp(256 << 10, 64 << 20)
}

impl Plan {
    /// Bytes of the buffers that intermediates share.
    pub fn intermediate_bytes(&self) -> u64 {
        self.slots.iter().map(|&bytes| buffer_bytes(bytes)).sum()
    }

    /// Bytes of the weights.
    pub fn weight_bytes(&self) -> u64 {
        self.weights.iter().map(WeightKey::buffer_bytes).sum()
    }

    /// Bytes of the tensors exchanged with the outside.
    pub fn external_bytes(&self) -> u64 {
        self.externals.iter().map(External::buffer_bytes).sum()
    }

    /// Bytes of everything else that its program holds for itself: parameters of the kernels, which exist twice until the first submission is
    /// done.
    pub fn program_bytes(&self) -> u64 {
        let parameters = super::program::parameter_bytes(self);
        buffer_bytes(parameters) + parameters
    }
}

impl External {
    /// Bytes of a buffer for it.
    pub fn buffer_bytes(&self) -> u64 {
        buffer_bytes(self.bytes())
    }
}

impl WeightKey {
    /// Bytes of a buffer for it.
    pub fn buffer_bytes(&self) -> u64 {
        buffer_bytes(self.bytes())
    }
}

/// Bytes of weights that exist twice while so many are loaded, the largest of which has so many.
pub(super) fn loading_bytes(all: u64, largest: u64) -> u64 {
    all.min(flush_bytes(all) + largest)
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

/// Bytes of what the programs of these plans share ([`super::Slots`]): buffers for intermediates, and zeros.
pub fn shared_bytes<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> u64 {
    ZEROS + shared_slots(plans).into_iter().map(buffer_bytes).sum::<u64>()
}
