//! The search at one shape, in a process of its own.

use std::time::Duration;

use i2vgen::{
    gpu::Capabilities,
    kernel::{Op, Setting},
    lab::{
        Candidate, Ceilings, Item, Job, Message,
        tune::{self, Attempt, Found, Rules},
    },
};

use crate::cli::{Error, kernels::child, options::DeviceOptions, progress::Progress};
use serde_json::json;

/// How shapes are searched.
pub struct Search<'a> {
    pub rules: Rules,
    pub ceilings: Option<&'a Ceilings>,
    /// What an earlier search found: only what it left is tried, and what it kept.
    pub before: Option<Found>,
    pub device: &'a DeviceOptions,
    /// Without a sign of life for so long a setting counts as hanging.
    pub timeout: Duration,
}

impl Search<'_> {
    /// The kernel's own choice, and what competes with it.
    fn candidates(&self, op: &dyn Op, capabilities: &Capabilities) -> Vec<(Setting, Candidate)> {
        let mut all = Candidate::all(op, capabilities);
        if let Some(before) = &self.before {
            let wanted = |setting: &Setting| before.left.contains(setting) || before.tuned.as_ref() == Some(setting);
            let mut first = true;
            all.retain(|(setting, _)| std::mem::take(&mut first) || wanted(setting));
        }
        all
    }

    /// Searches; or says why the shape cannot be searched. An error ends the search of all others, too.
    pub fn run(
        &self,
        item: &Item,
        op: &dyn Op,
        capabilities: &Capabilities,
        title: &str,
        progress: &mut Progress,
    ) -> Result<Result<tune::Search, String>, Error> {
        let (settings, candidates): (Vec<_>, Vec<Candidate>) = self.candidates(op, capabilities).into_iter().unzip();
        progress.stage(title, json!({ "event": "phase", "phase": title }));
        let teller = progress.teller();
        let (mut found, mut lost, mut failed) = (None, Vec::new(), None);
        let (rules, ceilings, count) = (self.rules, self.ceilings.cloned(), candidates.len());
        let names: Vec<String> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
        let job = Job::Tune { item: item.clone(), candidates, rules, ceilings };
        child::run(&job, self.device, self.timeout, &mut |message| {
            match message {
                Message::Doing { at, what } => {
                    teller(&format!("{title}: {} {what}", names[at]), at + 1, count);
                }
                Message::Searched { found: search } => found = Some(*search),
                // Without the kernel's own choice there is nothing to compare with.
                Message::Failed { at: 0, error } => failed = Some(error),
                Message::Failed { at, error } => lost.push(Attempt::lost(settings[at].clone(), error)),
                _ => {}
            }
            progress.check()
        })?;
        let Some(mut found) = found else {
            return Ok(Err(failed.unwrap_or_else(|| "the search ended without a result".into())));
        };
        if let Some(wrong) = found.wrong() {
            return Ok(Err(format!(
                "the kernel's own choice is wrong here: {wrong}; `i2vgen kernels check` says more"
            )));
        }
        found.attempts.extend(lost);
        Ok(Ok(found))
    }
}
