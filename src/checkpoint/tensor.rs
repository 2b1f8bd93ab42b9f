//! One tensor of a weight file: its shape and its bytes where they lie.

use std::borrow::Cow;
use std::fmt;

use bytemuck::Pod;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// The element types that weights are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    BF16,
}

impl Dtype {
    /// The weight type that safetensors calls `dtype`, if it is one.
    pub(super) fn of(dtype: safetensors::Dtype) -> Option<Self> {
        match dtype {
            safetensors::Dtype::F32 => Some(Self::F32),
            safetensors::Dtype::F16 => Some(Self::F16),
            safetensors::Dtype::BF16 => Some(Self::BF16),
            _ => None,
        }
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A weight tensor, borrowed from its file.
#[derive(Debug, Clone)]
pub struct Tensor<'a> {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Sizes, outermost axis first, as PyTorch writes them (a convolution: out, in, height, width).
    pub shape: Vec<usize>,
    /// The elements in row-major order, little-endian; not necessarily aligned.
    pub bytes: &'a [u8],
}

impl Tensor<'_> {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// The elements as f32; exact for every [`Dtype`].
    pub fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            Dtype::F32 => elements::<f32>(self.bytes).into_owned(),
            Dtype::F16 => elements::<f16>(self.bytes).to_f32_vec(),
            Dtype::BF16 => elements::<bf16>(self.bytes).to_f32_vec(),
        }
    }

    /// The elements as f16, rounded to nearest even; what exceeds 65,504 becomes infinite.
    pub fn to_f16(&self) -> Vec<f16> {
        match self.dtype {
            Dtype::F16 => elements::<f16>(self.bytes).into_owned(),
            Dtype::F32 | Dtype::BF16 => {
                let values = self.to_f32();
                let mut halves = vec![f16::ZERO; values.len()];
                halves.convert_from_f32_slice(&values);
                halves
            }
        }
    }
}

/// `bytes` as elements: borrowed where they are aligned, copied where not.
fn elements<T: Pod>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(aligned) => Cow::Borrowed(aligned),
        Err(_) => {
            let mut copy = vec![T::zeroed(); bytes.len() / size_of::<T>()];
            let (whole, _) = bytes.split_at(size_of_val(copy.as_slice()));
            bytemuck::cast_slice_mut(&mut copy).copy_from_slice(whole);
            Cow::Owned(copy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bytes` moved to an odd address, so that no element is aligned.
    fn at_odd_address(bytes: &[u8], check: impl Fn(&[u8])) {
        let mut moved = vec![0u8; bytes.len() + 2];
        let start = 1 - (moved.as_ptr() as usize & 1);
        moved[start..start + bytes.len()].copy_from_slice(bytes);
        check(&moved[start..start + bytes.len()]);
    }

    #[test]
    fn every_type_converts_aligned_or_not() {
        let values = [0.0f32, -1.5, 65504.0, 6.103_515_6e-5, 3.0];
        let f32s: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let f16s: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let bf16s: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F32, &f32s), (Dtype::F16, &f16s), (Dtype::BF16, &bf16s)] {
            let check = |bytes: &[u8]| {
                let tensor = Tensor { dtype, shape: vec![5], bytes };
                let expected: Vec<f32> = match dtype {
                    Dtype::BF16 => values.iter().map(|v| bf16::from_f32(*v).to_f32()).collect(),
                    _ => values.to_vec(),
                };
                assert_eq!(tensor.elements(), 5);
                assert_eq!(tensor.to_f32(), expected);
                let halves: Vec<f16> = expected.iter().map(|v| f16::from_f32(*v)).collect();
                assert_eq!(tensor.to_f16(), halves);
            };
            check(bytes);
            at_odd_address(bytes, check);
        }
    }
}
