//! How parameters are re-laid for the kernels when they are loaded.

use half::f16;
use rayon::prelude::*;

/// The layout of a parameter on the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// As stored, in the binding's dtype: norms, tables, class tokens.
    Plain,
    /// A bias of a matrix product: padded with zeros to a multiple of 4; with `geglu` interleaved like the product's columns.
    Bias {
        /// Interleave value and gate columns, 4 by 4.
        geglu: bool,
    },
    /// A matrix or convolution weight `[N, C, taps…]` → `[taps, Σ pad4(sources), pad4(N)]`: the inner dimension of the product
    /// in the order in which the implicit GEMM walks it (tap by tap, input by input, channel by channel), columns contiguous.
    Gemm {
        /// Channels of each input tensor that stands side by side with the others; they add up to C.
        sources: Vec<usize>,
        /// Columns are interleaved so that 4 value columns are followed by their 4 gate columns (GEGLU).
        geglu: bool,
    },
}

const fn pad4(n: usize) -> usize {
    n.div_ceil(4) * 4
}

impl Layout {
    /// Elements on the device for a parameter of this shape in the checkpoint.
    pub fn device_elements(&self, shape: &[usize]) -> usize {
        match self {
            Layout::Plain => shape.iter().product(),
            Layout::Bias { geglu } => columns(shape[0], *geglu),
            Layout::Gemm { sources, geglu } => {
                let taps: usize = shape[2..].iter().product();
                taps * sources.iter().map(|&c| pad4(c)).sum::<usize>() * columns(shape[0], *geglu)
            }
        }
    }

    /// Re-lays `source` (row-major, of the checkpoint's shape) for the device. `zero` is what pads.
    pub fn arrange<T: Copy + Send + Sync>(&self, source: &[T], shape: &[usize], zero: T) -> Vec<T> {
        match self {
            Layout::Plain => source.to_vec(),
            Layout::Bias { geglu } => {
                let mut out = vec![zero; columns(shape[0], *geglu)];
                for (n, &v) in source.iter().enumerate() {
                    out[column(n, shape[0], *geglu)] = v;
                }
                out
            }
            Layout::Gemm { sources, geglu } => {
                let (n, c) = (shape[0], shape[1]);
                let taps: usize = shape[2..].iter().product();
                let width = columns(n, *geglu);
                let padded: usize = sources.iter().map(|&c| pad4(c)).sum();
                let mut out = vec![zero; taps * padded * width];
                let place: Vec<usize> = (0..n).map(|i| column(i, n, *geglu)).collect();
                let channel: Vec<Option<usize>> = inner_order(sources);
                // One device row (one inner index) at a time: reads are strided, writes are whole rows.
                out.par_chunks_mut(width).enumerate().for_each(|(k, row)| {
                    let (tap, slot) = (k / padded, k % padded);
                    if let Some(ch) = channel[slot] {
                        for (i, &at) in place.iter().enumerate() {
                            row[at] = source[(i * c + ch) * taps + tap];
                        }
                    }
                });
                out
            }
        }
    }

    /// [`arrange`](Self::arrange) for f32 values, as bytes of f32.
    pub fn arrange_f32(&self, source: &[f32], shape: &[usize]) -> Vec<u8> {
        bytemuck::cast_slice(&self.arrange(source, shape, 0.0f32)).to_vec()
    }

    /// [`arrange`](Self::arrange) for f16 values, as bytes of f16, padded to whole 32-bit words.
    pub fn arrange_f16(&self, source: &[f16], shape: &[usize]) -> Vec<u8> {
        let mut out = self.arrange(source, shape, f16::ZERO);
        if out.len() % 2 == 1 {
            out.push(f16::ZERO);
        }
        bytemuck::cast_slice(&out).to_vec()
    }
}

/// Columns on the device for `n` columns in the checkpoint.
fn columns(n: usize, geglu: bool) -> usize {
    if geglu { 2 * pad4(n / 2) } else { pad4(n) }
}

/// Where column `i` of `n` stands on the device.
fn column(i: usize, n: usize, geglu: bool) -> usize {
    if !geglu {
        return i;
    }
    let half = n / 2;
    let (j, gate) = (i % half, i / half);
    j / 4 * 8 + gate * 4 + j % 4
}

/// For each padded inner slot of one tap, the channel of the checkpoint it holds.
fn inner_order(sources: &[usize]) -> Vec<Option<usize>> {
    let mut order = Vec::new();
    let mut first = 0;
    for &c in sources {
        order.extend((0..pad4(c)).map(|i| (i < c).then_some(first + i)));
        first += c;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gemm_weights_are_transposed_tap_by_tap_and_padded() {
        // [N = 2, C = 3, taps = 2] with two inputs of 1 and 2 channels: each is padded to 4.
        let source: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let layout = Layout::Gemm { sources: vec![1, 2], geglu: false };
        let out = layout.arrange(&source, &[2, 3, 2], -1.0);
        assert_eq!(out.len(), layout.device_elements(&[2, 3, 2]));
        let at = |tap: usize, slot: usize, n: usize| out[(tap * 8 + slot) * 4 + n];
        assert_eq!(at(0, 0, 0), 0.0); // w[0, 0, 0]
        assert_eq!(at(1, 0, 1), 7.0); // w[1, 0, 1]
        assert_eq!(at(1, 5, 1), 11.0); // w[1, 2, 1], second channel of the second input
        assert_eq!(at(0, 1, 0), -1.0); // padding of the first input
        assert_eq!(at(0, 0, 2), -1.0); // padding of the columns
    }

    #[test]
    fn geglu_interleaves_values_and_gates() {
        let bias: Vec<u32> = (0..16).collect();
        let out = Layout::Bias { geglu: true }.arrange(&bias, &[16], 99);
        assert_eq!(out, [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]);
    }
}
