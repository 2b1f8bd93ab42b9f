//! What a plan takes of a device's memory, to the byte of the device's own count.

use super::{
    External, Plan, WeightKey,
    parameters::parameter_bytes,
    slots::{ZEROS, shared_slots},
};
use crate::gpu::buffer_bytes;

impl Plan {
    /// Bytes of the tensors exchanged with the outside.
    pub fn external_bytes(&self) -> u64 {
        self.externals.iter().map(External::buffer_bytes).sum()
    }

    /// Bytes of everything else that its program holds for itself: parameters of the kernels, which exist twice until the first submission is
    /// done.
    pub fn program_bytes(&self) -> u64 {
        let parameters = parameter_bytes(self);
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

/// Bytes of what the programs of these plans share ([`super::Slots`]): buffers for intermediates, and zeros.
pub fn shared_bytes<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> u64 {
    ZEROS + shared_slots(plans).into_iter().map(buffer_bytes).sum::<u64>()
}
