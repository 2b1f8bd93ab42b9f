//! Finding adapters and choosing one.

use wgpu::{Backends, DeviceType, Features, InstanceFlags};

use super::{Capabilities, DeviceKind, Error, MatrixShape, room::Room};

/// An adapter that the system offers.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub(super) inner: wgpu::Adapter,
    /// What it offers.
    pub capabilities: Capabilities,
}

/// All adapters of Vulkan, DirectX 12 and Metal, in the drivers' order.
pub fn adapters() -> Vec<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = Backends::PRIMARY;
    // In a debug build naga would look up the line of every instruction that it writes: a third of a warm run. WGPU_DEBUG=1 asks for it.
    descriptor.flags = descriptor.flags.difference(InstanceFlags::DEBUG).with_env();
    let instance = wgpu::Instance::new(descriptor);
    let found = pollster::block_on(instance.enumerate_adapters(Backends::PRIMARY));
    found.into_iter().map(|inner| Adapter { capabilities: capabilities(&inner), inner }).collect()
}

/// The adapter of this number or name (`--device`); without one the strongest kind: discrete, integrated, virtual, software.
pub fn choose(asked: Option<&str>) -> Result<Adapter, Error> {
    let all = adapters();
    if all.is_empty() {
        return Err(Error::NoAdapter);
    }
    let position = match asked {
        None => all.iter().enumerate().min_by_key(|(_, a)| rank(a.capabilities.kind)).map(|(i, _)| i),
        Some("") => None,
        // A number is only ever an index: names hold digits too.
        Some(text) if text.parse::<usize>().is_ok() => text.parse().ok().filter(|&i| i < all.len()),
        Some(text) => {
            let text = text.to_lowercase();
            all.iter().position(|a| {
                format!("{} {}", a.capabilities.name, a.capabilities.backend).to_lowercase().contains(&text)
            })
        }
    };
    match position {
        Some(i) => all.into_iter().nth(i).ok_or(Error::NoAdapter),
        None => {
            let names: Vec<_> = all
                .iter()
                .enumerate()
                .map(|(i, a)| format!("{i}: {} ({})", a.capabilities.name, a.capabilities.backend))
                .collect();
            Err(Error::NoSuchAdapter { asked: asked.unwrap_or_default().to_owned(), found: names.join(", ") })
        }
    }
}

fn rank(kind: DeviceKind) -> u32 {
    match kind {
        DeviceKind::Discrete => 0,
        DeviceKind::Integrated => 1,
        DeviceKind::Virtual => 2,
        DeviceKind::Other => 3,
        DeviceKind::Cpu => 4,
    }
}

/// The features that are used when the adapter has them.
pub(super) fn useful(features: Features) -> Features {
    features
        & (Features::SHADER_F16
            | Features::SUBGROUP
            | Features::SHADER_INT64
            | Features::TIMESTAMP_QUERY
            | Features::PIPELINE_CACHE
            | Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
}

fn capabilities(adapter: &wgpu::Adapter) -> Capabilities {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let offered = features.contains(Features::EXPERIMENTAL_COOPERATIVE_MATRIX) && has_matrices(&info);
    let matrices = if offered { adapter.cooperative_matrix_properties() } else { Vec::new() };
    let room = Room::of(adapter);
    let alignment = limits.min_storage_buffer_offset_alignment.max(limits.min_uniform_buffer_offset_alignment);
    Capabilities {
        memory: room.all,
        free_memory: room.free,
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        kind: match info.device_type {
            DeviceType::DiscreteGpu => DeviceKind::Discrete,
            DeviceType::IntegratedGpu => DeviceKind::Integrated,
            DeviceType::VirtualGpu => DeviceKind::Virtual,
            DeviceType::Cpu => DeviceKind::Cpu,
            DeviceType::Other => DeviceKind::Other,
        },
        f16: features.contains(Features::SHADER_F16),
        int64: features.contains(Features::SHADER_INT64),
        subgroup: features.contains(Features::SUBGROUP).then_some(subgroup(&info)),
        timestamps: features.contains(Features::TIMESTAMP_QUERY),
        matrices: matrices
            .into_iter()
            .map(|m| MatrixShape {
                mnk: [m.m_size, m.n_size, m.k_size],
                operands: format!("{:?}", m.ab_type).to_lowercase(),
                sum: format!("{:?}", m.cr_type).to_lowercase(),
            })
            .collect(),
        max_binding: limits.max_storage_buffer_binding_size,
        max_buffer: limits.max_buffer_size,
        alignment: u64::from(alignment),
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        max_invocations: limits.max_compute_invocations_per_workgroup,
        max_workgroup_memory: limits.max_compute_workgroup_storage_size,
        name: info.name,
    }
}

/// Is this one of Apple's own GPUs? Macs had others.
fn is_apple(info: &wgpu::AdapterInfo) -> bool {
    info.backend == wgpu::Backend::Metal && info.name.starts_with("Apple")
}

/// Metal multiplies matrices on Apple's own GPUs alone; wgpu says that of all that Macs have.
fn has_matrices(info: &wgpu::AdapterInfo) -> bool {
    info.backend != wgpu::Backend::Metal || is_apple(info)
}

/// Smallest and largest subgroup: wgpu says 4 to 64 of every Metal device, and Apple's have 32 lanes.
fn subgroup(info: &wgpu::AdapterInfo) -> [u32; 2] {
    if is_apple(info) { [32; 2] } else { [info.subgroup_min_size, info.subgroup_max_size] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apples_own_gpus_are_told_from_others_in_macs() {
        for (name, backend, matrices, sizes) in [
            ("Apple M3 Max", wgpu::Backend::Metal, true, [32, 32]),
            ("AMD Radeon Pro 5500M", wgpu::Backend::Metal, false, [4, 64]),
            ("AMD Radeon RX 7900 XTX", wgpu::Backend::Vulkan, true, [4, 64]),
        ] {
            let info = wgpu::AdapterInfo {
                name: name.into(),
                subgroup_min_size: 4,
                subgroup_max_size: 64,
                ..wgpu::AdapterInfo::new(DeviceType::DiscreteGpu, backend)
            };
            assert_eq!((has_matrices(&info), subgroup(&info)), (matrices, sizes), "{name}");
        }
    }
}
