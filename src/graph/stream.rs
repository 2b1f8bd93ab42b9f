//! Weights that are not kept on the device: every part of a program gets its own just before it runs.
//!
//! Programs are cut into parts whose weights fit in one window. While the device runs a part, the host lays out the weights of the
//! next one and writes them into one of two staging buffers; the device copies them into the window when it is done. wgpu has one queue:
//! copies wait for the part before, so a second window would only take memory.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Error, Place, Plan, PlannedOp, WeightKey, WeightSource, weights::arranged};
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
    source: Arc<dyn WeightSource + Send>,
    /// Two staging buffers, the next one first.
    staging: Mutex<[Staging; 2]>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("window", &self.window).finish_non_exhaustive()
    }
}

/// Bytes of the weights of one operation, each once, as they lie in a window.
fn op_bytes(plan: &Plan, op: &PlannedOp) -> u64 {
    let mut seen: Vec<usize> = op.places.iter().filter_map(weight).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.into_iter().map(|weight| padded(plan, weight)).sum()
}

fn weight(&(place, _): &(Place, usize)) -> Option<usize> {
    match place {
        Place::Weight(weight) => Some(weight),
        _ => None,
    }
}

fn padded(plan: &Plan, weight: usize) -> u64 {
    plan.weights[weight].bytes().next_multiple_of(ALIGNMENT.max(plan.target.device.alignment))
}

/// Bytes of the smallest window for these plans: the weights of the operation that has most.
pub(super) fn window_bytes(plans: &[&Plan]) -> u64 {
    plans.iter().flat_map(|plan| plan.ops.iter().map(|op| op_bytes(plan, op))).max().unwrap_or(0)
}

/// Bytes on the device while the weights of these plans are streamed; `None` where keeping them takes no more.
pub fn streamed_bytes(plans: &[&Plan]) -> Option<u64> {
    let keys: HashSet<&WeightKey> = plans.iter().flat_map(|plan| &plan.weights).collect();
    let kept: u64 = keys.into_iter().map(WeightKey::buffer_bytes).sum();
    let streamed = 3 * buffer_bytes(window_bytes(plans));
    (streamed < kept).then_some(streamed)
}

/// Cuts a plan so that the weights of each part fit in a window of so many bytes.
pub(super) fn parts(plan: &Plan, window: u64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, op) in plan.ops.iter().enumerate() {
        let known = |part: &Part, weight: usize| part.weights.iter().any(|&(w, _)| w == weight);
        let mut new: Vec<usize> = op.places.iter().filter_map(weight).collect();
        new.sort_unstable();
        new.dedup();
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

/// The plan with its weights at their places in the window.
pub(super) fn placed(plan: &Plan, parts: &[Part]) -> Plan {
    let mut placed = plan.clone();
    for part in parts {
        let starts: HashMap<usize, u64> = part.weights.iter().copied().collect();
        for op in &mut placed.ops[part.ops.clone()] {
            for (place, offset) in &mut op.places {
                if let Place::Weight(weight) = place {
                    let size = plan.weights[*weight].dtype.bytes() as u64;
                    *offset = (starts.get(weight).copied().unwrap_or(0) / size) as usize;
                }
            }
        }
    }
    placed
}

impl Stream {
    /// A window for the weights of these plans.
    pub fn new(device: &Device, source: Arc<dyn WeightSource + Send>, plans: &[&Plan]) -> Result<Self, Error> {
        let bytes = window_bytes(plans);
        let window = device.buffer("a window of weights", bytes)?;
        let staging = [Staging::new(device, bytes)?, Staging::new(device, bytes)?];
        Ok(Self { window, source, staging: Mutex::new(staging) })
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
mod tests {
    use super::*;
    use crate::{
        checkpoint::Configs,
        gpu::Capabilities,
        graph::{Keep, Rate, Target},
        kernel::Dtype,
        pipeline::{Compat, Networks, PlanTypes, Plans, Request, Shape},
    };

    /// Plans of a small clip of the published model.
    fn plans() -> Plans {
        let request = Request { width: 128, height: 128, frames: 2, ..Request::plain() };
        let configs = Configs::published();
        let networks = Networks::new(&configs, Compat::Diffusers);
        let device = Capabilities { f16: true, max_binding: 2 << 30, max_buffer: 4 << 30, ..Capabilities::default() };
        let types = PlanTypes { activation: Dtype::F16, weights: [Dtype::F16; 4] };
        let target = Target::new(device, Rate::default());
        Plans::new(&networks, Shape::new(&configs, &request), types, &target, Keep::Nothing).unwrap()
    }

    #[test]
    fn every_operation_finds_its_weights_in_the_window() {
        let plans = plans();
        let [conditions, unet] = [&plans.step.conditions, &plans.step.unet];
        let window = window_bytes(&[conditions, unet]);
        // The 3x3 convolution from 2560 to 1280 channels, and its bias.
        assert!((2560 * 1280 * 9 * 2..2560 * 1280 * 9 * 2 + 16_384).contains(&window), "{window}");
        for plan in [conditions, unet, &plans.text] {
            let window = window.max(window_bytes(&[plan]));
            let cut = parts(plan, window);
            assert!(cut.iter().all(|part| part.bytes <= window));
            assert_eq!(cut.iter().map(|part| part.ops.len()).sum::<usize>(), plan.ops.len());
            // Neighbours would not fit into one.
            let first_of = |part: &Part| op_bytes(plan, &plan.ops[part.ops.start]);
            assert!(cut.windows(2).all(|pair| pair[0].bytes + first_of(&pair[1]) > window));
            let placed = placed(plan, &cut);
            for part in &cut {
                for op in &placed.ops[part.ops.clone()] {
                    for &(place, offset) in op.places.iter() {
                        let Place::Weight(weight) = place else { continue };
                        let (key, start) =
                            (&plan.weights[weight], offset as u64 * plan.weights[weight].dtype.bytes() as u64);
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
    }

    #[test]
    fn streaming_takes_a_fraction() {
        let plans = plans();
        let unet = [&plans.step.conditions, &plans.step.unet];
        assert!(streamed_bytes(&unet).is_some_and(|bytes| bytes < 200 << 20));
        // Little is not worth it.
        assert_eq!(streamed_bytes(&[&plans.initial]), None);
    }
}
