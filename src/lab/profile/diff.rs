//! What became faster or slower from one profile to another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    group::{Group, groups},
    record::{Dispatch, Phase, PhaseKind, Profile},
    times::{FEWEST, median, rank_sum},
    tree,
};
use crate::gpu::Bytes;

/// How a time changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is shorter, beyond noise.
    Faster,
    /// It is longer, beyond noise.
    Slower,
    /// The repetitions of both overlap, or differ by next to nothing.
    NoDifference,
    /// Too few repetitions to tell.
    TooFew,
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifference => "no difference",
            Self::TooFew => "too few repetitions",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// The time of one thing, before and after.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What it is.
    pub name: String,
    /// Seconds before and after: medians.
    pub seconds: [Option<f64>; 2],
    /// After divided by before.
    pub ratio: Option<f64>,
    /// The chance that repetitions of the same thing differ as much (rank-sum test, two-sided).
    pub p: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
}

/// Repetitions of the same thing look different by chance as often as this.
const LEVEL: f64 = 0.01;
/// Less than this is no difference, however sure it is.
const LEAST: f64 = 0.01;

impl Change {
    fn new(name: &str, old: Option<&[f64]>, new: Option<&[f64]>) -> Self {
        let [before, after] = [old, new].map(|times| median(times.unwrap_or_default().iter().copied()));
        let ratio = before.zip(after).filter(|(before, _)| *before > 0.0).map(|(before, after)| after / before);
        let p = rank_sum(old.unwrap_or_default(), new.unwrap_or_default());
        let verdict = match (before, after, ratio, p) {
            (None, ..) => Verdict::New,
            (_, None, _, _) => Verdict::Gone,
            (.., None) => Verdict::TooFew,
            (.., Some(ratio), Some(p)) if p < LEVEL && (ratio - 1.0).abs() >= LEAST => {
                if ratio < 1.0 {
                    Verdict::Faster
                } else {
                    Verdict::Slower
                }
            }
            _ => Verdict::NoDifference,
        };
        Self { name: name.to_owned(), seconds: [before, after], ratio, p, verdict }
    }

    /// Seconds by which it changed.
    fn size(&self) -> f64 {
        let [before, after] = self.seconds.map(Option::unwrap_or_default);
        (after - before).abs()
    }
}

/// The changes of one phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseDiff {
    /// Which one.
    pub kind: PhaseKind,
    /// The untimed whole.
    pub whole: Change,
    /// By operator, then by variant, by kind of layer, by operation of the model; the largest change first.
    pub tables: Vec<(&'static str, Vec<Change>)>,
}

/// The changes of a profile.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// What differs beside the times: then they may have another reason.
    pub notes: Vec<String>,
    /// Phases that both have.
    pub phases: Vec<PhaseDiff>,
}

impl Diff {
    /// From `old` to `new`.
    pub fn new(old: &Profile, new: &Profile) -> Self {
        let pairs = new.phases.iter().filter_map(|phase| {
            let before = old.phases.iter().find(|p| p.kind == phase.kind)?;
            Some(PhaseDiff::new([(old, before), (new, phase)]))
        });
        Self { phases: pairs.collect(), notes: notes(old, new) }
    }
}

type Key = fn(&Dispatch) -> String;

const TABLES: [(&str, Key); 4] = [
    ("operator", |d| d.kernel.clone()),
    ("variant", Dispatch::kernel_variant),
    ("layers", |d| tree::kind(&d.label).to_owned()),
    ("operation", |d| format!("{} {}", d.label, d.kernel)),
];

impl PhaseDiff {
    fn new(pair: [(&Profile, &Phase); 2]) -> Self {
        let table = |key: Key| {
            let [old, new]: [BTreeMap<String, Group>; 2] = pair.map(|(profile, phase)| {
                let groups = groups(&phase.dispatches, &profile.ceilings, key);
                groups.into_iter().filter(|g| !g.times.is_empty()).map(|g| (g.name.clone(), g)).collect()
            });
            let gone = old.keys().filter(|name| !new.contains_key(*name));
            let change = |name: &String| {
                let times = |groups: &'_ BTreeMap<String, Group>| groups.get(name).map(|g| g.times.clone());
                Change::new(name, times(&old).as_deref(), times(&new).as_deref())
            };
            let mut changes: Vec<Change> = new.keys().chain(gone).map(change).collect();
            changes.sort_by(|a, b| b.size().total_cmp(&a.size()));
            changes
        };
        let [(_, old), (_, new)] = pair;
        Self {
            kind: new.kind,
            whole: Change::new("untimed whole", Some(&old.whole), Some(&new.whole)),
            tables: TABLES.iter().map(|&(name, key)| (name, table(key))).collect(),
        }
    }
}

fn notes(old: &Profile, new: &Profile) -> Vec<String> {
    let size = |p: &Profile| format!("{} frames of {}x{}", p.setup.frames, p.setup.size[0], p.setup.size[1]);
    let clock = |p: &Profile| format!("{:?} clock", p.clock).to_lowercase();
    let device = |p: &Profile| format!("{} ({})", p.device.name, p.device.driver);
    let overrides = |p: &Profile| match p.overrides.as_slice() {
        [] => "no override".to_owned(),
        some => format!("override {}", some.join(" ")),
    };
    let streaming = |p: &Profile| match p.setup.streaming {
        Some(streaming) => format!("{} of weights streamed", Bytes(streaming.streamed_bytes)),
        None => "no weights streamed".to_owned(),
    };
    let facts: [&dyn Fn(&Profile) -> String; 11] = [
        &|p| format!("model {}", p.setup.model),
        &size,
        &|p| p.setup.guidance().to_owned(),
        &streaming,
        &|p| p.setup.dtype.to_string(),
        &device,
        &|p| format!("shader checks {}", p.shader_checks),
        &overrides,
        &|p| format!("tuned settings at {}", p.tuned.as_deref().unwrap_or("no shape")),
        &clock,
        &|p| format!("i2vgen {}", p.version),
    ];
    let mut notes: Vec<String> = facts
        .iter()
        .map(|fact| (fact(old), fact(new)))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| format!("{a}, now {b}"))
        .collect();
    let few = |p: &Profile| p.phases.iter().any(|phase| phase.whole.len() < FEWEST);
    if few(old) || few(new) {
        notes.push(format!("fewer than {FEWEST} repetitions decide nothing: take more --steps"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::profile;

    #[test]
    fn what_changed_beyond_noise_is_told() {
        let (old, mut new) = (profile(1.0), profile(1.0));
        for time in new.phases[0].dispatches[1].times.iter_mut().flatten() {
            *time *= 0.5;
        }
        new.phases[0].dispatches[0].kernel = "conv3d".into();
        new.setup.dtype = crate::kernel::Dtype::F32;
        new.overrides = vec!["linear=register".into()];
        let diff = Diff::new(&old, &new);
        assert_eq!(diff.notes, ["f16, now f32", "no override, now override linear=register"]);
        let (name, operators) = &diff.phases[0].tables[0];
        let verdicts: Vec<_> = operators.iter().map(|c| (c.name.as_str(), c.verdict)).collect();
        assert_eq!(*name, "operator");
        // All three changed by 10 seconds or so: order among them is by size.
        assert!(verdicts.contains(&("linear", Verdict::Faster)), "{verdicts:?}");
        assert!(verdicts.contains(&("conv3d", Verdict::New)) && verdicts.contains(&("conv2d", Verdict::Gone)));
        assert_eq!(diff.phases[0].whole.verdict, Verdict::NoDifference);
        let back = Diff::new(&new, &old);
        assert!(back.phases[0].tables[0].1.iter().any(|c| c.name == "linear" && c.verdict == Verdict::Slower));
    }

    #[test]
    fn few_repetitions_and_small_differences_decide_nothing() {
        let (old, near, mut few) = (profile(1.0), profile(1.006), profile(2.0));
        assert!(
            Diff::new(&old, &near).phases[0]
                .tables
                .iter()
                .flat_map(|t| &t.1)
                .all(|c| c.verdict == Verdict::NoDifference)
        );
        few.phases[0].whole.truncate(3);
        few.phases[0].dispatches.iter_mut().for_each(|d| d.times.truncate(3));
        let diff = Diff::new(&old, &few);
        assert_eq!(diff.phases[0].whole.verdict, Verdict::TooFew);
        assert!(diff.notes[0].contains("--steps"), "{:?}", diff.notes);
    }
}
