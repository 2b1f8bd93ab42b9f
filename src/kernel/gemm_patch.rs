//! Patches of cooperative matrices, for convolutions that keep the size of their map: `kernels/shared/gemm_patch.wgsl`.

use std::ops::Range;

use super::{
    Choice,
    cooperative::unit,
    gemm::Gemm,
    gemm_matrix::{Matrices, PAD, TILES, Tile},
};
use crate::gpu::Capabilities;

/// Channels of a step.
const STEP: u32 = 32;

/// Places of a patch in a line: a matrix has them all, whatever its side.
const WIDTH: u32 = 16;

/// The map that a convolution walks over: as many places go in as come out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    /// Lines, and places of a line.
    pub size: [usize; 2],
    /// Lines and places under the window, both odd; it lies around its place.
    pub window: [usize; 2],
}

impl Map {
    /// The patches of so many lines from that with the product's first row to that with its last one, of maps one below the other.
    fn patches(&self, lines: usize, rows: &Range<usize>) -> usize {
        let down = |row: usize| {
            let line = row / self.size[1];
            line / self.size[0] * self.size[0].div_ceil(lines) + line % self.size[0] / lines
        };
        (down(rows.end - 1) + 1 - down(rows.start)) * self.size[1].div_ceil(WIDTH as usize)
    }
}

/// The number of workgroups for these rows, if the choice is one of patches.
pub(super) fn workgroups(gemm: &Gemm, choice: &Choice, map: &Map, rows: &Range<usize>) -> Option<usize> {
    let lines = choice.int("ROWS") / WIDTH as usize;
    (choice.variant == VARIANT).then(|| map.patches(lines, rows) * gemm.n4().div_ceil(choice.int("COLS")))
}

/// The rung's name.
const VARIANT: &str = "patch";

/// The patches that this device can run, the best guess first; none for a window of a single place, for channels that are no whole steps, or for a map
/// whose lines are half of a patch's or shorter.
pub(super) fn variants(gemm: &Gemm, map: &Map, device: &Capabilities) -> Vec<Choice> {
    let reason = "cooperative matrices: all taps of a window read the same places from workgroup memory";
    let whole = gemm.sources.iter().all(|c| c.is_multiple_of(STEP as usize));
    let window = map.window.iter().all(|w| !w.is_multiple_of(2)) && map.window != [1, 1];
    let Some(on) = Matrices::of(gemm, device).filter(|_| whole && window && 2 * map.size[1] > WIDTH as usize) else {
        return vec![];
    };
    let choice = |tile: Tile| {
        let [rows, columns] = tile.size(on.side);
        let loads = loads(tile.threads(on.lanes[1]), rows / WIDTH, map.window.map(|w| w as u32));
        let operands = 2 * (loads * (STEP + PAD) + 2 * STEP * (columns + PAD));
        let leaving = tile.leaving(&on, device, STEP, operands)?;
        let choice = gemm
            .rung(VARIANT, reason, "shared/gemm_patch.wgsl", [0; 3], [rows, columns / 4])
            .with("KT", STEP)
            .with("TWO", gemm.sources[1] > 0)
            .with("UNROLLED", u32::from(!device.is_cpu()))
            .with("PATCH_WIDTH", WIDTH)
            .with("WINDOW_LINES", map.window[0] as u32)
            .with("WINDOW_WIDTH", map.window[1] as u32);
        Some(tile.described(choice, gemm, &on, [unit(device), leaving]))
    };
    let mut choices: Vec<Choice> = TILES.iter().filter_map(|&tile| choice(Tile::new(tile, on.side))).collect();
    gemm.largest_of_many_first(&mut choices, |choice| [choice.int("ROWS") as u32, 4 * choice.int("COLS") as u32]);
    choices
}

/// The same, each with its taps unrolled and in a loop where the device compiles both.
pub(super) fn tunings(gemm: &Gemm, map: &Map, device: &Capabilities) -> Vec<Choice> {
    let other = |choice: &Choice| choice.clone().with("UNROLLED", 1 - choice.number("UNROLLED"));
    let best = variants(gemm, map, device);
    // Unrolled, a CPU driver takes minutes to compile it.
    let others: Vec<Choice> = best.iter().filter(|_| !device.is_cpu()).map(other).collect();
    best.into_iter().chain(others).collect()
}

/// Places of a patch of so many lines and of what its window reaches beyond, as many as all threads load: each has the same number of them.
fn loads(threads: u32, lines: u32, window: [u32; 2]) -> u32 {
    let apart = (threads / (STEP / 4)).max(1);
    ((lines + window[0] - 1) * (WIDTH + window[1] - 1)).next_multiple_of(apart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Dtype, cooperative::card};

    const SQUARE: Map = Map { size: [32, 32], window: [3, 3] };

    #[test]
    fn patches_are_for_windows_whose_places_are_read_more_than_once() {
        let device = card([32, 32], 16, 48 << 10);
        let gemm = Gemm::plain(8 * 32 * 32, 640, 640, Dtype::F16);
        let rows = |gemm: &Gemm, map: Map, device: &Capabilities| {
            variants(gemm, &map, device).first().map(|choice| choice.int("ROWS"))
        };
        assert_eq!(rows(&gemm, SQUARE, &device), Some(128));
        assert_eq!(rows(&gemm, Map { window: [3, 1], size: [16, 64] }, &device), Some(128));
        assert_eq!(rows(&gemm, SQUARE, &card([32, 32], 16, 24 << 10)), Some(64), "a smaller one fits");
        for (gemm, map, why) in [
            (gemm.clone(), Map { window: [1, 1], ..SQUARE }, "a place is read once"),
            (gemm.clone(), Map { window: [2, 3], ..SQUARE }, "halves would not alternate"),
            (gemm.clone(), Map { size: [8, 8], ..SQUARE }, "half of a patch would lie beyond the map"),
            (Gemm { sources: [48, 0], ..gemm.clone() }, SQUARE, "channels are no whole steps"),
            (Gemm { sources: [32, 16], ..gemm.clone() }, SQUARE, "those of the second input are not"),
            (Gemm { w: Dtype::F32, ..gemm.clone() }, SQUARE, "weights would be rounded"),
        ] {
            assert_eq!(rows(&gemm, map, &device), None, "{why}");
        }
        let settings = tunings(&gemm, &SQUARE, &device);
        assert!(settings.iter().all(|c| settings.iter().filter(|d| d.defines == c.defines).count() == 1));
        assert!([0, 1].iter().all(|&unrolled| settings.iter().any(|c| c.number("UNROLLED") == unrolled)));
        assert!(TILES.iter().all(|[rows, _]| rows[1].is_multiple_of(WIDTH)), "a subgroup has whole lines of the patch");
        assert_eq!(
            rows(&gemm, SQUARE, &card([1, 1], 16, 48 << 10)),
            None,
            "there are fewer threads than loads of a place"
        );
        let cpu = Capabilities { kind: crate::gpu::DeviceKind::Cpu, ..device };
        assert!(tunings(&gemm, &SQUARE, &cpu).iter().all(|c| c.number("UNROLLED") == 0), "compiles in seconds");
    }

    /// Patches of 8 lines of 16 places, of maps of 20 lines of 40 places one below the other.
    #[test]
    fn as_many_patches_as_rows_touch() {
        let map = Map { size: [20, 40], window: [3, 3] };
        let lines = |lines: Range<usize>| map.patches(8, &(40 * lines.start..40 * lines.end));
        assert_eq!(lines(0..20), 3 * 3);
        assert_eq!(lines(0..60), 3 * 3 * 3);
        assert_eq!(lines(7..9), 2 * 3, "the first two of the first map");
        assert_eq!(lines(19..21), 2 * 3, "the last of a map and the first of the next");
        assert_eq!(lines(21..22), 3);
    }
}
