//! Weights that are not kept on the device: every part of a program gets its own just before it runs. Which ones these are: [`Residence`].
//!
//! Programs are cut into parts whose weights fit in one window. While the device runs a part, the host lays out the weights of the
//! next one and writes them into one of two staging buffers; the device copies them into the window when it is done. wgpu has one queue:
//! copies wait for the part before, so a second window would only take memory.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Error, Place, Plan, PlannedOp, Residence, WeightKey, WeightSource, weights::arranged};
use crate::gpu::{Buffer, Device, Staging, buffer_bytes};

/// Weights begin at multiples of this many bytes or of the device's alignment.
const ALIGNMENT: u64 = 256;

/// Operations in a row, and where each of their weights lies in the window while they run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub ops: Range<usize>,
    /// Numbers of the plan's weights, with their first byte in the window.
    pub weights: Vec<(usize, u64)>,
    /// Bytes of the window that are used.
    pub bytes: u64,
}

/// A window, and what fills it.
pub(super) struct Stream {
    pub window: Buffer,
    /// Which weights are not streamed.
    pub residence: Residence,
    source: Arc<dyn WeightSource + Send>,
    /// Two staging buffers, the next one first.
    staging: Mutex<[Staging; 2]>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("window", &self.window).finish_non_exhaustive()
    }
}

/// Numbers of the plan's weights that an operation reads, each once.
pub(super) fn op_weights(op: &PlannedOp) -> Vec<usize> {
    let weight = |&(place, _): &(Place, usize)| match place {
        Place::Weight(weight) => Some(weight),
        _ => None,
    };
    let mut weights: Vec<usize> = op.places.iter().filter_map(weight).collect();
    weights.sort_unstable();
    weights.dedup();
    weights
}

/// Those of them that are streamed.
fn streamed_weights(plan: &Plan, op: &PlannedOp, residence: &Residence) -> Vec<usize> {
    let mut weights = op_weights(op);
    weights.retain(|&weight| !residence.holds(&plan.weights[weight]));
    weights
}

/// Bytes that a weight takes of a window.
pub(super) fn padded(plan: &Plan, weight: usize) -> u64 {
    plan.weights[weight].bytes().next_multiple_of(ALIGNMENT.max(plan.target.device.alignment))
}

/// Bytes of the smallest window for these plans: the weights of the operation that streams most.
pub(super) fn window_bytes(plans: &[&Plan], residence: &Residence) -> u64 {
    plans.iter().flat_map(|plan| plan.ops.iter().map(|op| op_bytes(plan, op, residence))).max().unwrap_or(0)
}

/// Bytes that an operation streams.
fn op_bytes(plan: &Plan, op: &PlannedOp, residence: &Residence) -> u64 {
    streamed_weights(plan, op, residence).into_iter().map(|weight| padded(plan, weight)).sum()
}

/// Bytes of a window and its two staging buffers; without anything to stream there are none.
pub(super) fn three_windows(window: u64) -> u64 {
    if window == 0 { 0 } else { 3 * buffer_bytes(window) }
}

/// Cuts a plan so that the streamed weights of each part fit in a window of so many bytes.
pub(super) fn parts(plan: &Plan, residence: &Residence, window: u64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, op) in plan.ops.iter().enumerate() {
        let known = |part: &Part, weight: usize| part.weights.iter().any(|&(w, _)| w == weight);
        let new = streamed_weights(plan, op, residence);
        let more = |part: &Part| new.iter().filter(|&&w| !known(part, w)).map(|&w| padded(plan, w)).sum::<u64>();
        if parts.last().is_none_or(|part| part.bytes + more(part) > window) {
            parts.push(Part { ops: index..index, weights: Vec::new(), bytes: 0 });
        }
        let Some(part) = parts.last_mut() else { continue };
        part.ops.end = index + 1;
        for weight in new {
            if !known(part, weight) {
                part.weights.push((weight, part.bytes));
                part.bytes += padded(plan, weight);
            }
        }
    }
    parts
}

/// The plan with its streamed weights at their places in the window.
pub(super) fn placed(plan: &Plan, parts: &[Part]) -> Plan {
    let mut placed = plan.clone();
    for part in parts {
        let starts: HashMap<usize, u64> = part.weights.iter().copied().collect();
        for op in &mut placed.ops[part.ops.clone()] {
            for (place, offset) in &mut op.places {
                if let Place::Weight(weight) = place
                    && let Some(start) = starts.get(weight)
                {
                    *offset = (start / plan.weights[*weight].dtype.bytes() as u64) as usize;
                }
            }
        }
    }
    placed
}

impl Stream {
    /// A window for those weights of these plans that do not stay.
    pub fn new(
        device: &Device,
        source: Arc<dyn WeightSource + Send>,
        plans: &[&Plan],
        residence: &Residence,
    ) -> Result<Self, Error> {
        let bytes = window_bytes(plans, residence);
        let window = device.buffer("a window of weights", bytes)?;
        let staging = [Staging::new(device, bytes)?, Staging::new(device, bytes)?];
        Ok(Self { window, residence: residence.clone(), source, staging: Mutex::new(staging) })
    }

    /// Submits a copy of these weights into the window, each at its place. The host does its part while the device is busy with what
    /// was submitted before.
    pub fn bring(&self, device: &Device, weights: &[(WeightKey, u64)], bytes: u64) -> Result<(), Error> {
        if weights.is_empty() {
            return Ok(());
        }
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        staging[0].send(device, &self.window, bytes, |write| {
            for (key, start) in weights {
                let mut bytes = arranged(self.source.as_ref(), key)?;
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                write(*start, &bytes);
            }
            Ok::<_, Error>(())
        })?;
        staging.swap(0, 1);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        checkpoint::Configs,
        gpu::Capabilities,
        graph::{Keep, Rate, Room, Target},
        kernel::Dtype,
        pipeline::{Compat, Networks, PlanTypes, Plans, Request, Shape},
    };

    /// Plans of a small clip of the published model.
    pub(in crate::graph) fn plans() -> Plans {
        let request = Request { width: 128, height: 128, frames: 2, ..Request::plain() };
        let configs = Configs::published();
        let networks = Networks::new(&configs, Compat::Diffusers);
        let device = Capabilities { f16: true, max_binding: 2 << 30, max_buffer: 4 << 30, ..Capabilities::default() };
        let types = PlanTypes { activation: Dtype::F16, weights: [Dtype::F16; 4] };
        let target = Target::new(device, Rate::default());
        Plans::new(&networks, Shape::new(&configs, &request), types, &target, Keep::Nothing).unwrap()
    }

    /// What stays of the UNet's weights in so many bytes.
    fn unet_within(plans: &Plans, limit: u64) -> Residence {
        Residence::within(&plans.evaluations(), &plans.conditions(), Room { limit, beside: 0 })
    }

    fn check(plan: &Plan, residence: &Residence, window: u64) {
        let cut = parts(plan, residence, window);
        assert!(cut.iter().all(|part| part.bytes <= window));
        assert_eq!(cut.iter().map(|part| part.ops.len()).sum::<usize>(), plan.ops.len());
        // Neighbours would not fit into one.
        let first_of = |part: &Part| op_bytes(plan, &plan.ops[part.ops.start], residence);
        assert!(cut.windows(2).all(|pair| pair[0].bytes + first_of(&pair[1]) > window));
        // What is streamed comes once in a run, and nothing else does.
        let mut brought: Vec<usize> = cut.iter().flat_map(|part| part.weights.iter().map(|&(w, _)| w)).collect();
        brought.sort_unstable();
        let streamed = |&weight: &usize| !residence.holds(&plan.weights[weight]);
        assert_eq!(brought, (0..plan.weights.len()).filter(streamed).collect::<Vec<_>>());
        let placed = placed(plan, &cut);
        for part in &cut {
            for op in &placed.ops[part.ops.clone()] {
                for &(place, offset) in op.places.iter() {
                    let Place::Weight(weight) = place else { continue };
                    let (key, start) =
                        (&plan.weights[weight], offset as u64 * plan.weights[weight].dtype.bytes() as u64);
                    if residence.holds(key) {
                        assert_eq!(start, 0, "{}: it has a buffer of its own", op.label);
                        continue;
                    }
                    assert!(part.weights.contains(&(weight, start)), "{}", op.label);
                    assert!(start.is_multiple_of(256) && start + key.bytes() <= part.bytes, "{}", op.label);
                    let over = |&&(other, at): &&(usize, u64)| {
                        other != weight && at < start + key.bytes() && start < at + plan.weights[other].bytes()
                    };
                    assert_eq!(part.weights.iter().find(over), None, "{}", op.label);
                }
            }
        }
    }

    #[test]
    fn every_operation_finds_its_weights_in_the_window_or_on_the_device() {
        let plans = plans();
        let networks = plans.networks();
        let none = Residence::none(&networks);
        // The 3x3 convolution from 2560 to 1280 channels, and its bias.
        let window = window_bytes(&networks, &none);
        assert!((2560 * 1280 * 9 * 2..2560 * 1280 * 9 * 2 + 16_384).contains(&window), "{window}");
        for residence in [none, unet_within(&plans, 600 << 20), unet_within(&plans, 2 << 30)] {
            let window = window_bytes(&networks, &residence);
            networks.iter().for_each(|plan| check(plan, &residence, window));
        }
        let none = Residence::none(&[&plans.text]);
        check(&plans.text, &none, window_bytes(&[&plans.text], &none));
    }
}
