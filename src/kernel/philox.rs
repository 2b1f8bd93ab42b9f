//! Normal numbers drawn on the device: `kernels/philox.wgsl`.

use std::{f64::consts::TAU, ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, shape,
    threads::{portable, workgroups},
};
use crate::gpu::Capabilities;

/// Standard normals: Philox-4x32-10 of the counters 0, 1, 2 …, two Box-Muller pairs of each.
///
/// key `[4]` u32 (low and high word of the seed, stream, 0) → y `[elements]` f32. Elements `4 i … 4 i + 3` come from the counter
/// `(i, 0, stream, 0)`: words `(a, b)` give `√(−2 ln((a | 1) / 2³²)) · (cos, sin)(2π b / 2³²)`, at most 6.67 in size. Source:
/// Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, 2011; Box and Muller, 1958. Units: counters.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Philox {
    /// Numbers to draw.
    pub elements: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    elements: u32,
    key_base: u32,
    y_base: u32,
}

/// Ten rounds of Philox-4x32.
fn philox(mut c: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let wide = |a: u32, b: u32| u64::from(a) * u64::from(b);
        let (a, b) = (wide(0xd251_1f53, c[0]), wide(0xcd9e_8d57, c[2]));
        let high = |v: u64| (v >> 32) as u32;
        c = [high(b) ^ c[1] ^ key[0], b as u32, high(a) ^ c[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    c
}

impl Op for Philox {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![Binding::input("key", &[4], Dtype::U32), Binding::output("y", &[self.elements], Dtype::F32)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([])
    }

    fn cost(&self) -> Cost {
        Cost::of(150.0 * self.elements as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.elements.div_ceil(4)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let written = units.start * 4..(units.end * 4).min(self.elements);
        vec![Span::All, Span::Elements(written)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            elements: self.elements as u32,
            key_base: bases[0],
            y_base: bases[1],
        };
        Dispatch::new(params, workgroups(choice, units.len()))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[("elements", self.elements)])
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance {
            worst: 4e-6,
            reason: "the integers are the same; polynomials and a square root of f32 on values up to 6",
        }
    }

    /// Large words.
    fn fill(&self, _: &Binding, _: usize, normal: f32) -> f32 {
        (normal.abs() * 1e9).floor()
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let &[&[low, high, stream, zero]] = inputs else {
            return vec![];
        };
        let [low, high, stream, zero] = [low, high, stream, zero].map(|v| v as u32);
        let mut y = Vec::new();
        for i in units.clone() {
            for pair in philox([i as u32, 0, stream, zero], [low, high]).chunks_exact(2) {
                let turn = |v: u32| f64::from(v) / 4_294_967_296.0;
                let radius = (-2.0 * turn(pair[0] | 1).ln()).sqrt();
                let angle = TAU * turn(pair[1]);
                y.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
            }
        }
        y.truncate(self.elements.saturating_sub(units.start * 4));
        vec![y]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    [("many", 40_000), ("odd length", 1003), ("one", 1)]
        .map(|(name, elements)| Case::new(name, Arc::new(Philox { elements })))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_random123() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn numbers_are_standard_normal() {
        let y = Philox { elements: 20_000 }.reference(&[&[7.0, 0.0, 3.0, 0.0]]).remove(0);
        let moment = |k: i32| y.iter().map(|&v| f64::from(v).powi(k)).sum::<f64>() / y.len() as f64;
        for (k, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)] {
            assert!((moment(k) - expected).abs() < 0.15, "moment {k}: {}", moment(k));
        }
    }
}
