//! How much memory a device has. wgpu has no query for it, so the backends are asked where they tell.

use std::fmt;

/// A number of bytes; `Display` gives it as B, KiB, MiB or GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = |unit: u64| self.0 as f64 / unit as f64;
        match self.0 {
            0..=1023 => write!(f, "{} B", self.0),
            1024..=1_048_575 => write!(f, "{:.1} KiB", scaled(1 << 10)),
            1_048_576..=1_073_741_823 => write!(f, "{:.1} MiB", scaled(1 << 20)),
            _ => write!(f, "{:.2} GiB", scaled(1 << 30)),
        }
    }
}

/// Bytes of the largest device-local heap, where the backend is Vulkan.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn device_local(adapter: &wgpu::Adapter) -> Option<u64> {
    const DEVICE_LOCAL: u32 = 1; // VK_MEMORY_HEAP_DEVICE_LOCAL_BIT
    // SAFETY: the handles are only read, and live as long as the borrowed adapter.
    let properties = unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        vulkan.shared_instance().raw_instance().get_physical_device_memory_properties(vulkan.raw_physical_device())
    };
    let heaps = properties.memory_heaps.iter().take(properties.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

/// Metal shares the system's memory and does not tell.
#[cfg(target_vendor = "apple")]
pub(super) fn device_local(_: &wgpu::Adapter) -> Option<u64> {
    None
}
