//! The search under a clock that only the tests move.

use std::{collections::BTreeMap, time::Duration};

use super::{Checked, Rig, Rules, Search, search};
use crate::{
    kernel::Setting,
    lab::{
        bench::Timing,
        race::{Place, Verdict},
        statistics::Interval,
        timer::Clock,
    },
};

/// Settings with known times under a clock that only they move.
struct Fake {
    seconds: Vec<f64>,
    wrong: Vec<usize>,
    /// What its race says is 1 more than the true ratio of times.
    disappoints: bool,
    clock: Duration,
    /// How long each was timed.
    timed: Vec<f64>,
    /// Who raced.
    raced: Vec<usize>,
}

impl Fake {
    fn new(seconds: &[f64]) -> Self {
        let timed = vec![0.0; seconds.len()];
        let clock = Duration::ZERO;
        Self { seconds: seconds.to_vec(), wrong: vec![], disappoints: false, clock, timed, raced: vec![] }
    }

    fn search(&mut self, budget: f64) -> Search {
        let settings: Vec<Setting> = (0..self.seconds.len()).map(setting).collect();
        let rules = Rules { budget: Duration::from_secs_f64(budget), min_gain: 0.03, seed: 1 };
        search(self, &settings, &rules).unwrap()
    }

    fn pass(&mut self, seconds: f64) {
        self.clock += Duration::from_secs_f64(seconds);
    }
}

fn setting(at: usize) -> Setting {
    Setting { variant: "a".into(), numbers: BTreeMap::from([("N".into(), at as u32)]) }
}

impl Rig for Fake {
    type Error = std::convert::Infallible;

    fn elapsed(&self) -> Duration {
        self.clock
    }

    fn check(&mut self, at: usize) -> Result<Result<f64, String>, Self::Error> {
        self.pass(0.01);
        Ok(if self.wrong.contains(&at) { Err("off".into()) } else { Ok(1e-6) })
    }

    fn time(&mut self, at: usize, time: Duration, hopeless: f64) -> Result<Result<f64, String>, Self::Error> {
        assert!(!self.wrong.contains(&at), "what is wrong is not timed");
        let one = self.seconds[at];
        let spent = if one > hopeless { one } else { time.as_secs_f64().max(3.0 * one) };
        self.pass(spent);
        self.timed[at] += spent;
        Ok(Ok(one))
    }

    fn race(&mut self, finalists: &[usize], budget: Duration) -> Result<Result<Vec<Place>, String>, Self::Error> {
        self.pass(budget.as_secs_f64());
        self.raced.extend(finalists);
        let place = |&at: &usize| {
            let ratio = self.seconds[at] / self.seconds[0] + if self.disappoints { 1.0 } else { 0.0 };
            let verdict = if ratio < 0.97 { Verdict::Faster } else { Verdict::NoDifference };
            let timing = Timing {
                median: self.seconds[at],
                low: 0.0,
                high: 0.0,
                samples: 12,
                repeats: 1,
                sets: 1,
                exceeds_caches: true,
                clock: Clock::Wall,
                drift: None,
            };
            Place { timing, ratio, interval: Interval { low: ratio, high: ratio }, verdict }
        };
        Ok(Ok(finalists.iter().map(place).collect()))
    }
}

#[test]
fn the_fastest_is_kept_and_the_time_goes_to_the_fast_ones() {
    let mut fake = Fake::new(&[0.010, 0.012, 0.050, 0.007, 0.009, 0.008, 0.011, 0.015]);
    let found = fake.search(10.0);
    assert_eq!((found.kept.clone(), fake.raced.as_slice()), (Some(setting(3)), &[3, 5][..]));
    assert!((found.race.as_ref().unwrap().ratio - 0.7).abs() < 1e-9);
    // One that is five times as slow costs one run; the winner was timed more than all that are slower than its half together.
    assert!(fake.timed[2] < 0.06 && fake.timed[3] > 2.0 * fake.timed[1], "{:?}", fake.timed);
    assert!(found.seconds < 10.5, "{}", found.seconds);
    let dropped = |at: usize| found.attempts[at].dropped.clone().unwrap_or_default();
    assert!(dropped(2).contains("5.0 times the time of the fastest"), "{}", dropped(2));
    assert!(dropped(7).contains("slower half of round 1"), "{}", dropped(7));
    assert!(dropped(5).contains("0.800 (0.800 to 0.800)") && dropped(5).contains("faster still"), "{}", dropped(5));
    assert!(dropped(0).contains("0.700") && dropped(3).is_empty());
    assert_eq!((found.untried().len(), found.wrong()), (0, None));
}

#[test]
fn what_is_wrong_is_neither_timed_nor_kept() {
    let mut fake = Fake { wrong: vec![1], ..Fake::new(&[0.010, 0.001, 0.009]) };
    let found = fake.search(5.0);
    assert_eq!(found.kept, Some(setting(2)));
    assert_eq!(found.attempts[1].check, Some(Checked::Failed("off".into())));
    assert_eq!((found.attempts[1].seconds, found.attempts[1].dropped.as_deref()), (None, Some("wrong: off")));
    // Where the kernel's own choice is wrong there is nothing to compare with.
    let mut fake = Fake { wrong: vec![0], ..Fake::new(&[0.010, 0.001]) };
    let found = fake.search(5.0);
    assert_eq!((found.kept.as_ref(), found.wrong(), fake.raced.len()), (None, Some("off"), 0));
}

#[test]
fn without_a_sure_gain_the_own_choice_stays() {
    let mut fake = Fake { disappoints: true, ..Fake::new(&[0.010, 0.009]) };
    let found = fake.search(5.0);
    assert_eq!((found.kept.as_ref(), fake.raced.as_slice()), (None, &[1][..]));
    assert_eq!(found.race.as_ref().unwrap().verdict, Verdict::NoDifference);
    assert!(found.attempts[1].dropped.as_ref().unwrap().contains("no gain of 3.0 % is sure"));
    assert_eq!(found.attempts[0].dropped, None);
    // The own choice is the fastest: nothing to race.
    let mut fake = Fake::new(&[0.010, 0.02, 0.013]);
    let found = fake.search(5.0);
    assert!(found.kept.is_none() && found.race.is_none() && fake.raced.is_empty());
    assert!(found.attempts[0].dropped.is_none() && found.attempts[1].dropped.is_some());
}

#[test]
fn little_time_is_spent_on_the_variants_that_are_fast() {
    let of = |variant: &str, at: usize| Setting { variant: variant.into(), ..setting(at) };
    let settings: Vec<Setting> = (0..60).map(|at| of(["a", "b", "c"][at / 20], at)).collect();
    let mut fake = Fake::new(&[vec![0.010; 20], vec![0.015; 20], vec![0.008; 20]].concat());
    let rules = Rules { budget: Duration::from_secs(2), min_gain: 0.03, seed: 1 };
    let found = search(&mut fake, &settings, &rules).unwrap();
    let tried = |variants: std::ops::Range<usize>| {
        found.attempts[variants].iter().filter(|attempt| attempt.check.is_some()).count()
    };
    assert!(tried(40..60) > 10 && tried(20..40) == 1 && tried(0..20) >= 1, "{:?}", found.untried().len());
    assert_eq!(found.kept.unwrap().variant, "c");
}

#[test]
fn a_small_budget_leaves_settings_untried() {
    let mut fake = Fake::new(&[0.010; 50]);
    let found = fake.search(0.2);
    assert!(found.untried().len() > 20 && found.seconds < 1.0, "{} {}", found.untried().len(), found.seconds);
    assert!(found.attempts[49].dropped.as_ref().unwrap().starts_with("not tried"));
    // A single setting is checked, and that is all.
    let found = Fake::new(&[0.010]).search(0.5);
    assert!(found.kept.is_none() && found.wrong().is_none() && found.race.is_none());
}
