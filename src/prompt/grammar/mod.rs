//! The grammar of a prompt: which verbs it has, in which tense, and how it reads in the present continuous.
//!
//! A video model takes the simple present as a state and the past as a replay; the present continuous carries motion.
//! `analyse` reads an English prompt by rules, without a model: words come from the lists in `data/`, ambiguous words
//! get every reading they can have (`reading`), and a small weighted grammar (`step`) picks the cheapest reading of each
//! sentence (`parse`). Nothing is changed but finite verbs, and nothing but those that name a motion or a posture.

mod analysis;
mod clause_step;
mod finding;
mod group;
mod kind;
mod language;
mod motion;
mod nonfinite_step;
mod noun_step;
mod parse;
mod reading;
mod rewrite;
mod spelling;
mod state;
mod step;
mod suggest;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod verb;
mod verb_step;
mod verbs;
mod weights;
mod words;

pub use analysis::{Analysis, analyse};
pub use finding::Finding;
pub use verb::{Kind, Number, Tense, Verb};
pub use weights::weights;
