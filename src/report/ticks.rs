//! Where an axis has its marks, and where a value lies on it.

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm; zero and less are not shown.
    Log,
}

/// An axis from end to end.
#[derive(Clone, Debug)]
pub struct Range {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Range {
    /// A range that holds all `values`, with some room around them. Values that the scale does not have are passed over.
    pub fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let places: Vec<f64> = values.filter_map(|value| place(value, scale)).collect();
        let low = places.iter().copied().fold(f64::INFINITY, f64::min);
        let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if places.is_empty() {
            return Self { scale, low: 0.0, high: 1.0 };
        }
        // One value alone still needs a range around it.
        let room = match (high - low, scale) {
            (width, _) if width > 1e-12 * high.abs().max(1e-300) => 0.06 * width,
            (_, Scale::Log) => 0.5,
            (_, Scale::Linear) => {
                if low == 0.0 {
                    1.0
                } else {
                    (0.5 * low.abs()).max(1e-300)
                }
            }
        };
        Self { scale, low: low - room, high: high + room }
    }

    /// The share of the axis before `value`; `None` if the scale does not have it.
    pub fn share(&self, value: f64) -> Option<f64> {
        place(value, self.scale).map(|place| (place - self.low) / (self.high - self.low))
    }

    /// Values with marks, and their names.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let ticks = match self.scale {
            Scale::Linear => self.linear(),
            Scale::Log => self.decades(),
        };
        ticks.into_iter().filter(|(value, _)| self.share(*value).is_some_and(|at| (0.0..=1.0).contains(&at))).collect()
    }

    fn linear(&self) -> Vec<(f64, String)> {
        let step = nice((self.high - self.low) / 5.0);
        let digits = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        let first = (self.low / step).ceil() as i64;
        // Six or so; a step that is lost in rounding must not go on for ever.
        (first..first.saturating_add(20))
            .map(|i| i as f64 * step)
            .take_while(|value| *value <= self.high + 1e-9 * step)
            .map(|v| (v, name(v, digits)))
            .collect()
    }

    fn decades(&self) -> Vec<(f64, String)> {
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let every = ((last - first) / 8).max(1);
        // Few decades have marks between them.
        let within: &[f64] = if last - first <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = (first..=last).filter(|decade| decade.rem_euclid(every) == 0);
        decades.flat_map(|decade| within.iter().map(move |m| m * 10f64.powi(decade))).map(|v| (v, short(v))).collect()
    }
}

fn place(value: f64, scale: Scale) -> Option<f64> {
    match scale {
        Scale::Linear => Some(value),
        Scale::Log => (value > 0.0).then(|| value.log10()),
    }
    .filter(|place| place.is_finite())
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.max(1e-300).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|nice| *nice >= step * 0.999).unwrap_or(power)
}

fn name(value: f64, digits: usize) -> String {
    if value.abs() >= 1e4 { short(value) } else { format!("{:.digits$}", if value == 0.0 { 0.0 } else { value }) }
}

/// 20k, 5M, 0.002, 1e-7.
fn short(value: f64) -> String {
    let units = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.iter().find(|(unit, _)| value.abs() >= unit * 0.999) {
        Some((unit, letter)) => format!("{}{letter}", (value / unit * 1e3).round() / 1e3),
        None if value != 0.0 && value.abs() < 1e-3 => format!("{value:.0e}"),
        None => format!("{}", (value * 1e6).round() / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(values: &[f64], scale: Scale) -> Vec<String> {
        Range::of(values.iter().copied(), scale).ticks().into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(names(&[0.0, 1.0], Scale::Linear), ["0.0", "0.5", "1.0"]);
        assert_eq!(names(&[0.92, 0.97], Scale::Linear), ["0.92", "0.94", "0.96"]);
        assert_eq!(names(&[6.0, 12.0], Scale::Linear), ["6", "8", "10", "12"]);
        assert_eq!(names(&[1.0, 1000.0], Scale::Log), ["1", "10", "100", "1k"]);
        assert_eq!(names(&[2e9, 9e9], Scale::Log), ["2G", "5G"]);
        assert_eq!(names(&[3e-7, 0.4], Scale::Log).first().map(String::as_str), Some("1e-6"));
        let range = Range::of([2.0, 200.0].into_iter(), Scale::Log);
        assert!((range.share(20.0).unwrap() - 0.5).abs() < 1e-9 && range.share(-1.0).is_none());
    }

    #[test]
    fn one_value_or_none_still_have_an_axis() {
        for scale in [Scale::Linear, Scale::Log] {
            for values in [&[][..], &[0.0], &[7.0], &[f64::NAN, f64::INFINITY], &[1e300, -1e300], &[1e-320]] {
                let range = Range::of(values.iter().copied(), scale);
                assert!(range.ticks().len() < 30);
                assert!(range.share(1.0).is_none_or(f64::is_finite), "{values:?}");
            }
        }
    }
}
