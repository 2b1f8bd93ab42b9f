//! Running a microbenchmark: work that grows until it can be timed, several settings, and how far the runs spread.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::micro::Micro;
use crate::{
    gpu::{Buffer, Command, Device, ShaderChecks},
    graph::Error,
    kernel::Defines,
    lab::statistics::quantile,
};

/// What was measured, in the setting that was fastest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What it is.
    pub what: String,
    /// The setting.
    pub setting: String,
    /// Settings that were tried.
    pub tried: usize,
    /// The fastest run: what the device can do. Per second, or in seconds where [`what`](Self::what) is a time.
    pub best: f64,
    /// The median of all runs.
    pub median: f64,
    /// Where the middle three fifths of the runs lie, the 20 % and the 80 % quantile.
    pub spread: [f64; 2],
    /// Runs.
    pub runs: usize,
}

impl Measurement {
    /// From values of which the highest (`rates`) or the lowest counts. `values` is not empty.
    pub(super) fn new(what: String, setting: String, tried: usize, values: Vec<f64>, rates: bool) -> Self {
        let at = |share: f64| quantile(&values, share);
        let best = at(if rates { 1.0 } else { 0.0 });
        Self { what, setting, tried, best, median: at(0.5), spread: [at(0.2), at(0.8)], runs: values.len() }
    }
}

/// A microbenchmark in one setting, bound and ready. The first word of its parameters is the number of rounds.
pub(super) struct Bench {
    device: Device,
    command: Command,
    params: Buffer,
    words: Vec<u32>,
    /// Seconds of a submission that does nothing, which are no part of the work.
    idle: f64,
}

/// A run should take this long, so that neither the clock's grain nor the way to the device counts.
const TARGET: f64 = 0.02;
/// Most rounds of one run.
const MAX_ROUNDS: u32 = 1 << 22;
/// Runs of a setting that decide whether it is the fastest, and further ones of that which is.
const TRIALS: usize = 2;
const RUNS: usize = 9;

impl Bench {
    /// Binds `words`, the parameters without the rounds, and `storage` to a microbenchmark.
    pub fn new(
        device: &Device,
        micro: &Micro,
        defines: &Defines,
        words: &[u32],
        storage: &[&Buffer],
        workgroups: usize,
    ) -> Result<Self, Error> {
        // Without guards: they are right, and it is the device that is measured.
        let device = device.clone().with_checks(ShaderChecks::OFF);
        let pipeline = device.pipeline(micro.name, &micro.wgsl(defines)?, micro.read_only)?;
        let words = [&[1], words].concat();
        let params = device.uniforms(bytemuck::cast_slice(&words))?;
        let storage: Vec<_> = storage.iter().map(|buffer| (*buffer, 0..buffer.bytes())).collect();
        let limit = device.capabilities().max_workgroups as usize;
        let lines = workgroups.div_ceil(limit).max(1);
        let grid = [workgroups.div_ceil(lines) as u32, lines as u32];
        let command = device.command(&pipeline, (&params, 0..params.bytes()), &storage, grid);
        Ok(Self { device, command, params, words, idle: 0.0 })
    }

    /// The same, where doing nothing takes so many seconds.
    pub fn idle(self, seconds: f64) -> Self {
        Self { idle: seconds, ..self }
    }

    /// The dispatch.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Runs so many rounds and waits; seconds by the host's clock.
    pub fn seconds(&mut self, rounds: u32) -> Result<f64, Error> {
        if let Some(first) = self.words.first_mut() {
            *first = rounds;
        }
        self.device.write(&self.params, 0, bytemuck::cast_slice(&self.words));
        self.device.flush()?;
        let start = Instant::now();
        self.device.submit(std::slice::from_ref(&self.command));
        self.device.wait()?;
        Ok((start.elapsed().as_secs_f64() - self.idle).max(1e-9))
    }

    /// Rounds that take long enough to be timed. The first run compiles.
    fn calibrate(&mut self) -> Result<u32, Error> {
        let mut rounds = 1;
        self.seconds(rounds)?;
        loop {
            let seconds = self.seconds(rounds)?;
            if seconds >= TARGET * 0.7 || rounds >= MAX_ROUNDS {
                return Ok(rounds);
            }
            rounds = (f64::from(rounds) * (TARGET / seconds).clamp(2.0, 16.0)) as u32;
        }
    }

    /// Rates of `runs` runs; `work` is what so many rounds do.
    fn rates(&mut self, rounds: u32, runs: usize, work: &dyn Fn(u32) -> f64) -> Result<Vec<f64>, Error> {
        (0..runs).map(|_| Ok(work(rounds) / self.seconds(rounds)?)).collect()
    }
}

/// A setting to try: its name, the benchmark, and the work of so many rounds.
pub(super) type Trial<'a> = (String, Bench, Box<dyn Fn(u32) -> f64 + 'a>);

/// Runs every setting a little and the fastest one longer. `None` if there is no setting.
pub(super) fn fastest(what: String, trials: Vec<Trial<'_>>) -> Result<Option<Measurement>, Error> {
    let tried = trials.len();
    let mut best: Option<(Vec<f64>, u32, Trial<'_>)> = None;
    for mut trial in trials {
        let rounds = trial.1.calibrate()?;
        let rates = trial.1.rates(rounds, TRIALS, &trial.2)?;
        let top = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
        if best.as_ref().is_none_or(|(others, ..)| top(&rates) > top(others)) {
            best = Some((rates, rounds, trial));
        }
    }
    let Some((mut rates, rounds, (setting, mut bench, work))) = best else { return Ok(None) };
    rates.extend(bench.rates(rounds, RUNS, &work)?);
    Ok(Some(Measurement::new(what, setting, tried, rates, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_run_counts_and_the_spread_is_told() {
        let values = vec![5.0, 1.0, 4.0, 2.0, 3.0, 6.0];
        let rate = Measurement::new("r".into(), "s".into(), 2, values.clone(), true);
        assert_eq!((rate.best, rate.median, rate.spread, rate.runs), (6.0, 4.0, [2.0, 5.0], 6));
        assert_eq!(Measurement::new("t".into(), "s".into(), 1, values, false).best, 1.0);
    }
}
