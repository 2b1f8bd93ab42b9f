//! The rungs of attention, and which of them runs: see the head of `kernels/attention.wgsl`.

use std::collections::BTreeSet;

use super::{
    Attention, Choice, Op, attention_matrix,
    threads::{self, shared_lanes, wide_lanes},
};
use crate::gpu::Capabilities;

/// Sequences of at most this many queries are short: a workgroup of one would be mostly idle.
pub(super) const SHORT: usize = 32;

/// Every rung that can run this on this device, the one for it first.
pub(super) fn variants(op: &Attention, device: &Capabilities) -> Vec<Choice> {
    let w4 = op.width.div_ceil(4).max(1);
    let rows = op.q_tokens * op.merged().0;
    let (cpu, wide, short) = (device.is_cpu(), w4 > 32, rows <= SHORT);
    let split = op.choice("split", "a wide head: many threads share its row, and none spills", [4, 1, 2, 8, 0, 32]);
    // Two stages of f32 fill 16 KiB.
    let stage = (512 / w4 / 4 * 4).clamp(4, 64) as u32;
    let workgroup = || {
        op.choice(
            "workgroup",
            "a GPU and many queries: keys are shared through workgroup memory",
            [64, 1, 1, 4, stage, 0],
        )
    };
    let lanes = [32, 16, 8, 4].into_iter().min_by_key(|lanes| rows.div_ceil(*lanes) * lanes).unwrap_or(4) as u32;
    let packed = || op.choice("packed", "short sequences: several share a workgroup", [lanes, 64 / lanes, 1, 4, 0, 0]);
    let mut variants = match (wide, cpu) {
        (true, _) => vec![split],
        (false, true) => vec![op.cpu_portable(), packed(), workgroup(), split],
        (false, false) => {
            let portable = op.choice("portable", "few keys: staging them would not pay", [64, 1, 1, 4, 0, 0]);
            match (short, op.k_tokens < SHORT) {
                (true, _) => vec![packed(), portable, workgroup(), split],
                (_, true) => vec![portable, packed(), workgroup(), split],
                _ => vec![workgroup(), portable, packed(), split],
            }
        }
    };
    // On a CPU driver matrices are only there to be tested.
    if let Some(choice) = attention_matrix::variants(op, device).into_iter().next() {
        let at = if cpu || short { variants.len() } else { 0 };
        variants.insert(at, choice);
    }
    if let Some(choice) = attention_matrix::short(op, device) {
        variants.insert(if cpu { variants.len() } else { 0 }, choice);
    }
    if let Some(size) = shared_lanes(device) {
        let keys = (size / w4 as u32).clamp(2, 8);
        let reason = "a CPU driver with subgroups: loads are dear there, so each lane loads for all of them";
        let broadcast = op.choice("broadcast", reason, [size, 1, op.cpu_rows(), keys, 0, 0]);
        // Unrolled, a wide head takes seconds to compile: worth it for much work only.
        variants.insert(if wide && !op.is_much_work() { 1 } else { 0 }, broadcast);
        if wide_lanes(device, &[op.width]).is_some() && (!wide || op.is_much_work()) {
            variants.insert(0, op.wide(size, op.wide_rows()));
        }
    }
    variants
}

/// Tile sizes of the rungs that are worth trying on this device.
pub(super) fn tunings(op: &Attention, device: &Capabilities) -> Vec<Choice> {
    let mut tunings = variants(op, device);
    for choice in tunings.clone() {
        let [lanes, slots, stage] = ["LANES", "SLOTS", "STAGE"].map(|name| choice.number(name));
        let (keys, slices) = (choice.number("KEYS"), choice.number("SLICES"));
        let most = if device.is_cpu() { 512 } else { 256 };
        let rows = [1, 2, 4, 8].into_iter().filter(|rows| rows * op.width as u32 <= most);
        tunings.extend(match choice.variant {
            "wide" => rows.map(|r| op.wide(lanes, r)).collect(),
            "broadcast" => {
                rows.map(|r| op.choice(choice.variant, "tuned", [lanes, slots, r, keys, stage, slices])).collect()
            }
            "portable" | "workgroup" => rows
                .filter(|rows| *rows <= 4)
                .flat_map(|rows| [2, 4, 8].map(|keys| (rows, keys)))
                .map(|(rows, keys)| op.choice(choice.variant, "tuned", [lanes, slots, rows, keys, stage, slices]))
                .collect(),
            _ => vec![],
        });
    }
    tunings.extend(attention_matrix::tunings(op, device));
    let mut seen = BTreeSet::new();
    tunings.retain(|choice| seen.insert(choice.defines.clone()));
    tunings
}

impl Attention {
    /// The portable rung on a CPU driver, which runs 8 lanes.
    fn cpu_portable(&self) -> Choice {
        self.choice(
            "portable",
            "a CPU driver: keys are the same for all lanes and serve several rows of each",
            [8, 1, self.cpu_rows(), 2, 0, 0],
        )
    }

    /// Rows per lane on a CPU driver: more of them share each load, but what is unrolled must be compiled, and short sequences
    /// would leave them idle. Small operations all take 2, so that they share pipelines.
    fn cpu_rows(&self) -> u32 {
        let most = if self.is_much_work() { 4 } else { 2 };
        let rows = self.q_tokens * self.merged().0;
        (64 / self.width.div_ceil(4).max(1)).clamp(1, most).min(rows.div_ceil(8).max(1)) as u32
    }

    /// Loads of 8 values by lanes that share them.
    fn wide(&self, lanes: u32, rows: u32) -> Choice {
        let keys = lanes.max(8);
        self.choice("wide", threads::WIDE, [lanes, 1, rows, keys, 0, 0]).with("ONE", self.k_tokens <= keys as usize)
    }

    /// Rows per lane of the wide rung: as many as there are, up to what is worth compiling.
    fn wide_rows(&self) -> u32 {
        let most = if self.is_much_work() { 512 } else { 256 };
        let rows = self.q_tokens * self.merged().0;
        (most / self.width.max(1)).clamp(1, 8).min(rows.div_ceil(8).max(1)) as u32
    }

    /// Does a second of compiling on a CPU driver pay?
    fn is_much_work(&self) -> bool {
        self.cost().flops > 1e8
    }

    /// A rung with its lanes, slots, rows per thread, keys per block, keys per stage and slices per row.
    pub(super) fn choice(
        &self,
        variant: &'static str,
        reason: &'static str,
        [lanes, slots, rows, keys, stage, slices]: [u32; 6],
    ) -> Choice {
        let body = match variant {
            "wide" => "shared/attention_wide.wgsl",
            "split" => "shared/attention_split.wgsl",
            "matrix" => "shared/attention_matrix.wgsl",
            "short" => "shared/attention_short.wgsl",
            _ => "shared/attention_rows.wgsl",
        };
        Choice::new(
            variant,
            reason,
            [
                ("BODY", body.into()),
                ("WIDE", (variant == "wide").into()),
                ("MATRIX", matches!(variant, "matrix" | "short").into()),
                ("LANES", lanes.into()),
                ("SLOTS", slots.into()),
                ("TILE", (lanes * rows).into()),
                ("R", rows.into()),
                ("KEYS", keys.into()),
                ("STAGE", stage.into()),
                ("SLICES", slices.into()),
                ("BROADCAST", (variant == "broadcast").into()),
                ("WIDTH", (self.width as u32).into()),
                ("X", self.x.into()),
                ("Y", self.x.into()),
                ("VEC", self.width.is_multiple_of(4).into()),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::{DeviceKind, PORTABLE},
        kernel::Dtype,
    };

    #[test]
    fn the_rung_fits_device_and_shape() {
        let gpu = |op: Attention| op.choose(&PORTABLE).variant;
        assert_eq!(gpu(Attention::rows(1, 5, 64, 4096, 4096, 1, Dtype::F32)), "workgroup");
        assert_eq!(gpu(Attention::rows(1, 5, 64, 4096, 4, 1, Dtype::F32)), "portable");
        assert_eq!(gpu(Attention::frames(2, 16, 4096, 5, 64, Dtype::F32)), "packed");
        assert_eq!(gpu(Attention::rows(1, 1, 512, 4096, 4096, 1, Dtype::F32)), "split");
        let mut cpu = Capabilities { kind: DeviceKind::Cpu, ..PORTABLE.clone() };
        assert_eq!(Attention::rows(1, 5, 64, 4096, 4096, 1, Dtype::F32).choose(&cpu).variant, "portable");
        cpu.subgroup = Some([8, 8]);
        assert_eq!(Attention::rows(1, 5, 64, 4096, 4096, 1, Dtype::F32).choose(&cpu).variant, "broadcast");
        assert_eq!(Attention::rows(1, 1, 512, 64, 64, 1, Dtype::F32).choose(&cpu).variant, "split");
        assert_eq!(Attention::rows(1, 1, 512, 4096, 4096, 1, Dtype::F32).choose(&cpu).variant, "broadcast");
    }
}
