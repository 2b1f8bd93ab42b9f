//! The finite verbs of a prompt, as a caller sees them.

use std::fmt;
use std::ops::Range;

/// The tense of a finite verb, aspect included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tense {
    /// `walks`
    SimplePresent,
    /// `walked`
    SimplePast,
    /// `is walking`
    PresentContinuous,
    /// `was walking`
    PastContinuous,
    /// `will walk`, `will be walking`, `is going to walk`, `will have walked`
    Future,
    /// `has walked`
    PresentPerfect,
    /// `had walked`
    PastPerfect,
    /// `has been walking`
    PresentPerfectContinuous,
    /// `had been walking`
    PastPerfectContinuous,
    /// `can walk`, `must walk`, `has to walk`: no tense, an ability or duty.
    Modal,
}

/// The number of a finite verb's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// `it walks`
    Singular,
    /// `they walk`
    Plural,
}

/// What a finite verb says of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It moves or changes: `walks`, `turns red`.
    Motion,
    /// It keeps a posture or a hold, without motion: `stands`, `wears`.
    Posture,
    /// It is or has something: `is red`, `has wings`, `looks tired`.
    State,
    /// Something is done to it: `is painted`.
    Passive,
}

/// One finite verb with its helpers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its bytes in the prompt, from the first helper to the main verb, adverbs between them included.
    pub range: Range<usize>,
    /// That part of the prompt.
    pub text: String,
    /// The main verb's base form: `run` for `has run`.
    pub base: String,
    /// Its tense.
    pub tense: Tense,
    /// The number of its subject.
    pub number: Number,
    /// What it says.
    pub kind: Kind,
    /// `does not move`, `never moves`
    pub negated: bool,
}

impl fmt::Display for Tense {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::SimplePresent => "simple present",
            Self::SimplePast => "simple past",
            Self::PresentContinuous => "present continuous",
            Self::PastContinuous => "past continuous",
            Self::Future => "future",
            Self::PresentPerfect => "present perfect",
            Self::PastPerfect => "past perfect",
            Self::PresentPerfectContinuous => "present perfect continuous",
            Self::PastPerfectContinuous => "past perfect continuous",
            Self::Modal => "modal",
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Singular => "singular",
            Self::Plural => "plural",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Motion => "motion",
            Self::Posture => "posture",
            Self::State => "state",
            Self::Passive => "passive",
        })
    }
}
