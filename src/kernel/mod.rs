//! The kernels: one Rust file per WGSL file, with its parameters, variants, choice, dispatch size, cost and CPU twin.
//!
//! A kernel never sees a model; what it computes is an [`Op`]: a kernel with its shapes filled in.

mod activation;
mod adaptive_pool;
mod anchor;
mod attention;
mod attention_matrix;
mod attention_rungs;
mod binding;
mod channel_statistics;
mod choice;
mod choices;
mod concat_rows;
mod conv2d;
mod conv3d;
mod cooperative;
mod ddim;
mod dtype;
mod embedding;
mod fields;
mod fingerprint;
mod fit;
mod gemm;
mod gemm_matrix;
mod gemm_patch;
mod gemm_rungs;
mod gemm_tile;
mod group_norm;
mod group_norm_apply;
mod group_norm_finish;
mod group_norm_partial;
mod image_latents;
mod layer_norm;
mod linear;
mod list;
mod multistep;
mod op;
mod overrides;
mod philox;
mod pointwise;
mod posterior;
mod random_weights;
mod reflect;
mod rgb8;
mod scalars;
mod shape;
mod sinusoid;
mod source;
mod threads;
mod to_latents;
mod weights;
mod wgsl_file;

pub use activation::Activation;
pub use adaptive_pool::AdaptivePool;
pub use anchor::{Anchor, AnchorMode};
pub use attention::{Attention, Joined};
pub use binding::{Binding, Role, Span};
pub use channel_statistics::ChannelStatistics;
pub use choice::{Choice, Chooser, Define, Defines};
pub use choices::{Choices, Key, Setting, TunedInUse, key};
pub use concat_rows::ConcatRows;
pub use conv2d::Conv2d;
pub use conv3d::Conv3d;
pub use ddim::{Ddim, StepCoefficients};
pub use dtype::Dtype;
pub use embedding::Embedding;
pub use fields::fields;
pub use fingerprint::fingerprint;
pub use fit::{FitError, stand_in};
pub use gemm::Gemm;
pub use group_norm::GroupNorm;
pub use group_norm_apply::GroupNormApply;
pub use group_norm_finish::GroupNormFinish;
pub use group_norm_partial::GroupNormPartial;
pub use image_latents::ImageLatents;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use list::{KERNELS, Kernel, cases, shared_files};
pub use multistep::Multistep;
pub use op::{Case, Cost, Dispatch, Op, Tolerance};
pub use overrides::{Forced, Override, OverrideError};
pub use philox::Philox;
pub use pointwise::Pointwise;
pub use posterior::Posterior;
pub use random_weights::RandomWeights;
pub use reflect::{Parsed, Reflection, Variable, WgslError, parse_wgsl, reflect};
pub use rgb8::Rgb8;
pub use scalars::Field;
pub(crate) use shape::check;
pub use shape::{ACTIVATIONS, ShapeError, parse, spelled};
pub use sinusoid::Sinusoid;
pub use source::{SourceError, specialise};
pub use to_latents::ToLatents;
pub use weights::Layout;
pub use wgsl_file::{WgslFile, head};

/// The tolerance of a kernel whose activations are stored as `x`.
fn tolerance(x: Dtype) -> Tolerance {
    match x {
        Dtype::F16 => Tolerance {
            worst: 8e-3,
            reason: "outputs are rounded to f16: half an ulp is up to 4.9e-4 of the value, and products of normals reach 16 rms",
        },
        _ => {
            Tolerance { worst: 2e-5, reason: "f32 sums in another order than the twin's f64: about sqrt(terms) * 6e-8" }
        }
    }
}
