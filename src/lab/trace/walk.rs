//! One run, operation by operation: what all ways of looking at it share.

use std::time::Instant;

use super::{
    Error, Run, Selection,
    dump::Dump,
    judge::Finding,
    memory,
    names::{Named, names, outputs},
    report::{Checked, Skipped, Traced},
    twin::{self, Parameters},
};
use crate::{
    graph::{Place, Plan, PlannedOp, Watched},
    kernel::{Binding, Role},
    lab::check::Inputs,
};

/// Is told which operation of how many is at work; false ends the trace.
pub type Tell = dyn Fn(&str, usize, usize) -> bool + Send + Sync;

/// A watched run with everything that is needed to look at it.
pub struct Walk<'a> {
    pub program: Watched<'a>,
    pub run: Run,
    pub selection: &'a Selection,
    pub parameters: &'a Parameters,
    pub tell: &'a Tell,
    pub traced: &'a mut Traced,
    pub dump: Option<&'a mut Dump>,
    names: Vec<String>,
}

impl<'a> Walk<'a> {
    pub fn new(
        program: Watched<'a>,
        run: Run,
        (selection, parameters, tell): (&'a Selection, &'a Parameters, &'a Tell),
        traced: &'a mut Traced,
        dump: Option<&'a mut Dump>,
    ) -> Self {
        traced.runs.push(run.to_string());
        traced.operations += program.plan().ops.len();
        Self { program, run, selection, parameters, tell, traced, dump, names: names(program.plan()) }
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn op(&self, index: usize) -> &'a PlannedOp {
        &self.program.plan().ops[index]
    }

    /// The operation's name behind that of the run.
    pub fn name(&self, index: usize) -> String {
        format!("{}/{}", self.run, self.names[index])
    }

    /// The position of the operation with this name or label.
    pub fn find(&self, text: &str) -> Option<usize> {
        (0..self.len()).find(|&i| self.names[i] == text || self.op(i).label == text || self.name(i) == text)
    }

    pub fn outputs(&self, index: usize) -> Vec<Named> {
        outputs(self.op(index), &self.name(index))
    }

    /// Tells what is at work.
    pub fn step(&self, index: usize) -> Result<(), Error> {
        match (self.tell)(&self.name(index), index, self.len()) {
            true => Ok(()),
            false => Err(crate::pipeline::Error::Cancelled.into()),
        }
    }

    /// Runs one operation on the device and waits.
    pub fn submit(&self, index: usize) -> Result<(), Error> {
        self.program.submit(index..index + 1);
        self.program.device().wait().map_err(crate::graph::Error::from)?;
        Ok(())
    }

    /// What an operation reads, from the device; `None` if its twin cannot hold it, which is noted.
    pub fn inputs(&mut self, index: usize) -> Result<Option<Inputs>, Error> {
        let (program, op) = (self.program, self.op(index));
        let read = |at: usize, binding: &_| memory::read(&program, op, at, binding);
        let inputs = twin::inputs(program.plan(), op, self.parameters, read)?;
        if inputs.is_none() {
            self.traced.skipped.push(Skipped { name: self.name(index), reason: twin::TOO_LARGE });
        }
        Ok(inputs)
    }

    /// The bytes that an operation has written.
    pub fn read(&self, index: usize) -> Result<Vec<Vec<u8>>, Error> {
        let read = |o: Named| Ok(memory::read(&self.program, self.op(index), o.at, &o.binding)?);
        self.outputs(index).into_iter().map(read).collect()
    }

    /// Writes an operation's outputs in its place.
    pub fn write(&self, index: usize, all: &[Vec<u8>]) -> Result<(), Error> {
        for (output, bytes) in self.outputs(index).into_iter().zip(all) {
            memory::write(&self.program, self.op(index), output.at, &output.binding, bytes)?;
        }
        Ok(())
    }

    /// The twin's outputs, and the time that it took.
    pub fn twin(&mut self, index: usize, inputs: &Inputs) -> Vec<Vec<u8>> {
        let started = Instant::now();
        let outputs = twin::outputs(&self.op(index).op, inputs);
        self.traced.twin_seconds += started.elapsed().as_secs_f64();
        outputs
    }

    /// Puts an operation's outputs into the dump, if they are wanted.
    pub fn dump_outputs(&mut self, index: usize) -> Result<(), Error> {
        for output in self.outputs(index) {
            if self.selection.matches(&output.name) && self.dump.is_some() {
                let bytes = memory::read(&self.program, self.op(index), output.at, &output.binding)?;
                self.add(&output.name, &output.binding, &bytes)?;
            }
        }
        Ok(())
    }

    /// Puts what comes from outside into the dump, if it is wanted.
    pub fn dump_externals(&mut self) -> Result<(), Error> {
        let plan = self.program.plan();
        for (index, external) in plan.externals.iter().enumerate() {
            let name = format!("{}/inputs/{}", self.run, external.name);
            if is_read_first(plan, index) && self.selection.matches(&name) {
                let bytes = memory::read_external(&self.program, index, external)?;
                if let Some(dump) = &mut self.dump {
                    dump.add(&name, external.dtype, &[external.elements], &bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Puts everything that an operation reads and writes into the dump, wanted or not.
    pub fn dump_all(&mut self, index: usize) -> Result<(), Error> {
        let op = self.op(index);
        for (at, binding) in op.op.bindings().into_iter().enumerate() {
            let is_tensor = matches!(op.places[at].0, Place::Slot(_) | Place::External(_));
            if self.dump.is_some() && is_tensor && binding.role != Role::Absent {
                let kind = if binding.role == Role::Output { "outputs" } else { "inputs" };
                let bytes = memory::read(&self.program, op, at, &binding)?;
                self.add(&format!("{}/{kind}/{}", self.name(index), binding.name), &binding, &bytes)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, binding: &Binding, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.dump {
            Some(dump) => dump.add(name, binding.dtype, &binding.shape, bytes),
            None => Ok(()),
        }
    }

    pub fn checked(&self, index: usize, finding: Finding) -> Checked {
        Checked::new(self.op(index), self.name(index), [index, self.len()], finding)
    }
}

/// Does a run read this tensor of the outside before it writes it, if it does?
pub fn is_read_first(plan: &Plan, index: usize) -> bool {
    let is_it = |&(place, _): &(Place, usize)| place == Place::External(index);
    let first = plan.ops.iter().find(|op| op.places.iter().any(is_it));
    first.is_some_and(|op| {
        op.places.iter().zip(op.op.bindings()).any(|(place, b)| is_it(place) && b.role != Role::Output)
    })
}
