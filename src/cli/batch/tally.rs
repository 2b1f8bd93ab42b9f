//! What became of the jobs of a list.

use std::time::Duration;

use i2vgen::gpu::Device;
use serde_json::json;

use crate::cli::{Error, progress::Progress, units};

/// Numbers of jobs.
pub struct Tally {
    /// All of the list.
    jobs: usize,
    /// Those that were done before.
    skipped: usize,
    pub made: usize,
    pub failed: usize,
}

impl Tally {
    /// `todo` of `jobs` are not done.
    pub fn new(jobs: usize, todo: usize) -> Self {
        Self { jobs, skipped: jobs.saturating_sub(todo), made: 0, failed: 0 }
    }

    /// The last line.
    pub fn report(&self, progress: &Progress, all: Duration, device: Option<&Device>) -> Result<(), Error> {
        progress.finish();
        let Self { jobs, skipped, made, failed } = *self;
        let left = jobs.saturating_sub(skipped + made + failed);
        let peak = device.map(|device| device.memory()[1]);
        progress.emit(json!({
            "event": "done", "made": made, "skipped": skipped, "failed": failed, "left": left,
            "seconds": all.as_secs_f64(), "peak_device_bytes": peak.unwrap_or_default(),
        }));
        let mut parts = vec![format!("{made} of {} made", units::counted(jobs, "clip"))];
        let others = [(skipped, "already there"), (failed, "failed"), (left, "left")];
        parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        parts.push(format!("{} in all", units::time(all)));
        parts.extend(peak.map(|peak| format!("peak device memory {}", units::bytes(peak))));
        progress.line(&parts.join(", "))
    }
}
