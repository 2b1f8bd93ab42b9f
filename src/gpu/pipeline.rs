//! Compute pipelines, compiled once per WGSL text.

use std::sync::Arc;

/// A compiled kernel with the layout of its bindings: a uniform parameter struct, then storage buffers.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(super) inner: Arc<wgpu::ComputePipeline>,
    pub(super) layout: Arc<wgpu::BindGroupLayout>,
}

/// The entry of one binding.
pub(super) fn layout_entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
