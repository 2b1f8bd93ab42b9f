//! How much of a device's memory is in use: wgpu has no query, so every buffer is counted.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes that a buffer takes which is to hold `bytes`.
pub fn buffer_bytes(bytes: u64) -> u64 {
    bytes.max(16).next_multiple_of(16)
}

/// The count of a device's memory.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    /// In buffers.
    buffers: u64,
    /// Written, but not submitted: wgpu keeps that in buffers of its own until the device has copied it.
    written: u64,
    /// Submitted, but perhaps not copied.
    submitted: u64,
    peak: u64,
    limit: Option<u64>,
}

impl Count {
    fn now(&self) -> u64 {
        self.buffers + self.written + self.submitted
    }

    fn reach(&mut self) {
        self.peak = self.peak.max(self.now());
    }
}

/// A buffer's share, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    bytes: u64,
    memory: Arc<Memory>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.with(|count| count.buffers -= self.bytes);
    }
}

impl Memory {
    fn with<T>(&self, then: impl FnOnce(&mut Count) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a buffer, or tells the limit that it would break.
    pub fn hold(memory: &Arc<Self>, bytes: u64) -> Result<Held, Bytes> {
        memory.with(|count| match count.limit {
            Some(limit) if count.now() + bytes > limit => Err(Bytes(limit)),
            _ => {
                count.buffers += bytes;
                count.reach();
                Ok(())
            }
        })?;
        Ok(Held { bytes, memory: memory.clone() })
    }

    /// Counts bytes that are written by way of wgpu's own buffers.
    pub fn write(&self, bytes: u64) {
        self.with(|count| {
            count.written += bytes;
            count.reach();
        });
    }

    /// What was written goes to the device.
    pub fn submit(&self) {
        self.with(|count| count.submitted += std::mem::take(&mut count.written));
    }

    /// The device has done everything that was submitted.
    pub fn arrived(&self) {
        self.with(|count| count.submitted = 0);
    }

    pub fn now(&self) -> u64 {
        self.with(|count| count.now())
    }

    pub fn peak(&self) -> u64 {
        self.with(|count| count.peak)
    }

    pub fn reset_peak(&self) {
        self.with(|count| count.peak = count.now());
    }

    pub fn limit(&self) -> Option<u64> {
        self.with(|count| count.limit)
    }

    pub fn set_limit(&self, limit: Option<u64>) {
        self.with(|count| count.limit = limit);
    }
}

/// A number of bytes; `Display` gives it as B, KiB, MiB or GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = |unit: u64| self.0 as f64 / unit as f64;
        match self.0 {
            0..=1023 => write!(f, "{} B", self.0),
            1024..=1_048_575 => write!(f, "{:.1} KiB", scaled(1 << 10)),
            1_048_576..=1_073_741_823 => write!(f, "{:.1} MiB", scaled(1 << 20)),
            _ => write!(f, "{:.2} GiB", scaled(1 << 30)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_and_what_is_on_its_way_is_counted_until_it_is_gone() {
        let memory = Arc::new(Memory::default());
        let first = Memory::hold(&memory, 100).unwrap();
        memory.write(50);
        let second = Memory::hold(&memory, 30).unwrap();
        assert_eq!((memory.now(), memory.peak()), (180, 180));
        // What was not submitted has not arrived.
        memory.arrived();
        assert_eq!(memory.now(), 180);
        memory.submit();
        memory.arrived();
        drop(first);
        assert_eq!((memory.now(), memory.peak()), (30, 180));
        memory.reset_peak();
        memory.set_limit(Some(40));
        assert_eq!(Memory::hold(&memory, 11).unwrap_err(), Bytes(40));
        let third = Memory::hold(&memory, 10).unwrap();
        assert_eq!((memory.now(), memory.peak()), (40, 40));
        drop((second, third));
        assert_eq!(memory.now(), 0);
    }
}
