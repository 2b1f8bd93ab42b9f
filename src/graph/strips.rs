//! Networks that run on strips of a frame, one strip after the other.
//!
//! A group norm takes its statistics over the whole frame, which no strip sees. So the record is cut behind the partial sums of every group
//! norm: all strips run up to there, their sums become the frame's statistics, and all strips go on with those.

use std::ops::Range;

use super::{Error, Graph, GroupNorm, Tensor};
use crate::kernel;

/// The rows of a strip that are counted in statistics: neighbours have the others, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Rows of a strip where it enters the record; levels above have whole multiples of them.
    pub rows: usize,
    /// Which of them are counted: one range for each kind of strip.
    pub kinds: Vec<Range<usize>>,
}

/// A group norm behind whose partial sums a record is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    pub(super) nodes: usize,
    /// Its groups.
    pub groups: usize,
    /// What is added to the variance.
    pub eps: f32,
}

/// The output with the partial sums `[1, segments, G, 3]` of norm number `norm` over the core of this kind.
pub fn sums(norm: usize, kind: usize) -> String {
    format!("sums.{norm}.{kind}")
}

/// The input with the statistics `[1, G, 2]` of norm number `norm`.
pub fn statistics(norm: usize) -> String {
    format!("stats.{norm}")
}

impl Graph {
    /// From here on group norms over single frames are cut: `x` is a strip.
    pub fn in_strips(mut self, cores: Cores) -> Self {
        self.cores = Some(cores);
        self
    }

    /// The norms at which the record is cut.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Records the sums of every kind of core of `x` `[1, H, W, C]`, cuts, and returns the statistics that come from outside.
    pub(super) fn strip_statistics(
        &mut self,
        name: &str,
        x: &Tensor,
        layer: &GroupNorm,
    ) -> Result<Option<Tensor>, Error> {
        let Some(cores) = self.cores.clone() else { return Ok(None) };
        let per_row = x.rows() / cores.rows.max(1);
        for (kind, core) in cores.kinds.iter().enumerate() {
            let part = x.view_rows(core.start * per_row..core.end * per_row);
            let sources = [x.channels(), 0];
            let op =
                kernel::GroupNormPartial { frames: 1, rows: part.rows(), sources, groups: layer.groups, x: x.dtype() };
            let partial = self.record(name, std::sync::Arc::new(op), &[(&part).into(), None])?;
            self.output(sums(self.cuts.len(), kind), &partial[0]);
        }
        let given = self.input(statistics(self.cuts.len()), &[1, layer.groups, 2], kernel::Dtype::F32);
        self.cuts.push(Cut { nodes: self.nodes.len(), groups: layer.groups, eps: layer.eps });
        Ok(Some(given))
    }

    /// The record in pieces, one more than there are cuts. A tensor that several pieces need is exchanged with the outside, under the same name
    /// in all of them.
    pub fn segments(&self) -> Vec<Graph> {
        let ends: Vec<usize> = self.cuts.iter().map(|cut| cut.nodes).chain([self.nodes.len()]).collect();
        let mut needed: Vec<Option<[usize; 2]>> = vec![None; self.tensors.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let segment = ends.partition_point(|&end| end <= index);
            for operand in &node.operands {
                if let super::Operand::Tensor { id, .. } = *operand {
                    let first = needed[id].map_or(segment, |[first, _]| first);
                    needed[id] = Some([first, segment]);
                }
            }
        }
        let mut tensors = self.tensors.clone();
        for (id, tensor) in tensors.iter_mut().enumerate() {
            if needed[id].is_some_and(|[first, last]| first < last) && tensor.external.is_none() {
                tensor.external = Some(format!("carried.{id}"));
            }
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let piece = |(start, &end): (usize, &usize)| {
            let mut piece = self.clone();
            piece.nodes = self.nodes[start..end].to_vec();
            piece.tensors.clone_from(&tensors);
            piece.cuts.clear();
            piece
        };
        starts.zip(&ends).map(piece).collect()
    }
}
