//! What runs in place of the kernels' own choices in a run of the model: what `kernels tune` found, and what the user asks for.

use std::sync::Arc;

use clap::Args;
use i2vgen::{
    gpu::{Capabilities, ShaderChecks},
    kernel::{Choices, Forced, Override},
    lab::tune::Tuned,
};

use super::{Error, options::Overrides, units::counted};

/// Overrides, and whether tuned settings count.
#[derive(Args)]
pub struct Choosing {
    #[command(flatten)]
    pub overrides: Overrides,
    /// Leave out the settings that `i2vgen kernels tune` found to be faster on this device
    #[arg(long, help_heading = "Device")]
    no_tuned: bool,
}

impl Choosing {
    /// What the user asks for; what is wrong with it is found before anything takes long.
    pub fn asked(&self) -> Result<Choices, Error> {
        self.overrides.choices()
    }

    /// The same with what was tuned on this device; `note` hears of it.
    pub fn on(
        &self,
        mut choices: Choices,
        device: &Capabilities,
        checks: ShaderChecks,
        note: &mut dyn FnMut(&str),
    ) -> Arc<Choices> {
        if !self.no_tuned {
            let (settings, stale) = Tuned::kept(device, checks).settings();
            choices.tune(settings);
            notes(choices.tuned(), stale).iter().for_each(|text| note(text));
        }
        choices.into()
    }
}

/// What runs in place of the kernels' own choices because the user says so. Files were compared with nothing yet.
pub fn overrides(choices: &Choices) -> Vec<String> {
    let unchecked = |what: &Override| match &what.forced {
        Forced::File(file) => {
            format!("; whether it is right, `i2vgen kernels check {} --variant {}` tells", what.kernel, file.path)
        }
        Forced::Variant(_) => String::new(),
    };
    choices.overrides().iter().map(|what| format!("override: {what}{}", unchecked(what))).collect()
}

/// What the user should know about tuned settings.
pub fn notes(count: usize, stale: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if count > 0 {
        let shapes = counted(count, "shape");
        notes.push(format!("what was tuned on this device is used (at {shapes}); --no-tuned leaves it out"));
    }
    if stale > 0 {
        let shapes = counted(stale, "shape");
        notes.push(format!(
            "what was tuned at {shapes} is of other kernels than these and left out: run `i2vgen kernels tune` again"
        ));
    }
    notes
}
