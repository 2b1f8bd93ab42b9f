//! How sure a mean is.

use rand_mt::Mt;

use super::plane::mean;

/// Samples that are drawn.
const DRAWS: usize = 10_000;
/// Share of the draws on each side of the interval.
const TAIL: f64 = 0.025;

/// The ends of the percentile bootstrap interval of 95 % of the mean of `values`: from the means of 10,000 samples of as many values, drawn with
/// replacement from a fixed seed. `None` of fewer than two values. Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993).
pub fn bootstrap(values: &[f64]) -> Option<[f64; 2]> {
    if values.len() < 2 {
        return None;
    }
    let mut random = Mt::new(1);
    // The multiplication maps 32 random bits evenly to the values; no list is so long that it shows.
    let mut draw = || values.get(((u64::from(random.next_u32()) * values.len() as u64) >> 32) as usize).copied();
    let mut means: Vec<f64> = (0..DRAWS).map(|_| mean(values.iter().filter_map(|_| draw()))).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means.get((share * (DRAWS - 1) as f64).round() as usize).copied();
    Some([at(TAIL)?, at(1.0 - TAIL)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_mean() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let [low, high] = bootstrap(&values).unwrap();
        // Mean 4.5; its standard error is 2.872 / 10, of which the interval has 1.96 on each side.
        assert!((low - (4.5 - 0.563)).abs() < 0.03 && (high - (4.5 + 0.563)).abs() < 0.03, "{low} {high}");
        assert_eq!(bootstrap(&[1.0]), None);
        assert_eq!(bootstrap(&[2.0, 2.0]), Some([2.0, 2.0]));
        assert_eq!(bootstrap(&values), Some([low, high]), "the same values, the same interval");
    }
}
