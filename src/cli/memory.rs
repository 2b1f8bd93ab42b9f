//! Options about the device's memory.

use clap::Args;
use i2vgen::pipeline::MemoryPolicy;

use super::units;

/// How much memory may be taken.
#[derive(Args, Clone, Copy)]
pub struct MemoryOptions {
    /// Take no more of the device's memory than this, for example 3GiB. What saves memory is used where it must be, and told: guidance in two
    /// passes, a VAE decode in tiles, streamed weights, of which as many stay on the device as fit; what does not fit then is refused.
    /// `i2vgen plan` shows what is needed
    /// [default: nine tenths of what the device has, where it tells]
    #[arg(long, value_name = "SIZE", value_parser = units::parse_bytes, help_heading = "Device")]
    max_memory: Option<u64>,
    /// Keep no weights on the device, also where --max-memory has room for them: upload those of the next layers while it computes. Takes
    /// longer, and the clip is the same
    #[arg(long, help_heading = "Device")]
    offload: bool,
}

impl MemoryOptions {
    /// What they say.
    pub fn policy(self) -> MemoryPolicy {
        MemoryPolicy { limit: self.max_memory, offload: self.offload, ..MemoryPolicy::default() }
    }
}
