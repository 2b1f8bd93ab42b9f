//! From decoded values to bytes: `kernels/rgb8.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, workgroups},
};
use crate::gpu::Capabilities;

/// `round(clamp(x / 2 + 0.5, 0, 1) · 255)`, halves to even, four bytes to a word.
///
/// x `[P, C]` → y `[⌈P C / 4⌉]` u32: the bytes in their order, the first in a word's lowest byte, zeros behind the last. Source:
/// diffusers' `VaeImageProcessor`. Units: words.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rgb8 {
    /// Pixels.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Storage of x.
    #[serde(default)]
    pub x: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    elements: u32,
    x_base: u32,
    y_base: u32,
}

impl Rgb8 {
    fn elements(&self) -> usize {
        self.pixels * self.channels
    }
}

impl Op for Rgb8 {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![
            Binding::input("x", &[self.pixels, self.channels], self.x),
            Binding::output("y", &[self.units()], Dtype::U32),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("X", self.x.into())])
    }

    fn cost(&self) -> Cost {
        Cost::of(6.0 * self.elements() as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.elements().div_ceil(4)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let read = units.start * 4..(units.end * 4).min(self.elements());
        vec![Span::Elements(read), Span::Elements(units.clone())]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            elements: self.elements() as u32,
            x_base: bases[0],
            y_base: bases[1],
        };
        Dispatch::new(params, workgroups(choice, units.len()))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("pixels", self.pixels), ("channels", self.channels)])
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance {
            worst: 0.0,
            reason: "bytes on the edge between two values may be off by one; a hundredth of them is let pass",
        }
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [x] = inputs else { return vec![] };
        // In f32, as the reference rounds.
        let byte = |&v: &f32| ((v / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u32;
        let read = &x[units.start * 4..(units.end * 4).min(x.len())];
        let words = read.chunks(4).map(|four| {
            let word = four.iter().enumerate().fold(0, |word, (i, v)| word | (byte(v) << (8 * i)));
            f32::from_bits(word)
        });
        vec![words.collect()]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for x in [Dtype::F32, Dtype::F16] {
        for (name, pixels, channels) in [("a frame", 1200, 3), ("odd length", 35, 3), ("one pixel", 1, 3)] {
            cases.push(Case::new(format!("{name} {x}"), Arc::new(Rgb8 { pixels, channels, x })));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_clamped_rounded_and_packed() {
        let op = Rgb8 { pixels: 2, channels: 3, x: Dtype::F32 };
        let words = op.reference(&[&[-1.0, 1.0, 0.0, -5.0, 5.0, 1.0 / 255.0]]).remove(0);
        let bits: Vec<u32> = words.iter().map(|v| v.to_bits()).collect();
        // 127.5 rounds to the even 128.
        assert_eq!(bits, [0x0080_ff00, 0x0000_80ff]);
    }
}
