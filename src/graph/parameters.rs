//! What every dispatch of a plan is bound to: its parameters, and ranges of its tensors.

use std::ops::Range;

use super::{Plan, plan::bind};

/// A dispatch before it is bound: bytes of its parameter struct, byte range of every binding, workgroups.
pub(super) struct Unbound {
    pub params: Range<u64>,
    pub ranges: Vec<Range<u64>>,
    pub workgroups: usize,
}

/// The parameter structs of all dispatches in one buffer, each at an aligned offset, and the dispatches in order.
pub(super) fn parameters(plan: &Plan) -> (Vec<u8>, Vec<Unbound>) {
    let alignment = plan.target.device.alignment;
    let mut params: Vec<u8> = Vec::new();
    let mut dispatches = Vec::new();
    for op in &plan.ops {
        let bindings = op.op.bindings();
        for chunk in &op.chunks {
            let spans = op.op.spans(chunk);
            let bound = spans.iter().zip(&bindings).zip(&op.places);
            let (ranges, bases): (Vec<_>, Vec<_>) =
                bound.map(|((span, binding), &(_, offset))| bind(span, binding, alignment, offset)).unzip();
            let dispatch = op.op.dispatch(&op.choice, chunk, &bases);
            let start = params.len().next_multiple_of(alignment as usize);
            params.resize(start, 0);
            params.extend(&dispatch.params);
            let params = start as u64..params.len() as u64;
            dispatches.push(Unbound { params, ranges, workgroups: dispatch.workgroups });
        }
    }
    (params, dispatches)
}

/// Bytes of the parameter structs of all dispatches.
pub(super) fn parameter_bytes(plan: &Plan) -> u64 {
    parameters(plan).0.len() as u64
}
