//! How much memory a device has, and how much of it this program may still take. wgpu has no query for either, its backends have.

/// Bytes of a device's own memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    /// What there is, or what the system gives one program.
    pub all: Option<u64>,
    /// What other programs have left of it.
    pub free: Option<u64>,
}

impl Room {
    /// What the adapter's backend tells.
    pub fn of(adapter: &wgpu::Adapter) -> Self {
        match adapter.get_info().backend {
            #[cfg(not(target_vendor = "apple"))]
            wgpu::Backend::Vulkan => vulkan(adapter),
            #[cfg(windows)]
            wgpu::Backend::Dx12 => dx12(adapter),
            #[cfg(target_vendor = "apple")]
            wgpu::Backend::Metal => metal(adapter),
            _ => None,
        }
        .unwrap_or_default()
    }
}

/// The largest device-local heap, and what its budget leaves (`VK_EXT_memory_budget`), where the driver has one.
#[cfg(not(target_vendor = "apple"))]
fn vulkan(adapter: &wgpu::Adapter) -> Option<Room> {
    use ash::vk;
    // SAFETY: the handles are only read, and live as long as the borrowed adapter.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>()? };
    let (instance, device) = (vulkan.shared_instance(), vulkan.raw_physical_device());
    // SAFETY: the device is one of this instance.
    let heaps = unsafe { instance.raw_instance().get_physical_device_memory_properties(device) };
    let local = heaps.memory_heaps_as_slice().iter().enumerate();
    let local = local.filter(|(_, heap)| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
    let (index, heap) = local.max_by_key(|(_, heap)| heap.size)?;
    let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
    let has_budget = vulkan.physical_device_capabilities().supports_extension(ash::ext::memory_budget::NAME);
    if has_budget && instance.instance_api_version() >= vk::API_VERSION_1_1 {
        let mut properties = vk::PhysicalDeviceMemoryProperties2::default().push_next(&mut budget);
        // SAFETY: instances have the function since Vulkan 1.1, and the device knows the structure.
        unsafe { instance.raw_instance().get_physical_device_memory_properties2(device, &mut properties) };
    }
    let free = budget.heap_budget[index].checked_sub(budget.heap_usage[index]).filter(|&bytes| bytes > 0);
    Some(Room { all: Some(heap.size), free })
}

/// What Windows gives this program of the memory that is nearest to the device: changes with what others take.
#[cfg(windows)]
fn dx12(adapter: &wgpu::Adapter) -> Option<Room> {
    use windows::Win32::Graphics::Dxgi::DXGI_MEMORY_SEGMENT_GROUP_LOCAL;
    // SAFETY: the handle is only read, and lives as long as the borrowed adapter.
    let dx12 = unsafe { adapter.as_hal::<wgpu::hal::api::Dx12>()? };
    let info = dx12.raw_adapter().query_video_memory_info(DXGI_MEMORY_SEGMENT_GROUP_LOCAL).ok()?;
    Some(Room { all: None, free: info.Budget.checked_sub(info.CurrentUsage).filter(|&bytes| bytes > 0) })
}

/// What Metal recommends one program to take at most of the memory that all share.
#[cfg(target_vendor = "apple")]
fn metal(adapter: &wgpu::Adapter) -> Option<Room> {
    use objc2_metal::MTLDevice;
    // SAFETY: the handle is only read, and lives as long as the borrowed adapter.
    let metal = unsafe { adapter.as_hal::<wgpu::hal::api::Metal>()? };
    Some(Room { all: Some(metal.raw_device().recommendedMaxWorkingSetSize()).filter(|&bytes| bytes > 0), free: None })
}
