//! The rungs of products, and which of them runs: see the heads of `kernels/shared/gemm_*.wgsl`.

use std::collections::BTreeSet;

use super::{
    Choice, Dtype,
    gemm::Gemm,
    gemm_matrix,
    gemm_patch::{self, Map},
    threads::{self, shared_lanes, wide_lanes},
};
use crate::gpu::Capabilities;

/// Every rung that can run this product on this device, the one for it first; with patches, if it walks over a map.
pub(super) fn variants(gemm: &Gemm, map: Option<&Map>, device: &Capabilities) -> Vec<Choice> {
    let cpu = device.is_cpu();
    let few = gemm.is_few();
    let (lanes, tall) = (if cpu { 8 } else { 64 }, if cpu && !few { 16 } else { 2 });
    let register = match (few, cpu) {
        (true, _) => gemm.register("few rows: a tile in workgroup memory would stand empty", lanes, 2, 2),
        (false, true) => gemm.register("a CPU driver: registers beat workgroup memory and barriers", lanes, tall, 2),
        (false, false) => gemm.register("portable: no workgroup memory, no barriers", lanes, 4, 2),
    };
    let mut variants = vec![register];
    let workgroup = gemm.workgroup_tiles(device).into_iter().next();
    variants.splice(if few || cpu { 1..1 } else { 0..0 }, workgroup.map(|[tm, tn]| gemm.workgroup(tm, tn)));
    // On a CPU driver matrices are only there to be tested, and of few rows most of a matrix would stand empty.
    let at = if cpu || few { variants.len() } else { 0 };
    let matrix = gemm_matrix::variants(gemm, device).into_iter().next();
    let patch = map.and_then(|map| gemm_patch::variants(gemm, map, device).into_iter().next());
    variants.splice(at..at, matrix.into_iter().chain(patch));
    if gemm.is_split() {
        let at = if cpu { variants.len() } else { 0 };
        variants.insert(at, gemm.split(16));
    }
    if let Some(lanes) = shared_lanes(device) {
        // Rows beyond the last are computed and dropped: no more of them than needed.
        let tm = if gemm.rows <= 8 { lanes.max(8) } else { 32 };
        // Narrow outputs would leave half of the lanes idle. With GEGLU a thread holds value and gate.
        let tn = if gemm.n4() <= lanes as usize && !gemm.geglu { 1 } else { 2 };
        variants.insert(0, gemm.broadcast(lanes, tm, tn));
        if gemm.is_wide(device) {
            let wide = gemm.wide(lanes, if gemm.rows <= 8 { tm } else { gemm.wide_rows(lanes) });
            let tall = gemm.tall(lanes, [8, 4]);
            let taller = tall.as_ref().is_some_and(|tall| gemm.filled(tall) >= gemm.filled(&wide));
            variants.insert(0, wide);
            if let Some(tall) = tall {
                variants.insert(usize::from(!taller), tall);
            }
        }
    }
    variants
}

/// Tile sizes of the rungs that are worth trying on this device.
pub(super) fn tunings(gemm: &Gemm, map: Option<&Map>, device: &Capabilities) -> Vec<Choice> {
    let reason = "tuned";
    let mut tunings = variants(gemm, map, device);
    tunings.extend(map.into_iter().flat_map(|map| gemm_patch::tunings(gemm, map, device)));
    tunings.extend(gemm.workgroup_tiles(device).into_iter().map(|[tm, tn]| gemm.workgroup(tm, tn)));
    if gemm.is_split() {
        tunings.extend([4, 8].map(|slices| gemm.split(slices)));
    }
    let widths = if gemm.geglu { &[2, 4][..] } else { &[1, 2, 4] };
    for &tn in widths {
        let lanes = if device.is_cpu() { &[4, 8][..] } else { &[32, 64, 128] };
        for (&wg, tm) in lanes.iter().flat_map(|wg| [2, 4, 8, 16].map(|tm| (wg, tm))) {
            if tm * tn <= 32 {
                tunings.push(gemm.register(reason, wg, tm, tn));
            }
        }
        tunings.extend(gemm_matrix::tunings(gemm, device));
        if let Some(lanes) = shared_lanes(device) {
            let heights = [lanes, 2 * lanes, 4 * lanes, 8 * lanes];
            tunings.extend(heights.iter().filter(|&tm| tm * tn <= 128).map(|&tm| gemm.broadcast(lanes, tm, tn)));
            if gemm.is_wide(device) {
                tunings.extend(heights.map(|tm| gemm.wide(lanes, tm)));
                tunings.extend([[4, 4], [8, 2], [8, 4], [4, 8]].iter().filter_map(|&tile| gemm.tall(lanes, tile)));
            }
        }
    }
    let mut seen = BTreeSet::new();
    tunings.retain(|choice| seen.insert(choice.defines.clone()));
    tunings
}

/// Inner indices of a step of the rung `workgroup`: all of its 256 threads take part in every load.
fn staged_inner(tm: u32, tn: u32) -> u32 {
    if tm == 8 && tn >= 2 { 8 } else { 16 }
}

impl Gemm {
    fn register(&self, reason: &'static str, wg: u32, tm: u32, tn: u32) -> Choice {
        self.rung("register", reason, "shared/gemm_register.wgsl", [wg, tm, tn], [tm, wg * tn])
    }

    fn broadcast(&self, lanes: u32, tm: u32, tn: u32) -> Choice {
        let reason = "a CPU driver with subgroups: loads are dear there, so each lane loads for all of them";
        self.rung("broadcast", reason, "shared/gemm_broadcast.wgsl", [lanes, tm, tn], [tm, lanes * tn])
            .with("TWO", self.sources[1] > 0)
    }

    fn wide(&self, lanes: u32, tm: u32) -> Choice {
        let choice = self.rung("wide", threads::WIDE, "shared/gemm_wide.wgsl", [lanes, tm, 2], [tm, lanes * 2]);
        self.eights(choice)
    }

    /// A tile whose lanes have rows of their own, `tm` of them, an even number, and `tn` vec4 columns in common. Each of 8 lanes loads one of 8
    /// inner indices.
    fn tall(&self, lanes: u32, [tm, tn]: [u32; 2]) -> Option<Choice> {
        let reason =
            "a CPU driver, as `wide` with rows and columns exchanged: faster where no more of its tiles stands empty";
        let rung = || self.rung("tall", reason, "shared/gemm_tall.wgsl", [lanes, tm, tn], [tm * lanes, tn]);
        (lanes == 8).then(|| self.eights(rung()))
    }

    /// What the rungs that load 8 values at a time leave out.
    fn eights(&self, choice: Choice) -> Choice {
        choice
            .with("TWO", self.sources[1] > 0)
            .with("GROUPED", self.rows_per_group.is_some())
            .with("RESIDUAL", self.residual)
            .with("ACTIVATION", self.activation.function())
    }

    /// Rows of the wide rung's tile: more of them share what is loaded, but their sums leave the registers. In f32 there is twice as much to load.
    fn wide_rows(&self, lanes: u32) -> u32 {
        lanes * if self.w == Dtype::F16 { 2 } else { 4 }
    }

    /// The share of a choice's tiles that is y, and not beyond its last rows and columns.
    fn filled(&self, choice: &Choice) -> f64 {
        let share = |size: usize, tile: usize| size as f64 / (size.div_ceil(tile) * tile) as f64;
        share(self.rows, choice.int("ROWS")) * share(self.n4(), choice.int("COLS"))
    }

    /// Can all operands be read 8 values at a time?
    fn is_wide(&self, device: &Capabilities) -> bool {
        wide_lanes(device, &[self.columns, self.sources[0], self.sources[1]]).is_some()
    }

    /// Are there so few rows that tiles of them would be mostly empty?
    fn is_few(&self) -> bool {
        self.rows <= 4
    }

    /// Can threads share sums ([`Gemm::split`]), and is it worth it?
    fn is_split(&self) -> bool {
        self.is_few() && !self.geglu && self.tap_count() == 1 && self.sources[1] == 0
    }

    /// So many threads for every vec4 column of all rows.
    fn split(&self, slices: u32) -> Choice {
        let reason = "few rows: threads share their sums, where tiles would leave most of a GPU idle";
        let rows = self.rows.max(1) as u32;
        self.rung("split", reason, "shared/gemm_split.wgsl", [0, rows, 1], [rows, 16]).with("SLICES", slices)
    }

    /// Rows and vec4 columns of a thread that fit into workgroup memory, those for this product first; none if its channels are no whole vec4.
    fn workgroup_tiles(&self, device: &Capabilities) -> Vec<[u32; 2]> {
        let tiles = [[8, 2], [4, 2], [8, 1], [4, 1]];
        let runs = |[tm, tn]: [u32; 2]| {
            // Two steps of both operands.
            let bytes = 2 * 4 * staged_inner(tm, tn) * 16 * (tm + 4 * tn);
            self.sources.iter().all(|c| c.is_multiple_of(4))
                && (!self.geglu || tn > 1)
                && bytes <= device.max_workgroup_memory
        };
        let mut tiles: Vec<[u32; 2]> = tiles.into_iter().filter(|&tile| runs(tile)).collect();
        self.largest_of_many_first(&mut tiles, |&[tm, tn]| [16 * tm, 64 * tn]);
        tiles
    }

    /// 16 x 16 threads with so many rows and vec4 columns each.
    fn workgroup(&self, tm: u32, tn: u32) -> Choice {
        let reason = "a GPU: operands are shared through workgroup memory";
        let choice = self.staged("workgroup", reason, [tm, tn], [16 * tm, 16 * tn], staged_inner(tm, tn));
        choice.with("UNIT", 4).with("PAD", 0)
    }
}
