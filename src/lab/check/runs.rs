//! A variant's runs on a device: whole, with its workgroups in short lines, and in pieces.

use std::ops::Range;

use super::{
    Kind, Report, Run,
    compare::{Found, Output, guard, named},
    trial::{Prepared, Trial},
};
use crate::{
    gpu::Device,
    graph::Error,
    kernel::{Choice, Role},
    lab::stand::{Stand, Tensor, cut, pieces},
};

/// Pieces of the split run.
const PIECES: usize = 37;
/// No dispatch should take longer than this many seconds.
const MAX_SECONDS: f64 = 0.4;

/// The bytes of every output with the guards before and behind it.
type Bytes = Vec<[Vec<u8>; 3]>;

/// A variant on one kind of inputs, in the memory of one cover.
struct Runs<'a> {
    prepared: &'a Prepared,
    device: &'a Device,
    stand: &'a Stand,
    trial: &'a Trial,
    /// The number of the cover.
    at: usize,
}

impl Prepared {
    /// Runs one variant on all inputs. `doing` is told each step before it is taken.
    pub fn check(&self, device: &Device, choice: &Choice, doing: &mut dyn FnMut(&str)) -> Result<Report, Error> {
        let (case, op) = (&self.case, &self.case.op);
        let outputs = op.bindings().into_iter().filter(|b| b.role == Role::Output);
        let mut report = Report {
            kernel: op.kernel().name.to_owned(),
            case: case.name.clone(),
            variant: choice.variant.to_owned(),
            compared: [0, outputs.map(|b| b.elements()).sum()],
            whole: self.covers.iter().any(|cover| cover.units == (0..op.units())),
            tolerance: case.tolerance.worst,
            reason: case.tolerance.reason.to_owned(),
            runs: Vec::new(),
            pieces: 0,
            interpreted: None,
            disputed: false,
        };
        if self.conditions.interpreted > 0 {
            doing("interpreting");
            let subgroup = device.capabilities().subgroup.map(|[_, largest]| largest);
            report.interpreted = Some(self.sanitize(choice, subgroup, self.conditions.interpreted));
        }
        let found = report.interpreted.as_ref();
        let interpreted_right = found.is_some_and(|found| report.is_clean(found) && found.is_complete());
        doing("compiling");
        let stands: Vec<Stand> =
            self.covers.iter().map(|cover| Stand::new(device, op, choice, &cover.units)).collect::<Result<_, _>>()?;
        for (number, trial) in self.trials.iter().enumerate() {
            let mut run = Run::new(trial.kind, trial.scale);
            let mut compared = 0;
            for (at, (cover, stand)) in self.covers.iter().zip(&stands).enumerate() {
                doing(&format!("{} inputs, units {:?}", trial.name(), cover.units));
                let runs = Runs { prepared: self, device, stand, trial, at };
                let uploads = runs.upload();
                let mut part = Run::new(trial.kind, trial.scale);
                let (whole, results) = runs.whole(&mut part, &mut compared)?;
                let has_failed = !report.holds(&part);
                run.add(part);
                // Where a workgroup or a piece lies does not depend on the values.
                if number == 0 {
                    report.disputed |= has_failed && interpreted_right && self.smallest() == Some(at);
                    runs.folded(&whole, &results, &mut run)?;
                    report.pieces = report.pieces.max(runs.split(whole.len(), &results, &mut run)?);
                }
                runs.unchanged(&uploads, &mut run)?;
            }
            report.compared[0] = report.compared[0].max(compared);
            run.faults.sort();
            run.faults.dedup();
            report.runs.push(run);
        }
        Ok(report)
    }
}

impl Runs<'_> {
    fn units(&self) -> &Range<usize> {
        &self.prepared.covers[self.at].units
    }

    /// Fills the inputs; returns their bytes.
    fn upload(&self) -> Vec<Vec<u8>> {
        let uploads = self.trial.inputs.device_bytes(self.stand.inputs().map(Tensor::span));
        self.stand.inputs().zip(&uploads).for_each(|(tensor, bytes)| tensor.write(self.device, bytes));
        uploads
    }

    /// All units in as few dispatches as the device allows, beside the twin; returns the dispatches and what they wrote, and adds to
    /// `compared` how many elements were.
    fn whole(&self, run: &mut Run, compared: &mut usize) -> Result<(Vec<Range<usize>>, Bytes), Error> {
        let Prepared { case, conditions, .. } = self.prepared;
        let is_all = *self.units() == (0..case.op.units());
        let whole = match is_all {
            true => pieces(self.device, case.op.as_ref(), conditions.rate, MAX_SECONDS)?,
            false => vec![self.units().clone()],
        };
        let results = self.execute(&whole, self.device.capabilities().max_workgroups)?;
        for (number, (tensor, [_, bytes, _])) in self.stand.outputs().zip(&results).enumerate() {
            let output = Output { binding: &tensor.binding, span: tensor.span(), bytes };
            let expected = &self.trial.expected[self.at][number];
            let mut found = output.compare(expected, None);
            let off = |found: &Found| found.worst.as_ref().is_some_and(|w| w.error > case.tolerance.worst);
            // A tolerance is for random inputs; others may make more of every rounding.
            if self.trial.kind != Kind::Random && case.tolerance.worst > 0.0 && off(&found) {
                found = output.compare(expected, Some(&self.trial.slack(self.prepared)[self.at][number]));
            }
            *compared += found.compared;
            let Found { worst, rms, faults, .. } = found;
            run.add(Run { worst, rms, faults, ..Run::new(run.inputs, run.scale) });
            if is_all {
                run.faults.extend(output.unwritten());
            }
        }
        self.guards(&results, run);
        Ok((whole, results))
    }

    /// The same dispatches with their workgroups in lines so short that a small op has several, with some workgroups beyond the last: the
    /// device itself folds only what is very large.
    fn folded(&self, whole: &[Range<usize>], results: &Bytes, run: &mut Run) -> Result<(), Error> {
        let line = self.prepared.conditions.max_workgroups;
        if line >= self.device.capabilities().max_workgroups {
            return Ok(());
        }
        let again = self.execute(whole, line)?;
        for (output, [_, second, _]) in self.outputs(results).zip(&again) {
            let differs = |at: String| format!("with workgroups in lines of {line} at most, {at} is another value");
            run.faults.extend(output.differs(second).map(differs));
        }
        self.guards(&again, run);
        Ok(())
    }

    /// The units in many small pieces; returns in how many. Every other piece runs on outputs where nothing is written yet, then the others
    /// on such again: a piece that writes what belongs to its neighbours is seen, though they would write the same there.
    fn split(&self, dispatches: usize, results: &Bytes, run: &mut Run) -> Result<usize, Error> {
        let split = cut(self.units(), PIECES.max(2 * dispatches));
        if split.len() < 2 {
            return Ok(0);
        }
        let half = |first: usize| {
            let pieces: Vec<Range<usize>> = split.iter().skip(first).step_by(2).rev().cloned().collect();
            self.execute(&pieces, self.prepared.conditions.max_workgroups)
        };
        let (even, odd) = (half(0)?, half(1)?);
        for ((output, [_, even, _]), [_, odd, _]) in self.outputs(results).zip(&even).zip(&odd) {
            let (joined, twice) = output.joined(even, odd);
            let foreign =
                |at: String| format!("in {} pieces {at} is written by one to which it does not belong", split.len());
            let differs = |at: String| format!("in {} pieces {at} is another value", split.len());
            run.faults.extend(twice.map(foreign));
            run.faults.extend(output.differs(&joined).map(differs));
        }
        self.guards(&even, run);
        self.guards(&odd, run);
        Ok(split.len())
    }

    /// Inputs are as they were.
    fn unchanged(&self, uploads: &[Vec<u8>], run: &mut Run) -> Result<(), Error> {
        for (tensor, bytes) in self.stand.inputs().zip(uploads) {
            let [_, now, _] = tensor.read(self.device)?;
            if let Some(at) = bytes.iter().zip(&now).position(|(a, b)| a != b) {
                let element = tensor.span().start + at / tensor.binding.dtype.bytes();
                run.faults.push(format!("the input {} was written", named(&tensor.binding, element)));
            }
        }
        Ok(())
    }

    /// Runs these units on poisoned outputs and reads them back with their guards.
    fn execute(&self, units: &[Range<usize>], max_workgroups: u32) -> Result<Bytes, Error> {
        self.stand.outputs().for_each(|tensor| tensor.write(self.device, &[]));
        for command in self.stand.commands(units, max_workgroups)? {
            self.device.submit(&[command]);
        }
        self.device.wait()?;
        self.stand.outputs().map(|tensor| tensor.read(self.device)).collect()
    }

    fn outputs<'a>(&'a self, results: &'a Bytes) -> impl Iterator<Item = Output<'a>> {
        let outputs = self.stand.outputs().zip(results);
        outputs.map(|(tensor, [_, bytes, _])| Output { binding: &tensor.binding, span: tensor.span(), bytes })
    }

    fn guards(&self, results: &Bytes, run: &mut Run) {
        for (tensor, [front, _, behind]) in self.stand.outputs().zip(results) {
            run.faults.extend(guard(&tensor.binding, front, false));
            run.faults.extend(guard(&tensor.binding, behind, true));
        }
    }
}
