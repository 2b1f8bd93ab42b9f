//! Medians, ranges, and whether one set of times is faster than another.

use crate::lab::statistics;

/// The median; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| statistics::median(&values))
}

/// The least and the largest; `None` of nothing.
pub fn range(values: &[f64]) -> Option<[f64; 2]> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    Some([least, values.iter().copied().max_by(f64::total_cmp)?])
}

/// How far the middle three fifths lie apart: from the 20 % to the 80 % quantile.
pub fn width(values: &[f64]) -> f64 {
    statistics::quantile(values, 0.8) - statistics::quantile(values, 0.2)
}

/// How sure it is that the values of `a` tend to be others than those of `b`: the two-sided p-value of the rank-sum test (Mann and
/// Whitney, 1947) in its normal approximation, with midranks for ties. `None` with fewer than [`FEWEST`] values on a side.
pub fn rank_sum(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < FEWEST || b.len() < FEWEST {
        return None;
    }
    let wins = |x: &f64| {
        b.iter()
            .map(|y| {
                if x > y {
                    1.0
                } else if x < y {
                    0.0
                } else {
                    0.5
                }
            })
            .sum::<f64>()
    };
    let u: f64 = a.iter().map(wins).sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    Some(2.0 * upper_tail(z.abs()))
}

/// Fewer values than this on a side decide nothing.
pub const FEWEST: usize = 5;

/// The share of a standard normal above z ≥ 0 (Abramowitz and Stegun, 26.2.17; error below 7.5e-8).
fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let poly = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let poly = poly.iter().fold(0.0, |sum, c| (sum + c) * t);
    poly * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0]), Some(2.5));
        assert_eq!((median([]), range(&[])), (None, None));
        assert_eq!(range(&[2.0, 9.0, -1.0]), Some([-1.0, 9.0]));
        assert_eq!((width(&[5.0, 1.0, 2.0, 90.0, 4.0]), width(&[])), (3.0, 0.0));
    }

    #[test]
    fn only_times_that_stand_apart_differ() {
        let near = |value: f64| (0..6).map(|i| value + f64::from(i) * 0.01).collect::<Vec<_>>();
        assert!(rank_sum(&near(1.0), &near(2.0)).unwrap() < 0.01);
        assert!(rank_sum(&near(1.0), &near(1.005)).unwrap() > 0.1);
        assert!((rank_sum(&near(1.0), &near(1.0)).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(rank_sum(&[1.0; 4], &[2.0; 9]), None);
        // Tabulated: 5 % lie beyond 1.96 on both sides.
        assert!((2.0 * upper_tail(1.959_964) - 0.05).abs() < 1e-6);
    }
}
