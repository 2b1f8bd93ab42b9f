//! Whether a file needs no more than the device has.

use super::Row;
use crate::{gpu::Capabilities, kernel::Reflection};

/// Everything that the device lacks: drivers refuse it in words that name no file, or take it and compute nonsense.
pub(super) fn rows(found: &Reflection, device: &Capabilities) -> Vec<Row> {
    let mut rows = Vec::new();
    let [x, y, z] = found.workgroup_size;
    let threads = found.workgroup_size.into_iter().fold(1, u32::saturating_mul);
    let most = |count: u32, what: &str| format!("at most {count}{what} on this device");
    if threads > device.max_invocations {
        rows.push(["threads".into(), most(device.max_invocations, ""), format!("{threads} ({x}x{y}x{z})")]);
    }
    if found.workgroup_memory > device.max_workgroup_memory {
        let most = most(device.max_workgroup_memory, " bytes");
        rows.push(["workgroup memory".into(), most, format!("{} bytes", found.workgroup_memory)]);
    }
    let features = [
        (found.f16 && !device.f16, "f16"),
        (found.int64 && !device.int64, "64-bit integers"),
        (found.subgroups && device.subgroup.is_none(), "subgroups"),
        (found.matrices && device.matrices.is_empty(), "cooperative matrices"),
    ];
    let lacking = features.into_iter().filter(|(lacks, _)| *lacks);
    rows.extend(lacking.map(|(_, what)| [what.into(), "none: this device lacks them".into(), "used".into()]));
    rows
}
