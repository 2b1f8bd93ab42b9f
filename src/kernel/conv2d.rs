//! 2-D convolution as an implicit matrix product: `kernels/conv2d.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, activation::Activation, gemm,
    gemm::Gemm, gemm_patch, gemm_patch::Map, gemm_rungs, shape, tolerance,
};
use crate::gpu::Capabilities;

/// A convolution over height and width of every frame.
///
/// x0 `[F, H, W, C0]`, x1 `[F, H, W, C1]` → y `[F, OH, OW, N]`; w `[N, C0 + C1, kh, kw]` as in the checkpoint. Units: output lines.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Fields")]
pub struct Conv2d {
    /// Channels, epilogue and types; its rows, pixels and taps follow from the fields below.
    #[serde(flatten)]
    pub gemm: Gemm,
    /// Frames (the product of all leading axes).
    pub frames: usize,
    /// Input height and width.
    pub size: [usize; 2],
    /// Height and width after the fused nearest upsampling; the input's own without it.
    pub upsampled: [usize; 2],
    /// Output height and width. Pixels that the window needs beyond the input are zero: asymmetric padding is just an output size.
    pub out: [usize; 2],
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride, the same in both directions.
    pub stride: usize,
    /// Zero padding at the top and at the left.
    pub pad: [usize; 2],
}

/// What a user has to say of a convolution.
#[derive(serde::Deserialize)]
struct Fields {
    #[serde(flatten)]
    gemm: Gemm,
    frames: usize,
    size: [usize; 2],
    upsampled: Option<[usize; 2]>,
    out: Option<[usize; 2]>,
    #[serde(default = "three")]
    kernel: [usize; 2],
    #[serde(default = "shape::one")]
    stride: usize,
    pad: Option<[usize; 2]>,
}

fn three() -> [usize; 2] {
    [3, 3]
}

impl From<Fields> for Conv2d {
    fn from(f: Fields) -> Self {
        let upsampled = f.upsampled.unwrap_or(f.size);
        let pad = f.pad.unwrap_or(f.kernel.map(|k| k / 2));
        let out = f.out.unwrap_or_else(|| positions(upsampled, f.kernel, f.stride, pad));
        Self::with_output(f.gemm, f.frames, f.size, upsampled, out, f.kernel, f.stride, pad)
    }
}

/// Positions of a window over an input that is padded on all four sides. A stride of 0, which is refused later, counts as 1.
fn positions(size: [usize; 2], kernel: [usize; 2], stride: usize, pad: [usize; 2]) -> [usize; 2] {
    let steps = |i: usize| shape::padded(size[i], pad[i]).saturating_sub(kernel[i]) / stride.max(1);
    [0, 1].map(|i| steps(i).saturating_add(1))
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    gemm: gemm::Params,
    height: u32,
    width: u32,
    up_height: u32,
    up_width: u32,
    out_height: u32,
    out_width: u32,
    stride: u32,
    pad_top: u32,
    pad_left: u32,
}

impl Conv2d {
    /// A convolution whose output size follows from `pad` on all four sides (torch's `padding`).
    pub fn new(
        gemm: Gemm,
        frames: usize,
        size: [usize; 2],
        upsampled: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        pad: [usize; 2],
    ) -> Self {
        let out = positions(upsampled, kernel, stride, pad);
        Self::with_output(gemm, frames, size, upsampled, out, kernel, stride, pad)
    }

    /// A convolution of a given output size, padded with zeros at the bottom and right as far as needed.
    #[expect(clippy::too_many_arguments, reason = "the geometry of a convolution")]
    pub fn with_output(
        gemm: Gemm,
        frames: usize,
        size: [usize; 2],
        upsampled: [usize; 2],
        out: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        pad: [usize; 2],
    ) -> Self {
        let gemm = Gemm {
            rows: shape::product(frames, out),
            pixels: shape::product(frames, size),
            taps: kernel.to_vec(),
            ..gemm
        };
        Self { gemm, frames, size, upsampled, out, kernel, stride, pad }
    }

    /// The choices of the product, told what finding an input pixel takes: divisions are dear.
    fn marked(&self, choices: Vec<Choice>) -> Vec<Choice> {
        let upsampled = match self.upsampled {
            size if size == self.size => "no",
            size if size == self.size.map(|s| 2 * s) => "twice",
            _ => "any",
        };
        let mark = |choice: Choice| choice.with("UPSAMPLED", upsampled).with("KERNEL_WIDTH", self.kernel[1] as u32);
        choices.into_iter().map(mark).collect()
    }

    /// The map that patches are cut from, if the size stays, but for upsampling.
    fn map(&self) -> Option<Map> {
        let around = self.pad == self.kernel.map(|k| k / 2);
        (self.stride == 1 && around && self.out == self.upsampled)
            .then_some(Map { size: self.out, window: self.kernel })
    }

    /// The input line that tap row `ky` of output line `oy` reads, clamped to the input.
    fn input_line(&self, oy: usize, ky: usize) -> usize {
        let up = (oy * self.stride + ky).saturating_sub(self.pad[0]).min(self.upsampled[0] - 1);
        up * self.size[0] / self.upsampled[0]
    }
}

impl Op for Conv2d {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let shape = |size: [usize; 2], c: usize| [self.frames, size[0], size[1], c];
        let [c0, c1] = self.gemm.sources;
        self.gemm.bindings([&shape(self.size, c0), &shape(self.size, c1)], &shape(self.out, self.gemm.columns))
    }

    fn variants(&self, device: &Capabilities) -> Vec<Choice> {
        self.marked(gemm_rungs::variants(&self.gemm, self.map().as_ref(), device))
    }

    fn tunings(&self, device: &Capabilities) -> Vec<Choice> {
        self.marked(gemm_rungs::tunings(&self.gemm, self.map().as_ref(), device))
    }

    fn geometry(&self) -> &'static [(&'static str, &'static str)] {
        gemm::GEOMETRY
    }

    fn cost(&self) -> Cost {
        Cost::of(self.gemm.flops(), &self.bindings())
    }

    fn units(&self) -> usize {
        self.frames * self.out[0]
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let (first, last) = (units.start, units.end - 1);
        let line = |unit: usize, ky: usize| unit / self.out[0] * self.size[0] + self.input_line(unit % self.out[0], ky);
        let lines = line(first, 0)..line(last, self.kernel[0] - 1) + 1;
        let rows = units.start * self.out[1]..units.end * self.out[1];
        self.gemm.spans(&rows, lines.start * self.size[1]..lines.end * self.size[1])
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let rows = units.start * self.out[1]..units.end * self.out[1];
        let (gemm, tiles) = self.gemm.dispatch(choice, &rows, bases);
        let patches = self.map().and_then(|map| gemm_patch::workgroups(&self.gemm, choice, &map, &rows));
        let params = Params {
            gemm,
            height: self.size[0] as u32,
            width: self.size[1] as u32,
            up_height: self.upsampled[0] as u32,
            up_width: self.upsampled[1] as u32,
            out_height: self.out[0] as u32,
            out_width: self.out[1] as u32,
            stride: self.stride as u32,
            pad_top: self.pad[0] as u32,
            pad_left: self.pad[1] as u32,
        };
        Dispatch::new(params, patches.unwrap_or(tiles))
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
            ("kernel", self.kernel[0]),
            ("kernel", self.kernel[1]),
            ("stride", self.stride),
        ])
        .or_else(|| shape::sizes(&[0, 1].map(|i| ("upsampled", self.upsampled[i]))))
        .or_else(|| shape::sizes(&[0, 1].map(|i| ("pad", self.pad[i].saturating_add(1)))))
        .or_else(|| self.gemm.of_convolution())
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.gemm.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        self.gemm.twin(inputs, units.start * self.out[1]..units.end * self.out[1], |row, tap| {
            let (ox, line) = (row % self.out[1], row / self.out[1]);
            let (oy, f) = (line % self.out[0], line / self.out[0]);
            let uy = (oy * self.stride + tap / self.kernel[1])
                .checked_sub(self.pad[0])
                .filter(|&v| v < self.upsampled[0])?;
            let ux = (ox * self.stride + tap % self.kernel[1])
                .checked_sub(self.pad[1])
                .filter(|&v| v < self.upsampled[1])?;
            let (iy, ix) = (uy * self.size[0] / self.upsampled[0], ux * self.size[1] / self.upsampled[1]);
            Some((f * self.size[0] + iy) * self.size[1] + ix)
        })
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (x, w) in [(Dtype::F32, Dtype::F32), (Dtype::F32, Dtype::F16), (Dtype::F16, Dtype::F16)] {
        let base = |c, n| Gemm { w, y: x, ..Gemm::plain(0, c, n, x) };
        let mut add = |name: &str, op: Conv2d| cases.push(Case::new(format!("{name} {x}/{w}"), Arc::new(op)));
        let same = |gemm, frames, size| Conv2d::new(gemm, frames, size, size, [3, 3], 1, [1, 1]);
        add("3x3", same(base(16, 24), 3, [7, 5]));
        add("3x3, time embedding", same(Gemm { rows_per_group: Some(2 * 20), ..base(12, 16) }, 4, [4, 5]));
        add(
            "skip connection beside the input",
            same(Gemm { sources: [16, 8], residual: true, ..base(0, 20) }, 2, [5, 6]),
        );
        add(
            "1x1 shortcut of two inputs",
            Conv2d::new(Gemm { sources: [8, 12], ..base(0, 8) }, 2, [4, 4], [4, 4], [1, 1], 1, [0, 0]),
        );
        add("stride 2", Conv2d::new(base(8, 12), 2, [7, 9], [7, 9], [3, 3], 2, [1, 1]));
        add(
            "the VAE's padding right and below",
            Conv2d::with_output(base(8, 8), 1, [8, 6], [8, 6], [4, 3], [3, 3], 2, [0, 0]),
        );
        add("nearest upsampling", Conv2d::new(base(8, 8), 2, [4, 3], [8, 6], [3, 3], 1, [1, 1]));
        add("upsampling to a forced size", Conv2d::new(base(8, 8), 2, [4, 3], [7, 5], [3, 3], 1, [1, 1]));
        add(
            "patch embedding",
            Conv2d::new(Gemm { bias: false, ..base(3, 20) }, 1, [28, 28], [28, 28], [14, 14], 14, [0, 0]),
        );
        add(
            "three channels out",
            Conv2d::new(Gemm { activation: Activation::Silu, ..base(8, 3) }, 2, [6, 5], [6, 5], [3, 3], 1, [1, 1]),
        );
        // What the matrix rung has code of its own for: whole steps of both inputs, tiles that lie inside of y, one group in a tile and two.
        let skip = Gemm { sources: [32, 64], rows_per_group: Some(81), activation: Activation::Silu, ..base(0, 72) };
        add("whole steps of two inputs, time embedding", same(skip, 2, [9, 9]));
        // Patches: lines and places beyond the map, groups that end in one, channels of both inputs, upsampling.
        let skip = |r| Gemm { sources: [32, 64], rows_per_group: Some(r), residual: true, ..base(0, 72) };
        add("more than a patch, of two inputs", same(skip(2 * 180), 4, [9, 20]));
        add("more than a patch, groups of a line", same(skip(17), 2, [10, 17]));
        add("more than a patch, upsampled", Conv2d::new(base(64, 40), 2, [5, 9], [10, 18], [3, 3], 1, [1, 1]));
        add("one pixel", same(base(8, 8), 1, [1, 1]));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_are_refused_are_counted_without_a_panic() {
        let conv = |size, stride, pad| {
            Conv2d::new(Gemm::plain(0, 8, 8, Dtype::F32), 1, [size; 2], [size; 2], [3, 3], stride, [pad; 2])
        };
        assert_eq!([conv(7, 2, 1).out, conv(7, 1, 1).out], [[4, 4], [7, 7]]);
        for (size, stride, pad, word) in
            [(7, 0, 1, "`stride` is 0"), (usize::MAX, 1, 0, "`size` is"), (7, 1, usize::MAX, "`out` is")]
        {
            let problem = conv(size, stride, pad).problem().unwrap();
            assert!(problem.starts_with(word), "{problem}");
        }
    }
}
