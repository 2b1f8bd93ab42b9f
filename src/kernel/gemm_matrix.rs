//! Tiles of cooperative matrices for products: `kernels/shared/gemm_staged.wgsl` with `gemm_matrix_*.wgsl`.

use super::{
    Choice, Dtype,
    cooperative::{side, unit, units},
    gemm::Gemm,
    source,
};
use crate::gpu::Capabilities;

/// How inner indices pass through workgroup memory.
#[derive(Clone, Copy)]
struct Passage {
    /// Inner indices of a step.
    step: u32,
    /// Steps that have room at a time.
    buffers: u32,
    /// Are loads held back until what was loaded before is stored?
    held: bool,
}

/// Two steps at a time, the best guess first.
const DOUBLE: [Passage; 2] =
    [Passage { step: 32, buffers: 2, held: false }, Passage { step: 16, buffers: 2, held: false }];
/// One at a time: 64 inner indices of f16 are a cache line.
const SINGLE: [Passage; 2] =
    [Passage { step: 64, buffers: 1, held: false }, Passage { step: 64, buffers: 1, held: true }];

/// Values between rows in workgroup memory: 16 bytes, so that rows begin in different banks.
pub(super) const PAD: u32 = 8;

/// Rows of a tile and of a subgroup's part of it, and columns likewise, the best guess first.
pub(super) const TILES: [[[u32; 2]; 2]; 6] = [
    [[128, 64], [128, 32]],
    [[128, 64], [128, 64]],
    [[128, 64], [64, 32]],
    [[64, 32], [128, 64]],
    [[64, 32], [64, 32]],
    [[32, 16], [64, 32]],
];

/// Those that are worth trying: half the loads of a large product, but sums may not stay in registers.
const LARGE: [[[u32; 2]; 2]; 2] = [[[256, 64], [128, 64]], [[128, 64], [256, 64]]];

/// A tile: subgroups over its rows and columns, and matrices of each subgroup over rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    subgroups: [u32; 2],
    matrices: [u32; 2],
}

impl Tile {
    /// A tile of so many rows and columns, with each subgroup's part.
    pub fn new([rows, columns]: [[u32; 2]; 2], side: u32) -> Self {
        let subgroups = [rows, columns].map(|[all, part]| all / part);
        Self { subgroups, matrices: [rows[1] / side, columns[1] / side] }
    }

    /// Rows and columns.
    pub fn size(&self, side: u32) -> [u32; 2] {
        [0, 1].map(|axis| self.subgroups[axis] * self.matrices[axis] * side)
    }

    /// Its threads, in subgroups of so many lanes.
    pub fn threads(&self, lanes: u32) -> u32 {
        lanes * self.subgroups[0] * self.subgroups[1]
    }

    /// The most matrices of a subgroup whose sums can leave at a time beside operands of so many bytes, of `step` inner indices each; their columns
    /// are dealt out evenly to the lanes of the smallest and of the largest subgroup. None if the device cannot run this tile.
    pub fn leaving(&self, on: &Matrices, device: &Capabilities, step: u32, operands: u32) -> Option<u32> {
        let Matrices { side, lanes: [fewest, lanes] } = *on;
        let threads = self.threads(lanes);
        let [rows, columns] = self.size(side);
        // Every thread has its column, and as many rows as all others.
        let even = |loads_of_a_row: u32, rows: u32| {
            threads.is_multiple_of(loads_of_a_row) && (rows * loads_of_a_row).is_multiple_of(threads)
        };
        let dealt = even(step / 4, rows) && even(columns / 4, step);
        // Unrolled, a large one takes a CPU driver too long to compile.
        let small = !device.is_cpu() || self.matrices[0] * self.matrices[1] <= 32;
        let runs = dealt && small && threads <= device.max_invocations;
        let sums = |leaving: u32| 4 * self.threads(1) * side * (leaving * side + 4);
        [4, 2, 1].into_iter().filter(|_| runs).find(|&leaving| {
            leaving <= self.matrices[1]
                && [fewest, lanes].iter().all(|lanes| lanes.is_multiple_of(leaving * side / 4))
                && operands + sums(leaving) <= device.max_workgroup_memory
        })
    }

    /// What a tile's text has to know of it, of the device's matrices and of what is behind the product.
    pub fn described(&self, choice: Choice, gemm: &Gemm, on: &Matrices, [unit, leaving]: [u32; 2]) -> Choice {
        let choice = choice
            .with("GROUPED", gemm.rows_per_group.is_some())
            .with("RESIDUAL", gemm.residual)
            .with("ACTIVATION", gemm.activation.function());
        let ([wm, wn], [sm, sn]) = (self.subgroups, self.matrices);
        let numbers = [
            ("WM", wm),
            ("WN", wn),
            ("SM", sm),
            ("SN", sn),
            ("EPI", leaving),
            ("LANES", on.lanes[1]),
            ("UNIT", unit),
            ("PAD", PAD),
            (source::MATRIX, on.side),
        ];
        numbers.into_iter().fold(choice, |choice, (name, value)| choice.with(name, value))
    }
}

/// The matrices that a device multiplies for a product.
#[derive(Clone, Copy)]
pub(super) struct Matrices {
    /// Their side.
    pub side: u32,
    /// Lanes of the smallest and of the largest subgroup.
    pub lanes: [u32; 2],
}

impl Matrices {
    /// Those for a product of f16 with sums in f32, if the device has such and the product's rows are whole vec4.
    pub fn of(gemm: &Gemm, device: &Capabilities) -> Option<Self> {
        let all_f16 = gemm.x == Dtype::F16 && gemm.w == Dtype::F16 && device.f16;
        let whole = gemm.columns.is_multiple_of(4) && gemm.sources.iter().all(|c| c.is_multiple_of(4));
        let lanes = device.subgroup.filter(|_| all_f16 && whole)?;
        Some(Self { side: side(device)?, lanes })
    }
}

/// Bytes of workgroup memory of both operands: steps of them, and behind a single one a zero; with rows 16 bytes longer than needed.
fn operands(tile: &Tile, side: u32, Passage { step, buffers, .. }: Passage) -> u32 {
    let [rows, columns] = tile.size(side);
    2 * buffers * (rows * (step + PAD) + step * (columns + PAD)) + if buffers == 1 { 8 } else { 0 }
}

/// The tiles that this device can run for a product of f16 with sums in f32, the best guess first.
pub(super) fn variants(gemm: &Gemm, device: &Capabilities) -> Vec<Choice> {
    with_tiles(gemm, device, unit(device), &TILES, DOUBLE[0])
}

/// The same with everything that the device may like.
pub(super) fn tunings(gemm: &Gemm, device: &Capabilities) -> Vec<Choice> {
    let all: Vec<[[u32; 2]; 2]> = TILES.into_iter().chain(LARGE).collect();
    let double = units(device).iter().flat_map(|&unit| DOUBLE.map(|passage| (unit, passage)));
    let settings = double.chain(SINGLE.map(|passage| (unit(device), passage)));
    settings.flat_map(|(unit, passage)| with_tiles(gemm, device, unit, &all, passage)).collect()
}

fn with_tiles(gemm: &Gemm, device: &Capabilities, unit: u32, tiles: &[[[u32; 2]; 2]], passage: Passage) -> Vec<Choice> {
    let Some(on) = Matrices::of(gemm, device) else { return vec![] };
    let side = on.side;
    let with_leaving =
        |tile: Tile| Some((tile, tile.leaving(&on, device, passage.step, operands(&tile, side, passage))?));
    let mut fitting: Vec<(Tile, u32)> =
        tiles.iter().map(|&tile| Tile::new(tile, side)).filter_map(with_leaving).collect();
    gemm.largest_of_many_first(&mut fitting, |(tile, _)| tile.size(side));
    let choice = |(tile, leaving): &(Tile, u32)| {
        let reason = "cooperative matrices: a subgroup multiplies whole tiles in one instruction";
        let [rows, columns] = tile.size(side);
        let choice = gemm
            .staged("matrix", reason, [0; 2], [rows, columns / 4], passage.step)
            .with("BUFFERS", passage.buffers)
            .with("HELD", u32::from(passage.held));
        tile.described(choice, gemm, &on, [unit, *leaving])
    };
    fitting.iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Linear, cooperative::card};

    fn rows(gemm: &Gemm, device: &Capabilities) -> Option<usize> {
        variants(gemm, device).first().map(|choice| choice.int("ROWS"))
    }

    #[test]
    fn tiles_follow_the_shape_and_the_devices_limits() {
        let large = Gemm::plain(131_072, 320, 320, Dtype::F16);
        let small = Gemm::plain(77, 1024, 1024, Dtype::F16);
        assert_eq!(rows(&large, &card([32, 32], 16, 48 << 10)), Some(128));
        assert_eq!(rows(&small, &card([32, 32], 16, 48 << 10)), Some(32));
        let settings = tunings(&large, &card([32, 32], 16, 48 << 10));
        let tried = |rows, inner| settings.iter().any(|c| (c.int("ROWS"), c.int("KT")) == (rows, inner));
        assert!(tried(256, 16), "large tiles are there to be tried");
        let room = |choice: &Choice| [choice.int("ROWS"), choice.int("KT"), choice.int("BUFFERS")];
        assert!(!settings.iter().any(|c| room(c) == [256, 32, 2]), "two steps of it do not fit into workgroup memory");
        assert_eq!(
            room(&variants(&large, &card([32, 32], 16, 48 << 10))[0]),
            [128, 32, 2],
            "what was checked on a card"
        );
        assert!(settings.iter().any(|c| room(c) == [128, 64, 1]));
        assert!(!settings.iter().any(|c| room(c) == [256, 64, 1]), "nor does one of this");
        let amd = variants(&large, &card([32, 64], 16, 32 << 10));
        assert!(!amd.is_empty() && amd.iter().all(|c| c.int("LANES") == 64), "{amd:?}");
        let small_subgroups = variants(&large, &card([4, 32], 16, 32 << 10));
        assert!(small_subgroups.iter().all(|c| c.int("EPI") == 1), "a lane keeps its column: {small_subgroups:?}");
        assert_eq!(rows(&large, &card([32, 32], 8, 8 << 10)), None);
        for (changed, why) in [
            (Gemm { w: Dtype::F32, ..large.clone() }, "f32 weights would be rounded"),
            (Gemm { sources: [10, 0], ..large.clone() }, "channels that are no whole vectors"),
        ] {
            assert_eq!(rows(&changed, &card([32, 32], 16, 48 << 10)), None, "{why}");
        }
    }

    /// The interpreter, which sees that of the other rungs, knows no matrices.
    #[test]
    fn an_absent_bias_is_read_where_its_zeros_are() {
        for geglu in [false, true] {
            let gemm = Gemm { bias: false, geglu, ..Gemm::plain(4096, 320, 40_000, Dtype::F16) };
            let choice = variants(&gemm, &card([32, 32], 16, 48 << 10)).remove(0);
            let text = choice.wgsl(&Linear::KERNEL).unwrap();
            let reads = text.matches("= bias[").count();
            assert!(reads > 0 && reads == text.matches("= bias[bias_at(").count(), "{text}");
        }
    }
}
