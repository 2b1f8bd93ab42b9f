//! Numbers with their units, for people.

use std::time::Duration;

pub use i2vgen::lab::units::{counted, percent, plain, scaled, seconds};

use i2vgen::gpu::Bytes;

/// Bytes as B, KiB, MiB or GiB.
pub fn bytes(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

/// Floating-point operations as M, G, T or P.
pub fn flops(flops: f64) -> String {
    for (unit, name) in [(1e15, "P"), (1e12, "T"), (1e9, "G")] {
        if flops >= unit {
            return format!("{:.2} {name}", flops / unit);
        }
    }
    format!("{:.2} M", flops / 1e6)
}

/// A number of things as 1,420,469,224.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time as ms, s, min or h.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match time.as_secs() {
        0 if time.is_zero() => "0 s".into(),
        0 if seconds < 0.1 => format!("{:.1} ms", seconds * 1e3),
        0..=9 => format!("{seconds:.2} s"),
        10..=99 => format!("{seconds:.0} s"),
        whole @ 100..=5999 => format!("{} min {:02} s", whole / 60, whole % 60),
        whole => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Reads a time such as `2s`, `500ms` or `1.5min`.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 2s, 500ms or 1min".to_owned();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let seconds = number.trim().parse::<f64>().map_err(|_| wrong())? * unit;
    if (1e-3..=1e6).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

/// Reads a share such as `3%` or `0.03`, from 0 to 1.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let wrong = || "expected a share such as 3% or 0.03".to_owned();
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map_err(|_| wrong())? / unit;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
}

/// Reads a number of bytes such as `134217728`, `128M`, `1.5GiB` or `2G`, as [`bytes`] writes it; the units are powers of 1024.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 134217728, 128MiB or 1.5G".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let (whole, part) = match digits.trim().split_once('.') {
        // Bytes have no parts.
        Some((whole, part)) if unit > 1 => (whole, part),
        _ => (digits.trim(), "0"),
    };
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plain(whole) || !plain(part) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: f64 = format!("0.{part}").parse().map_err(|_| wrong())?;
    let rest = (part * unit as f64).round() as u64;
    let bytes = whole.checked_mul(unit).and_then(|bytes| bytes.checked_add(rest));
    bytes.filter(|&bytes| bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_suit_the_size() {
        assert_eq!([bytes(1023), bytes(1536), bytes(5 << 20)], ["1023 B", "1.5 KiB", "5.0 MiB"]);
        assert_eq!(bytes(4_978_367_902), "4.64 GiB");
        assert_eq!([flops(3e6), flops(9e12), flops(6.15e14)], ["3.00 M", "9.00 T", "615.00 T"]);
        assert_eq!([count(0), count(999), count(1_420_469_224)], ["0", "999", "1,420,469,224"]);
        let times = [0.02, 3.2, 42.0, 125.0, 7260.0].map(|s| time(Duration::from_secs_f64(s)));
        assert_eq!(times, ["20.0 ms", "3.20 s", "42 s", "2 min 05 s", "2 h 01 min"]);
    }

    #[test]
    fn times_are_written_and_read() {
        let told = [1.234e-6, 0.045_67, 0.123_4, 2.0].map(seconds);
        assert_eq!(told, ["1.23 µs", "45.7 ms", "123 ms", "2.00 s"]);
        for (text, ms) in
            [("2s", Some(2000)), ("500ms", Some(500)), ("1.5min", Some(90_000)), ("0s", None), ("2", None)]
        {
            assert_eq!(parse_time(text).ok().map(|time| time.as_millis()), ms, "{text}");
        }
        for text in ["", "s", "-1s", "1d", "nans", "1e99s", "é"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_read_as_percent_or_fraction() {
        assert_eq!(
            ["3%", "0.5 %", "0.03", "0"].map(|text| parse_share(text).ok()),
            [Some(0.03), Some(0.005), Some(0.03), Some(0.0)]
        );
        for text in ["", "%", "3", "-1%", "nan", "101%", "é"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, size) in [
            ("7", Some(7)),
            ("128M", Some(128 << 20)),
            ("2 GiB", Some(2 << 30)),
            ("1kb", Some(1024)),
            ("1.5GiB", Some(3 << 29)),
            ("0.5k", Some(512)),
            ("717.25 MiB", Some(2869 << 18)),
        ] {
            assert_eq!(parse_bytes(text).ok(), size, "{text}");
        }
        for text in
            ["", "M", "0", "-1", "+1", "1.5", "1.5b", ".5G", "1.G", "1.5.5G", "0.0G", "1e3M", "3T", "99999999999G", "é"]
        {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        // A size that is printed can be typed again.
        for size in [1023, 1536, 5 << 20, 4_978_367_902] {
            assert_eq!(parse_bytes(&bytes(size)).map(bytes), Ok(bytes(size)));
        }
    }
}
