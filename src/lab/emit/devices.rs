//! Kinds of devices whose choices differ: what to emit for, where no device is at hand.

use crate::gpu::{Capabilities, DeviceKind, MatrixShape, PORTABLE};

/// A kind of device and its name.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Its name.
    pub name: &'static str,
    /// What it offers.
    pub device: Capabilities,
}

/// Kinds of devices that between them would run every variant of every kernel.
pub fn sorts() -> Vec<Sort> {
    let card = Capabilities {
        kind: DeviceKind::Discrete,
        f16: true,
        max_binding: 1 << 31,
        max_buffer: 1 << 32,
        ..PORTABLE.clone()
    };
    let large = Capabilities {
        subgroup: Some([32, 32]),
        max_workgroup_memory: 48 << 10,
        max_invocations: 1024,
        ..card.clone()
    };
    let matrix = |size: u32, sum: &str| MatrixShape { mnk: [size; 3], operands: "f16".into(), sum: sum.into() };
    let matrices = |backend: &str, size| Capabilities {
        backend: backend.into(),
        matrices: vec![matrix(size, "f16"), matrix(size, "f32")],
        ..large.clone()
    };
    let (vulkan_8, vulkan_16) = (matrices("vulkan", 8), matrices("vulkan", 16));
    // Two sizes of subgroups, as AMD's have them.
    let waves = Capabilities { subgroup: Some([32, 64]), ..vulkan_16.clone() };
    let apple = Capabilities { max_workgroup_memory: 32 << 10, ..matrices("metal", 8) };
    let cpu = Capabilities { kind: DeviceKind::Cpu, ..card.clone() };
    let cpu_subgroups = Capabilities { subgroup: Some([8, 8]), ..cpu.clone() };
    let cpu_int64 = Capabilities { int64: true, ..cpu_subgroups.clone() };
    let cpu_quads = Capabilities { subgroup: Some([4, 4]), f16: false, int64: true, ..cpu.clone() };
    let cpu_matrices =
        Capabilities { backend: "vulkan".into(), matrices: vulkan_8.matrices.clone(), ..cpu_subgroups.clone() };
    [
        ("what WebGPU guarantees", PORTABLE.clone()),
        ("a graphics card with f16", card),
        ("a graphics card with subgroups", large.clone()),
        ("a graphics card with 8x8 matrices", vulkan_8),
        ("a graphics card with 16x16 matrices", vulkan_16),
        ("a graphics card with 16x16 matrices and subgroups of 32 or 64", waves),
        ("an Apple GPU", apple),
        ("a CPU driver", cpu),
        ("a CPU driver with subgroups of 8", cpu_subgroups),
        ("a CPU driver with subgroups of 8 and 64-bit integers", cpu_int64),
        ("a CPU driver with subgroups of 4 and no f16", cpu_quads),
        ("a CPU driver with 8x8 matrices", cpu_matrices),
    ]
    .into_iter()
    .map(|(name, device)| Sort { name, device })
    .collect()
}
