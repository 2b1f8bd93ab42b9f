//! Compute pipelines, and where a device keeps them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::ShaderChecks;

/// A compiled kernel with the layout of its bindings: a uniform parameter struct, then storage buffers.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(super) inner: Arc<wgpu::ComputePipeline>,
    pub(super) layout: Arc<wgpu::BindGroupLayout>,
}

/// Pipelines by WGSL text, or what stands for it, each behind a lock of its own: none is compiled twice, and different ones can be at the same time.
pub(super) type Pipelines = HashMap<(String, ShaderChecks), Arc<Mutex<Option<Pipeline>>>>;
