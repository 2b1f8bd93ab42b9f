//! The list of kernels. Adding one touches its WGSL, its Rust file and this list.

/// A kernel: its name, its WGSL before specialisation, and what it computes.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name of both of its files.
    pub name: &'static str,
    /// The WGSL, see [`super::specialise`].
    pub wgsl: &'static str,
}

/// Declares the kernels' modules and [`KERNELS`].
macro_rules! kernels {
    ($($name:ident),* $(,)?) => {
        /// All kernels.
        pub static KERNELS: &[Kernel] = &[$(Kernel {
            name: stringify!($name),
            wgsl: include_str!(concat!("../../kernels/", stringify!($name), ".wgsl")),
        }),*];
    };
}

kernels![
    linear,
    conv2d,
    conv3d,
    attention,
    group_norm_partial,
    group_norm_finish,
    group_norm_apply,
    layer_norm,
    pointwise,
    concat_rows,
    embedding,
    sinusoid,
    adaptive_pool,
    posterior,
    image_latents,
    ddim,
    channel_statistics,
    anchor,
    to_latents,
    philox,
    rgb8
];

/// WGSL that several kernels include.
pub(super) static SHARED: &[(&str, &str)] = &[
    ("shared/activation.wgsl", include_str!("../../kernels/shared/activation.wgsl")),
    ("shared/attention_rows.wgsl", include_str!("../../kernels/shared/attention_rows.wgsl")),
    ("shared/attention_split.wgsl", include_str!("../../kernels/shared/attention_split.wgsl")),
    ("shared/channels.wgsl", include_str!("../../kernels/shared/channels.wgsl")),
    ("shared/gemm.wgsl", include_str!("../../kernels/shared/gemm.wgsl")),
    ("shared/gemm_broadcast.wgsl", include_str!("../../kernels/shared/gemm_broadcast.wgsl")),
    ("shared/gemm_finish.wgsl", include_str!("../../kernels/shared/gemm_finish.wgsl")),
    ("shared/gemm_register.wgsl", include_str!("../../kernels/shared/gemm_register.wgsl")),
    ("shared/gemm_workgroup.wgsl", include_str!("../../kernels/shared/gemm_workgroup.wgsl")),
    ("shared/grid.wgsl", include_str!("../../kernels/shared/grid.wgsl")),
    ("shared/item.wgsl", include_str!("../../kernels/shared/item.wgsl")),
    ("shared/store.wgsl", include_str!("../../kernels/shared/store.wgsl")),
    ("shared/trigonometry.wgsl", include_str!("../../kernels/shared/trigonometry.wgsl")),
    ("shared/wide.wgsl", include_str!("../../kernels/shared/wide.wgsl")),
];

/// The kernel of this name. The names are literals of the kernels' own files; the harness's tests look every one up.
pub(super) fn kernel(name: &str) -> &'static Kernel {
    KERNELS.iter().find(|k| k.name == name).unwrap_or(&KERNELS[0])
}
