//! Medians, quantiles and how sure one can be of them.

use serde::{Deserialize, Serialize};

use super::normals::mix;

/// From where to where a number may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The value below which a share of the values lies; 0 of none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    if values.is_empty() {
        return 0.0;
    }
    let at = (share * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The middle of the values, of an even number the mean of the two in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut above, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(below) if even => (below + above) / 2.0,
        _ => above,
    }
}

/// Draws of the bootstrap.
const DRAWS: u64 = 2000;

/// The interval that holds the median of what was sampled with 95 % confidence: that of the medians of samples drawn with replacement
/// from the values (Efron, *Bootstrap Methods*, 1979; percentile method).
pub fn median_interval(values: &[f64], seed: u64) -> Interval {
    let count = values.len() as u64;
    let mut drawn = vec![0.0; values.len()];
    let medians: Vec<f64> = (0..DRAWS)
        .map(|draw| {
            for (i, value) in (0..).zip(&mut drawn) {
                *value = values[(mix(seed ^ mix(draw * count + i)) % count.max(1)) as usize];
            }
            median(&drawn)
        })
        .collect();
    Interval { low: quantile(&medians, 0.025), high: quantile(&medians, 0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::normals::Normals;

    fn noise(seed: u64, count: usize) -> Vec<f64> {
        let mut values = vec![0.0f32; count];
        Normals::new(seed, 0).fill(&mut values, 0, |_, v| v);
        values.into_iter().map(f64::from).collect()
    }

    #[test]
    fn quantiles_are_values() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&values, share)), [1.0, 2.0, 3.0, 5.0]);
        assert_eq!([&[][..], &[7.0], &[4.0, 1.0], &[3.0, 1.0, 2.0]].map(median), [0.0, 7.0, 2.5, 2.0]);
    }

    /// Of 100 intervals about 95 hold the true median.
    #[test]
    fn the_interval_holds_the_median_as_often_as_it_says() {
        let holds = |seed: &u64| {
            let interval = median_interval(&noise(*seed, 60), *seed);
            interval.low <= 0.0 && 0.0 <= interval.high
        };
        let count = (0..100).filter(holds).count();
        assert!((88..=99).contains(&count), "{count}");
    }

    #[test]
    fn more_values_make_it_narrower() {
        let width = |count: usize| {
            let interval = median_interval(&noise(1, count), 3);
            interval.high - interval.low
        };
        assert!(width(400) < 0.6 * width(40), "{} {}", width(400), width(40));
        assert_eq!(median_interval(&[2.0], 1), Interval { low: 2.0, high: 2.0 });
    }
}
