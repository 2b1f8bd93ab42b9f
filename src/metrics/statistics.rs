//! How sure a mean is.

use rand_mt::Mt;
use serde::Serialize;

use super::plane::mean;

/// Samples that are drawn.
const DRAWS: usize = 10_000;
/// Share of the draws on each side of the interval.
const TAIL: f64 = 0.025;

/// A mean with its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Does 0 lie outside?
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The mean of `values` and its percentile bootstrap interval of 95 %: means of 10,000 samples of as many values, drawn with
/// replacement from a fixed seed. `None` of fewer than two values. Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993).
pub fn bootstrap(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut random = Mt::new(1);
    // The multiplication maps 32 random bits evenly to the values; no list is so long that it shows.
    let mut draw = || values.get((u64::from(random.next_u32()) * values.len() as u64 >> 32) as usize).copied();
    let mut means: Vec<f64> = (0..DRAWS).map(|_| mean(values.iter().filter_map(|_| draw()))).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means.get((share * (DRAWS - 1) as f64).round() as usize).copied();
    Some(Interval { mean: mean(values.iter().copied()), low: at(TAIL)?, high: at(1.0 - TAIL)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_mean() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let found = bootstrap(&values).unwrap();
        // Mean 4.5; its standard error is 2.872 / 10, of which the interval has 1.96 on each side.
        assert!((found.mean - 4.5).abs() < 1e-12);
        assert!((found.low - (4.5 - 0.563)).abs() < 0.03 && (found.high - (4.5 + 0.563)).abs() < 0.03, "{found:?}");
        assert!(found.excludes_zero());
        assert!(!bootstrap(&[-1.0, 1.0, -1.0, 1.0]).unwrap().excludes_zero());
        assert_eq!(bootstrap(&[1.0]), None);
        assert_eq!(bootstrap(&[2.0, 2.0]).map(|i| (i.low, i.high)), Some((2.0, 2.0)));
        assert_eq!(bootstrap(&values), Some(found), "the same values, the same interval");
    }
}
