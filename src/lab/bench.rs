//! One variant's time at one shape, and what that means: rates, and the share of what the device can do.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    Ceilings,
    statistics::{median, median_interval, quantile},
    timer::{Clock, Timer},
};
use crate::{graph::Error, kernel::Cost};

/// How long one run of an op takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds: the middle of the samples.
    pub median: f64,
    /// Seconds that a fifth of the samples undercuts.
    pub low: f64,
    /// Seconds that a fifth of the samples exceeds.
    pub high: f64,
    /// Samples.
    pub samples: usize,
    /// Runs of a sample.
    pub repeats: usize,
    /// Sets of buffers that were used in turn.
    pub sets: usize,
    /// Did they exceed the caches?
    pub exceeds_caches: bool,
    /// What the time was read from.
    pub clock: Clock,
    /// The median of the last quarter of the samples over that of the first, if they differ by more than the noise: the device's clock
    /// changed, or somebody else began or ceased to use it.
    #[serde(default)]
    pub drift: Option<f64>,
}

/// Seconds of a sample: longer than what a timestamp resolves, shorter than what a scheduler lets run.
pub const SAMPLE: f64 = 2e-3;
/// Samples at least, whatever the budget.
const MIN_SAMPLES: usize = 5;
/// A fifth of the budget is for warming up.
const WARM_UP: u32 = 5;

/// Times one variant for about `budget`.
pub fn bench(timer: &mut Timer, budget: Duration) -> Result<Timing, Error> {
    timer.warm_up(budget / WARM_UP, SAMPLE)?;
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < MIN_SAMPLES || start.elapsed() < budget {
        samples.push(timer.sample()?);
    }
    Ok(Timing::new(&samples, timer))
}

impl Timing {
    /// What samples say.
    pub fn new(samples: &[f64], timer: &Timer) -> Self {
        Self {
            median: median(samples),
            low: quantile(samples, 0.2),
            high: quantile(samples, 0.8),
            samples: samples.len(),
            repeats: timer.repeats(),
            sets: timer.sets(),
            exceeds_caches: timer.exceeds_caches(),
            clock: timer.clock(),
            drift: drift(samples),
        }
    }

    /// The rates of work that takes this long.
    pub fn rates(&self, cost: Cost) -> [f64; 2] {
        [cost.flops, cost.bytes].map(|work| if self.median > 0.0 { work / self.median } else { 0.0 })
    }

    /// What is wrong with a time that is shorter than the device's ceilings allow. Measured ceilings are off by a few percent: 5 are let
    /// pass. Where the buffers fit into the caches, traffic proves nothing.
    pub fn too_good(&self, cost: Cost, ceilings: &Ceilings) -> Option<String> {
        const SLACK: f64 = 1.05;
        let [flops, bytes] = self.rates(cost);
        let above = |rate: f64, ceiling: f64| ceiling > 0.0 && rate > SLACK * ceiling;
        let told = |rate: f64, ceiling: f64, unit: &str| {
            let times = rate / ceiling;
            format!(
                "{:.1} {unit} are {times:.2} times the measured ceiling of {:.1}: the time, the cost or the ceilings are wrong",
                rate / 1e9,
                ceiling / 1e9
            )
        };
        if above(flops, ceilings.flops()) {
            return Some(told(flops, ceilings.flops(), "GFLOP/s"));
        }
        (self.exceeds_caches && above(bytes, ceilings.bytes)).then(|| told(bytes, ceilings.bytes, "GB/s"))
    }
}

/// See [`Timing::drift`]; of few samples nothing is said.
fn drift(samples: &[f64]) -> Option<f64> {
    /// Of a quarter: the intervals of fewer are too narrow to be believed.
    const FEWEST: usize = 10;
    /// What the order of samples alone makes of a steady device, now and then.
    const STEADY: f64 = 0.02;
    let quarter = samples.len() / 4;
    let [first, last] = [&samples[..quarter], &samples[samples.len() - quarter..]];
    let [before, after] = [first, last].map(|part| median_interval(part, 1));
    let apart = before.high < after.low || after.high < before.low;
    let ratio = median(last) / median(first);
    (quarter >= FEWEST && apart && (ratio - 1.0).abs() > STEADY).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_falls_is_told_from_noise() {
        // 5 % of noise, in an order that has nothing to do with time.
        let noise = |i: u32| 1.0 + 0.05 * (f64::from(i * 37 % 101) / 101.0 - 0.5);
        let samples = |slope: f64, count: u32| {
            (0..count).map(|i| noise(i) * (1.0 + slope * f64::from(i) / f64::from(count))).collect::<Vec<_>>()
        };
        assert_eq!(drift(&samples(0.0, 200)), None);
        assert_eq!(drift(&samples(0.1, 20)), None, "too few");
        let [slower, faster] = [0.2, -0.2].map(|slope| drift(&samples(slope, 200)).unwrap());
        assert!((1.1..1.2).contains(&slower) && (0.8..0.9).contains(&faster), "{slower} {faster}");
    }

    #[test]
    fn what_beats_the_device_is_an_error() {
        let timing = Timing {
            median: 1e-3,
            low: 1e-3,
            high: 1e-3,
            samples: 9,
            repeats: 2,
            sets: 4,
            exceeds_caches: false,
            clock: Clock::Timestamps,
            drift: None,
        };
        let ceilings = Ceilings { f32: 2e12, bytes: 1e11, ..Ceilings::default() };
        let cost = |flops, bytes| Cost { flops, bytes };
        assert_eq!(timing.rates(cost(1e9, 1e6)), [1e12, 1e9]);
        assert_eq!(timing.too_good(cost(2.05e9, 1e6), &ceilings), None);
        let told = timing.too_good(cost(3e9, 1e6), &ceilings).unwrap();
        assert!(told.starts_with("3000.0 GFLOP/s are 1.50 times the measured ceiling of 2000.0"), "{told}");
        assert_eq!(timing.too_good(cost(1e9, 2e8), &ceilings), None);
        let slow = Timing { exceeds_caches: true, ..timing.clone() };
        assert!(slow.too_good(cost(1e9, 2e8), &ceilings).unwrap().contains("200.0 GB/s"));
        assert_eq!(slow.too_good(cost(1e15, 1e15), &Ceilings::default()), None);
    }
}
