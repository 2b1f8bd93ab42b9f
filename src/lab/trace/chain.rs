//! A whole run on the twins, each fed with what the one before it made, beside the device's run from the same inputs; and by bisection the
//! operation that makes the difference.

use std::{cell::RefCell, collections::HashMap};

use super::{
    Error,
    judge::judge,
    local::Rules,
    memory,
    report::Chain,
    twin,
    walk::{Walk, is_read_first},
};
use crate::{
    graph::{Place, Plan},
    kernel::{Binding, Dtype},
};

/// What the end of a run may be off by, in tolerances of its operations. On the demo checkpoint the ends of all runs are within 0.2 of it in
/// f32 and 0.4 in f16: what one operation rounds the network magnifies, and the next ones average.
const GROWTH: f64 = 3.0;

/// What was there before, and what the twins make of it.
struct Twins {
    /// Of every tensor that comes from outside its bytes.
    given: Vec<(usize, Vec<u8>)>,
    /// Of every operation its outputs.
    outputs: Vec<Vec<Vec<u8>>>,
}

/// Follows a run along the chain. Returns whether something is wrong.
pub fn follow(walk: &mut Walk<'_>, rules: Rules, max_memory: u64) -> Result<bool, Error> {
    let all = |index: usize| walk.outputs(index).iter().map(|o| bytes(&o.binding)).sum::<u64>();
    let needed = (0..walk.len()).map(all).sum();
    if needed > max_memory {
        return Err(Error::Memory { needed, limit: max_memory });
    }
    let twins = Twins::run(walk)?;
    // The device alone, looked at on its way.
    twins.restore(walk, 0)?;
    let mut largest = None;
    for index in 0..walk.len() {
        walk.submit(index)?;
        let outputs = walk.outputs(index);
        let all = outputs.iter().zip(walk.read(index)?).zip(&twins.outputs[index]);
        let error = all.map(|((o, found), expected)| apart(o.binding.dtype, expected, &found)).fold(0.0, f64::max);
        if largest.as_ref().is_none_or(|(_, most)| error > *most) {
            largest = Some((walk.name(index), error));
        }
    }
    let error = end_error(walk, &twins)?;
    let allowed = allowed(walk.program.plan());
    walk.traced.compared += walk.len();
    let mut chain = Chain { run: walk.run.to_string(), operations: walk.len(), error, allowed, largest, culprit: None };
    if error <= allowed {
        walk.traced.chains.push(chain);
        return Ok(false);
    }
    // With no operation on the twins the end is wrong, with all of them it is right.
    let (mut wrong, mut right, mut left) = (0, walk.len(), 0.0);
    while right - wrong > 1 {
        let middle = wrong.midpoint(right);
        walk.step(middle)?;
        twins.restore(walk, middle)?;
        walk.program.submit(middle..walk.len());
        let error = end_error(walk, &twins)?;
        if error <= allowed { (right, left) = (middle, error) } else { wrong = middle }
    }
    let culprit = right - 1;
    twins.restore(walk, culprit)?;
    walk.submit(culprit)?;
    if let Some(inputs) = walk.inputs(culprit)? {
        let outputs = walk.read(culprit)?;
        let finding = judge(walk.op(culprit), &inputs, &outputs, rules.effort, rules.rate, rules.seed);
        chain.culprit = Some((walk.checked(culprit, finding), left));
    }
    walk.dump_all(culprit)?;
    walk.traced.chains.push(chain);
    Ok(true)
}

impl Twins {
    /// Runs all twins, on memory of the host that is laid out as the device's.
    fn run(walk: &mut Walk<'_>) -> Result<Self, Error> {
        let program = walk.program;
        let plan = program.plan();
        let mut given = Vec::new();
        let host: RefCell<HashMap<Place, Vec<u8>>> = RefCell::default();
        for (index, external) in plan.externals.iter().enumerate() {
            if is_read_first(plan, index) {
                let bytes = memory::read_external(&program, index, external)?;
                host.borrow_mut().insert(Place::External(index), bytes.clone());
                given.push((index, bytes));
            }
        }
        let mut all = Vec::with_capacity(walk.len());
        for index in 0..walk.len() {
            walk.step(index)?;
            let op = walk.op(index);
            let read = |at: usize, binding: &Binding| {
                let (place, offset) = op.places[at];
                let start = offset * binding.dtype.bytes();
                let host = host.borrow();
                let bytes = host.get(&place).and_then(|all| all.get(start..start + bytes(binding) as usize));
                Ok::<_, Error>(bytes.map(<[u8]>::to_vec).unwrap_or_default())
            };
            let outputs = match twin::inputs(plan, op, walk.parameters, read)? {
                Some(inputs) => walk.twin(index, &inputs),
                // What its twin cannot hold the device computes, from the host's memory.
                None => {
                    Self { given: given.clone(), outputs: all.clone() }.restore(walk, index)?;
                    walk.submit(index)?;
                    walk.read(index)?
                }
            };
            walk.traced.on_twins += 1;
            for (output, bytes) in walk.outputs(index).iter().zip(&outputs) {
                let (place, offset) = op.places[output.at];
                let start = offset * output.binding.dtype.bytes();
                let mut host = host.borrow_mut();
                let memory = host.entry(place).or_default();
                memory.resize(memory.len().max(start + bytes.len()), 0);
                memory[start..start + bytes.len()].copy_from_slice(bytes);
            }
            all.push(outputs);
        }
        Ok(Self { given, outputs: all })
    }

    /// Puts the device's memory into the state behind the first operations, computed by the twins.
    fn restore(&self, walk: &Walk<'_>, ops: usize) -> Result<(), Error> {
        for (index, bytes) in &self.given {
            memory::write_external(&walk.program, *index, bytes)?;
        }
        for (index, outputs) in self.outputs.iter().enumerate().take(ops) {
            walk.write(index, outputs)?;
        }
        Ok(())
    }
}

/// The largest error of what a run hands to the outside.
fn end_error(walk: &Walk<'_>, twins: &Twins) -> Result<f64, Error> {
    let mut worst: f64 = 0.0;
    for (index, expected) in twins.outputs.iter().enumerate() {
        for (output, expected) in walk.outputs(index).into_iter().zip(expected) {
            if let (Place::External(_), _) = walk.op(index).places[output.at] {
                let found = memory::read(&walk.program, walk.op(index), output.at, &output.binding)?;
                worst = worst.max(apart(output.binding.dtype, expected, &found));
            }
        }
    }
    Ok(worst)
}

/// What the end of a run may be off by.
fn allowed(plan: &Plan) -> f64 {
    GROWTH * plan.ops.iter().map(|op| op.op.tolerance().worst).fold(0.0, f64::max)
}

fn bytes(binding: &Binding) -> u64 {
    (binding.elements() * binding.dtype.bytes()) as u64
}

/// Largest difference relative to the rms of what is expected; of packed bytes, the largest beyond 1. What is no number is infinitely wrong.
fn apart(dtype: Dtype, expected: &[u8], found: &[u8]) -> f64 {
    if dtype == Dtype::U32 {
        let differences = expected.iter().zip(found).map(|(&e, &f)| e.abs_diff(f).saturating_sub(1));
        return differences.max().map_or(0.0, f64::from);
    }
    let (Some(expected), Some(found)) = (memory::values(dtype, expected), memory::values(dtype, found)) else {
        return f64::INFINITY;
    };
    let squares: f64 = expected.iter().map(|&v| f64::from(v).powi(2)).sum();
    let rms = (squares / expected.len().max(1) as f64).sqrt().max(1e-30);
    let errors = expected.iter().zip(&found).map(|(&e, &f)| (f64::from(e) - f64::from(f)).abs() / rms);
    errors.fold(0.0, |worst, error| if error.is_nan() { f64::INFINITY } else { worst.max(error) })
}
