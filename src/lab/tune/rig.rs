//! The search's hands: one op on one device.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::search::{Rig, Rules};
use crate::{
    gpu::Device,
    graph::{Error, Rate},
    kernel::{Case, Choice, Op},
    lab::{
        Ceilings,
        bench::{SAMPLE, Timing},
        check::{Conditions, Effort, Kind, Prepared},
        job::only_mine,
        race::{self, Place, race},
        timer::Timer,
    },
};

/// Operations of the twin for the quick check of a setting.
const TWIN: f64 = 5e7;
/// Samples at least, whatever the time.
const MIN_SAMPLES: usize = 3;

/// An op with its settings, the kernel's own choice first.
pub struct DeviceRig<'a> {
    device: &'a Device,
    op: Arc<dyn Op>,
    choices: Vec<Choice>,
    prepared: Prepared,
    /// On the kernel's own choice; its buffers serve all others, too.
    own: Timer,
    rules: Rules,
    ceilings: Option<Ceilings>,
    start: Instant,
    /// Told what comes next of which setting.
    tell: &'a mut dyn FnMut(usize, &str),
}

impl<'a> DeviceRig<'a> {
    /// Makes inputs, asks the twin, and allocates the buffers.
    ///
    /// # Errors
    /// What stands in the way of the first of the choices, the kernel's own.
    pub fn new(
        device: &'a Device,
        case: &Case,
        choices: Vec<Choice>,
        rate: Rate,
        (rules, ceilings): (Rules, Option<Ceilings>),
        tell: &'a mut dyn FnMut(usize, &str),
    ) -> Result<Self, Error> {
        let start = Instant::now();
        let own = choices.first().cloned().unwrap_or_else(|| case.op.choose(device.capabilities()));
        tell(0, "the twin");
        let effort = Effort { twin: TWIN, ..Effort::default() };
        // How workgroups are folded does not depend on a setting.
        let max_workgroups = device.capabilities().max_workgroups;
        let conditions = Conditions {
            rate,
            kinds: vec![Kind::Random],
            effort,
            interpreted: 0,
            max_workgroups,
            ..Conditions::new(rules.seed)
        };
        let prepared = conditions.prepare(case);
        tell(0, "compiling");
        let own = Timer::new(device, &case.op, &own, rate)?;
        Ok(Self { device, op: case.op.clone(), choices, prepared, own, rules, ceilings, start, tell })
    }

    fn timer(&self, at: usize) -> Result<Timer, Error> {
        self.own.with(&self.choices[at])
    }

    /// A time that the device cannot reach proves something wrong.
    fn plausible(&self, timing: &Timing) -> Result<(), String> {
        let wrong = self.ceilings.as_ref().and_then(|ceilings| timing.too_good(self.op.cost(), ceilings));
        wrong.map_or(Ok(()), Err)
    }
}

impl Rig for DeviceRig<'_> {
    type Error = Error;

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn check(&mut self, at: usize) -> Result<Result<f64, String>, Error> {
        (self.tell)(at, "checking");
        let (tell, prepared) = (&mut self.tell, &self.prepared);
        let report = prepared.check(self.device, &self.choices[at], &mut |what| tell(at, what));
        Ok(match only_mine(report)? {
            Ok(report) if report.passed() => Ok(report.runs.iter().map(|run| run.error()).fold(0.0, f64::max)),
            Ok(report) => Err(report.worst().map_or_else(
                || "it departs from the twin".into(),
                |run| match run.faults.first() {
                    Some(fault) => fault.clone(),
                    None => format!("worst error {:.1e}, tolerance {:.1e}", run.error(), report.tolerance),
                },
            )),
            Err(why) => Err(why),
        })
    }

    fn time(&mut self, at: usize, time: Duration, hopeless: f64) -> Result<Result<f64, String>, Error> {
        (self.tell)(at, "timing");
        let timed = self.timer(at).and_then(|mut timer| samples(&mut timer, time, hopeless));
        Ok(only_mine(timed)?.and_then(|timing| self.plausible(&timing).map(|()| timing.median)))
    }

    fn race(&mut self, finalists: &[usize], budget: Duration) -> Result<Result<Vec<Place>, String>, Error> {
        let rules =
            race::Rules { budget, notable: self.rules.min_gain, seed: self.rules.seed, ..race::Rules::default() };
        let lanes: Vec<usize> = std::iter::once(0).chain(finalists.iter().copied()).collect();
        let timers: Result<Vec<Timer>, Error> = lanes.iter().map(|&at| self.timer(at)).collect();
        let tell = &mut self.tell;
        let raced = timers.and_then(|mut timers| race(&mut timers, &rules, &mut |lane| tell(lanes[lane], "racing")));
        let mut places = match only_mine(raced)? {
            Ok(places) => places,
            Err(why) => return Ok(Err(why)),
        };
        places.remove(0);
        Ok(places.iter().try_for_each(|place| self.plausible(&place.timing)).map(|()| places))
    }
}

/// Times for about so long; of what is hopeless two runs are enough, for the first one may have found cold caches.
fn samples(timer: &mut Timer, time: Duration, hopeless: f64) -> Result<Timing, Error> {
    let start = Instant::now();
    let first = [timer.sample()?, timer.sample()?];
    if first[0].min(first[1]) > hopeless {
        return Ok(Timing::new(&first[1..], timer));
    }
    timer.repeat(first[0].min(first[1]), SAMPLE);
    let mut samples = Vec::new();
    while samples.len() < MIN_SAMPLES || start.elapsed() < time {
        samples.push(timer.sample()?);
    }
    Ok(Timing::new(&samples, timer))
}
