//! Memory that remembers who touched what since when.

use std::{borrow::Cow, collections::BTreeMap};

use half::f16;

/// Where a fault is told to lie: a variable and a word in it.
pub type Words = Vec<Cell>;

/// A word with its history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// Its value.
    pub value: u32,
    /// Has anybody written it?
    pub written: bool,
    writer: u32,
    written_in: u32,
    reader: u32,
    read_in: u32,
}

/// Several threads.
const MANY: u32 = u32::MAX;

/// What two threads did to the same word with no barrier between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Race {
    /// One read what the other wrote.
    ReadAfterWrite(u32),
    /// One wrote what the other had read.
    WriteAfterRead,
    /// Both wrote.
    WriteAfterWrite(u32),
}

impl Cell {
    /// A thread reads in the time between two barriers that `epoch` counts, from 1.
    pub fn read(&mut self, thread: u32, epoch: u32) -> (u32, Option<Race>) {
        let race = (self.written_in == epoch && self.writer != thread).then_some(Race::ReadAfterWrite(self.writer));
        self.reader = if self.read_in == epoch && self.reader != thread { MANY } else { thread };
        self.read_in = epoch;
        (self.value, race)
    }

    /// Takes what one of these threads wrote last for not written.
    pub fn forget(&mut self, threads: &std::ops::Range<u32>) {
        self.written &= !threads.contains(&self.writer);
    }

    /// A thread writes.
    pub fn write(&mut self, value: u32, thread: u32, epoch: u32) -> Option<Race> {
        let race = if self.written_in == epoch && self.writer != thread {
            Some(Race::WriteAfterWrite(self.writer))
        } else if self.read_in == epoch && self.reader != thread {
            Some(Race::WriteAfterRead)
        } else {
            None
        };
        (self.value, self.written, self.writer, self.written_in) = (value, true, thread, epoch);
        race
    }
}

/// What stands behind a binding.
#[derive(Debug)]
pub enum Buffer<'a> {
    /// Values that are only read: f16 as f32, whole numbers as f32 too, the first of them at some element of the tensor.
    Input(Input<'a>),
    /// What is written.
    Output(Words),
    /// Parameters.
    Uniform(Vec<u32>),
    /// As many zeros as there are bytes bound in place of an absent input.
    Zeros(usize),
}

/// An input with the type that the shader reads it as.
#[derive(Debug)]
pub struct Input<'a> {
    /// The values that are bound.
    pub values: Cow<'a, [f32]>,
    /// Are two f16 read as one word?
    pub packed: bool,
    /// Are they whole numbers?
    pub whole: bool,
}

impl Buffer<'_> {
    /// Its length in words of the shader's type.
    pub fn len(&self) -> usize {
        match self {
            Self::Input(input) if input.packed => input.values.len().div_ceil(2),
            Self::Input(input) => input.values.len(),
            Self::Output(words) => words.len(),
            Self::Uniform(words) => words.len(),
            Self::Zeros(words) => *words,
        }
    }

    /// A word that nobody writes.
    pub fn constant(&self, at: usize) -> u32 {
        match self {
            Self::Input(Input { values, packed: true, .. }) => {
                let half = |i: usize| u32::from(f16::from_f32(values.get(i).copied().unwrap_or(0.0)).to_bits());
                half(2 * at) | half(2 * at + 1) << 16
            }
            Self::Input(Input { values, whole: true, .. }) => values[at] as u32,
            Self::Input(Input { values, .. }) => values[at].to_bits(),
            Self::Uniform(words) => words[at],
            Self::Output(words) => words[at].value,
            Self::Zeros(_) => 0,
        }
    }
}

/// What went wrong, each kind at each line once, with how often.
#[derive(Clone, Debug, Default)]
pub struct Faults(BTreeMap<(u32, String), (String, usize)>);

impl Faults {
    /// Notes a fault of a kind at a line; `detail` is of the first one.
    pub fn add(&mut self, line: u32, kind: &str, detail: impl FnOnce() -> String) {
        match self.0.get_mut(&(line, kind.to_owned())) {
            Some((_, count)) => *count += 1,
            None => {
                self.0.insert((line, kind.to_owned()), (detail(), 1));
            }
        }
    }

    /// In words, with the lines of the text.
    pub fn told(&self, wgsl: &str) -> Vec<String> {
        let line = |number: u32| wgsl.lines().nth(number.saturating_sub(1) as usize).unwrap_or_default().trim();
        let told = |((number, _), (detail, count)): (&(u32, String), &(String, usize))| {
            let more = if *count > 1 { format!(" ({count} times)") } else { String::new() };
            format!("line {number}: {detail}{more}: `{}`", line(*number))
        };
        self.0.iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn races_are_between_threads_and_barriers() {
        let mut cell = Cell::default();
        assert_eq!(cell.write(5, 1, 1), None);
        assert_eq!(cell.read(1, 1), (5, None));
        assert_eq!(cell.read(2, 1), (5, Some(Race::ReadAfterWrite(1))));
        assert_eq!(cell.read(2, 2), (5, None)); // a barrier later
        assert_eq!(cell.write(6, 2, 2), None);
        assert_eq!(cell.write(7, 3, 2), Some(Race::WriteAfterWrite(2)));
        assert_eq!(cell.read(4, 3), (7, None));
        assert_eq!(cell.read(5, 3), (7, None));
        assert_eq!(cell.write(8, 5, 3), Some(Race::WriteAfterRead)); // 4 has read it, too
    }

    #[test]
    fn buffers_are_read_in_the_shaders_words() {
        let input = |packed, whole| Buffer::Input(Input { values: Cow::Borrowed(&[1.0, -2.0, 3.0]), packed, whole });
        assert_eq!((input(false, false).len(), input(false, false).constant(1)), (3, (-2.0f32).to_bits()));
        assert_eq!((input(true, false).len(), input(true, false).constant(0)), (2, 0xc000_3c00));
        assert_eq!(input(true, false).constant(1), 0x0000_4200);
        assert_eq!(input(false, true).constant(2), 3);
    }

    #[test]
    fn faults_are_counted_by_line_and_kind() {
        let mut faults = Faults::default();
        for i in 0..3 {
            faults.add(2, "race", || format!("thread {i} races"));
        }
        assert_eq!(faults.told("a\n  b = c;\n"), ["line 2: thread 0 races (3 times): `b = c;`"]);
    }
}
