//! Every operation against its twin on the device's own inputs, until one departs; then the whole run again without waiting.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use super::{Error, judge::judge, memory, report::Unsteady, walk::Walk};
use crate::{
    graph::{Plan, Rate},
    lab::{check::Effort, stand::POISON},
};

/// How operations are judged.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub effort: Effort,
    pub rate: Rate,
    pub seed: u64,
}

/// Follows a run. Returns whether something is wrong.
pub fn follow(walk: &mut Walk<'_>, rules: Rules) -> Result<bool, Error> {
    let before = externals(walk, |_, _| true)?;
    let mut marks = Vec::new();
    for index in 0..walk.len() {
        walk.step(index)?;
        poison(walk, index)?;
        walk.submit(index)?;
        let outputs = walk.read(index)?;
        marks.push(mark(&outputs));
        if !walk.selection.matches(&walk.name(index)) {
            continue;
        }
        let Some(inputs) = walk.inputs(index)? else { continue };
        let started = Instant::now();
        let finding = judge(walk.op(index), &inputs, &outputs, rules.effort, rules.rate, rules.seed);
        walk.traced.twin_seconds += started.elapsed().as_secs_f64();
        walk.traced.compared += 1;
        let checked = walk.checked(index, finding);
        if !checked.holds() {
            walk.dump_all(index)?;
            walk.traced.departed = Some(checked);
            return Ok(true);
        }
        if walk.traced.nearest.as_ref().is_none_or(|nearest| checked.share() > nearest.share()) {
            walk.traced.nearest = Some(checked);
        }
    }
    together(walk, &before, &marks)
}

/// Fills what an operation is to write with what no kernel writes, so that an element that is left out shows.
fn poison(walk: &Walk<'_>, index: usize) -> Result<(), Error> {
    for output in walk.outputs(index) {
        let poison = vec![POISON; output.binding.elements() * output.binding.dtype.bytes()];
        memory::write(&walk.program, walk.op(index), output.at, &output.binding, &poison)?;
    }
    Ok(())
}

/// Runs everything again as the program does it unwatched, from the same inputs: the same bits must come out.
fn together(walk: &mut Walk<'_>, before: &[(usize, Vec<u8>)], marks: &[u64]) -> Result<bool, Error> {
    let written = |plan: &Plan, index: usize| plan.externals[index].written;
    let alone = externals(walk, written)?;
    let run = |ops: usize| {
        before.iter().try_for_each(|(index, bytes)| memory::write_external(&walk.program, *index, bytes))?;
        walk.program.submit(0..ops);
        Ok::<_, Error>(walk.program.device().wait().map_err(crate::graph::Error::from)?)
    };
    run(walk.len())?;
    if externals(walk, written)? == alone {
        return Ok(false);
    }
    // The first operations whose last one differs: by bisection, for what is wrong once stays wrong.
    let (mut good, mut bad) = (0, walk.len());
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        run(middle)?;
        if mark(&walk.read(middle - 1)?) == marks[middle - 1] { good = middle } else { bad = middle }
    }
    run(bad)?;
    let found = mark(&walk.read(bad - 1)?) != marks[bad - 1];
    let operation = found.then(|| (walk.name(bad - 1), bad - 1));
    walk.traced.unsteady.push(Unsteady { run: walk.run.to_string(), operation });
    Ok(true)
}

/// The tensors that are exchanged with the outside, with their numbers.
fn externals(walk: &Walk<'_>, wanted: impl Fn(&Plan, usize) -> bool) -> Result<Vec<(usize, Vec<u8>)>, Error> {
    let plan = walk.program.plan();
    let all = plan.externals.iter().enumerate().filter(|(index, _)| wanted(plan, *index));
    all.map(|(index, external)| Ok((index, memory::read_external(&walk.program, index, external)?))).collect()
}

fn mark(outputs: &[Vec<u8>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    outputs.hash(&mut hasher);
    hasher.finish()
}
