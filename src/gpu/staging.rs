//! Buffers through which the host hands bytes to the device while the device works.

use std::sync::{Arc, Mutex};

use wgpu::BufferUsages;

use super::{
    Buffer, Device, Error,
    device::{lock, one_line},
};

/// A buffer that the host writes and the device copies from. Two of them in turn: while the device copies from one, or is still busy
/// with what came before, the host writes the other.
#[derive(Debug)]
pub struct Staging {
    buffer: Buffer,
    /// What became of the wish to write, once the device is done with the bytes.
    free: Arc<Mutex<Option<Result<(), wgpu::BufferAsyncError>>>>,
    /// The submission that copied from it last.
    last: Option<wgpu::SubmissionIndex>,
}

impl Staging {
    /// A buffer for `bytes` bytes.
    pub fn new(device: &Device, bytes: u64) -> Result<Self, Error> {
        let buffer = device.create("weights on their way", bytes, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC)?;
        let staging = Self { buffer, free: Arc::default(), last: None };
        staging.ask();
        Ok(staging)
    }

    fn ask(&self) {
        let free = self.free.clone();
        self.buffer.inner.map_async(wgpu::MapMode::Write, .., move |result| *lock(&free) = Some(result));
    }

    /// Waits until the device has copied what was sent last, writes these pieces, each at its offset, and submits a copy of `bytes` bytes into
    /// `to`. Offsets and lengths are multiples of 4.
    pub fn send<E: From<Error>>(
        &mut self,
        device: &Device,
        to: &Buffer,
        bytes: u64,
        write: impl FnOnce(&mut dyn FnMut(u64, &[u8])) -> Result<(), E>,
    ) -> Result<(), E> {
        let lost = |reason: String| E::from(device.lost(one_line(&reason)));
        device.wait_for(self.last.take())?;
        match lock(&self.free).take() {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(lost(error.to_string())),
            None => return Err(lost("a buffer was not mapped".into())),
        }
        let written = {
            let mut view = self.buffer.inner.get_mapped_range_mut(..).map_err(|e| lost(e.to_string()))?;
            write(&mut |offset, piece| {
                let start = offset as usize;
                view.slice(start..start + piece.len()).copy_from_slice(piece);
            })
        };
        self.buffer.inner.unmap();
        if written.is_ok() {
            self.last = Some(device.copy_indexed(&self.buffer, 0, to, 0, bytes));
        }
        self.ask();
        written
    }
}
