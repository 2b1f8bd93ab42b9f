//! What became of the jobs of a list.

use std::time::Duration;

use i2vgen::{gpu::Device, pipeline::MemoryUse};
use serde_json::json;

use crate::cli::{Error, progress::Progress, units};

/// Numbers of jobs.
pub struct Tally {
    /// All of the list.
    jobs: usize,
    /// Those that were done before.
    skipped: usize,
    made: usize,
    pub failed: usize,
    /// Bytes on the device at most, over all clips that were made: counted, planned.
    peak: [u64; 2],
}

impl Tally {
    /// `todo` of `jobs` are not done.
    pub fn new(jobs: usize, todo: usize) -> Self {
        Self { jobs, skipped: jobs.saturating_sub(todo), made: 0, failed: 0, peak: [0; 2] }
    }

    /// A clip was made, with so many bytes on the device at most.
    pub fn made(&mut self, memory: MemoryUse) {
        self.made += 1;
        self.peak = [self.peak[0].max(memory.counted), self.peak[1].max(memory.planned)];
    }

    /// A clip is there that was not when the list was read: another run made it.
    pub fn found(&mut self) {
        self.skipped += 1;
    }

    /// The last line.
    pub fn report(&self, progress: &Progress, all: Duration, device: Option<&Device>) -> Result<(), Error> {
        progress.finish();
        let Self { jobs, skipped, made, failed, .. } = *self;
        let left = jobs.saturating_sub(skipped + made + failed);
        let peak = device.map(|device| self.peak(device.memory()[1]));
        progress.done(json!({
            "event": "done", "made": made, "skipped": skipped, "failed": failed, "left": left,
            "seconds": all.as_secs_f64(), "peak_device_bytes": peak.unwrap_or_default(),
            "planned_device_bytes": self.peak[1],
        }));
        let mut parts = vec![format!("{made} of {} made", units::counted(jobs, "clip"))];
        let others = [(skipped, "already there"), (failed, "failed"), (left, "left")];
        parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        parts.push(format!("{} in all", units::time(all)));
        let planned = match self.peak[1] {
            0 => String::new(),
            planned => format!(" of {} planned", units::bytes(planned)),
        };
        parts.extend(peak.map(|peak| format!("peak device memory {}{planned}", units::bytes(peak))));
        progress.line(&parts.join(", "))
    }

    /// Bytes at most over all clips; the device's own count begins anew with each, so `last` is that of the last one.
    fn peak(&self, last: u64) -> u64 {
        self.peak[0].max(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_all_clips() {
        let mut tally = Tally::new(3, 3);
        let memory = |counted| MemoryUse { planned: counted + 5, counted, streaming: None };
        [40, 90, 20].into_iter().for_each(|peak| tally.made(memory(peak)));
        assert_eq!((tally.made, tally.peak(20), tally.peak(95), tally.peak[1]), (3, 90, 95, 95));
    }
}
