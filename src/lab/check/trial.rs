//! The inputs of a case, with what the twin makes of them.

use std::{cell::OnceCell, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    Conditions, Kind,
    compare::Expected,
    extent::{Cover, covers},
    inputs::Inputs,
};
use crate::{
    kernel::{Binding, Case, Dtype, Op, Role, Span},
    lab::stand::cut,
};

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
    pub(super) kind: Kind,
    pub(super) scale: i32,
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
}

impl Trial {
    fn new(case: &Case, covers: &[Cover], kind: Kind, scale: i32, seed: u64) -> Self {
        let units: Vec<Range<usize>> = covers.iter().map(|cover| cover.units.clone()).collect();
        let inputs = Inputs::new(case, kind, scale, seed, &units);
        let expected = expected(&case.op, covers, &inputs.slices());
        Self { kind, scale, inputs, expected, slack: OnceCell::new() }
    }

    pub(super) fn name(&self) -> String {
        serde_json::to_value(self.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What rounding the inputs may change of each expected value: the change under one nudge of all inputs, of this value or in the rms of
    /// its output, a few times.
    pub(super) fn slack(&self, prepared: &Prepared) -> &Vec<Vec<Vec<Expected>>> {
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
