//! WGSL to pipelines, each once.

use std::{borrow::Cow, sync::Arc};

use super::{
    Device, Error, Pipeline,
    device::{failed, lock},
};

impl Device {
    /// Compiles WGSL, or finds it compiled, by another thread perhaps, which is waited for. `read_only[i]` tells whether storage binding i + 1 is only read.
    pub fn pipeline(&self, kernel: &str, wgsl: &str, read_only: &[bool]) -> Result<Pipeline, Error> {
        self.pipeline_of(kernel, wgsl.to_owned(), || Ok(wgsl.into()), read_only)
    }

    /// The same of WGSL that `key` stands for, which is made only if it must be compiled.
    pub fn pipeline_of<'a, E: From<Error>>(
        &self,
        kernel: &str,
        key: String,
        wgsl: impl FnOnce() -> Result<Cow<'a, str>, E>,
        read_only: &[bool],
    ) -> Result<Pipeline, E> {
        let place = lock(&self.pipelines).entry((key, self.checks())).or_default().clone();
        let mut place = lock(&place);
        if let Some(found) = &*place {
            return Ok(found.clone());
        }
        Ok(place.insert(self.compile(kernel, &wgsl()?, read_only)?).clone())
    }

    fn compile(&self, kernel: &str, wgsl: &str, read_only: &[bool]) -> Result<Pipeline, Error> {
        let scopes = self.error_scopes();
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(kernel), source: wgpu::ShaderSource::Wgsl(wgsl.into()) };
        // SAFETY: guards are left out only where somebody asked for that.
        let module = unsafe { self.inner.create_shader_module_trusted(descriptor, self.checks().runtime()) };
        let mut entries = vec![layout_entry(0, wgpu::BufferBindingType::Uniform)];
        entries.extend(
            read_only
                .iter()
                .zip(1..)
                .map(|(&read_only, i)| layout_entry(i, wgpu::BufferBindingType::Storage { read_only })),
        );
        let layout = self
            .inner
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel), entries: &entries });
        let pipeline_layout = self.inner.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let inner = self.inner.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: self.checks().zero,
                ..Default::default()
            },
            cache: self.kept.as_ref().map(|kept| &kept.cache),
        });
        let refused = failed(scopes);
        self.there()?;
        if let Some(error) = refused {
            let reason = error + self.way_out();
            return Err(Error::Pipeline { kernel: kernel.to_owned(), reason });
        }
        Ok(Pipeline { inner: Arc::new(inner), layout: Arc::new(layout) })
    }
}

/// The entry of one binding.
fn layout_entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
