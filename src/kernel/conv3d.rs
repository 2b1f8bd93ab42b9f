//! 3-D convolution: `kernels/conv3d.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance, gemm, gemm::Gemm, gemm_patch,
    gemm_patch::Map, gemm_rungs, shape, tolerance,
};
use crate::gpu::Capabilities;

/// A convolution over frames, height and width; stride 1, zero padding.
///
/// x `[B, F, H, W, C]` → y `[B, F, OH, OW, N]`; w `[N, C, kt, kh, kw]`. Units: output lines.
/// The model walks over frames alone ([`Conv3d::temporal`], a rung of its own); the general form is the operator that users name shapes of, and the
/// twin of other libraries' in `benches/peers`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Fields")]
pub struct Conv3d {
    /// Channels, epilogue and types; its rows, pixels and taps follow from the fields below.
    #[serde(flatten)]
    pub gemm: Gemm,
    /// Batch and frames.
    pub frames: [usize; 2],
    /// Input height and width.
    pub size: [usize; 2],
    /// Output height and width.
    pub out: [usize; 2],
    /// Kernel frames, height and width; the number of frames must be odd, it is padded to keep the frames.
    pub kernel: [usize; 3],
    /// Zero padding of height and width.
    pub pad: [usize; 2],
}

/// What a user has to say of a convolution.
#[derive(serde::Deserialize)]
struct Fields {
    #[serde(flatten)]
    gemm: Gemm,
    frames: [usize; 2],
    size: [usize; 2],
    #[serde(default = "temporal")]
    kernel: [usize; 3],
    #[serde(default)]
    pad: [usize; 2],
}

fn temporal() -> [usize; 3] {
    [3, 1, 1]
}

impl From<Fields> for Conv3d {
    fn from(f: Fields) -> Self {
        Self::new(f.gemm, f.frames, f.size, f.kernel, f.pad)
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    gemm: gemm::Params,
    frames: u32,
    height: u32,
    width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    pad_frames: u32,
    pad_top: u32,
    pad_left: u32,
}

impl Conv3d {
    /// A convolution that keeps the number of frames.
    pub fn new(gemm: Gemm, frames: [usize; 2], size: [usize; 2], kernel: [usize; 3], pad: [usize; 2]) -> Self {
        let out = [0, 1].map(|i| shape::padded(size[i], pad[i]).saturating_sub(kernel[i + 1]).saturating_add(1));
        let count = frames[0].saturating_mul(frames[1]);
        let gemm = Gemm {
            rows: shape::product(count, out),
            pixels: shape::product(count, size),
            taps: kernel.to_vec(),
            ..gemm
        };
        Self { gemm, frames, size, out, kernel, pad }
    }

    /// The (kt, 1, 1) convolution of a temporal layer.
    pub fn temporal(gemm: Gemm, frames: [usize; 2], size: [usize; 2], kernel_frames: usize) -> Self {
        Self::new(gemm, frames, size, [kernel_frames, 1, 1], [0, 0])
    }

    /// The choices of the product, told whether only frames are walked over.
    fn marked(&self, choices: Vec<Choice>) -> Vec<Choice> {
        choices.into_iter().map(|choice| choice.with("TEMPORAL", self.is_temporal())).collect()
    }

    /// The map that patches are cut from: a frame is a line of it.
    fn map(&self) -> Option<Map> {
        let size = [self.frames[1], self.size[0] * self.size[1]];
        self.is_temporal().then_some(Map { size, window: [self.kernel[0], 1] })
    }

    fn is_temporal(&self) -> bool {
        self.kernel[1] == 1 && self.kernel[2] == 1 && self.pad == [0, 0]
    }
}

impl Op for Conv3d {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        let shape = |size: [usize; 2], c: usize| [self.frames[0], self.frames[1], size[0], size[1], c];
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
        self.frames[0] * self.frames[1] * self.out[0]
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let total = self.frames[0] * self.frames[1] * self.size[0];
        // Lines above and below that the window reaches; whole frames of lines for its frames.
        let reach = self.kernel[0] / 2 * self.size[0];
        let line = |unit: usize| unit / self.out[0] * self.size[0] + (unit % self.out[0]).min(self.size[0] - 1);
        let first = line(units.start).saturating_sub(reach + self.pad[0]);
        let last = (line(units.end - 1) + reach + self.kernel[1]).min(total);
        let rows = units.start * self.out[1]..units.end * self.out[1];
        self.gemm.spans(&rows, first * self.size[1]..last * self.size[1])
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let rows = units.start * self.out[1]..units.end * self.out[1];
        let (gemm, tiles) = self.gemm.dispatch(choice, &rows, bases);
        let patches = self.map().and_then(|map| gemm_patch::workgroups(&self.gemm, choice, &map, &rows));
        let params = Params {
            gemm,
            frames: self.frames[1] as u32,
            height: self.size[0] as u32,
            width: self.size[1] as u32,
            out_height: self.out[0] as u32,
            out_width: self.out[1] as u32,
            kernel_height: self.kernel[1] as u32,
            kernel_width: self.kernel[2] as u32,
            pad_frames: (self.kernel[0] / 2) as u32,
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
            ("frames", self.frames[0]),
            ("frames", self.frames[1]),
            ("size", self.size[0]),
            ("size", self.size[1]),
            ("out", self.out[0]),
            ("out", self.out[1]),
        ])
        .or_else(|| self.kernel[0].is_multiple_of(2).then(|| "`kernel` must cover an odd number of frames".into()))
        .or_else(|| shape::sizes(&[("kernel", self.kernel[1]), ("kernel", self.kernel[2])]))
        .or_else(|| shape::sizes(&[0, 1].map(|i| ("pad", self.pad[i].saturating_add(1)))))
        .or_else(|| self.gemm.of_convolution())
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.gemm.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [kt, kh, kw] = self.kernel;
        self.gemm.twin(inputs, units.start * self.out[1]..units.end * self.out[1], |row, tap| {
            let (ox, line) = (row % self.out[1], row / self.out[1]);
            let (oy, frame) = (line % self.out[0], line / self.out[0]);
            let (batch, f) = (frame / self.frames[1], frame % self.frames[1]);
            let t = (f + tap / kw / kh).checked_sub(kt / 2).filter(|&v| v < self.frames[1])?;
            let iy = (oy + tap / kw % kh).checked_sub(self.pad[0]).filter(|&v| v < self.size[0])?;
            let ix = (ox + tap % kw).checked_sub(self.pad[1]).filter(|&v| v < self.size[1])?;
            Some(((batch * self.frames[1] + t) * self.size[0] + iy) * self.size[1] + ix)
        })
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (x, w) in [(Dtype::F32, Dtype::F32), (Dtype::F32, Dtype::F16), (Dtype::F16, Dtype::F16)] {
        let base = |c, n| Gemm { w, y: x, ..Gemm::plain(0, c, n, x) };
        let mut add = |name: &str, op: Conv3d| cases.push(Case::new(format!("{name} {x}/{w}"), Arc::new(op)));
        add("temporal", Conv3d::temporal(Gemm { residual: true, ..base(16, 16) }, [2, 5], [3, 4], 3));
        add("temporal, whole steps", Conv3d::temporal(Gemm { residual: true, ..base(32, 64) }, [2, 5], [3, 7], 3));
        add(
            "temporal, more than a patch",
            Conv3d::temporal(Gemm { residual: true, ..base(64, 40) }, [2, 9], [5, 7], 3),
        );
        add("temporal, one frame", Conv3d::temporal(base(8, 12), [1, 1], [4, 4], 3));
        add("temporal, odd channels", Conv3d::temporal(base(6, 10), [1, 4], [3, 3], 3));
        add("3x3x3", Conv3d::new(base(8, 12), [1, 4], [5, 4], [3, 3, 3], [1, 1]));
        add("3x1x3, no padding of the height", Conv3d::new(base(8, 8), [2, 3], [4, 6], [3, 1, 3], [0, 1]));
        add("1x5x5", Conv3d::new(base(4, 8), [1, 2], [6, 7], [1, 5, 5], [2, 2]));
    }
    cases
}
