//! Do the timed dispatches add up to the untimed whole?

use serde::Serialize;

use super::{
    group::sum,
    record::{Clock, Phase},
    times::{median, width},
};
use crate::lab::{Ceilings, units};

/// Whether the sum explains the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agrees {
    /// The whole lies between the sum less what the clock tells of nothing and the sum with all launches, within the spread.
    Yes,
    /// It does not.
    No,
    /// The whole is longer by what the device waits for streamed weights, which is in no dispatch.
    Waits,
    /// Repetitions differ by a quarter of the whole or more, there is but one, or some dispatches have no time: nothing can be said.
    Unknown,
}

impl Agrees {
    /// In a word.
    pub fn words(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Waits => "waits",
            Self::Unknown => "unknown",
        }
    }
}

/// The sum of a phase's dispatches beside the whole, and what is known to lie between them.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Seconds of all timed dispatches: the median of the repetitions.
    pub sum: f64,
    /// Seconds of the untimed whole: the median of the repetitions.
    pub whole: f64,
    /// Seconds by which the whole may be longer: every dispatch and every submission has to be started.
    pub launches: f64,
    /// Seconds by which the sum may be longer: timestamps tell some time even for a dispatch that does nothing.
    pub clock: f64,
    /// Seconds by which repetitions differ: the middle three fifths of the sums, those of the wholes, and the hundredth part of the whole.
    pub spread: f64,
    /// Seconds that a pass of its own with timestamps adds to a dispatch; the times of dispatches are without them.
    pub pass: Option<f64>,
    /// Repetitions.
    pub runs: usize,
    /// Dispatches that no clock could time: the sum lacks them.
    pub missing: usize,
    /// Do they agree?
    pub verdict: Agrees,
}

impl Agreement {
    /// Of a phase.
    pub fn new(phase: &Phase, ceilings: &Ceilings, clock: Clock) -> Self {
        let all = sum(&phase.dispatches, ceilings);
        let (sum, whole) = (all.seconds(), phase.seconds());
        let launches =
            all.count as f64 * ceilings.dispatch + phase.submissions as f64 * ceilings.submission + ceilings.round_trip;
        let nothing = ceilings.timed_nothing.filter(|_| clock == Clock::Timestamps).unwrap_or(0.0);
        let nothing = nothing * (all.count - all.missing) as f64;
        let spread = width(&all.times) + width(&phase.whole) + whole * 0.01;
        let timed = median(phase.timed.iter().copied());
        let pass = timed.filter(|_| clock == Clock::Timestamps && all.missing == 0);
        let within = (-spread - nothing..=launches + spread).contains(&(whole - sum));
        let verdict = match within {
            _ if all.missing > 0 || spread >= whole * 0.25 || phase.whole.len() < 2 => Agrees::Unknown,
            true => Agrees::Yes,
            false if phase.streamed > 0 && whole > sum => Agrees::Waits,
            false => Agrees::No,
        };
        Self {
            sum,
            whole,
            launches,
            clock: nothing,
            spread,
            pass: pass.map(|timed| (timed - sum) / all.count.max(1) as f64),
            runs: phase.whole.len(),
            missing: all.missing,
            verdict,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let difference = self.whole - self.sum;
        let more = if difference < 0.0 { "less" } else { "more" };
        let mut words = format!(
            "timed dispatches add up to {}; the untimed whole takes {}, {} {more}",
            units::seconds(self.sum),
            units::seconds(self.whole),
            units::seconds(difference.abs()),
        );
        let clock = match self.clock > 0.0 {
            true => format!("timestamps of nothing add up to {}, ", units::seconds(self.clock)),
            false => String::new(),
        };
        words += &format!(
            " (starting them may add {}, {clock}repetitions spread by {}): ",
            units::seconds(self.launches),
            units::seconds(self.spread),
        );
        words += match (self.verdict, difference < 0.0) {
            (Agrees::Yes, _) => "they agree",
            (Agrees::Unknown, _) if self.missing > 0 => {
                "nobody knows whether they agree, as some dispatches have no time"
            }
            (Agrees::Unknown, _) if self.runs < 2 => "one repetition is too few to say whether they agree",
            (Agrees::Unknown, _) => "so wide a spread tells nothing: the device was busy with something else",
            (Agrees::Waits, _) => "the rest is what the device waits for streamed weights",
            (Agrees::No, true) => {
                "they do not agree: what overlaps in the whole cannot when each dispatch has a pass of its own"
            }
            (Agrees::No, false) => {
                "they do not agree: something takes time that is in no dispatch, or the device was busy"
            }
        };
        if let Some(pass) = self.pass {
            words +=
                &format!("; a pass of its own costs {} more per dispatch, which is in neither", units::seconds(pass));
        }
        if self.missing > 0 {
            words += &format!("; {} without a time", units::counted(self.missing, "dispatch"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::profile;

    #[test]
    fn the_whole_is_the_sum_and_the_launches() {
        let profile = profile(1.0);
        let agreement = |whole: f64| {
            let mut phase = profile.phases[0].clone();
            phase.whole = vec![whole; 6];
            Agreement::new(&phase, &profile.ceilings, profile.clock)
        };
        let good = agreement(30.5);
        assert!(good.verdict == Agrees::Yes && good.words().ends_with("in neither"), "{}", good.words());
        assert!((good.pass.unwrap() - (32.525 - 30.075) / 2.0).abs() < 1e-9, "{good:?}");
        assert!(agreement(32.0).verdict == Agrees::No && agreement(32.0).words().contains("in no dispatch"));
        assert!(agreement(29.0).verdict == Agrees::No && agreement(29.0).words().contains("overlaps"));
        let streamed = |whole: f64| {
            let phase = Phase { streamed: 1 << 30, whole: vec![whole; 6], ..profile.phases[0].clone() };
            Agreement::new(&phase, &profile.ceilings, profile.clock)
        };
        let verdicts = [29.0, 30.5, 32.0].map(|whole| streamed(whole).verdict);
        assert_eq!(verdicts, [Agrees::No, Agrees::Yes, Agrees::Waits]);
        assert!(streamed(32.0).words().contains("waits for streamed weights"));
    }

    #[test]
    fn what_timestamps_tell_of_nothing_is_no_disagreement() {
        let mut profile = profile(1.0);
        profile.ceilings.timed_nothing = Some(0.5);
        let phase = Phase { whole: vec![29.0; 6], ..profile.phases[0].clone() };
        let of = |clock| Agreement::new(&phase, &profile.ceilings, clock);
        let found = of(Clock::Timestamps);
        assert!(found.verdict == Agrees::Yes && found.clock == 1.0, "{found:?}");
        assert!(found.words().contains("timestamps of nothing add up to 1.00 s"), "{}", found.words());
        assert_eq!(of(Clock::Host).verdict, Agrees::No, "the host's clock takes an empty dispatch off");
    }

    #[test]
    fn a_busy_device_says_nothing() {
        let profile = profile(1.0);
        let phase = Phase { whole: vec![30.0, 31.0, 29.0, 45.0, 60.0, 50.0], ..profile.phases[0].clone() };
        let found = Agreement::new(&phase, &profile.ceilings, profile.clock);
        assert!(found.verdict == Agrees::Unknown && found.words().contains("so wide a spread"), "{}", found.words());
        let once = Phase { whole: vec![36.0], ..phase };
        let found = Agreement::new(&once, &profile.ceilings, profile.clock);
        assert!(found.verdict == Agrees::Unknown && found.words().contains("one repetition is too few"), "{found:?}");
        let alike = Phase { whole: vec![30.0], ..once };
        assert_eq!(Agreement::new(&alike, &profile.ceilings, profile.clock).verdict, Agrees::Unknown);
    }

    #[test]
    fn what_has_no_time_is_told() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches[1].times = vec![None; 6];
        let found = Agreement::new(&profile.phases[0], &profile.ceilings, profile.clock);
        assert!((found.missing, found.verdict, found.pass) == (1, Agrees::Unknown, None), "{found:?}");
        assert!(found.words().contains("1 dispatch without a time"));
    }
}
