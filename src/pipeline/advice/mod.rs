//! What would make a clip better, known before it is made: one line for each finding.
//!
//! [`request`] holds size, frames, steps, guidance, eta and anchoring against what suits the checkpoint, [`scheduler`] the scheduler
//! settings against its own, [`prompt`] and [`picture`] say what their checks found, [`crop`] what the clip's aspect cuts off, `file`
//! what the format cannot show, and [`super::Fit`] what the request needs of a device's memory.

mod crop;
mod file;
mod picture;
mod prompt;
mod request;
mod scheduler;

use std::fmt;

use serde::Serialize;

pub use crop::crop;
pub use file::file;
pub use picture::picture;
pub use prompt::{negative, prompt, too_long};
pub use request::{branch_twice, request};
pub use scheduler::scheduler;

/// A line of advice. `Display` gives it as `topic: finding; change`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Advice {
    /// What it is about.
    pub topic: Topic,
    /// What is found, and what follows from it.
    pub finding: String,
    /// What to change, with the program's option; absent where there is nothing to do.
    pub change: Option<String>,
}

/// What a line of advice is about, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The sentence.
    Prompt,
    /// The input picture.
    Picture,
    /// Width and height: pixels and aspect.
    Size,
    /// The number of frames.
    Frames,
    /// Denoising steps.
    Steps,
    /// Classifier-free guidance.
    Guidance,
    /// Fresh noise per step.
    Eta,
    /// Temporal anchoring.
    Anchoring,
    /// The noise schedule.
    Scheduler,
    /// Where the two reference implementations differ.
    Compat,
    /// The file's format.
    File,
    /// The device's memory.
    Memory,
}

impl Advice {
    /// Something to change.
    pub fn new(topic: Topic, finding: impl Into<String>, change: impl Into<String>) -> Self {
        Self { topic, finding: finding.into(), change: Some(change.into()) }
    }

    /// Something to know.
    pub fn known(topic: Topic, finding: impl Into<String>) -> Self {
        Self { topic, finding: finding.into(), change: None }
    }

    /// It without the topic: `finding; change`.
    pub fn words(&self) -> String {
        self.change.as_ref().map_or_else(|| self.finding.clone(), |change| format!("{}; {change}", self.finding))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prompt => "prompt",
            Self::Picture => "picture",
            Self::Size => "size",
            Self::Frames => "frames",
            Self::Steps => "steps",
            Self::Guidance => "guidance",
            Self::Eta => "eta",
            Self::Anchoring => "anchoring",
            Self::Scheduler => "scheduler",
            Self::Compat => "compat",
            Self::File => "file",
            Self::Memory => "memory",
        })
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.topic, self.words())
    }
}
