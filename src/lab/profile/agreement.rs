//! Do the timed dispatches add up to the untimed whole?

use serde::Serialize;

use super::{
    group::sum,
    record::{Clock, Phase},
    times::{median, width},
};
use crate::lab::{Ceilings, units};

/// The sum of a phase's dispatches beside the whole, and what is known to lie between them.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Seconds of all timed dispatches: the median of the repetitions.
    pub sum: f64,
    /// Seconds of the untimed whole: the median of the repetitions.
    pub whole: f64,
    /// Seconds by which the whole may be longer: every dispatch and every submission has to be started.
    pub launches: f64,
    /// Seconds by which repetitions differ: the middle three fifths of the sums, those of the wholes, and the hundredth part of the whole.
    pub spread: f64,
    /// Seconds that a pass of its own with timestamps adds to a dispatch; the times of dispatches are without them.
    pub pass: Option<f64>,
    /// Dispatches that no clock could time: the sum lacks them.
    pub missing: usize,
    /// Does the whole lie between the sum and the sum with all launches, within the spread?
    pub agrees: bool,
}

impl Agreement {
    /// Of a phase.
    pub fn new(phase: &Phase, ceilings: &Ceilings, clock: Clock) -> Self {
        let all = sum(&phase.dispatches, ceilings);
        let (sum, whole) = (all.seconds(), phase.seconds());
        let launches =
            all.count as f64 * ceilings.dispatch + phase.submissions as f64 * ceilings.submission + ceilings.round_trip;
        let spread = width(&all.times) + width(&phase.whole) + whole * 0.01;
        let timed = median(phase.timed.iter().copied());
        let pass = timed.filter(|_| clock == Clock::Timestamps && all.missing == 0);
        Self {
            sum,
            whole,
            launches,
            spread,
            pass: pass.map(|timed| (timed - sum) / all.count.max(1) as f64),
            missing: all.missing,
            agrees: all.missing < all.count && (-spread..=launches + spread).contains(&(whole - sum)),
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
        words += &format!(
            " (starting them may add {}, repetitions spread by {}): ",
            units::seconds(self.launches),
            units::seconds(self.spread),
        );
        words += match (self.agrees, difference < 0.0) {
            (true, _) => "they agree",
            (false, true) => {
                "they do not agree: what overlaps in the whole cannot when each dispatch has a pass of its own"
            }
            (false, false) => "they do not agree: something takes time that is in no dispatch, or the device was busy",
        };
        if let Some(pass) = self.pass {
            words +=
                &format!("; a pass of its own costs {} more per dispatch, which is in neither", units::seconds(pass));
        }
        if self.missing > 0 {
            words += &format!("; {} have no time", units::counted(self.missing, "dispatch"));
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
        assert!(good.agrees && good.words().ends_with("in neither"), "{}", good.words());
        assert!((good.pass.unwrap() - (32.525 - 30.075) / 2.0).abs() < 1e-9, "{good:?}");
        assert!(!agreement(32.0).agrees && agreement(32.0).words().contains("in no dispatch"));
        assert!(!agreement(29.0).agrees && agreement(29.0).words().contains("overlaps"));
    }

    #[test]
    fn what_has_no_time_is_told() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches[1].times = vec![None; 6];
        let found = Agreement::new(&profile.phases[0], &profile.ceilings, profile.clock);
        assert!((found.missing, found.agrees, found.pass) == (1, false, None), "{found:?}");
        assert!(found.words().contains("1 dispatch have no time"));
    }
}
