//! The inputs of a case with what the twin makes of them, and a variant's runs on them.

use std::{cell::OnceCell, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    Conditions, Kind, Report, Run,
    compare::{Expected, Found, Output, guard, named},
    extent::{Cover, covers},
    inputs::Inputs,
};
use crate::{
    gpu::Device,
    graph::Error,
    kernel::{Binding, Case, Choice, Dtype, Op, Role, Span},
    lab::stand::{Stand, Tensor, cut, pieces},
};

/// Pieces of the split run.
const PIECES: usize = 37;
/// No dispatch should take longer than this many seconds.
const MAX_SECONDS: f64 = 0.4;
/// What rounding may change an output by, in nudges of the inputs by one unit in the last place: sums of hundreds of terms round that
/// much more than their terms.
const NUDGES: f64 = 16.0;

/// A case with its inputs and what is expected of each.
#[derive(Debug)]
pub struct Prepared {
    pub(super) case: Case,
    pub(super) conditions: Conditions,
    pub(super) covers: Vec<Cover>,
    pub(super) trials: Vec<Trial>,
}

/// One kind of inputs.
#[derive(Debug)]
pub(super) struct Trial {
    kind: Kind,
    scale: i32,
    pub(super) inputs: Inputs,
    /// Of every cover: of every output, what is expected window by window.
    pub(super) expected: Vec<Vec<Vec<Expected>>>,
    /// What rounding the inputs may change, of the same values.
    slack: OnceCell<Vec<Vec<Vec<Expected>>>>,
}

impl Prepared {
    /// Makes all kinds of inputs, and asks the twin.
    pub(super) fn new(conditions: Conditions, case: &Case) -> Self {
        let Conditions { rate, seed, effort, .. } = conditions;
        let covers = covers(case.op.as_ref(), effort, rate, seed);
        let trial = |kind: Kind, scale: i32| Trial::new(case, &covers, kind, scale, seed);
        let mut trials = Vec::new();
        let scalable = inputs_of(case).iter().any(|b| case.op.scales(b) != (0..=0));
        let wanted = |kind: &Kind| match kind {
            Kind::Random | Kind::Constant => true,
            _ => scalable,
        };
        for &kind in conditions.kinds.iter().filter(|kind| wanted(kind)) {
            match kind {
                Kind::Huge => trials.push(huge(case, &trial)),
                Kind::Overflow => trials.extend(overflow(case, &trial)),
                _ => trials.push(trial(kind, 0)),
            }
        }
        Self { case: case.clone(), conditions, covers, trials }
    }

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
        };
        if self.conditions.interpreted > 0 {
            doing("interpreting");
            let subgroup = device.capabilities().subgroup.map(|[_, largest]| largest);
            report.interpreted = Some(self.sanitize(choice, subgroup, self.conditions.interpreted));
        }
        doing("compiling");
        let stands: Vec<Stand> =
            self.covers.iter().map(|cover| Stand::new(device, op, choice, &cover.units)).collect::<Result<_, _>>()?;
        for trial in &self.trials {
            let mut run = Run { inputs: trial.kind, scale: trial.scale, worst: None, rms: 0.0, faults: Vec::new() };
            let mut compared = 0;
            for (at, (cover, stand)) in self.covers.iter().zip(&stands).enumerate() {
                doing(&format!("{} inputs, units {:?}", trial.name(), cover.units));
                compared += self.run(device, trial, at, stand, &mut run, &mut report.pieces)?;
            }
            report.compared[0] = report.compared[0].max(compared);
            run.faults.sort();
            run.faults.dedup();
            report.runs.push(run);
        }
        Ok(report)
    }

    /// One cover on one kind of inputs, whole and in pieces; returns how many elements were compared.
    fn run(
        &self,
        device: &Device,
        trial: &Trial,
        at: usize,
        stand: &Stand,
        run: &mut Run,
        most_pieces: &mut usize,
    ) -> Result<usize, Error> {
        let op = &self.case.op;
        let units = &self.covers[at].units;
        let uploads = trial.inputs.device_bytes(stand.inputs().map(Tensor::span));
        stand.inputs().zip(&uploads).for_each(|(tensor, bytes)| tensor.write(device, bytes));
        let whole = if *units == (0..op.units()) {
            pieces(device, op.as_ref(), self.conditions.rate, MAX_SECONDS)?
        } else {
            vec![units.clone()]
        };
        let results = execute(device, stand, &whole)?;
        let mut compared = 0;
        for (number, (tensor, [front, bytes, behind])) in stand.outputs().zip(&results).enumerate() {
            let (binding, span) = (&tensor.binding, tensor.span());
            let output = Output { binding, span, bytes };
            let expected = &trial.expected[at][number];
            let mut found = output.compare(expected, None);
            let off = |found: &Found| found.worst.as_ref().is_some_and(|w| w.error > self.case.tolerance.worst);
            // A tolerance is for random inputs; others may make more of every rounding.
            if trial.kind != Kind::Random && self.case.tolerance.worst > 0.0 && off(&found) {
                found = output.compare(expected, Some(&trial.slack(self)[at][number]));
            }
            compared += found.compared;
            run.rms = run.rms.max(found.rms);
            run.faults.extend(found.faults);
            run.faults.extend(guard(binding, front, false));
            run.faults.extend(guard(binding, behind, true));
            if *units == (0..op.units()) {
                run.faults.extend(output.unwritten());
            }
            if found.worst.as_ref().map_or(-1.0, |w| w.error) > run.worst.as_ref().map_or(-1.0, |w| w.error) {
                run.worst = found.worst;
            }
        }
        // Where a piece begins does not depend on the values.
        let split = if trial.kind == self.trials[0].kind { cut(units, PIECES.max(2 * whole.len())) } else { vec![] };
        if split.len() > 1 {
            *most_pieces = split.len().max(*most_pieces);
            let again = execute(device, stand, &split)?;
            for ((tensor, first), second) in stand.outputs().zip(&results).zip(&again) {
                let output = Output { binding: &tensor.binding, span: tensor.span(), bytes: &first[1] };
                let differs = |at: String| format!("in {} pieces {at} is another value", split.len());
                run.faults.extend(output.differs(&second[1]).map(differs));
                run.faults.extend(guard(&tensor.binding, &second[0], false));
                run.faults.extend(guard(&tensor.binding, &second[2], true));
            }
        }
        for (tensor, bytes) in stand.inputs().zip(&uploads) {
            let [_, now, _] = tensor.read(device)?;
            if let Some(at) = bytes.iter().zip(&now).position(|(a, b)| a != b) {
                let element = tensor.span().start + at / tensor.binding.dtype.bytes();
                run.faults.push(format!("the input {} was written", named(&tensor.binding, element)));
            }
        }
        Ok(compared)
    }
}

/// Runs these pieces on poisoned outputs and reads them back with their guards.
fn execute(device: &Device, stand: &Stand, pieces: &[Range<usize>]) -> Result<Vec<[Vec<u8>; 3]>, Error> {
    stand.outputs().for_each(|tensor| tensor.write(device, &[]));
    for command in stand.commands(pieces)? {
        device.submit(&[command]);
    }
    device.wait()?;
    stand.outputs().map(|tensor| tensor.read(device)).collect()
}

impl Trial {
    fn new(case: &Case, covers: &[Cover], kind: Kind, scale: i32, seed: u64) -> Self {
        let units: Vec<Range<usize>> = covers.iter().map(|cover| cover.units.clone()).collect();
        let inputs = Inputs::new(case, kind, scale, seed, &units);
        let expected = expected(&case.op, covers, &inputs.slices());
        Self { kind, scale, inputs, expected, slack: OnceCell::new() }
    }

    fn name(&self) -> String {
        serde_json::to_value(self.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What rounding the inputs may change of each expected value: the change under one nudge of all inputs, of this value or in the rms of
    /// its output, a few times.
    fn slack(&self, prepared: &Prepared) -> &Vec<Vec<Vec<Expected>>> {
        self.slack.get_or_init(|| {
            let nudged = self.inputs.nudged(prepared.conditions.seed);
            let mut moved = expected(&prepared.case.op, &prepared.covers, &nudged.slices());
            let pairs = moved.iter_mut().flatten().zip(self.expected.iter().flatten());
            pairs.for_each(|(moved, expected)| slack(moved, expected));
            moved
        })
    }

    /// The largest number that the twin has for outputs of a type.
    fn most(&self, op: &dyn Op, dtype: Dtype) -> f32 {
        let outputs = op.bindings().into_iter().filter(|b| b.role == Role::Output);
        let wanted: Vec<bool> = outputs.map(|b| b.dtype == dtype).collect();
        let of = |outputs: &Vec<Vec<Expected>>| {
            let values =
                outputs.iter().zip(&wanted).filter(|(_, w)| **w).flat_map(|(output, _)| output).flat_map(|e| &e.values);
            // What is not written is NaN; what is infinite or undefined for the twin counts as too large.
            values.filter(|v| !v.is_nan()).fold(0.0, |most: f32, v| most.max(v.abs()))
        };
        self.expected.iter().map(of).fold(0.0, f32::max)
    }
}

/// Turns what the twin says of an output after one nudge of all inputs into what rounding may change of each value of `expected`.
pub fn slack(moved: &mut [Expected], expected: &[Expected]) {
    let (mut squares, mut count) = (0.0, 0usize);
    for (m, e) in moved.iter_mut().zip(expected).flat_map(|(m, e)| m.values.iter_mut().zip(&e.values)) {
        *m = (*m - e).abs();
        if m.is_finite() {
            squares += f64::from(*m).powi(2);
            count += 1;
        }
    }
    let rms = (squares / count.max(1) as f64).sqrt();
    let all = moved.iter_mut().flat_map(|m| &mut m.values);
    all.for_each(|m| *m = (NUDGES * f64::from(*m).max(rms)) as f32);
}

fn inputs_of(case: &Case) -> Vec<Binding> {
    case.op.bindings().into_iter().filter(|b| !matches!(b.role, Role::Output | Role::Absent)).collect()
}

/// The largest power of 2 by which some input may be scaled.
fn top(case: &Case) -> i32 {
    inputs_of(case).iter().map(|b| *case.op.scales(b).end()).max().unwrap_or(0)
}

/// By how many powers of 2 the twin's outputs exceed half of the largest number of their types.
fn excess(trial: &Trial, op: &dyn Op) -> i32 {
    let above = |dtype, most: f32| match trial.most(op, dtype) {
        value if value.is_infinite() => 16,
        value => (value / (most / 2.0)).log2().ceil().max(0.0) as i32,
    };
    above(Dtype::F16, 65504.0).max(above(Dtype::F32, f32::MAX))
}

/// The largest inputs for which all outputs stay within half of their types.
fn huge(case: &Case, trial: &dyn Fn(Kind, i32) -> Trial) -> Trial {
    let mut scale = top(case);
    loop {
        let tried = trial(Kind::Huge, scale);
        match excess(&tried, case.op.as_ref()) {
            over if over > 0 && scale > 0 => scale = (scale - over).max(0),
            _ => return tried,
        }
    }
}

/// Inputs for which some f16 outputs exceed their type, if there are any.
fn overflow(case: &Case, trial: &dyn Fn(Kind, i32) -> Trial) -> Option<Trial> {
    let has_f16 = case.op.bindings().iter().any(|b| b.role == Role::Output && b.dtype == Dtype::F16);
    if !has_f16 {
        return None;
    }
    let top = top(case);
    let tried = trial(Kind::Overflow, top);
    let most = tried.most(case.op.as_ref(), Dtype::F16);
    match most {
        // So far above that all would saturate: a few powers less.
        most if most > 16.0 * 65504.0 => {
            let less = ((most / (4.0 * 65504.0)).log2() as i32).min(top);
            Some(trial(Kind::Overflow, top - less))
        }
        most if most > 65504.0 => Some(tried),
        _ => None,
    }
}

/// What the twin says, cover by cover, output by output, window by window.
fn expected(op: &Arc<dyn Op>, covers: &[Cover], inputs: &[&[f32]]) -> Vec<Vec<Vec<Expected>>> {
    let outputs = op.bindings().iter().filter(|b| b.role == Role::Output).count();
    let of_cover = |cover: &Cover| {
        let mut by_output: Vec<Vec<Expected>> = vec![Vec::new(); outputs];
        for window in &cover.windows {
            by_output.iter_mut().zip(twin(op, window, inputs)).for_each(|(all, one)| all.push(one));
        }
        by_output
    };
    covers.iter().map(of_cover).collect()
}

/// The twin of a window, its units computed in parallel.
pub fn twin(op: &Arc<dyn Op>, window: &Range<usize>, inputs: &[&[f32]]) -> Vec<Expected> {
    let elements = |units: &Range<usize>| -> Vec<Range<usize>> {
        let outputs = op.bindings().into_iter().zip(op.spans(units)).filter(|(b, _)| b.role == Role::Output);
        outputs
            .map(|(binding, span)| match span {
                Span::All => 0..binding.elements(),
                Span::Elements(range) => range.start..range.end.min(binding.elements()),
            })
            .collect()
    };
    let blank = |elements: Range<usize>| Expected { values: vec![f32::NAN; elements.len()], elements };
    let mut all: Vec<Expected> = elements(window).into_iter().map(blank).collect();
    let parts: Vec<(Range<usize>, Vec<Vec<f32>>)> = cut(window, 8 * rayon::current_num_threads())
        .into_par_iter()
        .map(|part| {
            let values = op.twin(inputs, &part);
            (part, values)
        })
        .collect();
    for (part, outputs) in parts {
        for ((values, span), whole) in outputs.into_iter().zip(elements(&part)).zip(&mut all) {
            let start = span.start - whole.elements.start;
            for (to, value) in whole.values[start..].iter_mut().zip(values) {
                // Spans of parts overlap where each has elements that it does not write. Words of whole numbers may look like NaN.
                if !value.is_nan() || to.is_nan() {
                    *to = value;
                }
            }
        }
    }
    all
}
