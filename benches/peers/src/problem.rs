//! What is computed: shapes of the model, in our layout (channels last).

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Matrix products.
    Matmul,
    /// 3x3 convolutions over height and width.
    Conv2d,
    /// Convolutions over three frames.
    Conv3d,
    /// Attention with all its heads.
    Attention,
}

/// One operation at one shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// x `[rows, inner]`, w `[columns, inner]` → y `[rows, columns]`.
    Matmul { rows: usize, inner: usize, columns: usize },
    /// x `[F, H, W, C]`, w `[N, C, kt, kh, kw]` → y `[F, H, W, N]`: stride 1, zeros around, odd kernels.
    Conv { frames: usize, size: [usize; 2], channels: [usize; 2], kernel: [usize; 3] },
    /// q `[queries, heads · width]`, k and v `[keys, heads · width]` → y `[queries, heads · width]`.
    Attention { heads: usize, width: usize, queries: usize, keys: usize },
}

/// All problems; of a quick run only those that are little work.
pub fn problems(quick: bool) -> Vec<Problem> {
    use Problem::{Attention, Conv, Matmul};
    let conv2d = |side, channels| Conv { frames: 1, size: [side; 2], channels: [channels; 2], kernel: [1, 3, 3] };
    let conv3d = |side, channels| Conv { frames: 16, size: [side; 2], channels: [channels; 2], kernel: [3, 1, 1] };
    if quick {
        return vec![
            Matmul { rows: 512, inner: 512, columns: 512 },
            conv2d(32, 320),
            conv3d(16, 320),
            Attention { heads: 5, width: 64, queries: 1024, keys: 1024 },
        ];
    }
    vec![
        Matmul { rows: 512, inner: 512, columns: 512 },
        Matmul { rows: 1024, inner: 1024, columns: 1024 },
        Matmul { rows: 4096, inner: 320, columns: 320 },
        Matmul { rows: 1024, inner: 640, columns: 2560 },
        conv2d(64, 320),
        conv2d(32, 320),
        conv2d(16, 640),
        conv3d(32, 320),
        conv3d(16, 640),
        Attention { heads: 5, width: 64, queries: 4096, keys: 4096 },
        Attention { heads: 10, width: 64, queries: 1024, keys: 1024 },
        Attention { heads: 5, width: 64, queries: 4096, keys: 145 },
    ]
}

impl Problem {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Matmul { .. } => Kind::Matmul,
            Self::Conv { kernel: [1, ..], .. } => Kind::Conv2d,
            Self::Conv { .. } => Kind::Conv3d,
            Self::Attention { .. } => Kind::Attention,
        }
    }

    /// Operations; those on the zeros around an image count like others.
    pub fn flops(&self) -> f64 {
        let product = |factors: &[usize]| factors.iter().map(|&factor| factor as f64).product::<f64>();
        match self {
            Self::Attention { heads, width, queries, keys } => 4.0 * product(&[*heads, *width, *queries, *keys]),
            _ => 2.0 * product(&[self.rows(), self.columns(), self.terms()]),
        }
    }

    /// Rows of the output.
    pub fn rows(&self) -> usize {
        match self {
            Self::Matmul { rows, .. } => *rows,
            Self::Conv { frames, size: [h, w], .. } => frames * h * w,
            Self::Attention { queries, .. } => *queries,
        }
    }

    /// Columns of the output.
    pub fn columns(&self) -> usize {
        match self {
            Self::Matmul { columns, .. } => *columns,
            Self::Conv { channels: [_, n], .. } => *n,
            Self::Attention { heads, width, .. } => heads * width,
        }
    }

    /// Products that make one element of the output of a matrix product.
    pub fn terms(&self) -> usize {
        match self {
            Self::Matmul { inner, .. } => *inner,
            Self::Conv { channels: [c, _], kernel, .. } => c * kernel.iter().product::<usize>(),
            Self::Attention { keys, .. } => *keys,
        }
    }

    /// Elements of the input that is new in every round: x or q.
    pub fn first(&self) -> usize {
        match self {
            Self::Matmul { rows, inner, .. } => rows * inner,
            Self::Conv { channels: [c, _], .. } => self.rows() * c,
            Self::Attention { .. } => self.rows() * self.columns(),
        }
    }

    /// Elements of the inputs that stay: w, or k and v.
    pub fn others(&self) -> Vec<usize> {
        match self {
            Self::Attention { keys, .. } => vec![keys * self.columns(); 2],
            _ => vec![self.terms() * self.columns()],
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matmul { rows, inner, columns } => write!(f, "matmul {rows}x{inner}x{columns}"),
            Self::Conv { frames, size: [h, w], channels: [c, n], kernel: [kt, kh, kw] } => match kt {
                1 => write!(f, "conv2d {kh}x{kw}, {h}x{w}, {c} to {n}"),
                _ => write!(f, "conv3d {kt}x{kh}x{kw}, {frames}x{h}x{w}, {c} to {n}"),
            },
            Self::Attention { heads, width, queries, keys } => {
                write!(f, "attention {heads}x{width}, {queries} to {keys}")
            }
        }
    }
}
