//! An open device: buffers, bind groups, submission, reading back.

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use wgpu::{BufferUsages, Features};

use super::{
    Adapter, Capabilities, Disable, Error, Pipeline, ShaderChecks, adapter,
    kept::Kept,
    memory::{Held, Memory, buffer_bytes},
    pipeline::Pipelines,
};

/// An open device. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) inner: wgpu::Device,
    queue: wgpu::Queue,
    capabilities: Arc<Capabilities>,
    checks: Option<ShaderChecks>,
    pub(super) pipelines: Arc<Mutex<Pipelines>>,
    pub(super) kept: Option<Arc<Kept>>,
    memory: Arc<Memory>,
    /// What went wrong since somebody asked.
    failure: Arc<Mutex<Option<String>>>,
    /// Why the device is no more: wgpu tells once, and then does nothing without a word.
    gone: Arc<OnceLock<String>>,
}

/// Bytes on the device. Freed when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub(super) inner: wgpu::Buffer,
    _held: Arc<Held>,
}

/// One recorded dispatch: pipeline, bindings, workgroups.
#[derive(Clone, Debug)]
pub struct Command {
    pub(crate) pipeline: Pipeline,
    pub(crate) bindings: wgpu::BindGroup,
    pub(crate) workgroups: [u32; 2],
}

impl Buffer {
    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.inner.size()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// Opens an adapter with all its limits, without the disabled parts.
    pub fn open(adapter: &Adapter, disable: Disable) -> Result<Self, Error> {
        let capabilities = adapter.capabilities.clone().without(disable);
        let mut features = adapter::useful(adapter.inner.features());
        for (keep, feature) in [
            (capabilities.f16, Features::SHADER_F16),
            (capabilities.int64, Features::SHADER_INT64),
            (capabilities.subgroup.is_some(), Features::SUBGROUP),
            (!capabilities.matrices.is_empty(), Features::EXPERIMENTAL_COOPERATIVE_MATRIX),
        ] {
            if !keep {
                features.remove(feature);
            }
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: None,
            required_features: features,
            required_limits: adapter.inner.limits(),
            // SAFETY: cooperative matrices are the only experimental feature that is asked for; kernels that use them are checked against their twins.
            experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        };
        let name = capabilities.name.clone();
        let (inner, queue) = pollster::block_on(adapter.inner.request_device(&descriptor))
            .map_err(|e| Error::Open { name, reason: one_line(&e.to_string()) })?;
        let failure = Arc::new(Mutex::new(None));
        let seen = failure.clone();
        inner.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            lock(&seen).get_or_insert_with(|| one_line(&e.to_string()));
        }));
        let gone = Arc::new(OnceLock::new());
        let seen = gone.clone();
        inner.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                seen.get_or_init(|| one_line(&message));
            }
        });
        Ok(Self {
            inner,
            queue,
            capabilities: Arc::new(capabilities),
            checks: None,
            pipelines: Arc::default(),
            kept: None,
            memory: Arc::default(),
            failure,
            gone,
        })
    }

    /// The same device, whose pipelines from here on are compiled with these guards.
    pub fn with_checks(self, checks: ShaderChecks) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// The same device, whose pipelines are looked for in `folder`, where the backend lets a program keep them; elsewhere drivers may keep
    /// them on their own.
    pub fn keeping_pipelines(self, folder: &Path) -> Self {
        let kept = Kept::open(&self.inner, folder).map(Arc::new);
        Self { kept, ..self }
    }

    /// Writes what was compiled into the folder, if there is one and anything is new.
    ///
    /// # Errors
    /// In words, with the path.
    pub fn save_pipelines(&self) -> Result<(), String> {
        self.kept.as_ref().map_or(Ok(()), |kept| kept.save())
    }

    /// The guards in its shaders.
    pub fn checks(&self) -> ShaderChecks {
        self.checks.unwrap_or_else(|| ShaderChecks::usual(&self.capabilities))
    }

    /// The same device for shaders that are not the program's own: with all guards, unless somebody chose others.
    pub fn for_foreign_shaders(&self) -> Self {
        Self { checks: Some(self.checks.unwrap_or(ShaderChecks::ON)), ..self.clone() }
    }

    /// Features and limits in use.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Bytes in buffers now, with what is on its way there, and the most there ever were.
    pub fn memory(&self) -> [u64; 2] {
        [self.memory.now(), self.memory.peak()]
    }

    /// Begins to count the peak anew, for all clones of this device.
    pub fn reset_peak(&self) {
        self.memory.reset_peak();
    }

    /// From here on no clone of this device creates a buffer that would take more than so many bytes in all.
    pub fn limit_memory(&self, bytes: Option<u64>) {
        self.memory.set_limit(bytes);
    }

    /// The limit of [`Device::limit_memory`].
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory.limit()
    }

    /// A zeroed storage buffer of at least `bytes` bytes, for `what`.
    pub fn buffer(&self, what: &str, bytes: u64) -> Result<Buffer, Error> {
        self.create(what, bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST)
    }

    /// A buffer of parameter structs.
    pub fn uniforms(&self, data: &[u8]) -> Result<Buffer, Error> {
        let buffer =
            self.create("kernel parameters", data.len() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        self.write(&buffer, 0, data);
        Ok(buffer)
    }

    pub(super) fn create(&self, what: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer, Error> {
        let size = buffer_bytes(bytes);
        let error = |reason: String| Error::OutOfMemory {
            name: self.capabilities.name.clone(),
            what: what.to_owned(),
            bytes,
            reason,
        };
        if size > self.capabilities.max_buffer {
            return Err(error(format!("its largest buffer has {} bytes", self.capabilities.max_buffer)));
        }
        let held =
            Memory::hold(&self.memory, size).map_err(|limit| error(format!("--max-memory allows {limit} in all")))?;
        let scopes = self.error_scopes();
        let inner = self.inner.create_buffer(&wgpu::BufferDescriptor {
            label: Some(what),
            size,
            usage,
            mapped_at_creation: false,
        });
        let refused = failed(scopes);
        self.there()?;
        if let Some(reason) = refused {
            return Err(error(reason));
        }
        Ok(Buffer { inner, _held: Arc::new(held) })
    }

    /// From here on errors of this thread are kept for [`failed`]. What a driver's compiler refuses is an internal error to wgpu.
    pub(super) fn error_scopes(&self) -> [wgpu::ErrorScopeGuard; 3] {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        [OutOfMemory, Internal, Validation].map(|filter| self.inner.push_error_scope(filter))
    }

    /// Copies bytes into a buffer before the next submission. Offset and length must be multiples of 4; a tail is padded with zeros.
    pub fn write(&self, buffer: &Buffer, offset: u64, data: &[u8]) {
        self.memory.write(data.len() as u64);
        let whole = data.len() / 4 * 4;
        if whole > 0 {
            self.queue.write_buffer(&buffer.inner, offset, &data[..whole]);
        }
        if whole < data.len() {
            let mut tail = [0; 4];
            tail[..data.len() - whole].copy_from_slice(&data[whole..]);
            self.queue.write_buffer(&buffer.inner, offset + whole as u64, &tail);
        }
    }

    /// Flushes written data to the device, so that staging memory does not pile up during a long load.
    pub fn flush(&self) -> Result<(), Error> {
        self.enqueue(None);
        self.wait()
    }

    /// Binds parameters and storage ranges (in bytes) to a pipeline.
    pub fn command(
        &self,
        pipeline: &Pipeline,
        params: (&Buffer, Range<u64>),
        storage: &[(&Buffer, Range<u64>)],
        workgroups: [u32; 2],
    ) -> Command {
        let entries: Vec<_> = std::iter::once(&params)
            .chain(storage)
            .zip(0..)
            .map(|((buffer, range), binding)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &buffer.inner,
                    offset: range.start,
                    size: std::num::NonZeroU64::new(range.end - range.start),
                }),
            })
            .collect();
        let bindings = self.inner.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.layout,
            entries: &entries,
        });
        Command { pipeline: pipeline.clone(), bindings, workgroups }
    }

    /// Submits dispatches in order, as one submission.
    pub fn submit(&self, commands: &[Command]) {
        let mut encoder = self.inner.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let mut current: Option<&Pipeline> = None;
            for command in commands {
                if !current.is_some_and(|p| Arc::ptr_eq(&p.inner, &command.pipeline.inner)) {
                    pass.set_pipeline(&command.pipeline.inner);
                    current = Some(&command.pipeline);
                }
                pass.set_bind_group(0, &command.bindings, &[]);
                pass.dispatch_workgroups(command.workgroups[0], command.workgroups[1], 1);
            }
        }
        self.enqueue(Some(encoder.finish()));
    }

    /// Two timestamps of the device's clock for each dispatch, of which there are few enough for one query set.
    pub(super) fn ticks(&self, commands: &[Command]) -> Result<Vec<u64>, Error> {
        let count = 2 * commands.len() as u32;
        let set = self.inner.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let bytes = u64::from(count) * 8;
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let resolved = self.create("timestamps", bytes, usage)?;
        let mut encoder = self.inner.create_command_encoder(&Default::default());
        for (command, query) in commands.iter().zip((0..).step_by(2)) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &set,
                    beginning_of_pass_write_index: Some(query),
                    end_of_pass_write_index: Some(query + 1),
                }),
            });
            pass.set_pipeline(&command.pipeline.inner);
            pass.set_bind_group(0, &command.bindings, &[]);
            pass.dispatch_workgroups(command.workgroups[0], command.workgroups[1], 1);
        }
        encoder.resolve_query_set(&set, 0..count, &resolved.inner, 0);
        self.enqueue(Some(encoder.finish()));
        Ok(bytemuck::pod_collect_to_vec(&self.read(&resolved, 0, bytes)?))
    }

    /// Seconds of one tick.
    pub(super) fn timestamp_period(&self) -> f64 {
        f64::from(self.queue.get_timestamp_period()) * 1e-9
    }

    /// Copies bytes from one buffer to another, as a submission of its own. Offsets are multiples of 4.
    pub fn copy(&self, from: &Buffer, from_offset: u64, to: &Buffer, to_offset: u64, bytes: u64) {
        self.copy_indexed(from, from_offset, to, to_offset, bytes);
    }

    /// The same; returns the submission.
    pub(super) fn copy_indexed(
        &self,
        from: &Buffer,
        from_offset: u64,
        to: &Buffer,
        to_offset: u64,
        bytes: u64,
    ) -> wgpu::SubmissionIndex {
        let mut encoder = self.inner.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&from.inner, from_offset, &to.inner, to_offset, bytes.next_multiple_of(4));
        self.enqueue(Some(encoder.finish()))
    }

    /// Waits for everything that was submitted, and reports what failed.
    pub fn wait(&self) -> Result<(), Error> {
        let polled = self.inner.poll(wgpu::PollType::wait_indefinitely());
        self.memory.arrived();
        self.outcome(polled)
    }

    /// Waits for a submission, or without one for nothing; what is free to be mapped is mapped.
    pub(super) fn wait_for(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<(), Error> {
        let how = match submission {
            Some(index) => wgpu::PollType::Wait { submission_index: Some(index), timeout: None },
            None => wgpu::PollType::Poll,
        };
        self.outcome(self.inner.poll(how))
    }

    /// What is known after waiting.
    fn outcome(&self, polled: Result<wgpu::PollStatus, wgpu::PollError>) -> Result<(), Error> {
        // A device that is gone makes errors of everything.
        self.there()?;
        if let Some(reason) = lock(&self.failure).take() {
            return Err(self.lost(reason));
        }
        polled.map(|_| ()).map_err(|e| self.lost(e.to_string()))
    }

    /// Is the device still there?
    pub(super) fn there(&self) -> Result<(), Error> {
        self.gone.get().map_or(Ok(()), |reason| Err(self.lost(reason)))
    }

    /// Submits commands behind everything that was written.
    fn enqueue(&self, commands: Option<wgpu::CommandBuffer>) -> wgpu::SubmissionIndex {
        self.memory.submit();
        self.queue.submit(commands)
    }

    pub(super) fn lost(&self, reason: impl Into<String>) -> Error {
        Error::Lost { name: self.capabilities.name.clone(), reason: reason.into() + self.way_out() }
    }

    /// What to try where a driver fails: cooperative matrices are what drivers are least used to.
    pub(super) fn way_out(&self) -> &'static str {
        match self.capabilities.matrices.is_empty() {
            true => "",
            false => "; --no-coopmat leaves out cooperative matrices, which not every driver can compile",
        }
    }

    /// Reads `bytes` bytes of a buffer back, from an offset that is a multiple of 4.
    pub fn read(&self, buffer: &Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>, Error> {
        let size = bytes.next_multiple_of(4).min(buffer.bytes().saturating_sub(offset));
        let staging = self.create("reading back", size, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        let mut encoder = self.inner.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&buffer.inner, offset, &staging.inner, 0, size);
        self.enqueue(Some(encoder.finish()));
        let mapped = Arc::new(Mutex::new(None));
        let result = mapped.clone();
        staging.inner.map_async(wgpu::MapMode::Read, .., move |r| *lock(&result) = Some(r));
        self.wait()?;
        match lock(&mapped).take() {
            Some(Ok(())) => {}
            Some(Err(e)) => return Err(self.lost(e.to_string())),
            None => return Err(self.lost("a buffer was not mapped")),
        }
        let view = staging.inner.get_mapped_range(..).map_err(|e| self.lost(e.to_string()))?;
        Ok(view[..bytes.min(size) as usize].to_vec())
    }
}

/// What went wrong since these scopes began, if anything.
pub(super) fn failed(scopes: [wgpu::ErrorScopeGuard; 3]) -> Option<String> {
    // The last one first, and all of them.
    let errors: Vec<_> = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop())).collect();
    errors.into_iter().flatten().next().map(|error| one_line(&error.to_string()))
}

/// A driver's or validator's message as one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
