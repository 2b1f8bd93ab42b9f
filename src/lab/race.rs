//! Which of some candidates is faster: they run in turn, in random order, and the ratios of each round decide.
//!
//! How far the verdicts can be trusted is what `tools/race-noise` measures, with a variant against itself and against its own text in which
//! one tile of ten is computed twice. On lavapipe, on two cores that builds of others kept busy (5 to 7 runnable processes), with the usual
//! budget of 10 s (20 to 37 rounds): 20 of 20 races with itself were without a difference, 19 of 20 with the slowed one `slower`, the other
//! one without a difference. At a shape with 40 to 160 rounds: 20 of 20 without a difference; with 12 % more work (2 tiles of 16) 20 of 20
//! slower.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    bench::{SAMPLE, Timing},
    normals::mix,
    statistics::{Interval, median, median_interval},
    timer::Timer,
};
use crate::graph::Error;

/// How a race is run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Time for the rounds.
    pub budget: Duration,
    /// Rounds at least, whatever the budget.
    pub min_rounds: usize,
    /// Half of the width of the intervals, relative to the ratio, at which the race may end before its budget.
    pub precision: f64,
    /// Differences up to this one are none, for nobody would notice: 0.02 is 2 %.
    pub notable: f64,
    /// What the order depends on.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { budget: Duration::from_secs(10), min_rounds: 12, precision: 0.01, notable: 0.02, seed: 1 }
    }
}

/// What a race says of a candidate beside the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It takes less time, notably and beyond the interval.
    #[serde(rename = "faster")]
    Faster,
    /// It takes more.
    #[serde(rename = "slower")]
    Slower,
    /// Neither is shown.
    #[serde(rename = "no difference")]
    NoDifference,
}

impl Verdict {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifference => "no difference",
        }
    }
}

/// A candidate's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its times.
    pub timing: Timing,
    /// Its time by the first candidate's, the median over the rounds; above 1 it is slower.
    pub ratio: f64,
    /// The 95 % interval of that.
    pub interval: Interval,
    /// What that means.
    pub verdict: Verdict,
}

/// Rounds after which the intervals are looked at.
const ROUNDS: usize = 10;

/// Races candidates. In every round each runs twice, in a random order and then in the reverse one, so that a drift of the clock meets all
/// alike; a candidate's time in a round is the mean of both. `before` is told who runs next.
pub fn race(timers: &mut [Timer], rules: &Rules, before: &mut dyn FnMut(usize)) -> Result<Vec<Place>, Error> {
    for (at, timer) in timers.iter_mut().enumerate() {
        before(at);
        timer.warm_up(rules.budget / 20, SAMPLE)?;
    }
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    let start = Instant::now();
    loop {
        let mut order: Vec<usize> = (0..timers.len()).collect();
        shuffle(&mut order, rules.seed ^ rounds.len() as u64);
        let mut seconds = vec![0.0; timers.len()];
        for &at in order.iter().chain(order.iter().rev()) {
            before(at);
            seconds[at] += timers[at].sample()? / 2.0;
        }
        // One clock for all: the wall's times hold what starting costs.
        if timers.iter().any(|timer| timer.clock() != timers[0].clock()) {
            timers.iter_mut().for_each(Timer::by_wall);
            rounds.clear();
            continue;
        }
        rounds.push(seconds);
        let look = rounds.len() >= rules.min_rounds && rounds.len().is_multiple_of(ROUNDS);
        if start.elapsed() >= rules.budget && rounds.len() >= rules.min_rounds || look && is_sure(&rounds, rules) {
            break;
        }
    }
    Ok((0..timers.len()).map(|at| place(&rounds, at, &timers[at], rules)).collect())
}

/// Are all intervals as narrow as asked for?
fn is_sure(rounds: &[Vec<f64>], rules: &Rules) -> bool {
    let count = rounds.first().map_or(0, Vec::len);
    (1..count).all(|at| {
        let ratios = ratios(rounds, at);
        let interval = median_interval(&ratios, rules.seed);
        interval.high - interval.low <= 2.0 * rules.precision * median(&ratios)
    })
}

fn ratios(rounds: &[Vec<f64>], at: usize) -> Vec<f64> {
    rounds.iter().map(|seconds| seconds[at] / seconds[0].max(1e-12)).collect()
}

fn place(rounds: &[Vec<f64>], at: usize, timer: &Timer, rules: &Rules) -> Place {
    let seconds: Vec<f64> = rounds.iter().map(|seconds| seconds[at]).collect();
    let ratios = ratios(rounds, at);
    let interval = median_interval(&ratios, rules.seed);
    let verdict = verdict(interval, rules.notable);
    Place { timing: Timing::new(&seconds, timer), ratio: median(&ratios), interval, verdict }
}

/// A difference counts where all of the interval lies beyond what is notable.
fn verdict(interval: Interval, notable: f64) -> Verdict {
    match interval {
        Interval { low, .. } if low > 1.0 + notable => Verdict::Slower,
        Interval { high, .. } if high < 1.0 / (1.0 + notable) => Verdict::Faster,
        _ => Verdict::NoDifference,
    }
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize], seed: u64) {
    for i in (1..order.len()).rev() {
        order.swap(i, (mix(seed.wrapping_mul(31).wrapping_add(i as u64)) % (i as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::normals::Normals;

    #[test]
    fn a_verdict_needs_the_whole_interval() {
        let of = |low, high| verdict(Interval { low, high }, 0.02);
        assert_eq!(of(0.97, 1.3), Verdict::NoDifference);
        assert_eq!(of(1.005, 1.015), Verdict::NoDifference);
        assert_eq!(of(1.03, 1.3), Verdict::Slower);
        assert_eq!(of(0.5, 0.97), Verdict::Faster);
    }

    /// 40 rounds with a spread of 10 % tell 10 % from nothing.
    #[test]
    fn noise_is_told_from_a_difference() {
        let rules = Rules::default();
        let verdict_of = |factor: f64, seed: u64| {
            let mut noise = vec![0.0f32; 80];
            Normals::new(seed, 0).fill(&mut noise, 0, |_, v| v);
            let time = |i: usize| (0.1 * f64::from(noise[i])).exp();
            let rounds: Vec<Vec<f64>> = (0..40).map(|i| vec![time(2 * i), factor * time(2 * i + 1)]).collect();
            verdict(median_interval(&ratios(&rounds, 1), seed), rules.notable)
        };
        let count = |factor, verdict| (0..40).filter(|&seed| verdict_of(factor, seed) == verdict).count();
        assert!(count(1.0, Verdict::NoDifference) >= 38);
        assert!(count(1.15, Verdict::Slower) >= 36);
        assert!(count(1.0 / 1.15, Verdict::Faster) >= 36);
    }

    #[test]
    fn every_order_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut order = [0, 1, 2];
            shuffle(&mut order, seed);
            seen.insert(order);
        }
        assert_eq!(seen.len(), 6);
    }
}
