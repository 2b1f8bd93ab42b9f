//! The value of an expression.

use naga::{GlobalVariable, Handle};

/// The value of an expression, for all threads of a workgroup.
#[derive(Clone, Debug, Default)]
pub enum Slot {
    /// Not computed yet.
    #[default]
    Empty,
    /// So many words for each thread.
    Words { count: usize, words: Vec<u32> },
    /// Into a variable, at a word for each thread.
    Pointer { root: Root, at: Vec<u32> },
}

/// Where a pointer points whose index was beyond: what is read there is 0, what is written there is lost.
pub const NOWHERE: u32 = u32::MAX;

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Of the module.
    Global(Handle<GlobalVariable>),
    /// Of the function in a frame, by number.
    Local(usize, usize),
}

impl Slot {
    /// A pointer to a local variable.
    pub fn local(frame: usize, number: usize, lanes: usize) -> Self {
        Self::Pointer { root: Root::Local(frame, number), at: vec![0; lanes] }
    }

    /// The same words for all threads.
    pub fn same(words: &[u32], lanes: usize) -> Self {
        Self::Words { count: words.len(), words: words.repeat(lanes) }
    }

    /// A word of a thread's value; of a scalar the only one, whichever is asked for.
    pub fn word(&self, lane: usize, word: usize) -> u32 {
        match self {
            Self::Words { count: 1, words } => words[lane],
            Self::Words { count, words } => words[lane * count + word],
            Self::Pointer { at, .. } => at[lane],
            Self::Empty => 0,
        }
    }

    /// All words of a thread's value.
    pub fn of(&self, lane: usize) -> Vec<u32> {
        match self {
            Self::Words { count, words } => words[lane * count..(lane + 1) * count].to_vec(),
            _ => Vec::new(),
        }
    }

    /// Words of each thread.
    pub fn count(&self) -> usize {
        match self {
            Self::Words { count, .. } => *count,
            _ => 0,
        }
    }

    /// Makes room for `count` words of each thread and returns them all.
    pub fn room(&mut self, count: usize, lanes: usize) -> &mut [u32] {
        if !matches!(self, Self::Words { count: has, .. } if *has == count) {
            *self = Self::Words { count, words: vec![0; count * lanes] };
        }
        match self {
            Self::Words { words, .. } => words,
            _ => &mut [],
        }
    }

    /// Sets a thread's value.
    pub fn set(&mut self, lane: usize, lanes: usize, value: &[u32]) {
        let count = value.len();
        self.room(count, lanes)[lane * count..(lane + 1) * count].copy_from_slice(value);
    }

    /// Takes the values of some threads.
    pub fn copy(&mut self, from: &Self, mask: &[bool]) {
        match (&mut *self, from) {
            (Self::Pointer { root, at }, Self::Pointer { root: other, at: from }) if root == other => {
                let pairs = at.iter_mut().zip(from).zip(mask);
                pairs.filter(|(_, on)| **on).for_each(|((at, from), _)| *at = *from);
            }
            (_, Self::Words { count, words }) => {
                let room = self.room(*count, mask.len());
                for lane in (0..mask.len()).filter(|&lane| mask[lane]) {
                    room[lane * count..(lane + 1) * count].copy_from_slice(&words[lane * count..(lane + 1) * count]);
                }
            }
            (_, from) => *self = from.clone(),
        }
    }
}
