//! The search at one shape: checks first, then successive halving, then a race of the winner against the kernel's own choice.
//!
//! Every setting is checked and timed for a moment; one that is far behind is dropped there. Of the others the slower half goes, the rest is
//! timed for longer, and so on (successive halving: Karnin, Koren & Somekh, 2013; Jamieson & Talwalkar, 2016). Times of different rounds
//! are not compared, for the device's clock drifts. The last few race the kernel's own choice, in turn, which stands up to noise that single
//! times do not; the fastest is kept if all of the interval of its ratio is beyond the gain that was asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    kernel::Setting,
    lab::race::{Place, Verdict},
};

/// How a shape is searched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Time for checks, times and race of this shape.
    pub budget: Duration,
    /// By how much a setting must be faster to be kept: 0.03 is 3 %.
    pub min_gain: f64,
    /// What random inputs and the order of the race depend on.
    pub seed: u64,
}

/// What a search asks of a device. Settings go by their numbers; 0 is the kernel's own choice. What is wrong with a setting is told in
/// words; an error ends the search.
pub trait Rig {
    /// What ends a search.
    type Error;

    /// Time since the search began.
    fn elapsed(&self) -> Duration;

    /// Compares a setting with the CPU twin; returns its worst error.
    fn check(&mut self, at: usize) -> Result<Result<f64, String>, Self::Error>;

    /// Seconds of one run, the median of about this long; after `hopeless` seconds for a single run it may stop at once.
    fn time(&mut self, at: usize, time: Duration, hopeless: f64) -> Result<Result<f64, String>, Self::Error>;

    /// Races settings against the kernel's own choice; returns their places.
    fn race(&mut self, finalists: &[usize], budget: Duration) -> Result<Result<Vec<Place>, String>, Self::Error>;
}

/// A setting and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The setting.
    pub setting: Setting,
    /// What the comparison with the twin said, if it was compared.
    pub check: Option<Checked>,
    /// Seconds of one run when it was timed last.
    pub seconds: Option<f64>,
    /// How often it was timed, each time for longer.
    pub rounds: usize,
    /// Why it is not what runs; nothing for the one that runs.
    pub dropped: Option<String>,
}

/// What a quick check said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// It agrees; its worst error, relative to the rms of the twin's output.
    Passed(f64),
    /// It does not, or cannot run.
    Failed(String),
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// All settings, the kernel's own choice first.
    pub attempts: Vec<Attempt>,
    /// The setting that runs from now on, if it is not the kernel's own choice.
    pub kept: Option<Setting>,
    /// The race of the fastest other setting against the kernel's own choice, if any was near it.
    pub race: Option<Place>,
    /// Seconds that the search took.
    pub seconds: f64,
}

/// A setting is dropped at once if it takes so many times as long as the fastest so far; on a busy machine less may be noise.
const HOPELESS: f64 = 3.0;
/// How many may race the kernel's own choice.
const FINALISTS: usize = 3;
/// Others do not race if they took so many times as long as the kernel's own choice in the same round.
const NEAR: f64 = 1.1;
/// Of the budget, the part before the race: a race with little time finds nothing.
const SEARCHING: f64 = 0.6;
/// The race's part of the budget, also where the search took longer.
const RACING: f64 = 0.25;

impl Attempt {
    /// A setting that has not been tried.
    pub fn new(setting: Setting) -> Self {
        Self { setting, check: None, seconds: None, rounds: 0, dropped: None }
    }

    /// The same, dropped because the device or its driver failed.
    pub fn lost(setting: Setting, why: String) -> Self {
        Self { check: Some(Checked::Failed(why.clone())), dropped: Some(why), ..Self::new(setting) }
    }
}

impl Search {
    /// Is the kernel's own choice wrong? Then nothing was searched.
    pub fn wrong(&self) -> Option<&str> {
        match self.attempts.first()?.check.as_ref()? {
            Checked::Failed(why) => Some(why),
            Checked::Passed(_) => None,
        }
    }

    /// Settings for which there was no time.
    pub fn untried(&self) -> Vec<&Setting> {
        self.attempts.iter().filter(|attempt| attempt.check.is_none()).map(|attempt| &attempt.setting).collect()
    }
}

/// Searches settings, of which the first is the kernel's own choice.
///
/// # Errors
/// The rig's.
pub fn search<R: Rig>(rig: &mut R, settings: &[Setting], rules: &Rules) -> Result<Search, R::Error> {
    let mut attempts: Vec<Attempt> = settings.iter().cloned().map(Attempt::new).collect();
    let mut left = first_round(rig, &mut attempts, rules)?;
    let end = rules.budget.mul_f64(SEARCHING);
    while left.len() > FINALISTS && rig.elapsed() < end {
        for at in left.split_off(left.len().div_ceil(2)) {
            attempts[at].dropped = Some(format!("in the slower half of round {}", attempts[at].rounds));
        }
        let rounds = rounds(left.len());
        for i in 0..left.len() {
            let slice = (end.saturating_sub(rig.elapsed()) / rounds) / (left.len() - i) as u32;
            time(rig, &mut attempts[left[i]], left[i], slice, f64::INFINITY)?;
        }
        left.retain(|&at| attempts[at].dropped.is_none());
        by_time(&mut left, &attempts);
    }
    let own = attempts.first().filter(|_| left.contains(&0)).and_then(|own| own.seconds).unwrap_or(f64::INFINITY);
    let is_near = |&at: &usize| attempts[at].seconds.is_some_and(|seconds| seconds <= NEAR * own);
    let finalists: Vec<usize> = left.iter().copied().filter(|&at| at > 0).filter(is_near).take(FINALISTS).collect();
    for &at in left.iter().filter(|at| !finalists.contains(at)) {
        attempts[at].dropped = Some(format!("slower in round {}, the last one before the race", attempts[at].rounds));
    }
    let (race, kept) = match finalists.is_empty() {
        true => (None, None),
        false => decide(rig, &mut attempts, &finalists, rules)?,
    };
    let mut found = Search { attempts, kept, race, seconds: rig.elapsed().as_secs_f64() };
    if found.kept.is_none() && found.wrong().is_none() {
        found.attempts.iter_mut().take(1).for_each(|own| own.dropped = None);
    }
    Ok(found)
}

/// Checks all and times each for a moment; returns those that are left, the fastest first. None, if the kernel's own choice is wrong.
fn first_round<R: Rig>(rig: &mut R, attempts: &mut [Attempt], rules: &Rules) -> Result<Vec<usize>, R::Error> {
    let end = rules.budget.mul_f64(SEARCHING);
    let rounds = rounds(attempts.len());
    let count = attempts.len();
    let (mut left, mut fastest) = (Vec::new(), f64::INFINITY);
    let mut untried: Vec<usize> = (0..count).collect();
    while let Some(at) = next(&mut untried, attempts) {
        let attempt = &mut attempts[at];
        if at > 0 && rig.elapsed() >= end {
            attempt.dropped = Some("not tried: the time for it was over".into());
            continue;
        }
        match rig.check(at)? {
            Ok(error) => attempt.check = Some(Checked::Passed(error)),
            Err(why) => {
                attempt.check = Some(Checked::Failed(why.clone()));
                attempt.dropped = Some(format!("wrong: {why}"));
                if at == 0 {
                    return Ok(Vec::new());
                }
                continue;
            }
        }
        let slice = (end.saturating_sub(rig.elapsed()) / rounds) / (untried.len() + 1) as u32;
        time(rig, attempt, at, slice, HOPELESS * fastest)?;
        if let Some(seconds) = attempt.seconds.filter(|_| attempt.dropped.is_none()) {
            fastest = fastest.min(seconds);
            left.push(at);
        }
    }
    // Those that were timed before the fastest one was known.
    left.retain(|&at| {
        let times = attempts[at].seconds.unwrap_or(f64::INFINITY) / fastest;
        if times > HOPELESS {
            attempts[at].dropped = Some(hopeless(times));
        }
        times <= HOPELESS
    });
    by_time(&mut left, attempts);
    Ok(left)
}

/// Takes out which setting is tried next: one of every variant, then those of the variants that were fastest so far, so that a budget that
/// ends early was spent where there is most to find.
fn next(untried: &mut Vec<usize>, attempts: &[Attempt]) -> Option<usize> {
    let rank = |at: usize| {
        let variant = &attempts[at].setting.variant;
        let known = attempts.iter().filter(|other| other.check.is_some() && other.setting.variant == *variant);
        known.map(|other| other.seconds.unwrap_or(f64::INFINITY)).reduce(f64::min).unwrap_or(0.0)
    };
    let position = (0..untried.len()).min_by(|&a, &b| rank(untried[a]).total_cmp(&rank(untried[b])))?;
    Some(untried.remove(position))
}

/// How often so many settings and what is left of them are timed until there are finalists.
fn rounds(count: usize) -> u32 {
    let halves = std::iter::successors(Some(count), |&count| (count > FINALISTS).then(|| count.div_ceil(2)));
    halves.count() as u32
}

fn by_time(left: &mut [usize], attempts: &[Attempt]) {
    let seconds = |at: usize| attempts[at].seconds.unwrap_or(f64::INFINITY);
    left.sort_by(|&a, &b| seconds(a).total_cmp(&seconds(b)));
}

fn time<R: Rig>(rig: &mut R, attempt: &mut Attempt, at: usize, slice: Duration, limit: f64) -> Result<(), R::Error> {
    match rig.time(at, slice, limit)? {
        Ok(seconds) => {
            attempt.seconds = Some(seconds);
            attempt.rounds += 1;
            if seconds > limit {
                attempt.dropped = Some(hopeless(HOPELESS * seconds / limit));
            }
        }
        Err(why) => attempt.dropped = Some(format!("not timed: {why}")),
    }
    Ok(())
}

fn hopeless(times: f64) -> String {
    format!("{times:.1} times the time of the fastest so far")
}

type Decision = (Option<Place>, Option<Setting>);

/// Races the finalists; the fastest of those that surely gain is kept.
fn decide<R: Rig>(
    rig: &mut R,
    attempts: &mut [Attempt],
    finalists: &[usize],
    rules: &Rules,
) -> Result<Decision, R::Error> {
    let time = rules.budget.saturating_sub(rig.elapsed()).max(rules.budget.mul_f64(RACING));
    let places = match rig.race(finalists, time)? {
        Ok(places) => places,
        Err(why) => {
            finalists.iter().for_each(|&at| attempts[at].dropped = Some(format!("its race failed: {why}")));
            return Ok((None, None));
        }
    };
    let told = |place: &Place| format!("{:.3} ({:.3} to {:.3})", place.ratio, place.interval.low, place.interval.high);
    let raced: Vec<(usize, Place)> = finalists.iter().copied().zip(places).collect();
    let fastest = raced.iter().min_by(|(_, a), (_, b)| a.ratio.total_cmp(&b.ratio));
    let sure = raced.iter().filter(|(_, place)| place.verdict == Verdict::Faster);
    let winner = sure.min_by(|(_, a), (_, b)| a.ratio.total_cmp(&b.ratio));
    let percent = 100.0 * rules.min_gain;
    for (at, place) in &raced {
        let reason = match winner {
            Some((best, _)) if best == at => continue,
            Some(_) if place.verdict == Verdict::Faster => "another one is faster still".into(),
            _ => format!("no gain of {percent:.1} % is sure"),
        };
        attempts[*at].dropped =
            Some(format!("its time is {} of that of the kernel's own choice: {reason}", told(place)));
    }
    let Some((best, place)) = winner else { return Ok((fastest.map(|(_, place)| place.clone()), None)) };
    attempts[0].dropped = Some(format!("the time of the setting that is kept is {} of its own", told(place)));
    Ok((Some(place.clone()), Some(attempts[*best].setting.clone())))
}
