//! Tiles of cooperative matrices for attention: `kernels/shared/attention_matrix.wgsl`.

use super::{Attention, Choice, Dtype, cooperative, source};
use crate::gpu::Capabilities;

/// Subgroups of a workgroup, and keys of a block: the best guess first. Two workgroups fit into 64 KiB of memory then: one computes while the
/// other waits.
const SHAPES: [[u32; 2]; 6] = [[4, 16], [2, 16], [4, 32], [2, 32], [2, 64], [8, 32]];
/// Wider heads would not leave room for their sums in registers.
const WIDEST: usize = 128;

/// A workgroup's part: subgroups, rows of matrices of each, keys of a block.
struct Tile {
    subgroups: u32,
    rows: u32,
    keys: u32,
}

impl Tile {
    /// Bytes of workgroup memory: keys and values, scores, weights, with rows 16 bytes longer than needed, and three numbers of a row.
    fn memory(&self, side: u32, width: u32) -> u32 {
        let queries = self.subgroups * self.rows * side;
        2 * 2 * self.keys * (width + 8)
            + queries * (4 * (self.keys + 4) + 2 * (self.keys + 8) + 3 * 4)
            + 4 * self.subgroups
    }
}

/// The tiles that this device can run for attention over f16, the best guess first.
pub(super) fn variants(op: &Attention, device: &Capabilities) -> Vec<Choice> {
    with_unit(op, device, cooperative::unit(device))
}

/// The same with everything that the device may like.
pub(super) fn tunings(op: &Attention, device: &Capabilities) -> Vec<Choice> {
    cooperative::units(device).iter().flat_map(|&unit| with_unit(op, device, unit)).collect()
}

fn with_unit(op: &Attention, device: &Capabilities, unit: u32) -> Vec<Choice> {
    let Some([_, lanes]) = device.subgroup.filter(|_| op.x == Dtype::F16 && device.f16) else { return vec![] };
    let Some(side) = cooperative::side(device) else { return vec![] };
    if !op.width.is_multiple_of(side as usize) || op.width > WIDEST {
        return vec![];
    }
    let width = op.width as u32;
    // A thread takes a row of scores: as many rows as lanes leave none of them idle.
    let rows = (lanes / side).max(1);
    SHAPES
        .into_iter()
        .map(|[subgroups, keys]| Tile { subgroups, rows, keys })
        .filter(|tile| tile.memory(side, width) <= device.max_workgroup_memory)
        .filter(|tile| tile.subgroups * lanes <= device.max_invocations)
        // Sums leave some columns at a time, in place of scores.
        .filter(|tile| width.is_multiple_of(tile.keys.min(width)))
        .map(|tile| {
            let reason = "cooperative matrices: a subgroup multiplies whole tiles in one instruction";
            let queries = tile.rows * side;
            let choice = op.choice("matrix", reason, [lanes, 1, 0, tile.keys, 0, 0]);
            let numbers = [
                ("TILE", tile.subgroups * queries),
                ("SG", tile.subgroups),
                ("RT", tile.rows),
                ("UNIT", unit),
                (source::MATRIX, side),
            ];
            let masked = op.causal || !op.k_tokens.is_multiple_of(tile.keys as usize);
            numbers.into_iter().fold(choice, |choice, (name, value)| choice.with(name, value)).with("MASKED", masked)
        })
        .collect()
}

/// A subgroup for each sequence that is as long as a matrix's side: the frames of a pixel. Matrices are loaded from storage, whose elements are vec4:
/// Metal's functions cannot.
pub(super) fn short(op: &Attention, device: &Capabilities) -> Option<Choice> {
    let [_, lanes] = device.subgroup.filter(|_| op.x == Dtype::F16 && device.f16)?;
    let side = cooperative::side(device).filter(|_| cooperative::unit(device) == 4)?;
    let fits = [op.q_tokens, op.k_tokens] == [side as usize; 2] && op.inner > 1 && op.kv_repeat == 1 && !op.causal;
    let slots = 4;
    if !fits || !op.width.is_multiple_of(side as usize) || op.width > WIDEST || slots * lanes > device.max_invocations {
        return None;
    }
    let reason = "cooperative matrices, and sequences as long as their side: a subgroup takes a whole one";
    let choice = op.choice("short", reason, [lanes, slots, 1, side, 0, 0]);
    Some(choice.with("TILE", side).with("UNIT", 4).with(source::MATRIX, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gpu::PORTABLE, kernel::Op};
    use cooperative::card;

    #[test]
    fn tiles_follow_the_devices_limits() {
        let op = Attention::rows(32, 5, 64, 4096, 4096, 1, Dtype::F16);
        let best = |device: &Capabilities| {
            variants(&op, device).first().map(|choice| (choice.int("TILE"), choice.int("KEYS")))
        };
        assert_eq!(best(&card([32, 32], 16, 48 << 10)), Some((128, 16)));
        assert_eq!(best(&card([32, 32], 16, 16 << 10)), Some((64, 16)));
        assert_eq!(best(&card([32, 32], 16, 8 << 10)), None);
        assert_eq!(best(&PORTABLE), None);
        // Metal loads matrices from scalars.
        let metal = Capabilities { backend: "metal".into(), ..card([32, 32], 8, 32 << 10) };
        assert!(variants(&op, &metal).iter().all(|choice| choice.int("UNIT") == 1));
        let wide = Attention::rows(1, 1, 512, 4096, 4096, 1, Dtype::F16);
        assert!(variants(&wide, &card([32, 32], 16, 48 << 10)).is_empty(), "its sums would not stay in registers");
        let frames = |frames| Attention::frames(2, frames, 4096, 5, 64, Dtype::F16);
        let chosen = |op: &Attention, device: &Capabilities| op.choose(device).variant;
        assert_eq!(chosen(&frames(16), &card([32, 64], 16, 32 << 10)), "short");
        assert_ne!(chosen(&frames(24), &card([32, 32], 16, 48 << 10)), "short", "not as long as a matrix's side");
        assert_ne!(chosen(&frames(16).causal(), &card([32, 32], 16, 48 << 10)), "short", "it hides no keys");
        assert_ne!(chosen(&frames(8), &metal), "short", "its matrices are loaded from scalars");
        let f32 = Attention { x: Dtype::F32, ..op.clone() };
        assert!(variants(&f32, &card([32, 32], 16, 48 << 10)).is_empty(), "f32 would be rounded");
    }
}
