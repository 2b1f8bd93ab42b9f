//! Decoding frames in strips.

use std::collections::HashMap;

use super::{
    Error, Shape,
    frame::Frame,
    strips::{FEATURES, Strip, Strips, exchanged},
};
use crate::{
    gpu::{Buffer, Device},
    graph::{Bindings, Plan, Program, Slots, WeightStore, statistics, sums},
    kernel::{GroupNormFinish, Op, Rgb8},
};

/// The programs of a decode in strips.
pub(super) struct StripDecoder {
    whole: Program,
    features: Buffer,
    /// The features of one strip.
    strip: Buffer,
    segments: Vec<(Program, Bindings)>,
}

/// What a strip has to remember between segments, by name.
type Carried = HashMap<String, Vec<u8>>;

impl StripDecoder {
    /// Compiles and binds; `plan` is the decoder's beginning, `bindings` have its input.
    pub fn new(
        device: &Device,
        plan: &Plan,
        strips: &Strips,
        weights: &WeightStore,
        bindings: &mut Bindings,
    ) -> Result<Self, Error> {
        let slots = Slots::new(device, std::iter::once(plan).chain(&strips.segments))?;
        let whole = Program::with_slots(device, plan, weights, bindings, &slots)?;
        let strip = strips.segments.iter().flat_map(|plan| &plan.externals).find(|e| e.name == FEATURES);
        let strip = device.buffer("features of a strip", strip.map_or(0, |external| external.bytes()))?;
        let pool = strips.pool().into_iter().map(|bytes| device.buffer("tensors between segments", bytes));
        let pool = pool.collect::<Result<Vec<Buffer>, _>>()?;
        let segments = strips.segments.iter().map(|plan| {
            let named = exchanged(plan).into_iter().zip(&pool).map(|(external, buffer)| (&external.name, buffer));
            let mut own: Bindings = named.map(|(name, buffer)| (name.clone(), buffer.clone())).collect();
            own.insert(FEATURES.to_owned(), strip.clone());
            let program = Program::with_slots(device, plan, weights, &mut own, &slots)?;
            Ok::<_, Error>((program, own))
        });
        let segments = segments.collect::<Result<_, _>>()?;
        Ok(Self { whole, features: bindings[FEATURES].clone(), strip, segments })
    }

    /// Decodes the frame whose latents are bound.
    pub fn frame(&self, device: &Device, shape: &Shape, strips: &Strips, with_pixels: bool) -> Result<Frame, Error> {
        self.whole.run()?;
        let mut carried: Vec<Carried> = vec![Carried::new(); strips.strips.len()];
        let mut given: Option<(String, Vec<f32>)> = None;
        for (number, plan) in strips.segments.iter().enumerate() {
            let mut parts: Vec<f32> = Vec::new();
            for (strip, carried) in strips.strips.iter().zip(&mut carried) {
                self.segment(device, shape, (number, plan), strip, given.as_ref(), carried)?;
                if let Some(sums) = carried.remove(&sums(number, strip.kind)) {
                    parts.extend(bytemuck::pod_collect_to_vec::<u8, f32>(&sums));
                }
                let later = |name: &str| {
                    strips.segments[number + 1..].iter().any(|plan| plan.externals.iter().any(|e| e.name == *name))
                };
                carried.retain(|name, _| name == "pixels" || later(name));
            }
            given = strips.cuts.get(number).map(|cut| {
                let segments = parts.len() / (3 * cut.groups).max(1);
                let finish =
                    GroupNormFinish { frames: 1, segments, groups: cut.groups, frames_per_stat: 1, eps: cut.eps };
                (statistics(number), finish.reference(&[&parts]).swap_remove(0))
            });
        }
        let pixels: Vec<Vec<f32>> = carried
            .into_iter()
            .map(|mut carried| {
                carried.remove("pixels").map_or(Vec::new(), |bytes| bytemuck::pod_collect_to_vec(&bytes))
            })
            .collect();
        let pixels = blend(&pixels, strips, shape);
        Ok(Frame { rgb8: rgb8(&pixels), pixels: with_pixels.then_some(pixels) })
    }

    /// Runs a segment for a strip: gives it what it reads, keeps what it wrote.
    fn segment(
        &self,
        device: &Device,
        shape: &Shape,
        (number, plan): (usize, &Plan),
        strip: &Strip,
        given: Option<&(String, Vec<f32>)>,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let (program, bindings) = &self.segments[number];
        for external in plan.externals.iter().filter(|external| !external.written) {
            let buffer = &bindings[&external.name];
            match (external.name.as_str(), given) {
                (FEATURES, _) => {
                    let row = self.features.bytes() / shape.latent[0] as u64;
                    device.copy(&self.features, strip.start as u64 * row, &self.strip, 0, self.strip.bytes());
                }
                (name, Some((statistics, values))) if name == statistics => {
                    device.write(buffer, 0, bytemuck::cast_slice(values));
                }
                (name, _) => {
                    let bytes = carried.get(name).ok_or_else(|| crate::graph::Error::Unbound(name.to_owned()))?;
                    device.write(buffer, 0, bytes);
                    // One at a time is on its way.
                    device.flush()?;
                }
            }
        }
        program.run()?;
        let other = |name: &str| name.starts_with("sums.") && name != sums(number, strip.kind);
        for external in plan.externals.iter().filter(|external| external.written && !other(&external.name)) {
            let bytes = device.read(&bindings[&external.name], 0, external.bytes())?;
            carried.insert(external.name.clone(), bytes);
        }
        Ok(())
    }
}

/// Strips `[rows, W, 3]` as one frame `[H, W, 3]`: where they overlap, each counts by its distance from its edge.
fn blend(strips: &[Vec<f32>], cut: &Strips, shape: &Shape) -> Vec<f32> {
    let [width, height] = shape.size;
    let factor = height / shape.latent[0].max(1);
    let line = 3 * width;
    let mut frame = vec![0.0f32; line * height];
    let mut weights = vec![0.0f32; height];
    let rows = cut.rows * factor;
    for (pixels, strip) in strips.iter().zip(&cut.strips) {
        let first = strip.start * factor;
        for (row, values) in pixels.chunks_exact(line).enumerate() {
            let above = if strip.start == 0 { rows } else { row };
            let below = if first + rows == height { rows } else { rows - 1 - row };
            let weight = above.min(below) as f32 + 0.5;
            let at = first + row;
            weights[at] += weight;
            frame[at * line..(at + 1) * line].iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    for (values, weight) in frame.chunks_exact_mut(line).zip(weights) {
        values.iter_mut().for_each(|value| *value /= weight);
    }
    frame
}

/// 8-bit samples, as the kernel of the whole decode rounds them.
fn rgb8(pixels: &[f32]) -> Vec<u8> {
    let op = Rgb8 { pixels: pixels.len() / 3, channels: 3, x: crate::kernel::Dtype::F32 };
    let words = op.reference(&[pixels]).swap_remove(0);
    words.iter().flat_map(|word| word.to_bits().to_le_bytes()).take(pixels.len()).collect()
}
