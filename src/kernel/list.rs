//! The list of kernels. Adding one touches its WGSL, its Rust file with the line that declares it, and this list.

use std::sync::Arc;

use serde_json::Value;

use super::{
    AdaptivePool, Anchor, Attention, Case, ChannelStatistics, ConcatRows, Conv2d, Conv3d, Ddim, Embedding, GroupNorm,
    GroupNormApply, GroupNormFinish, GroupNormPartial, ImageLatents, LayerNorm, Linear, Multistep, Op, Philox,
    Pointwise, Posterior, RandomWeights, Rgb8, Sinusoid, ToLatents, shape,
};

/// A kernel: its name, its WGSL before specialisation, and how its shapes are read.
#[derive(Debug)]
pub struct Kernel {
    /// The name of both of its files.
    pub name: &'static str,
    /// The WGSL, see [`super::specialise`].
    pub wgsl: &'static str,
    /// Makes an operation from the JSON of its struct; see [`super::parse`], which also checks it.
    pub(super) parse: fn(Value) -> serde_json::Result<Arc<dyn Op>>,
    cases: fn() -> Vec<Case>,
}

/// Declares [`KERNELS`], and gives every operation its `KERNEL`.
macro_rules! kernels {
    ($($name:ident: $op:ty),* $(,)?) => {
        $(impl $op {
            /// Its entry in the list.
            pub(super) const KERNEL: Kernel = Kernel {
                name: stringify!($name),
                wgsl: include_str!(concat!("../../kernels/", stringify!($name), ".wgsl")),
                parse: shape::read::<$op>,
                cases: super::$name::cases,
            };
        })*

        /// All kernels.
        pub static KERNELS: &[Kernel] = &[$(<$op>::KERNEL),*];
    };
}

kernels![
    linear: Linear,
    conv2d: Conv2d,
    conv3d: Conv3d,
    attention: Attention,
    group_norm: GroupNorm,
    group_norm_partial: GroupNormPartial,
    group_norm_finish: GroupNormFinish,
    group_norm_apply: GroupNormApply,
    layer_norm: LayerNorm,
    pointwise: Pointwise,
    concat_rows: ConcatRows,
    embedding: Embedding,
    sinusoid: Sinusoid,
    adaptive_pool: AdaptivePool,
    posterior: Posterior,
    image_latents: ImageLatents,
    ddim: Ddim,
    multistep: Multistep,
    channel_statistics: ChannelStatistics,
    anchor: Anchor,
    to_latents: ToLatents,
    philox: Philox,
    random_weights: RandomWeights,
    rgb8: Rgb8,
];

/// WGSL that several kernels include.
pub(super) static SHARED: &[(&str, &str)] = &[
    ("shared/activation.wgsl", include_str!("../../kernels/shared/activation.wgsl")),
    ("shared/attention_matrix.wgsl", include_str!("../../kernels/shared/attention_matrix.wgsl")),
    ("shared/attention_rows.wgsl", include_str!("../../kernels/shared/attention_rows.wgsl")),
    ("shared/attention_short.wgsl", include_str!("../../kernels/shared/attention_short.wgsl")),
    ("shared/attention_split.wgsl", include_str!("../../kernels/shared/attention_split.wgsl")),
    ("shared/attention_wide.wgsl", include_str!("../../kernels/shared/attention_wide.wgsl")),
    ("shared/channels.wgsl", include_str!("../../kernels/shared/channels.wgsl")),
    ("shared/channels_eight.wgsl", include_str!("../../kernels/shared/channels_eight.wgsl")),
    ("shared/eight.wgsl", include_str!("../../kernels/shared/eight.wgsl")),
    ("shared/elements.wgsl", include_str!("../../kernels/shared/elements.wgsl")),
    ("shared/gemm.wgsl", include_str!("../../kernels/shared/gemm.wgsl")),
    ("shared/gemm_broadcast.wgsl", include_str!("../../kernels/shared/gemm_broadcast.wgsl")),
    ("shared/gemm_deal.wgsl", include_str!("../../kernels/shared/gemm_deal.wgsl")),
    ("shared/gemm_eight.wgsl", include_str!("../../kernels/shared/gemm_eight.wgsl")),
    ("shared/gemm_finish.wgsl", include_str!("../../kernels/shared/gemm_finish.wgsl")),
    ("shared/gemm_finish_eight.wgsl", include_str!("../../kernels/shared/gemm_finish_eight.wgsl")),
    ("shared/gemm_matrix_begin.wgsl", include_str!("../../kernels/shared/gemm_matrix_begin.wgsl")),
    ("shared/gemm_matrix_finish.wgsl", include_str!("../../kernels/shared/gemm_matrix_finish.wgsl")),
    ("shared/gemm_matrix_multiply.wgsl", include_str!("../../kernels/shared/gemm_matrix_multiply.wgsl")),
    ("shared/gemm_matrix_single.wgsl", include_str!("../../kernels/shared/gemm_matrix_single.wgsl")),
    ("shared/gemm_patch.wgsl", include_str!("../../kernels/shared/gemm_patch.wgsl")),
    ("shared/gemm_register.wgsl", include_str!("../../kernels/shared/gemm_register.wgsl")),
    ("shared/gemm_split.wgsl", include_str!("../../kernels/shared/gemm_split.wgsl")),
    ("shared/gemm_staged.wgsl", include_str!("../../kernels/shared/gemm_staged.wgsl")),
    ("shared/gemm_tall.wgsl", include_str!("../../kernels/shared/gemm_tall.wgsl")),
    ("shared/gemm_tall_step.wgsl", include_str!("../../kernels/shared/gemm_tall_step.wgsl")),
    ("shared/gemm_wide.wgsl", include_str!("../../kernels/shared/gemm_wide.wgsl")),
    ("shared/gemm_wide_step.wgsl", include_str!("../../kernels/shared/gemm_wide_step.wgsl")),
    ("shared/gemm_workgroup_begin.wgsl", include_str!("../../kernels/shared/gemm_workgroup_begin.wgsl")),
    ("shared/gemm_workgroup_finish.wgsl", include_str!("../../kernels/shared/gemm_workgroup_finish.wgsl")),
    ("shared/gemm_workgroup_multiply.wgsl", include_str!("../../kernels/shared/gemm_workgroup_multiply.wgsl")),
    ("shared/grid.wgsl", include_str!("../../kernels/shared/grid.wgsl")),
    ("shared/group_norm_apply_eight.wgsl", include_str!("../../kernels/shared/group_norm_apply_eight.wgsl")),
    ("shared/group_norm_apply_four.wgsl", include_str!("../../kernels/shared/group_norm_apply_four.wgsl")),
    ("shared/group_norm_partial_eight.wgsl", include_str!("../../kernels/shared/group_norm_partial_eight.wgsl")),
    ("shared/group_norm_partial_lanes.wgsl", include_str!("../../kernels/shared/group_norm_partial_lanes.wgsl")),
    ("shared/group_norm_lanes.wgsl", include_str!("../../kernels/shared/group_norm_lanes.wgsl")),
    ("shared/group_norm_portable.wgsl", include_str!("../../kernels/shared/group_norm_portable.wgsl")),
    ("shared/halves.wgsl", include_str!("../../kernels/shared/halves.wgsl")),
    ("shared/item.wgsl", include_str!("../../kernels/shared/item.wgsl")),
    ("shared/layer_norm_rows.wgsl", include_str!("../../kernels/shared/layer_norm_rows.wgsl")),
    ("shared/layer_norm_wide.wgsl", include_str!("../../kernels/shared/layer_norm_wide.wgsl")),
    ("shared/store.wgsl", include_str!("../../kernels/shared/store.wgsl")),
    ("shared/trigonometry.wgsl", include_str!("../../kernels/shared/trigonometry.wgsl")),
    ("shared/wide.wgsl", include_str!("../../kernels/shared/wide.wgsl")),
];

/// The names under which kernels include what several share.
pub fn shared_files() -> impl Iterator<Item = &'static str> {
    SHARED.iter().map(|(name, _)| *name)
}

/// The cases of all kernels.
pub fn cases() -> Vec<Case> {
    KERNELS.iter().flat_map(|kernel| (kernel.cases)()).collect()
}
