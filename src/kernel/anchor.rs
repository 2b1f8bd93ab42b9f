//! Temporal anchoring of one step: `kernels/anchor.wgsl`.

use std::{ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Define, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, rows, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// What of a frame is pulled towards the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorMode {
    /// Every latent.
    Blend,
    /// Low spatial frequencies alone: detail and motion within the width of the filter stay free.
    Lowpass,
    /// Mean and spread of every channel alone: colour and light are held, shapes move. After Huang and Belongie,
    /// *Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization*, 2017.
    #[default]
    Adain,
}

/// Pulls the clean estimate of every frame towards the picture, and the next sample with it:
///
/// ```text
/// d     = image − x0                                                       blend
///       = G_σ ∗ (image − x0)                                               lowpass: a Gaussian, normalised inside the frame
///       = (x0 − mean_x) / max(deviation_x, 1e-6) · deviation_image + mean_image − x0      adain, of frame and channel
/// y     = x0 + weight[f] · d
/// moved = next + gain · weight[f] · d
/// ```
///
/// x0, next `[F, P, C]`, image `[P, C]`, step `[1 + F]` (gain, then the weight of every frame), for adain the statistics `[F, 2, C]`
/// of x0 and `[1, 2, C]` of the image → y, moved `[F, P, C]`; all f32. Units: pixels of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Anchor {
    /// Frames.
    pub frames: usize,
    /// Height of a frame.
    pub height: usize,
    /// Width of a frame.
    pub width: usize,
    /// Latent channels.
    pub channels: usize,
    /// What is pulled.
    #[serde(default)]
    pub mode: AnchorMode,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    height: u32,
    width: u32,
    channels: u32,
    radius: u32,
    sigma: f32,
    x0_base: u32,
    next_base: u32,
    image_base: u32,
    step_base: u32,
    statistics_base: u32,
    image_statistics_base: u32,
    y_base: u32,
    moved_base: u32,
}

impl Anchor {
    /// Standard deviation of the low-pass filter in pixels of the frame: an eighth of its smaller side.
    pub fn sigma(&self) -> f32 {
        self.height.min(self.width) as f32 / 8.0
    }

    /// Half of the filter's window: two standard deviations.
    fn radius(&self) -> usize {
        (2.0 * self.sigma()).ceil() as usize
    }

    fn pixels(&self) -> usize {
        self.height * self.width
    }
}

impl AnchorMode {
    fn wgsl(self) -> &'static str {
        match self {
            Self::Blend => "blend",
            Self::Lowpass => "lowpass",
            Self::Adain => "adain",
        }
    }
}

impl Op for Anchor {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let (f, p, c, f32) = (self.frames, self.pixels(), self.channels, Dtype::F32);
        let adain = self.mode == AnchorMode::Adain;
        vec![
            Binding::input("x0", &[f, p, c], f32),
            Binding::input("next", &[f, p, c], f32),
            Binding::input("image", &[p, c], f32),
            Binding::input("step", &[1 + f], f32),
            Binding::optional("statistics", adain, &[f, 2, c], f32),
            Binding::optional("image_statistics", adain, &[1, 2, c], f32),
            Binding::output("y", &[f, p, c], f32),
            Binding::output("moved", &[f, p, c], f32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("MODE", Define::Name(self.mode.wgsl()))])
    }

    fn cost(&self) -> Cost {
        let elements = (self.frames * self.pixels() * self.channels) as f64;
        let window = match self.mode {
            AnchorMode::Lowpass => {
                let side = |length: usize| (2 * self.radius() + 1).min(length) as f64;
                10.0 * side(self.height) * side(self.width)
            }
            _ => 5.0,
        };
        Cost::of((4.0 + window) * elements, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.pixels()
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let of = |i: usize| rows(&b[i], units, self.channels);
        // The filter reads pixels around: whole frames.
        let frames = units.start / self.pixels()..units.end.div_ceil(self.pixels());
        let around = rows(&b[0], &frames, self.pixels() * self.channels);
        vec![around, of(1), Span::All, Span::All, Span::All, Span::All, of(6), of(7)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: (units.start * self.channels) as u32,
            end: (units.end * self.channels) as u32,
            height: self.height as u32,
            width: self.width as u32,
            channels: self.channels as u32,
            radius: self.radius() as u32,
            sigma: self.sigma(),
            x0_base: bases[0],
            next_base: bases[1],
            image_base: bases[2],
            step_base: bases[3],
            statistics_base: bases[4],
            image_statistics_base: bases[5],
            y_base: bases[6],
            moved_base: bases[7],
        };
        Dispatch::new(params, workgroups(choice, units.len() * self.channels))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[
            ("frames", self.frames),
            ("height", self.height),
            ("width", self.width),
            ("channels", self.channels),
        ])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(Dtype::F32)
    }

    /// Deviations are positive.
    fn fill(&self, binding: &Binding, _: usize, normal: f32) -> f32 {
        if binding.name.ends_with("statistics") { normal.abs() + 0.5 } else { normal }
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x0, next, image, step, statistics, image_statistics] = inputs else {
            return vec![];
        };
        let at = |values: &[f32], i: usize| f64::from(values.get(i).copied().unwrap_or(0.0));
        let (c, frame_length) = (self.channels, self.pixels() * self.channels);
        let lowpass = |f: usize, pixel: usize, channel: usize| {
            let (row, column) = ((pixel / self.width) as i64, (pixel % self.width) as i64);
            let (radius, sigma) = (self.radius() as i64, f64::from(self.sigma()));
            let (mut sum, mut total) = (0.0, 0.0);
            for r in (row - radius).max(0)..=(row + radius).min(self.height as i64 - 1) {
                for q in (column - radius).max(0)..=(column + radius).min(self.width as i64 - 1) {
                    let away = ((r - row).pow(2) + (q - column).pow(2)) as f64;
                    let g = (-away / (2.0 * sigma * sigma)).exp();
                    let i = (r * self.width as i64 + q) as usize * c + channel;
                    sum += g * (at(image, i) - at(x0, f * frame_length + i));
                    total += g;
                }
            }
            sum / total
        };
        let (mut y, mut moved) = (Vec::new(), Vec::new());
        for i in units.start * c..units.end * c {
            let (f, pixel, channel) = (i / frame_length, i / c % self.pixels(), i % c);
            let x = at(x0, i);
            let difference = match self.mode {
                AnchorMode::Blend => at(image, i % frame_length) - x,
                AnchorMode::Lowpass => lowpass(f, pixel, channel),
                AnchorMode::Adain => {
                    let [mean, deviation] = [0, 1].map(|k| at(statistics, (2 * f + k) * c + channel));
                    let [image_mean, image_deviation] = [0, 1].map(|k| at(image_statistics, k * c + channel));
                    (x - mean) / deviation.max(1e-6) * image_deviation + image_mean - x
                }
            };
            let pull = at(step, 1 + f) * difference;
            y.push((x + pull) as f32);
            moved.push((at(next, i) + at(step, 0) * pull) as f32);
        }
        vec![y, moved]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [AnchorMode::Blend, AnchorMode::Lowpass, AnchorMode::Adain] {
        for (name, frames, height, width, channels) in
            [("latents", 5, 12, 16, 4), ("odd sizes", 3, 7, 9, 3), ("one pixel", 2, 1, 1, 4)]
        {
            let op = Anchor { frames, height, width, channels, mode };
            cases.push(Case::new(format!("{} {name}", mode.wgsl()), Arc::new(op)));
        }
    }
    cases
}
