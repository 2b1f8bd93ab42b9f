//! All measures of a clip.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Error, Measure, Path, Values,
    contrast::contrast,
    flicker::flicker,
    flow::Flow,
    motion::{STILL, Share, backward, motion, steadiness},
    plane::{Plane, Planes, mean},
    similarity::{psnr, ssim},
};
use crate::video::Clip;

/// Longest side at which flow is computed, in pixels; larger frames are shrunk for it.
const FLOW_SIDE: u32 = 256;

/// What a clip is compared with. Samples are 8-bit RGB `[height, width, 3]` of the clip's size.
#[derive(Clone, Copy, Debug)]
pub enum Reference<'a> {
    /// Its own first frame, which is then left out of the means.
    FirstFrame,
    /// A picture.
    Picture(&'a [u8]),
    /// Another clip with as many frames: each frame is compared with that of the same number.
    Clip(&'a [Vec<u8>]),
}

/// The measures of a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Of each frame; those of a step from frame to frame are with the second of the two.
    pub frames: Vec<Values>,
    /// Of the clip: means over its frames, or over its motion.
    pub mean: Values,
    /// Where what moves.
    pub path: Path,
    /// Is the reference the clip's own first frame?
    pub own_first_frame: bool,
}

/// Measures a clip, all but [`Measure::Identity`].
///
/// # Errors
/// [`Error::Clip`] for a clip whose fields do not fit together, [`Error::Reference`] for a reference of another size or number of frames.
pub fn measure(clip: &Clip, reference: Reference<'_>) -> Result<Measures, Error> {
    clip.check()?;
    check(clip, reference)?;
    let planes: Vec<Planes> =
        clip.frames.par_iter().map(|frame| Planes::of_rgb8(clip.width, clip.height, frame)).collect();
    let own_first_frame = matches!(reference, Reference::FirstFrame);
    let mut measures = Measures {
        frames: similarities(clip, reference, &planes),
        mean: Values::new(),
        path: Path::default(),
        own_first_frame,
    };
    add_motion(&mut measures, &planes);
    let moves = measures.mean.get(&Measure::Motion).is_some_and(|&motion| motion > STILL);
    if moves {
        add_return(&mut measures, clip, reference);
    }
    for measure in [Measure::Psnr, Measure::Ssim, Measure::StepPsnr, Measure::StepSsim] {
        measures.take_mean(measure);
    }
    Ok(measures)
}

impl Measures {
    /// Sets a clip's value to the mean of its frames'.
    pub(super) fn take_mean(&mut self, measure: Measure) {
        let values: Vec<f64> = self.frames.iter().filter_map(|values| values.get(&measure).copied()).collect();
        if !values.is_empty() {
            self.mean.insert(measure, mean(values.into_iter()));
        }
    }
}

fn check(clip: &Clip, reference: Reference<'_>) -> Result<(), Error> {
    let (frames, bytes) = match reference {
        Reference::FirstFrame => return Ok(()),
        Reference::Picture(picture) => (None, vec![picture.len()]),
        Reference::Clip(frames) => (Some(frames.len()), frames.iter().map(Vec::len).collect()),
    };
    let expected = clip.frames.first().map_or(0, Vec::len);
    let fail = |problem: String| Err(Error::Reference { problem });
    if let Some(found) = frames.filter(|&found| found != clip.frames.len()) {
        return fail(format!("it has {found} frames, the clip {}", clip.frames.len()));
    }
    match bytes.iter().find(|&&bytes| bytes != expected) {
        Some(found) => fail(format!("it has {found} samples, a frame of the clip {expected}")),
        None => Ok(()),
    }
}

/// PSNR and SSIM of every frame, to the reference and to the frame before.
fn similarities(clip: &Clip, reference: Reference<'_>, planes: &[Planes]) -> Vec<Values> {
    let of = |rgb: &[u8]| Planes::of_rgb8(clip.width, clip.height, rgb).luma;
    let picture = match reference {
        Reference::FirstFrame => clip.frames.first().map(|frame| (frame.as_slice(), of(frame))),
        Reference::Picture(picture) => Some((picture, of(picture))),
        Reference::Clip(_) => None,
    };
    let frames = clip.frames.par_iter().zip(planes).enumerate();
    let values = frames.map(|(index, (frame, own))| {
        let mut values = Values::new();
        let to = match reference {
            Reference::FirstFrame if index == 0 => None,
            Reference::Clip(frames) => frames.get(index).map(|frame| (frame.as_slice(), of(frame))),
            _ => picture.clone(),
        };
        if let Some((rgb, luma)) = to {
            values.extend([(Measure::Psnr, psnr(frame, rgb)), (Measure::Ssim, ssim(&own.luma, &luma))]);
        }
        let before = index.checked_sub(1).and_then(|before| clip.frames.get(before).zip(planes.get(before)));
        if let Some((rgb, planes)) = before {
            values.extend([(Measure::StepPsnr, psnr(frame, rgb)), (Measure::StepSsim, ssim(&own.luma, &planes.luma))]);
        }
        values
    });
    values.collect()
}

/// Everything that needs the flow.
fn add_motion(measures: &mut Measures, planes: &[Planes]) {
    let Some(full) = planes.first().map(|planes| planes.luma.width()) else { return };
    let small: Vec<Planes> = planes.par_iter().map(|planes| planes.at_most(FLOW_SIDE)).collect();
    // Pixels of the clip for each pixel of the flow.
    let scale = small.first().map_or(1.0, |planes| f64::from(full) / f64::from(planes.luma.width()));
    let seen: Vec<[Plane; 2]> = contrast(&small);
    let flows: Vec<(Flow, [f64; 2])> = seen
        .par_windows(2)
        .zip(small.par_windows(2))
        .filter_map(|pair| {
            let ([from, to], [first, second]) = pair else { return None };
            let flow = Flow::between(from, to);
            let flicker = flicker(first, second, &flow);
            Some((flow, flicker))
        })
        .collect();
    let (flows, flickers): (Vec<Flow>, Vec<[f64; 2]>) = flows.into_iter().unzip();
    let lengths: Vec<f64> = flows.iter().map(motion).collect();
    let back = backward(&flows);
    let steady: Vec<Share> = flows.windows(2).map(|pair| steadiness(&pair[0], &pair[1])).collect();

    for (index, values) in measures.frames.iter_mut().enumerate().skip(1) {
        let step = index - 1;
        let mut put = |measure, value: Option<f64>| values.extend(value.map(|value| (measure, value)));
        put(Measure::Motion, lengths.get(step).map(|length| length * scale));
        put(Measure::BrightnessFlicker, flickers.get(step).map(|flicker| flicker[0]));
        put(Measure::ColourFlicker, flickers.get(step).map(|flicker| flicker[1]));
        put(Measure::Backward, back.get(step).and_then(|share| share.value(STILL)));
        let before = step.checked_sub(1).and_then(|before| steady.get(before));
        put(Measure::Smoothness, before.and_then(|share| share.value(2.0 * STILL)));
    }
    for measure in [Measure::Motion, Measure::BrightnessFlicker, Measure::ColourFlicker] {
        measures.take_mean(measure);
    }
    // Of all motion together: a frame that hardly moves says little.
    let together = |shares: &[Share], least: f64| Share::sum(shares.iter().copied()).value(least * shares.len() as f64);
    let mean = &mut measures.mean;
    mean.extend(together(&steady, 2.0 * STILL).map(|share| (Measure::Smoothness, share)));
    mean.extend(together(&back, STILL).map(|share| (Measure::Backward, share)));
    measures.path = Path::new(&flows);
}

/// Σ max(0, d[t−1] − d[t]) / Σ |d[t] − d[t−1]|, where d is the root of the mean squared difference to the reference.
fn add_return(measures: &mut Measures, clip: &Clip, reference: Reference<'_>) {
    let start = match reference {
        Reference::FirstFrame => clip.frames.first().map(Vec::as_slice),
        Reference::Picture(picture) => Some(picture),
        Reference::Clip(frames) => frames.first().map(Vec::as_slice),
    };
    let Some(start) = start else { return };
    let distance =
        |frame: &Vec<u8>| mean(frame.iter().zip(start).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))).sqrt();
    let distances: Vec<f64> = clip.frames.iter().map(distance).collect();
    let changes = distances.windows(2).map(|pair| pair[0] - pair[1]);
    let share = Share::sum(changes.map(|closer| Share { part: closer.max(0.0), all: closer.abs() }));
    measures.mean.extend(share.value(0.0).map(|share| (Measure::Returning, share)));
}

#[cfg(test)]
#[path = "clip_tests.rs"]
mod tests;
