//! How long the rest of a list will take.

use std::time::Duration;

use i2vgen::pipeline::Request;

/// What a clip costs, in evaluations of one pixel: jobs of one list may differ in size and steps.
pub fn work(request: &Request) -> f64 {
    let pixels = f64::from(request.width) * f64::from(request.height) * request.frames as f64;
    let [guided, unguided] = request.step_counts().by_guidance();
    pixels * (2 * guided + unguided) as f64
}

/// Time that was taken by work that was done, and the work that is left.
pub struct Pace {
    left: f64,
    done: f64,
    took: Duration,
}

impl Pace {
    /// All work is left.
    pub fn new(all: f64) -> Self {
        Self { left: all, done: 0.0, took: Duration::ZERO }
    }

    /// A job is done; returns an estimate for the others, zero after the last.
    pub fn done(&mut self, work: f64, took: Duration) -> Duration {
        self.skip(work);
        self.done += work;
        self.took += took;
        Duration::try_from_secs_f64(self.took.as_secs_f64() * self.left / self.done).unwrap_or_default()
    }

    /// A job has ended without a clip: its time says nothing.
    pub fn skip(&mut self, work: f64) {
        // What remains of the difference of equal sums is no work.
        self.left = if self.left - work > work * 1e-6 { self.left - work } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_its_work() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::new(0.1 + 0.2 + 0.3 + 0.6);
        assert_eq!(pace.done(0.1, seconds(5)).as_secs_f64().round(), 55.0);
        pace.skip(0.2);
        assert_eq!(pace.done(0.3, seconds(11)).as_secs_f64().round(), 24.0);
        assert_eq!(pace.done(0.6, seconds(30)), Duration::ZERO);
    }
}
