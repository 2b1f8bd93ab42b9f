//! What kernels with cooperative matrices ask of a device.

use crate::gpu::Capabilities;

/// Values of an element of workgroup memory that matrices can be loaded from: Metal's functions are typed, they load scalars.
pub(super) fn unit(device: &Capabilities) -> u32 {
    if device.backend == "vulkan" { 4 } else { 1 }
}

/// Those that are worth trying.
pub(super) fn units(device: &Capabilities) -> &'static [u32] {
    if device.backend == "vulkan" { &[4, 1] } else { &[1] }
}

/// The largest side of a square cooperative matrix that multiplies f16 and adds in f32.
pub(super) fn side(device: &Capabilities) -> Option<u32> {
    let usable = device.matrices.iter().filter(|m| m.operands == "f16" && m.sum == "f32").map(|m| m.mnk);
    usable.filter(|&[m, n, k]| m == n && n == k && matches!(m, 8 | 16)).map(|[m, ..]| m).max()
}

/// A card with cooperative matrices, for tests.
#[cfg(test)]
pub(super) fn card(lanes: [u32; 2], side: u32, memory: u32) -> Capabilities {
    use crate::gpu::{DeviceKind, MatrixShape, PORTABLE};
    Capabilities {
        kind: DeviceKind::Discrete,
        backend: "vulkan".into(),
        f16: true,
        subgroup: Some(lanes),
        matrices: vec![MatrixShape { mnk: [side; 3], operands: "f16".into(), sum: "f32".into() }],
        max_invocations: 1024,
        max_workgroup_memory: memory,
        ..PORTABLE.clone()
    }
}
