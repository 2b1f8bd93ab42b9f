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
    let matrices = |size| Capabilities { matrices: vec![matrix(size, "f16"), matrix(size, "f32")], ..large.clone() };
    let cpu = Capabilities { kind: DeviceKind::Cpu, ..card.clone() };
    let cpu_subgroups = Capabilities { subgroup: Some([8, 8]), ..cpu.clone() };
    let cpu_int64 = Capabilities { int64: true, ..cpu_subgroups.clone() };
    let cpu_quads = Capabilities { subgroup: Some([4, 4]), f16: false, ..cpu.clone() };
    let cpu_matrices = Capabilities { matrices: matrices(8).matrices, ..cpu_subgroups.clone() };
    [
        ("what WebGPU guarantees", PORTABLE.clone()),
        ("a graphics card with f16", card),
        ("a graphics card with subgroups", large.clone()),
        ("a graphics card with 8x8 matrices", matrices(8)),
        ("a graphics card with 16x16 matrices", matrices(16)),
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
