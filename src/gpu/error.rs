//! What can go wrong with a device.

/// An error of the device layer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No adapter at all.
    #[error(
        "no GPU adapter found: install a Vulkan, DirectX 12 or Metal driver (on Debian or Ubuntu, the software driver 'mesa-vulkan-drivers' works too); `i2vgen devices` lists what is found"
    )]
    NoAdapter,
    /// The adapter asked for does not exist.
    #[error("no device '{asked}': the adapters are {found}; choose by number or by part of the name")]
    NoSuchAdapter {
        /// What was asked for.
        asked: String,
        /// The adapters, numbered.
        found: String,
    },
    /// The driver refused to open the device.
    #[error("device '{name}' could not be opened: {reason}")]
    Open {
        /// The adapter's name.
        name: String,
        /// The driver's words.
        reason: String,
    },
    /// A buffer is larger than the device allows or than its memory.
    #[error(
        "device '{name}' has no room for {what} of {bytes} bytes ({reason}): choose a smaller size, fewer frames, --offload, or --max-memory with what is free"
    )]
    OutOfMemory {
        /// The adapter's name.
        name: String,
        /// What the buffer is for.
        what: String,
        /// Its size.
        bytes: u64,
        /// The driver's words or the limit.
        reason: String,
    },
    /// A shader or pipeline was refused.
    #[error("kernel '{kernel}' was refused by the driver: {reason}")]
    Pipeline {
        /// The kernel.
        kernel: String,
        /// The driver's words.
        reason: String,
    },
    /// The device was lost or a submission failed.
    #[error("device '{name}' failed while running: {reason}")]
    Lost {
        /// The adapter's name.
        name: String,
        /// The driver's words.
        reason: String,
    },
}
