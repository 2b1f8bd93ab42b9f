//! One tensor of a weight file: its shape and its bytes where they lie.

use std::fmt;

/// The element types that weights are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
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
}
