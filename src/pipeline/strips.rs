//! A decode in tiles: strips of a frame over its whole width.
//!
//! What follows the decoder's middle block runs on strips that overlap. Statistics of group norms are those of the whole frame (see
//! [`Graph::segments`]), so a strip differs from the whole decode only near its edges, where convolutions see zeros in place of the
//! neighbour's rows; that fades within the overlap, and seams are blended.

use std::ops::Range;

use super::{Error, Networks, Shape};
use crate::{
    gpu::buffer_bytes,
    graph::{Cores, Cut, External, Graph, Keep, Plan, Target, Types},
};

/// Rows of latents that a strip has beyond its own, on either side.
pub const OVERLAP: usize = 8;

/// Into how many strips a frame is cut where it must be: fewer take more memory and less time.
pub(super) const COUNTS: [usize; 7] = [2, 3, 4, 6, 8, 12, 16];

/// A strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strip {
    /// Its first row of latents.
    pub start: usize,
    /// The rows that are its own.
    pub core: Range<usize>,
    /// Which of the [`Cores`] that is.
    pub kind: usize,
}

/// The plans of a decode in strips.
#[derive(Clone, Debug)]
pub struct Strips {
    /// Rows of latents of every strip, with what overlaps.
    pub rows: usize,
    /// The strips from top to bottom.
    pub strips: Vec<Strip>,
    /// What runs for each strip, one after the other, each for all strips before the next.
    pub segments: Vec<Plan>,
    /// The norms between them.
    pub cuts: Vec<Cut>,
}

/// Strips of a frame of so many rows, of which each has `own` of its own, and their rows; `None` if one would be as high as the frame.
fn cut(height: usize, own: usize) -> Option<(usize, Vec<Strip>, Vec<Range<usize>>)> {
    let own = own.max(1);
    let rows = own + 2 * OVERLAP;
    if rows >= height {
        return None;
    }
    let mut kinds: Vec<Range<usize>> = Vec::new();
    let strips = (0..height).step_by(own).map(|first| {
        let core = first..(first + own).min(height);
        let start = first.saturating_sub(OVERLAP).min(height - rows);
        let local = core.start - start..core.end - start;
        let kind = kinds.iter().position(|kind| *kind == local).unwrap_or_else(|| {
            kinds.push(local);
            kinds.len() - 1
        });
        Strip { start, core, kind }
    });
    let strips = strips.collect();
    Some((rows, strips, kinds))
}

impl Strips {
    /// The plan of the decoder's beginning, which sees the whole frame, and those of its strips, of which each has `own` rows of latents of
    /// its own; `None` if one would be as high as the frame.
    pub fn new(
        networks: &Networks,
        shape: &Shape,
        types: Types,
        target: &Target,
        own: usize,
    ) -> Result<Option<(Plan, Self)>, Error> {
        let [height, width] = shape.latent;
        let Some((rows, strips, kinds)) = cut(height, own) else { return Ok(None) };
        let graph = || Graph::new(types).with_max_binding(target.device.max_binding);
        let mut whole = graph();
        networks.vae_decoder.record_features(&mut whole, height, width)?;
        let mut strip = graph().in_strips(Cores { rows, kinds });
        networks.vae_decoder.record_strip(&mut strip, rows, width)?;
        let plan = |graph: &Graph, name| Ok::<_, Error>(Plan::new(graph, target, Keep::Nothing)?.named(name));
        let segments = strip.segments();
        let segments = segments.iter().map(|graph| plan(graph, "vae-decode-strip")).collect::<Result<_, _>>()?;
        Ok(Some((plan(&whole, "vae-decode")?, Self { rows, strips, segments, cuts: strip.cuts().to_vec() })))
    }

    /// Sizes of the buffers that all segments share for what they exchange, largest first: each segment gets its largest tensor in the first,
    /// and so on.
    pub fn pool(&self) -> Vec<u64> {
        let mut pool: Vec<u64> = Vec::new();
        for segment in &self.segments {
            for (rank, external) in exchanged(segment).into_iter().enumerate() {
                match pool.get_mut(rank) {
                    Some(bytes) => *bytes = external.bytes().max(*bytes),
                    None => pool.push(external.bytes()),
                }
            }
        }
        pool
    }

    /// Bytes of that pool, and of the features of a strip.
    pub fn exchanged_bytes(&self) -> u64 {
        let features = self.segments.iter().flat_map(|plan| &plan.externals).find(|external| external.name == FEATURES);
        self.pool().into_iter().map(buffer_bytes).sum::<u64>() + features.map_or(0, External::buffer_bytes)
    }

    /// Bytes on their way to or from the host, at most: one tensor, and statistics.
    pub fn moved_bytes(&self) -> u64 {
        let all = self.segments.iter().flat_map(|plan| &plan.externals);
        let statistics = self.cuts.iter().map(|cut| buffer_bytes(8 * cut.groups as u64)).max();
        all.map(External::buffer_bytes).max().unwrap_or(0) + statistics.unwrap_or(0)
    }
}

/// What the decoder's beginning hands to the strips.
pub(super) const FEATURES: &str = "features";

/// The tensors that a segment exchanges by way of the host, largest first.
pub(super) fn exchanged(segment: &Plan) -> Vec<&External> {
    let mut all: Vec<&External> = segment.externals.iter().filter(|external| external.name != FEATURES).collect();
    all.sort_by_key(|external| std::cmp::Reverse(external.bytes()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_cover_a_frame_once_and_stay_within_it() {
        for (height, own) in [(64, 32), (64, 10), (88, 11), (18, 1), (33, 16), (64, 47)] {
            let (rows, strips, kinds) = cut(height, own).unwrap_or_else(|| panic!("{height} {own}"));
            let mut next = 0;
            for strip in strips {
                assert_eq!(strip.core.start, next, "{height} {own}");
                next = strip.core.end;
                assert!(strip.start + rows <= height, "{height} {own}");
                // Its own rows lie within it, as far from an edge as the overlap, unless that is the frame's.
                assert!(strip.start == 0 || strip.core.start >= strip.start + OVERLAP);
                assert!(strip.start + rows == height || strip.core.end + OVERLAP <= strip.start + rows);
                assert_eq!(kinds[strip.kind], strip.core.start - strip.start..strip.core.end - strip.start);
            }
            assert_eq!(next, height);
        }
        assert_eq!(cut(64, 48), None);
        assert_eq!(cut(8, 4), None);
    }
}
