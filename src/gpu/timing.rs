//! When dispatches begin and end on the device.

use std::time::Instant;

use super::{Command, Device, Error};

/// Begin and end of a dispatch in seconds of the device's clock.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// Begin.
    pub start: f64,
    /// End.
    pub end: f64,
}

impl Span {
    /// The time between two ticks of `period` seconds. Drivers without a clock write zeros, broken ones run backwards: no time at all.
    fn new([start, end]: [u64; 2], period: f64) -> Option<Self> {
        (start > 0 && end > start).then_some(Self { start: start as f64 * period, end: end as f64 * period })
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.end - self.start
    }
}

/// Dispatches in one query set: two timestamps each, of which WebGPU allows 4096.
const BATCH: usize = wgpu::QUERY_SET_MAX_QUERIES as usize / 2;

impl Device {
    /// Runs dispatches in order, each in a pass of its own with a timestamp before and after it, and waits.
    ///
    /// Passes of their own cost time between the dispatches, so that the sum of the spans is less than what the run took; and what
    /// would overlap in one pass does not. `None` stands for a dispatch whose timestamps are zero or run backwards, and for all of
    /// them on a device without timestamps.
    pub fn submit_timed(&self, commands: &[Command]) -> Result<Vec<Option<Span>>, Error> {
        if !self.capabilities().timestamps {
            self.submit(commands);
            self.wait()?;
            return Ok(vec![None; commands.len()]);
        }
        let mut spans = Vec::with_capacity(commands.len());
        for batch in commands.chunks(BATCH) {
            let ticks = self.ticks(batch)?;
            let period = self.timestamp_period();
            spans.extend(ticks.as_chunks().0.iter().map(|&pair: &[u64; 2]| Span::new(pair, period)));
        }
        Ok(spans)
    }

    /// Seconds of a dispatch by the host's clock, for devices without timestamps: the dispatch is submitted so often that all of it takes
    /// about `least` seconds, at most `REPEATS` times, and `idle`, what a submission of nothing takes, is no part of it. `None` where it
    /// takes less than the clock can tell apart from nothing. Dispatches that read what they write must bear to be repeated.
    pub fn time_by_host(&self, command: &Command, idle: f64, least: f64) -> Result<Option<f64>, Error> {
        let run = |repeats: usize| {
            let commands = vec![command.clone(); repeats];
            let start = Instant::now();
            self.submit(&commands);
            self.wait()?;
            Ok((start.elapsed().as_secs_f64() - idle) / repeats as f64)
        };
        let mut seconds = run(1)?;
        if seconds < least {
            seconds = run((least / seconds.max(1e-6)).clamp(2.0, REPEATS as f64) as usize)?;
        }
        Ok((seconds > 0.0).then_some(seconds))
    }
}

/// Most repeats of a dispatch that the host's clock times.
const REPEATS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_backward_timestamps_are_no_times() {
        assert_eq!(Span::new([0, 0], 1e-9), None);
        assert_eq!(Span::new([0, 5], 1e-9), None);
        assert_eq!(Span::new([7, 7], 1e-9), None);
        assert_eq!(Span::new([9, 7], 1e-9), None);
        let span = Span::new([2_000, 5_000], 1e-9).unwrap();
        assert!((span.seconds() - 3e-6).abs() < 1e-15 && (span.start - 2e-6).abs() < 1e-15);
    }
}
