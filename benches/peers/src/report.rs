//! What came out, as tables and as JSON.

use i2vgen::report::aligned;
use serde_json::{Value, json};

use crate::{
    contest::Times,
    problem::{Kind, Problem},
};

/// A problem with the times of all contestants.
pub struct Outcome {
    /// What was computed.
    pub problem: Problem,
    /// The rung that i2vgen chose in f32.
    pub variant: &'static str,
    /// The times of those who took part.
    pub times: Vec<Times>,
}

/// A ratio of times over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The middle of the rounds.
    pub median: f64,
    /// The lowest round.
    pub low: f64,
    /// The highest round.
    pub high: f64,
}

impl Ratio {
    /// How many times as long the first one needs as the second one.
    fn of(slow: &Times, fast: &Times) -> Self {
        let rounds: Vec<f64> = slow.seconds.iter().zip(&fast.seconds).map(|(slow, fast)| slow / fast).collect();
        let low = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rounds.iter().copied().fold(0.0, f64::max);
        Self { median: median(&rounds), low, high }
    }

    fn text(self) -> String {
        format!("{:.2} ({:.2} to {:.2})", self.median, self.low, self.high)
    }

    fn json(self) -> Value {
        json!({ "median": self.median, "low": self.low, "high": self.high })
    }
}

/// i2vgen's two types.
const OURS: [&str; 2] = ["i2vgen f32", "i2vgen f16"];
/// What the others are called.
const PEER: &str = "burn";
const NATIVE: &str = "gemm on the CPU";
/// Each kind should be so many times as fast as the peer, in geometric mean.
const TARGET: f64 = 2.0;

impl Outcome {
    fn of(&self, name: &str) -> Option<&Times> {
        self.times.iter().find(|times| times.name == name)
    }

    fn rate(&self, times: &Times) -> f64 {
        self.problem.flops() / median(&times.seconds) / 1e9
    }

    /// The time of one in parts of another's.
    fn ratio(&self, slow: &str, fast: &str) -> Option<Ratio> {
        Some(Ratio::of(self.of(slow)?, self.of(fast)?))
    }

    fn cells(&self) -> Vec<String> {
        let rate = |name| self.of(name).map_or("–".into(), |times| format!("{:.1}", self.rate(times)));
        let ratio = |slow, fast| self.ratio(slow, fast).map_or("–".into(), Ratio::text);
        let first = |name| self.of(name).map_or("–".into(), |times| format!("{:.1}", times.first));
        vec![
            self.problem.to_string(),
            rate(PEER),
            rate(OURS[0]),
            ratio(PEER, OURS[0]),
            rate(OURS[1]),
            ratio(PEER, OURS[1]),
            self.variant.into(),
            first(PEER),
            first(OURS[0]),
        ]
    }

    fn json(&self) -> Value {
        let times = self.times.iter().map(|times| {
            json!({
                "name": times.name,
                "gflops": self.rate(times),
                "first_seconds": times.first,
                "seconds": times.seconds,
            })
        });
        json!({
            "problem": self.problem.to_string(),
            "kind": self.problem.kind(),
            "flops": self.problem.flops(),
            "variant": self.variant,
            "contestants": times.collect::<Vec<_>>(),
            "times_as_fast_as_burn": OURS.map(|ours| self.ratio(PEER, ours).map(Ratio::json)),
            "share_of_native": OURS.map(|ours| self.ratio(NATIVE, ours).map(Ratio::json)),
        })
    }
}

/// Tables for a terminal.
pub fn text(results: &[Outcome]) -> String {
    let titles = [
        "GFLOP/s",
        PEER,
        OURS[0],
        "times as fast",
        OURS[1],
        "times as fast",
        "rung",
        "first burn [s]",
        "first ours [s]",
    ];
    let rows = results.iter().map(Outcome::cells);
    let mut text = aligned(&std::iter::once(titles.map(String::from).to_vec()).chain(rows).collect::<Vec<_>>());

    text += "\nTimes as fast as burn, geometric mean of the shapes, worst shape\n";
    let mut rows = Vec::new();
    for (name, of) in groups(results) {
        let mut row = vec![name];
        for ours in OURS {
            row.push(summary(&of, ours).map_or("–".into(), |[mean, worst]| {
                let verdict = if mean >= TARGET && worst > 1.0 { "" } else { ", below the target" };
                format!("{ours}: {mean:.2}, {worst:.2}{verdict}")
            }));
        }
        rows.push(row);
    }
    text += &aligned(&rows);

    let shares = results.iter().filter_map(|result| {
        let share = |ours| Some(result.ratio(NATIVE, ours)?.text());
        let native = format!("{:.1}", result.rate(result.of(NATIVE)?));
        Some(vec![result.problem.to_string(), native, share(OURS[0])?, share(OURS[1]).unwrap_or("–".into())])
    });
    let shares: Vec<_> = shares.collect();
    if !shares.is_empty() {
        let titles = ["Crate gemm on the CPU", "GFLOP/s", "share of i2vgen f32", "share of i2vgen f16"];
        text += "\n";
        text += &aligned(&std::iter::once(titles.map(String::from).to_vec()).chain(shares).collect::<Vec<_>>());
    }
    text
}

/// Everything that was measured.
pub fn json(results: &[Outcome]) -> Value {
    let means = groups(results).into_iter().map(|(name, of)| {
        let means = OURS.map(|ours| summary(&of, ours).map(|[mean, worst]| json!({ "mean": mean, "worst": worst })));
        json!({ "kind": name, "i2vgen f32": means[0], "i2vgen f16": means[1] })
    });
    json!({
        "results": results.iter().map(Outcome::json).collect::<Vec<_>>(),
        "times_as_fast_as_burn": means.collect::<Vec<_>>(),
        "target": TARGET,
    })
}

/// The results of each kind, and all of them.
fn groups(results: &[Outcome]) -> Vec<(String, Vec<&Outcome>)> {
    let kinds = [Kind::Matmul, Kind::Conv2d, Kind::Conv3d, Kind::Attention];
    let of = |kind: Kind| results.iter().filter(|r| r.problem.kind() == kind).collect::<Vec<_>>();
    let kinds = kinds.into_iter().map(|kind| (format!("{kind:?}").to_lowercase(), of(kind)));
    let all = std::iter::once(("all".to_owned(), results.iter().collect()));
    kinds.chain(all).filter(|(_, of)| !of.is_empty()).collect()
}

/// Geometric mean and minimum of the ratios.
fn summary(results: &[&Outcome], ours: &str) -> Option<[f64; 2]> {
    let ratios: Vec<f64> = results.iter().filter_map(|r| r.ratio(PEER, ours)).map(|ratio| ratio.median).collect();
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let worst = ratios.iter().copied().min_by(f64::total_cmp)?;
    Some([mean, worst])
}

/// The middle of the values, of an even number the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => 0.0,
        Some(&above) if values.len() % 2 == 1 => above,
        Some(&above) => (values[middle - 1] + above) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(name: &'static str, seconds: &[f64]) -> Times {
        Times { name, first: 1.0, seconds: seconds.to_vec() }
    }

    fn result(side: usize, ours: f64) -> Outcome {
        let problem = Problem::Matmul { rows: side, inner: 512, columns: 512 };
        let times = vec![times(OURS[0], &[ours; 3]), times(PEER, &[2.0, 3.0, 4.0]), times(NATIVE, &[0.1; 3])];
        Outcome { problem, variant: "wide", times }
    }

    #[test]
    fn ratios_are_those_of_the_rounds() {
        let ratio = Ratio::of(&times(PEER, &[2.0, 6.0, 4.0]), &times(OURS[0], &[1.0, 2.0, 4.0]));
        assert_eq!(ratio, Ratio { median: 2.0, low: 1.0, high: 3.0 });
    }

    #[test]
    fn means_are_geometric() {
        let results = [result(512, 1.0), result(1024, 0.25)];
        assert_eq!(summary(&results.iter().collect::<Vec<_>>(), OURS[0]).map(|m| m.map(f64::round)), Some([6.0, 3.0]));
        assert_eq!(summary(&results.iter().collect::<Vec<_>>(), OURS[1]), None);
        let text = text(&results);
        assert!(text.contains("3.00 (2.00 to 4.00)") && text.contains("i2vgen f32: 6.00, 3.00"), "{text}");
        assert!(text.contains("0.10 (0.10 to 0.10)"), "{text}");
        assert_eq!(json(&results)["results"][1]["share_of_native"][0]["median"], 0.4);
    }
}
