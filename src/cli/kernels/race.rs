//! `i2vgen kernels race`: which of some candidates is faster, if any.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use i2vgen::lab::{Candidate, Ceilings, Clock, Item, Job, Kind, Message, Place, Rules, Task};
use serde_json::{Value, json};

use super::{
    child, report,
    shapes::{ShapeOptions, Usual, kernel},
    watch::watch,
};
use crate::cli::{
    Error,
    options::{DeviceOptions, draw_seed},
    output, units,
};

/// Race candidates against the first one: ratio with its 95 % interval, and a verdict: faster, slower or no difference
///
/// Each candidate is checked against the CPU twin first; one that fails is not timed. The others run in turn, in random order and back again
/// in every round; the ratio is the median over the rounds of a candidate's time by the first one's, the interval comes from 2000 bootstrap
/// draws of the rounds. A difference counts where all of the interval is beyond 2 %. The race ends when all intervals are within 1 % of their
/// ratios, or with the budget.
#[derive(Args)]
pub struct Race {
    /// The kernel
    kernel: String,
    /// Variants, such as register or register:TM=8,TN=2@checks=off, or WGSL files of your own
    #[arg(required = true, num_args = 2..)]
    candidates: Vec<String>,
    #[command(flatten)]
    shapes: ShapeOptions,
    /// Time for the rounds of each shape
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::parse_time)]
    budget: Duration,
    /// Seed of the inputs and of the order [default: drawn and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Measured ceilings of this device [default: what `i2vgen roofline` kept]; a time beyond them is an error
    #[arg(long, value_name = "JSON")]
    ceilings: Option<PathBuf>,
    /// End a WGSL file of your own that gives no sign of life for so long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_time)]
    timeout: Duration,
    /// Race again whenever a WGSL file of your own is saved
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

/// What became of a race.
struct Outcome {
    item: Item,
    /// By candidate.
    places: Vec<Option<Place>>,
    /// By candidate, why it was not timed or what is wrong with its time.
    wrong: Vec<Option<String>>,
}

impl Race {
    pub fn run(self) -> Result<(), Error> {
        match self.watch {
            true => watch(&self.candidates, || self.once()),
            false => self.once(),
        }
    }

    fn once(&self) -> Result<(), Error> {
        kernel(&self.kernel)?;
        let capabilities = self.device.capabilities()?;
        let ceilings = report::ceilings(self.ceilings.as_deref(), &capabilities)?;
        let candidates: Vec<Candidate> =
            self.candidates.iter().map(|text| Candidate::parse(text)).collect::<Result<_, _>>()?;
        let shapes =
            self.shapes.items_for(&candidates, std::slice::from_ref(&self.kernel), &capabilities, Usual::Costliest)?;
        shapes.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        for item in &shapes.items {
            let case = item.case().map_err(|e| Error::message(e.to_string()))?;
            // What is wrong with a file is an outcome; a wrong name is a slip.
            for candidate in candidates.iter().filter(|candidate| candidate.file().is_none()) {
                candidate.choice(case.op.as_ref(), &capabilities)?;
            }
        }
        let seed = self.seed.unwrap_or_else(draw_seed);
        let checks = self.device.checks(&capabilities);
        let setting = report::setting(&capabilities, checks);
        let (mut failed, mut results) = (false, Vec::new());
        for item in shapes.items {
            let outcome = self.race(item, &candidates, seed, ceilings.as_ref())?;
            failed |= outcome.wrong.iter().any(Option::is_some);
            match self.json {
                true => results.push(outcome.json(&candidates)),
                false => output::print(&outcome.text(&candidates))?,
            }
        }
        if self.json {
            output::print_json(&json!({ "setting": setting, "seed": seed, "races": results }))?;
        } else {
            output::print(&format!("seed {seed}, on {}", report::setting_line(&capabilities, checks)))?;
        }
        if failed { Err(Error::Reported) } else { Ok(()) }
    }

    /// Checks all, and races those that hold.
    fn race(
        &self,
        item: Item,
        candidates: &[Candidate],
        seed: u64,
        ceilings: Option<&Ceilings>,
    ) -> Result<Outcome, Error> {
        let mut wrong: Vec<Option<String>> = vec![None; candidates.len()];
        let tasks = candidates.iter().map(|candidate| Task { item: item.clone(), candidate: candidate.clone() });
        let job = Job::Check { tasks: tasks.collect(), seed, kinds: Kind::ALL.to_vec() };
        child::run(&job, &self.device, self.timeout, &mut |message| {
            match message {
                Message::Checked { at, report } if !report.passed() => wrong[at] = Some(super::check::lines(&report)),
                Message::Failed { at, error } => wrong[at] = Some(error),
                _ => {}
            }
            Ok(())
        })?;
        let right: Vec<usize> = (0..candidates.len()).filter(|&at| wrong[at].is_none()).collect();
        let mut places: Vec<Option<Place>> = vec![None; candidates.len()];
        let rules = Rules { budget: self.budget, seed, ..Rules::default() };
        let job = Job::Race { item: item.clone(), candidates: candidates.to_vec(), rules }.only(&right);
        if right.len() > 1 {
            child::run(&job, &self.device, self.timeout, &mut |message| {
                match message {
                    Message::Raced { places: raced } => {
                        raced.into_iter().for_each(|(at, place)| places[right[at]] = Some(place));
                    }
                    Message::Failed { at, error } => wrong[right[at]] = Some(error),
                    _ => {}
                }
                Ok(())
            })?;
        }
        let cost = item.case().map_err(|e| Error::message(e.to_string()))?.op.cost();
        for (place, wrong) in places.iter().zip(&mut wrong) {
            let too_good = place.as_ref().zip(ceilings).and_then(|(place, c)| place.timing.too_good(cost, c));
            *wrong = wrong.take().or(too_good);
        }
        Ok(Outcome { item, places, wrong })
    }
}

impl Outcome {
    fn text(&self, candidates: &[Candidate]) -> String {
        let mut rows =
            vec![["candidate", "median", "ratio", "95 % interval", "rounds", "verdict"].map(String::from).to_vec()];
        let mut first = true;
        for (candidate, place) in candidates.iter().zip(&self.places) {
            let Some(place) = place else { continue };
            let t = &place.timing;
            let (ratio, interval, verdict) = match std::mem::take(&mut first) {
                true => ("1".into(), String::new(), "the first".into()),
                false => {
                    let interval = place.interval;
                    let told = format!("{:.3} to {:.3}", interval.low, interval.high);
                    (format!("{:.3}", place.ratio), told, place.verdict.text().to_owned())
                }
            };
            let rounds = format!("{} x {}", t.samples, t.repeats);
            rows.push(vec![candidate.name.clone(), units::seconds(t.median), ratio, interval, rounds, verdict]);
        }
        let mut text = format!("{} at {}\n", self.item.kernel, self.item.name);
        if rows.len() > 1 {
            text += &output::table(&rows);
        }
        for ((candidate, place), wrong) in candidates.iter().zip(&self.places).zip(&self.wrong) {
            let Some(wrong) = wrong else { continue };
            let timed = if place.is_some() { "its time is wrong" } else { "not timed" };
            text += &format!("{}: {timed}: {wrong}\n", candidate.name);
        }
        if self.places.iter().flatten().any(|place| place.timing.clock == Clock::Wall) {
            text +=
                "without timestamps: the host's clock around the repeats of a sample, submission and wait included\n";
        }
        text
    }

    fn json(&self, candidates: &[Candidate]) -> Value {
        let entries =
            candidates.iter().zip(&self.places).zip(&self.wrong).map(
                |((candidate, place), wrong)| json!({ "candidate": candidate.name, "place": place, "error": wrong }),
            );
        json!({
            "kernel": self.item.kernel, "name": self.item.name, "shape": self.item.shape,
            "candidates": entries.collect::<Vec<_>>(),
        })
    }
}
