//! Adaptive average pooling: `kernels/adaptive_pool.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{item, portable, rows, vec, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// The mean over the bins `⌊o n / m⌋ ≤ i < ⌈(o + 1) n / m⌉` of n inputs and m outputs; bins overlap where m does not divide n.
///
/// x `[F, H, W, C]` → y `[F, OH, OW, C]`, as torch's `AdaptiveAvgPool2d`. Units: output lines of all frames.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AdaptivePool {
    /// Frames.
    pub frames: usize,
    /// Input height and width.
    pub size: [usize; 2],
    /// Output height and width.
    pub out: [usize; 2],
    /// Channels of a pixel.
    pub channels: usize,
    /// Storage of x.
    #[serde(default)]
    pub x: Dtype,
    /// Storage of y.
    #[serde(default)]
    pub y: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    width: u32,
    size: [u32; 2],
    out: [u32; 2],
    x_base: u32,
    y_base: u32,
}

impl AdaptivePool {
    /// The bin of output `o` along an axis.
    fn bin(&self, axis: usize, o: usize) -> Range<usize> {
        let (n, m) = (self.size[axis], self.out[axis]);
        o * n / m..((o + 1) * n).div_ceil(m)
    }
}

impl Op for AdaptivePool {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let shape = |size: [usize; 2]| [self.frames, size[0], size[1], self.channels];
        vec![Binding::input("x", &shape(self.size), self.x), Binding::output("y", &shape(self.out), self.y)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("X", self.x.into()), ("Y", self.y.into()), ("VEC", vec(self.channels))])
    }

    fn cost(&self) -> Cost {
        let sums: usize =
            [0, 1].map(|axis| (0..self.out[axis]).map(|o| self.bin(axis, o).len()).sum::<usize>()).iter().product();
        Cost::of((self.frames * sums * self.channels) as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.out[0]
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let b = self.bindings();
        let last = units.end.saturating_sub(1);
        let frame = |unit: usize| unit / self.out[0] * self.size[0];
        let lines = frame(units.start) + self.bin(0, units.start % self.out[0]).start
            ..frame(last) + self.bin(0, last % self.out[0]).end;
        vec![rows(&b[0], &lines, self.size[1] * self.channels), rows(&b[1], units, self.out[1] * self.channels)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let width = self.channels / item(self.channels);
        let params = Params {
            begin: (units.start * self.out[1] * width) as u32,
            end: (units.end * self.out[1] * width) as u32,
            width: width as u32,
            size: self.size.map(|n| n as u32),
            out: self.out.map(|n| n as u32),
            x_base: bases[0],
            y_base: bases[1],
        };
        Dispatch::new(params, workgroups(choice, units.len() * self.out[1] * width))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[
            ("frames", self.frames),
            ("size", self.size[0]),
            ("size", self.size[1]),
            ("out", self.out[0]),
            ("out", self.out[1]),
            ("channels", self.channels),
        ])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x] = inputs else { return vec![] };
        let mut y = Vec::new();
        for unit in units.clone() {
            let (f, oy) = (unit / self.out[0], unit % self.out[0]);
            for ox in 0..self.out[1] {
                let (ys, xs) = (self.bin(0, oy), self.bin(1, ox));
                for c in 0..self.channels {
                    let mut sum = 0.0;
                    for iy in ys.clone() {
                        for ix in xs.clone() {
                            let pixel = (f * self.size[0] + iy) * self.size[1] + ix;
                            sum += f64::from(x[pixel * self.channels + c]);
                        }
                    }
                    y.push((sum / (ys.len() * xs.len()) as f64) as f32);
                }
            }
        }
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for x in [Dtype::F32, Dtype::F16] {
        for (name, frames, size, out, channels) in [
            ("smaller", 2, [16, 24], [8, 8], 32),
            ("bins that overlap", 3, [13, 11], [8, 5], 8),
            ("larger than the input", 1, [10, 7], [32, 32], 4),
            ("odd channels", 2, [9, 6], [4, 4], 3),
            ("to one pixel", 2, [5, 7], [1, 1], 8),
        ] {
            let op = AdaptivePool { frames, size, out, channels, x, y: x };
            cases.push(Case::new(format!("{name} {x}"), Arc::new(op)));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_torch() {
        // F.adaptive_avg_pool1d(arange(5), 3) = [0.5, 2, 3.5]
        let op = AdaptivePool { frames: 1, size: [1, 5], out: [1, 3], channels: 1, x: Dtype::F32, y: Dtype::F32 };
        assert_eq!(op.reference(&[&[0.0, 1.0, 2.0, 3.0, 4.0]]), [[0.5, 2.0, 3.5]]);
    }
}
