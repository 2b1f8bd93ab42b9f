//! Weights of a model that nobody trained, made on the device: `kernels/random_weights.wgsl`.

use std::{ops::Range, sync::Arc};

use half::f16;
use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Layout, Op, Span, Tolerance, shape,
    threads::{portable, workgroups},
};
use crate::gpu::Capabilities;

/// Random values in the layout of a weight: `y[r, n] = mean + step · v` with odd v from -127 to 127, all equally likely, and 0 where the
/// layout pads.
///
/// y `[rows, width]` in words of 32 bits, one value or two f16 each: rows are `blocks` times the channels of both inputs, each rounded up to
/// a multiple of 4, width is `columns` rounded up. A weight that is no matrix is one row. The deviation is `step · √((128² − 1) / 3)`.
/// Source of the hash: Wellons, *Prospecting for Hash Functions*, 2018. Units: vec4s.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RandomWeights {
    /// Kernel positions.
    pub blocks: usize,
    /// Channels of the inputs that stand side by side; the second is 0 if there is one input, and both if the weight is no matrix.
    #[serde(deserialize_with = "shape::sources")]
    pub sources: [usize; 2],
    /// Values of a row.
    pub columns: usize,
    /// What makes these values others than those of another weight.
    pub seed: u32,
    /// Their mean.
    pub mean: f32,
    /// Half of the distance of one value from the next.
    pub step: f32,
    /// Storage of the weight.
    pub w: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    words: u32,
    y_base: u32,
    seed: u32,
    columns: u32,
    width4: u32,
    block: u32,
    c0: u32,
    padded0: u32,
    c1: u32,
    mean: f32,
    step: f32,
}

fn pad4(n: usize) -> usize {
    n.next_multiple_of(4)
}

/// The standard deviation of odd numbers from -127 to 127.
const DEVIATION: f32 = 73.899_02;

impl RandomWeights {
    /// A weight of this shape (as its kernel sees it) and layout, with about this mean and deviation.
    pub fn new(shape: &[usize], layout: &Layout, w: Dtype, seed: u32, [mean, deviation]: [f32; 2]) -> Self {
        let step = four_bits(deviation / DEVIATION);
        let flat = |columns: usize| Self { blocks: 1, sources: [0, 0], columns, seed, mean, step, w };
        match layout {
            Layout::Plain | Layout::Bias { .. } => flat(shape.iter().product()),
            Layout::Gemm { sources, .. } => {
                let (first, second) = (sources.first().copied(), sources.get(1).copied());
                Self {
                    blocks: shape.iter().skip(2).product(),
                    sources: [first.unwrap_or(0), second.unwrap_or(0)],
                    ..flat(shape.first().copied().unwrap_or(0))
                }
            }
        }
    }

    /// Rows of a kernel position.
    fn block(&self) -> usize {
        if self.sources == [0, 0] { 1 } else { self.sources.map(pad4).iter().sum() }
    }

    fn width4(&self) -> usize {
        self.columns.div_ceil(4)
    }

    /// Values with padding. What is no matrix is padded to whole words only.
    fn values(&self) -> usize {
        match self.sources {
            [0, 0] => self.columns,
            _ => self.blocks * self.block() * self.width4() * 4,
        }
    }

    fn words(&self) -> usize {
        (self.values() * self.w.bytes()).div_ceil(4)
    }

    /// Words of a vec4.
    fn per_unit(&self) -> usize {
        self.w.bytes()
    }

    /// Is there a channel in this row?
    fn inside(&self, row: usize) -> bool {
        let ([c0, c1], channel) = (self.sources, row % self.block());
        self.sources == [0, 0] || channel < c0 || (pad4(c0)..pad4(c0) + c1).contains(&channel)
    }
}

/// The nearest number with four significant bits: times a number of seven bits it is exact in f16.
fn four_bits(value: f32) -> f32 {
    let lowest = 1u32 << 20;
    f32::from_bits((value.to_bits() + lowest / 2) & !(lowest - 1))
}

/// lowbias32.
fn mix(x: u32) -> u32 {
    let h = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

impl Op for RandomWeights {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![Binding::output("y", &[self.words()], Dtype::U32)]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        portable([("HALF", (self.w == Dtype::F16).into())])
    }

    fn cost(&self) -> Cost {
        Cost::of(2.0 * self.values() as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.values().div_ceil(4)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let per = self.per_unit();
        vec![Span::Elements(units.start * per..(units.end * per).min(self.words()))]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let [c0, c1] = if self.sources == [0, 0] { [1, 0] } else { self.sources };
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            words: self.words() as u32,
            y_base: bases[0],
            seed: self.seed,
            columns: self.columns as u32,
            width4: self.width4() as u32,
            block: self.block() as u32,
            c0: c0 as u32,
            padded0: pad4(c0) as u32,
            c1: c1 as u32,
            mean: self.mean,
            step: self.step,
        };
        Dispatch::new(params, workgroups(choice, units.len()))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        let integer = (self.w == Dtype::U32).then(|| "`w` must be f32 or f16".to_owned());
        integer.or_else(|| shape::sizes(&[("blocks", self.blocks), ("columns", self.columns)]))
    }

    fn twin(&self, _: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let value = |at: usize| {
            let (group, row, column) = (at / 4, at / 4 / self.width4(), at / 4 % self.width4() * 4 + at % 4);
            let bits = (mix(mix(group as u32) ^ self.seed) >> (8 * (at % 4))) & 127;
            let v = f64::from(2 * bits as i32 - 127);
            let inside = self.inside(row) && column < self.columns;
            if inside { (f64::from(self.mean) + f64::from(self.step) * v) as f32 } else { 0.0 }
        };
        let (per_unit, per_word) = (self.per_unit(), 4 / self.w.bytes());
        let end = (units.end * per_unit).min(self.words()) * per_word;
        let values = units.start * per_unit * per_word..end;
        let words = match self.w {
            Dtype::F16 => values
                .step_by(2)
                .map(|at| {
                    let [low, high] = [at, at + 1].map(|at| u32::from(f16::from_f32(value(at)).to_bits()));
                    f32::from_bits(low | high << 16)
                })
                .collect(),
            _ => values.map(value).collect(),
        };
        vec![words]
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance { worst: 0.0, reason: "products and sums are exact or rounded once; a packed byte may differ by 1" }
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for dtype in [Dtype::F32, Dtype::F16] {
        let gemm = |sources: &[usize]| Layout::Gemm { sources: sources.to_vec(), geglu: false };
        let mut add = |name: &str, shape: &[usize], layout: Layout, moments: [f32; 2]| {
            let op = RandomWeights::new(shape, &layout, dtype, 0x1234_5678, moments);
            cases.push(Case::new(format!("{name} {dtype}"), Arc::new(op)));
        };
        add("convolution 3x3, odd sizes", &[13, 10, 3, 3], gemm(&[7, 3]), [0.0, 0.5]);
        add("linear", &[64, 40], gemm(&[40]), [0.0, 0.25]);
        add("linear, odd sizes", &[11, 5], gemm(&[5]), [0.0, 0.25]);
        add("table of odd length", &[7, 5], Layout::Plain, [0.0, 0.2]);
    }
    let norm = RandomWeights::new(&[320], &Layout::Plain, Dtype::F32, 7, [1.0, 0.02]);
    cases.push(Case::new("norm f32", Arc::new(norm)));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of a weight in f32, as the reference makes them.
    fn values(shape: &[usize], layout: &Layout, seed: u32, moments: [f32; 2]) -> Vec<f32> {
        RandomWeights::new(shape, layout, Dtype::F32, seed, moments).reference(&[]).remove(0)
    }

    #[test]
    fn sizes_and_padding_are_those_of_the_layout() {
        for (shape, layout) in [
            (vec![13, 10, 3, 3], Layout::Gemm { sources: vec![7, 3], geglu: false }),
            (vec![64, 12], Layout::Gemm { sources: vec![12], geglu: true }),
        ] {
            let y = values(&shape, &layout, 1, [0.0, 1.0]);
            assert_eq!(y.len(), layout.device_elements(&shape));
            let ones = layout.arrange(&vec![1.0f32; shape.iter().product()], &shape, 0.0);
            assert!(y.iter().zip(&ones).all(|(v, one)| (*v == 0.0) == (*one == 0.0)), "{layout:?}");
        }
        assert_eq!(values(&[7, 5], &Layout::Plain, 1, [0.0, 1.0]).len(), 35);
    }

    #[test]
    fn mean_and_deviation_are_about_those_asked_for() {
        for (mean, deviation) in [(0.0, 0.01), (1.0, 0.02), (0.0, 0.37)] {
            let y = values(&[100, 400], &Layout::Plain, 3, [mean, deviation]);
            let average = y.iter().map(|&v| f64::from(v)).sum::<f64>() / y.len() as f64;
            let variance = y.iter().map(|&v| (f64::from(v) - average).powi(2)).sum::<f64>() / y.len() as f64;
            assert!((average - f64::from(mean)).abs() < 0.02 * f64::from(deviation), "{average}");
            // Four bits of the step: at most a sixteenth off.
            assert!((variance.sqrt() / f64::from(deviation) - 1.0).abs() < 0.07, "{}", variance.sqrt());
        }
        assert_ne!(values(&[64], &Layout::Plain, 1, [0.0, 1.0]), values(&[64], &Layout::Plain, 2, [0.0, 1.0]));
    }

    #[test]
    fn values_are_exact_in_f16() {
        let y = values(&[100, 400], &Layout::Plain, 3, [0.0, 0.0123]);
        assert!(y.iter().all(|&v| f16::from_f32(v).to_f32() == v));
    }
}
