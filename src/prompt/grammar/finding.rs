//! What the check has to say about a prompt, one line each.

use std::fmt;
use std::ops::Range;

use super::verb::Tense;

/// One remark on a prompt. `Display` gives it as one line of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// There is no word in the prompt.
    Empty,
    /// The prompt is not English; nothing else is said about it.
    OtherLanguage {
        /// The language, or the script where that is all that shows.
        language: &'static str,
    },
    /// Syntax by which other programs weigh words, or load networks; here it means nothing.
    Weights {
        /// The first of it, as it stands in the prompt.
        found: String,
    },
    /// A verb that reads better in the present continuous.
    Tense {
        /// The verb's bytes in the prompt.
        range: Range<usize>,
        /// How it stands there.
        from: String,
        /// How it would read.
        to: String,
        /// Its tense now.
        tense: Tense,
    },
    /// Nothing in the prompt moves.
    NoMotion {
        /// Clauses that suit its subject, in the present continuous.
        suggestions: Vec<String>,
    },
    /// One thing moves; several at once move the parts of the picture together.
    OneMotion {
        /// The motion that is there, as an -ing form.
        motion: String,
        /// Clauses that could be added.
        suggestions: Vec<String>,
    },
}

/// What a tense does to the motion.
fn effect(tense: Tense) -> &'static str {
    match tense {
        Tense::SimplePresent => "names a state and moves stiffly",
        Tense::SimplePast | Tense::PastContinuous => "looks like a replay",
        Tense::PresentPerfect | Tense::PastPerfect | Tense::PresentPerfectContinuous | Tense::PastPerfectContinuous => {
            "looks back at a motion that is over"
        }
        Tense::Future => "names a motion that has not begun",
        Tense::PresentContinuous | Tense::Modal => "carries the motion",
    }
}

/// White space, line breaks included, as one blank: a finding is one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(list: &[String]) -> String {
    list.iter().map(|item| format!("\"{}\"", flat(item))).collect::<Vec<_>>().join(", ")
}

impl Finding {
    /// What is found, and what it does to the clip.
    pub fn problem(&self) -> String {
        match self {
            Self::Empty => "the prompt is empty".to_owned(),
            Self::OtherLanguage { language } => {
                format!("the prompt seems to be in {language}, but the text encoder knows English")
            }
            Self::Weights { found } => {
                format!(
                    "\"{}\" is syntax of other programs and has no meaning here: every sign of it is read as text",
                    flat(found)
                )
            }
            Self::Tense { from, tense, .. } => format!("\"{}\" is {tense}, which {}", flat(from), effect(*tense)),
            Self::NoMotion { .. } => "nothing in the prompt moves".to_owned(),
            Self::OneMotion { motion, .. } => format!("\"{motion}\" is the only motion"),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Empty => "describe what moves, for example \"a person is walking\"".to_owned(),
            Self::OtherLanguage { .. } => "translate it".to_owned(),
            Self::Weights { .. } => "leave brackets and weights out".to_owned(),
            Self::Tense { to, .. } => format!("write \"{}\"", flat(to)),
            Self::NoMotion { suggestions } => format!("say what does, for example {}", quoted(suggestions)),
            Self::OneMotion { suggestions, .. } => {
                format!("several at once move the picture together, for example {}", quoted(suggestions))
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}; {}", self.problem(), self.remedy())
    }
}
