//! What the choices of all rungs of a product say: its types, its conditions, its tile.

use super::{Choice, gemm::Gemm};

/// Tiles from which on a large one leaves no part of a large GPU idle.
const MANY: usize = 128;

impl Gemm {
    /// Puts the first tile of which there are many in front, or else the last one; `size` is rows and columns.
    pub(super) fn largest_of_many_first<T>(&self, tiles: &mut [T], size: impl Fn(&T) -> [u32; 2]) {
        let count = |tile: &T| {
            let [rows, columns] = size(tile).map(|v| v as usize);
            self.rows.div_ceil(rows) * (4 * self.n4()).div_ceil(columns)
        };
        let best = tiles.iter().position(|tile| count(tile) >= MANY).unwrap_or(tiles.len().saturating_sub(1));
        if best < tiles.len() {
            tiles[..=best].rotate_right(1);
        }
    }

    /// A rung whose operands pass through workgroup memory, `inner` inner indices at a time.
    pub(super) fn staged(
        &self,
        variant: &'static str,
        reason: &'static str,
        [tm, tn]: [u32; 2],
        tile: [u32; 2],
        inner: u32,
    ) -> Choice {
        self.rung(variant, reason, "shared/gemm_staged.wgsl", [0, tm, tn], tile)
            .with("KT", inner)
            .with("BUFFERS", 2)
            .with("TWO", self.sources[1] > 0)
            .with("EVEN", self.sources.iter().all(|c| c.is_multiple_of(inner as usize)))
    }

    /// A rung with its tile per thread and the rows and vec4 columns that a workgroup computes.
    pub(super) fn rung(
        &self,
        variant: &'static str,
        reason: &'static str,
        body: &'static str,
        [wg, tm, tn]: [u32; 3],
        [rows, columns]: [u32; 2],
    ) -> Choice {
        let vec = |c: usize| c.is_multiple_of(4);
        Choice::new(
            variant,
            reason,
            [
                ("TILE", body.into()),
                ("WIDE", matches!(variant, "wide" | "tall").into()),
                ("TALL", (variant == "tall").into()),
                ("PATCH", (variant == "patch").into()),
                ("MATRIX", matches!(variant, "matrix" | "patch").into()),
                ("WG", wg.into()),
                ("TM", tm.into()),
                ("TN", tn.into()),
                ("ROWS", rows.into()),
                ("COLS", columns.into()),
                ("X", self.x.into()),
                ("W", self.w.into()),
                ("Y", self.y.into()),
                ("X_VEC", (vec(self.sources[0]) && vec(self.sources[1])).into()),
                ("Y_VEC", vec(self.columns).into()),
                ("GEGLU", self.geglu.into()),
            ],
        )
    }
}
