//! What a profile holds: every dispatch with its times. Everything else is computed from it, also from a file of another day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{setup::Setup, times::median};
use crate::{
    gpu::{Capabilities, Span},
    kernel::Cost,
    lab::Ceilings,
};

/// The times of a model's dispatches on a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// The version of this program.
    pub version: String,
    /// The model and the clip.
    #[serde(flatten)]
    pub setup: Setup,
    /// Denoising steps of a whole clip.
    pub steps: usize,
    /// The device.
    pub device: Capabilities,
    /// The guards in the shaders.
    pub shader_checks: String,
    /// What ran in place of the kernels' own choices, a file with its fingerprint; profiles of earlier versions had none.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// At how many shapes settings ran that were tuned on the device, with a fingerprint of them.
    #[serde(default)]
    pub tuned: Option<String>,
    /// What the device can do.
    pub ceilings: Ceilings,
    /// What told the times.
    pub clock: Clock,
    /// In the order in which they ran.
    pub phases: Vec<Phase>,
}

/// What tells the time of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The device's timestamps before and after a pass of its own.
    Timestamps,
    /// The host's clock around repeats of the dispatch, without what an empty dispatch takes.
    Host,
}

/// A part of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseKind {
    /// The text encoder, one prompt.
    Text,
    /// The image encoder.
    Image,
    /// The VAE's encoder.
    VaeEncode,
    /// What of the UNet does not depend on the step.
    Conditions,
    /// A denoising step: the UNet, guidance, DDIM.
    Unet,
    /// The VAE's decoder, one frame.
    VaeDecode,
}

impl PhaseKind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text encoder",
            Self::Image => "image encoder",
            Self::VaeEncode => "VAE encoder",
            Self::Conditions => "conditions",
            Self::Unet => "denoising step",
            Self::VaeDecode => "VAE decoder",
        }
    }
}

/// One run of a phase, again and again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phase {
    /// Which one.
    pub kind: PhaseKind,
    /// How often a whole clip runs it.
    pub runs: usize,
    /// Submissions of one run.
    pub submissions: usize,
    /// Bytes of weights that go to the device in one run; profiles of earlier versions had none.
    #[serde(default)]
    pub streamed: u64,
    /// Seconds of whole runs by the host's clock, nothing timed in between.
    pub whole: Vec<f64>,
    /// Seconds of the runs whose dispatches were timed, by the host's clock.
    pub timed: Vec<f64>,
    /// Seconds until the first run was done, for the first time in this process and for the second time.
    pub start: Option<[Start; 2]>,
    /// Its dispatches in order.
    pub dispatches: Vec<Dispatch>,
}

/// What comes before and with the first run, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Start {
    /// The weights come onto the device.
    pub load: f64,
    /// WGSL becomes pipelines, buffers are allocated and bound.
    pub compile: f64,
    /// The first run, in which many drivers compile once more.
    pub first: f64,
}

impl Start {
    /// All of it.
    pub fn seconds(&self) -> f64 {
        self.load + self.compile + self.first
    }
}

/// One dispatch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dispatch {
    /// Its operation's path in the model.
    pub label: String,
    /// The kernel.
    pub kernel: String,
    /// The variant, or the file that stands in for it.
    pub variant: String,
    /// The variant's whole numbers, such as tile sizes.
    pub numbers: BTreeMap<String, u32>,
    /// The operation's shape, as `i2vgen kernels` reads it.
    pub shape: Value,
    /// Which part of the operation it is, from 0, and of how many.
    pub piece: [usize; 2],
    /// Its share of the operation's work.
    pub cost: Cost,
    /// Seconds in each repetition, where the clock told them.
    pub times: Vec<Option<f64>>,
    /// Begin and end in the last repetition, from the phase's first timestamp on.
    pub span: Option<Span>,
}

impl Dispatch {
    /// The median of its times, if there are any.
    pub fn seconds(&self) -> Option<f64> {
        median(self.times.iter().flatten().copied())
    }

    /// Kernel and variant.
    pub fn kernel_variant(&self) -> String {
        format!("{} {}", self.kernel, self.variant)
    }
}

impl Phase {
    /// Seconds of one run, nothing timed in between: the median.
    pub fn seconds(&self) -> f64 {
        median(self.whole.iter().copied()).unwrap_or(0.0)
    }
}
