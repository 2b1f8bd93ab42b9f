//! Rates, times and shares as people read them, in reports of the lab.

/// A rate or an amount in thousands, millions, billions … of a unit: `12.3 GB/s`, `41.7 TFLOP`.
pub fn scaled(value: f64, unit: &str) -> String {
    for (scale, name) in [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")] {
        if value >= scale {
            return format!("{} {name}{unit}", three(value / scale));
        }
    }
    format!("{} k{unit}", three(value / 1e3))
}

/// A number of a column whose unit is fixed: one digit behind the point, or as many more as make three that tell something.
pub fn plain(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 10.0 || v == 0.0 || !v.is_finite() => 1,
        v => (2.0 - v.log10().floor()).min(12.0) as usize,
    };
    format!("{value:.places$}")
}

/// A time as µs, ms or s.
pub fn seconds(seconds: f64) -> String {
    match seconds.abs() {
        s if s < 1e-3 => format!("{} µs", three(seconds * 1e6)),
        s if s < 1.0 => format!("{} ms", three(seconds * 1e3)),
        _ => format!("{} s", three(seconds)),
    }
}

/// A share as `12.3 %`.
pub fn percent(share: f64) -> String {
    let places = if share.abs() < 0.995 { 1 } else { 0 };
    format!("{:.places$} %", share * 100.0)
}

/// `1 frame`, `16 frames`, `2 dispatches`.
pub fn counted(count: usize, thing: &str) -> String {
    let plural = if thing.ends_with("ch") { "es" } else { "s" };
    format!("{count} {thing}{}", if count == 1 { "" } else { plural })
}

/// Three digits, as far as they stand behind the point.
fn three(value: f64) -> String {
    let places = match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_tell_enough() {
        assert_eq!(
            [scaled(123.4e9, "B/s"), scaled(2.5e15, "FLOP"), scaled(70.0, "B")],
            ["123 GB/s", "2.50 PFLOP", "0.07 kB"]
        );
        let times = [0.0, 12.34e-6, 9.999e-4, 0.2, 3.0, -0.5].map(seconds);
        assert_eq!(times, ["0.00 µs", "12.3 µs", "1000 µs", "200 ms", "3.00 s", "-500 ms"]);
        assert_eq!(
            [counted(1, "dispatch"), counted(2, "dispatch"), counted(0, "run")],
            ["1 dispatch", "2 dispatches", "0 runs"]
        );
        let columns = [0.0, 4.2e-5, 0.0123, 0.5, 9.876, 12.34, 3000.0].map(plain);
        assert_eq!(columns, ["0.0", "0.0000420", "0.0123", "0.500", "9.88", "12.3", "3000.0"]);
        assert_eq!([percent(0.0123), percent(0.999), percent(1.32)], ["1.2 %", "100 %", "132 %"]);
    }
}
