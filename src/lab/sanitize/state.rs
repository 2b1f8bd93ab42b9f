//! What the threads hold and what they share.

use std::collections::HashMap;

use naga::{AddressSpace, Barrier, GlobalVariable, Handle, Module, Span};

use super::{
    Stop,
    frame::Frame,
    memory::{Buffer, Faults, Race, Words},
    slot::{NOWHERE, Root, Slot},
    types::words,
};

/// A variable of the module.
enum Variable<'a> {
    Buffer(Buffer<'a>),
    Workgroup(Words),
    /// Of each thread its own.
    Private(Vec<u32>),
    Unknown,
}

/// All variables of the module.
pub struct Memory<'a> {
    module: &'a Module,
    wgsl: &'a str,
    /// By the index of their handles.
    variables: Vec<Variable<'a>>,
    /// What went wrong.
    pub faults: Faults,
    /// Where the text is being run.
    pub span: Span,
    /// Times between barriers, counted through all workgroups.
    epoch: u32,
    storage_epoch: u32,
    /// Threads of the workgroups that ran before.
    first: u32,
    lanes: u32,
}

impl<'a> Memory<'a> {
    /// Memory in which these buffers stand behind the bindings.
    pub fn new(
        module: &'a Module,
        wgsl: &'a str,
        mut buffers: HashMap<Handle<GlobalVariable>, Buffer<'a>>,
        lanes: usize,
    ) -> Result<Self, Stop> {
        let mut variables = Vec::with_capacity(module.global_variables.len());
        for (handle, variable) in module.global_variables.iter() {
            let count = || words(module, &module.types[variable.ty].inner);
            variables.push(match (buffers.remove(&handle), variable.space) {
                (Some(buffer), _) => Variable::Buffer(buffer),
                (None, AddressSpace::WorkGroup) => Variable::Workgroup(vec![Default::default(); count()?]),
                (None, AddressSpace::Private) if variable.init.is_some() => {
                    return Err(Stop::unknown("private variables with a value"));
                }
                (None, AddressSpace::Private) => Variable::Private(vec![0; count()? * lanes]),
                _ => Variable::Unknown,
            });
        }
        Ok(Self {
            module,
            wgsl,
            variables,
            faults: Faults::default(),
            span: Span::UNDEFINED,
            epoch: 0,
            storage_epoch: 1,
            first: 0,
            lanes: lanes as u32,
        })
    }

    /// What was written into the buffer of a variable.
    pub fn output(&self, variable: Handle<GlobalVariable>) -> Option<&Words> {
        match &self.variables[variable.index()] {
            Variable::Buffer(Buffer::Output(words)) => Some(words),
            _ => None,
        }
    }

    /// Workgroup memory is new for every workgroup.
    pub fn begin_workgroup(&mut self) {
        for variable in &mut self.variables {
            match variable {
                Variable::Workgroup(words) => words.fill(Default::default()),
                Variable::Private(words) => words.fill(0),
                _ => {}
            }
        }
        self.epoch += 1;
        self.first += self.lanes;
    }

    /// Takes back what a workgroup wrote into buffers that did not run to its end.
    pub fn forget_workgroup(&mut self) {
        let threads = self.first..self.first + self.lanes;
        for variable in &mut self.variables {
            if let Variable::Buffer(Buffer::Output(words)) = variable {
                words.iter_mut().for_each(|cell| cell.forget(&threads));
            }
        }
    }

    /// What was done before a barrier is known to all behind it.
    pub fn barrier(&mut self, kind: Barrier) {
        if kind.contains(Barrier::WORK_GROUP) {
            self.epoch += 1;
        }
        // Only threads of one workgroup know; those of others may still race, but no barrier is for them.
        if kind.contains(Barrier::STORAGE) {
            self.storage_epoch += 1;
        }
    }

    /// Notes a fault at the present place.
    pub fn fault(&mut self, kind: &str, told: impl FnOnce() -> String) {
        let line = if self.span.is_defined() { self.span.location(self.wgsl).line_number } else { 0 };
        self.faults.add(line, kind, told);
    }

    /// The present place: its line, and what stands there.
    pub fn line(&self) -> Option<String> {
        let line = self.span.is_defined().then(|| self.span.location(self.wgsl).line_number)?;
        let text = self.wgsl.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default().trim();
        Some(format!("line {line}: `{text}`"))
    }

    /// A pointer to a variable of the module.
    pub fn pointer(&self, variable: Handle<GlobalVariable>, lanes: usize) -> Result<Slot, Stop> {
        match self.variables[variable.index()] {
            Variable::Unknown => Err(Stop::unknown("variables other than buffers, workgroup and private memory")),
            _ => Ok(Slot::Pointer { root: Root::Global(variable), at: vec![0; lanes] }),
        }
    }

    /// Words behind a pointer to a whole buffer.
    pub fn len(&self, root: Root) -> usize {
        match root {
            Root::Global(variable) => match &self.variables[variable.index()] {
                Variable::Buffer(buffer) => buffer.len(),
                _ => 0,
            },
            Root::Local(..) => 0,
        }
    }

    /// The name of a variable.
    pub fn name(&self, root: Root) -> &'a str {
        match root {
            Root::Global(variable) => self.module.global_variables[variable].name.as_deref().unwrap_or("a buffer"),
            Root::Local(..) => "a variable",
        }
    }

    /// Reads `count` words for each thread of a path, from where its pointer points on.
    pub fn load(&mut self, frames: &[Frame], root: Root, at: &[u32], count: usize, mask: &[bool], to: &mut [u32]) {
        let own = |all: &[u32], lane: usize, word: usize| all[lane * (all.len() / self.lanes as usize) + word];
        let mut noted = Vec::new();
        for lane in (0..mask.len()).filter(|&lane| mask[lane]) {
            let thread = self.first + lane as u32;
            for (i, word) in (at[lane] as usize..).take(count).enumerate() {
                let to = &mut to[lane * count + i];
                *to = 0;
                if at[lane] == NOWHERE {
                    continue;
                }
                let variable = match root {
                    Root::Local(frame, number) => {
                        *to = own(&frames[frame].locals[number], lane, word);
                        continue;
                    }
                    Root::Global(variable) => &mut self.variables[variable.index()],
                };
                let (cell, epoch) = match variable {
                    Variable::Private(all) => {
                        *to = all[lane * (all.len() / self.lanes as usize) + word];
                        continue;
                    }
                    Variable::Workgroup(words) => (words.get_mut(word), self.epoch),
                    Variable::Buffer(Buffer::Output(words)) => (words.get_mut(word), self.storage_epoch),
                    Variable::Buffer(buffer) => {
                        *to = if word < buffer.len() { buffer.constant(word) } else { 0 };
                        continue;
                    }
                    Variable::Unknown => continue,
                };
                let Some(cell) = cell else { continue };
                let written = cell.written;
                let (value, race) = cell.read(thread, epoch);
                *to = value;
                if !written || race.is_some() {
                    noted.push((lane, word, written, race));
                }
            }
        }
        for (lane, word, written, race) in noted {
            if !written {
                let name = self.name(root);
                let told = || format!("thread {lane} reads word {word} of {name}, which no thread has written");
                self.fault("unwritten", told);
            }
            self.race(race, root, word, lane);
        }
    }

    /// Writes the values of some threads where their pointers point.
    pub fn store(
        &mut self,
        frames: &mut [Frame],
        frame: usize,
        pointer: usize,
        value: usize,
        mask: &[bool],
    ) -> Result<(), Stop> {
        let values = &mut frames[frame].values;
        let (pointed, given) = (std::mem::take(&mut values[pointer]), std::mem::take(&mut values[value]));
        let stored = match (&pointed, &given) {
            (Slot::Pointer { root, at }, Slot::Words { count, words }) => {
                for lane in (0..mask.len()).filter(|&lane| mask[lane] && at[lane] != NOWHERE) {
                    for word in 0..*count {
                        self.write(frames, *root, at[lane] as usize + word, lane, words[lane * count + word]);
                    }
                }
                Ok(())
            }
            _ => Err(Stop::unknown("such assignments")),
        };
        (frames[frame].values[pointer], frames[frame].values[value]) = (pointed, given);
        stored
    }

    /// Writes a word.
    fn write(&mut self, frames: &mut [Frame], root: Root, at: usize, lane: usize, value: u32) {
        let thread = self.first + lane as u32;
        let lanes = self.lanes as usize;
        let own = |all: &mut [u32]| all[lane * (all.len() / lanes) + at] = value;
        let race = match root {
            Root::Local(frame, number) => return own(&mut frames[frame].locals[number]),
            Root::Global(variable) => match &mut self.variables[variable.index()] {
                Variable::Private(all) => return own(all),
                Variable::Workgroup(words) => words.get_mut(at).and_then(|cell| cell.write(value, thread, self.epoch)),
                Variable::Buffer(Buffer::Output(words)) => {
                    words.get_mut(at).and_then(|cell| cell.write(value, thread, self.storage_epoch))
                }
                _ => None,
            },
        };
        self.race(race, root, at, lane);
    }

    fn race(&mut self, race: Option<Race>, root: Root, at: usize, lane: usize) {
        let Some(race) = race else { return };
        let name = self.name(root);
        let (lanes, first) = (self.lanes, self.first);
        let other = |thread: u32| match thread / lanes == first / lanes {
            true => format!("thread {}", thread % lanes),
            false => format!("a thread of another workgroup (number {} of those that ran)", thread / lanes),
        };
        self.fault("race", || match race {
            Race::ReadAfterWrite(by) => {
                format!("thread {lane} reads word {at} of {name}, which {} wrote, with no barrier between", other(by))
            }
            Race::WriteAfterWrite(by) => {
                format!("thread {lane} writes word {at} of {name}, which {} wrote, with no barrier between", other(by))
            }
            Race::WriteAfterRead => {
                format!("thread {lane} writes word {at} of {name}, which another one reads, with no barrier between")
            }
        });
    }
}
