//! `i2vgen kernels check`: is a kernel right?

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use i2vgen::{
    gpu::Capabilities,
    lab::{Candidate, Item, Job, Kind, Message, Report, Run, Task},
};
use serde_json::json;

use super::{
    child, report,
    shapes::{ShapeOptions, Usual, kernel},
    watch::watch,
};
use crate::cli::{
    Error,
    options::{DeviceOptions, by_name, draw_seed},
    output, units,
};

/// Compare kernels with their CPU twins on this device
///
/// Every variant runs on random, constant, tiny and huge inputs, whole, with its workgroups in short lines, and in pieces. Outputs are
/// poisoned before and stand between guards, which must not change. Errors are relative to the rms of the twin's output. Tiny inputs are scaled down until their squares are barely
/// normal numbers of f32 (of f16: by 2^-8), huge ones up as far as the kernel takes them and the twin's outputs stay below half of their
/// type's largest number; where a type can overflow, it must saturate. Of an op that is much work some units are compared, first and last
/// among them. First an interpreter of the WGSL runs as many workgroups as a few million operations allow, and looks for threads that race,
/// memory that is read before it is written, barriers that not all threads reach and elements beyond what is bound; it knows no cooperative
/// matrices. The exit code is 0 only if everything holds.
#[derive(Args)]
pub struct Check {
    /// Kernels [default: all]
    kernels: Vec<String>,
    /// Variants, such as register or register:TM=8, or a WGSL file of your own; may be given more than once [default: all that this
    /// device can run]
    #[arg(long, value_name = "VARIANT|FILE")]
    variant: Vec<String>,
    #[command(flatten)]
    shapes: ShapeOptions,
    /// Kinds of inputs: some of random,constant,tiny,huge,overflow
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = by_name::<Kind>)]
    inputs: Vec<Kind>,
    /// Seed of random inputs [default: drawn and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End a WGSL file of your own that gives no sign of life for so long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_time)]
    timeout: Duration,
    /// Check again whenever a WGSL file of your own is saved
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

impl Check {
    pub fn run(self) -> Result<(), Error> {
        match self.watch {
            true => watch(&self.variant, || self.once()),
            false => self.once(),
        }
    }

    fn once(&self) -> Result<(), Error> {
        let capabilities = self.device.capabilities()?;
        for name in &self.kernels {
            kernel(name)?;
        }
        let candidates: Vec<Candidate> =
            self.variant.iter().map(|text| Candidate::parse(text)).collect::<Result<_, _>>()?;
        if self.kernels.len() != 1 && candidates.iter().any(|candidate| candidate.file().is_some()) {
            return Err(Error::message(
                "--variant: a WGSL file is for one kernel: name it, as in `kernels check conv2d`",
            ));
        }
        let shapes = self.shapes.items_for(&candidates, &self.kernels, &capabilities, Usual::Cases)?;
        shapes.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        let (tasks, skipped) = tasks(&shapes.items, &candidates, &capabilities)?;
        if skipped > 0 {
            output::tell(&format!(
                "note: {} skipped: a variant is not for every shape",
                units::counted(skipped, "check")
            ));
        }
        let seed = self.seed.unwrap_or_else(draw_seed);
        let kinds = if self.inputs.is_empty() { Kind::ALL.to_vec() } else { self.inputs.clone() };
        let job = Job::Check { tasks: tasks.clone(), seed, kinds };
        let mut tally = Tally::new(self.json);
        child::run(&job, &self.device, self.timeout, &mut |message| match message {
            Message::Checked { report, .. } => tally.add(*report),
            Message::Failed { at, error } => tally.fail(&tasks[at], error),
            _ => Ok(()),
        })?;
        tally.end(seed, &capabilities, &self.device)
    }
}

/// Every candidate on every op that it is for; without candidates every variant that the device can run.
fn tasks(items: &[Item], candidates: &[Candidate], device: &Capabilities) -> Result<(Vec<Task>, usize), Error> {
    let (mut tasks, mut skipped) = (Vec::new(), 0);
    // Of a variant that is for no shape at all the first refusal is told.
    let mut refused = None;
    for item in items {
        let case = item.case().map_err(|e| Error::message(e.to_string()))?;
        let variants = case.op.variants(device).into_iter().map(|choice| Candidate::variant(choice.variant));
        let wanted = if candidates.is_empty() { variants.collect() } else { candidates.to_vec() };
        for candidate in wanted {
            match candidate.choice(case.op.as_ref(), device) {
                Err(error) if candidate.file().is_none() => {
                    skipped += 1;
                    refused.get_or_insert(error);
                }
                // What is wrong with a file is told as the outcome of its check.
                _ => tasks.push(Task { item: item.clone(), candidate }),
            }
        }
    }
    match refused {
        Some(error) if tasks.is_empty() => Err(error.into()),
        _ => Ok((tasks, skipped)),
    }
}

/// What was found so far.
struct Tally {
    json: bool,
    reports: Vec<Report>,
    errors: Vec<(Task, String)>,
    failed: usize,
    /// Errors that were told before, at another shape.
    repeated: usize,
}

impl Tally {
    fn new(json: bool) -> Self {
        Self { json, reports: Vec::new(), errors: Vec::new(), failed: 0, repeated: 0 }
    }

    fn add(&mut self, report: Report) -> Result<(), Error> {
        self.failed += usize::from(!report.passed());
        if !self.json {
            output::print(&lines(&report))?;
        }
        self.reports.push(report);
        Ok(())
    }

    fn fail(&mut self, task: &Task, error: String) -> Result<(), Error> {
        self.failed += 1;
        let Task { item, candidate } = task;
        let told = |(before, words): &(Task, String)| {
            *words == error && before.item.kernel == item.kernel && before.candidate.name == candidate.name
        };
        if self.errors.iter().any(told) {
            self.repeated += 1;
        } else if !self.json {
            output::print(&format!("FAILED  {} {} at {}: {error}", item.kernel, candidate.name, item.name))?;
        }
        self.errors.push((task.clone(), error));
        Ok(())
    }

    fn end(self, seed: u64, device: &Capabilities, options: &DeviceOptions) -> Result<(), Error> {
        let count = self.reports.len() + self.errors.len();
        if self.json {
            let errors = self.errors.iter().map(|(task, error)| {
                let Task { item, candidate } = task;
                json!({ "kernel": item.kernel, "case": item.name, "variant": candidate.name, "error": error })
            });
            output::print_json(&json!({
                "setting": report::setting(device, options.checks(device)), "seed": seed, "checks": self.reports,
                "errors": errors.collect::<Vec<_>>(), "failed": self.failed,
            }))?;
        } else {
            // The reasons of all tolerances, each once.
            let mut reasons = BTreeMap::new();
            for report in &self.reports {
                reasons.entry(&report.reason).or_insert(report.tolerance);
            }
            let mut text = match self.repeated {
                0 => String::new(),
                more => format!("FAILED  {} in the same words\n", units::counted(more, "other check")),
            };
            for (reason, tolerance) in reasons {
                text += &format!("tolerance {tolerance:.1e}: {reason}\n");
            }
            let partly = self.reports.iter().filter(|r| r.compared[0] < r.compared[1]).count();
            if partly > 0 {
                let runs = self.reports.iter().filter(|r| !r.whole).count();
                text += &format!(
                    "of {partly} shapes, which are much work for the twin, some units are compared; of {runs} only those ran\n"
                );
            }
            let holds = count - self.failed;
            text += &format!(
                "{holds} of {count} hold, inputs of seed {seed}, on {}",
                report::setting_line(device, options.checks(device))
            );
            output::print(&text)?;
        }
        if self.failed > 0 { Err(Error::Reported) } else { Ok(()) }
    }
}

/// One line if all is well; what is wrong in more.
pub fn lines(report: &Report) -> String {
    let verdict = if report.passed() { "ok    " } else { "FAILED" };
    let worst = report.worst().map_or("there are no such inputs".into(), told);
    let part = match report.compared {
        [compared, all] if compared < all => format!(", {:.2} % compared", 100.0 * compared as f64 / all as f64),
        _ => String::new(),
    };
    let mut text = format!(
        "{verdict}  {:<18} {:<12} {}: {worst}, tolerance {:.1e}{part}",
        report.kernel, report.variant, report.case, report.tolerance
    );
    for run in report.runs.iter().filter(|run| !report.holds(run)) {
        for fault in &run.faults {
            text += &format!("\n        {} inputs: {fault}", name(run.inputs));
        }
        if run.error() > report.tolerance {
            text += &format!("\n        {} inputs: {}", name(run.inputs), told(run));
        }
    }
    text + &interpreted(report)
}

/// What the interpreter saw.
fn interpreted(report: &Report) -> String {
    let Some(found) = &report.interpreted else { return String::new() };
    let mut text: String = found.faults.iter().map(|fault| format!("\n        interpreter: {fault}")).collect();
    if let Some(unknown) = &found.unknown {
        text += &format!("\n        races and the like are not looked for: {unknown}");
    }
    let [ran, all] = found.workgroups;
    // What is found until then counts.
    if ran == 0 && all > 0 && found.unknown.is_none() && found.faults.is_empty() {
        let place = found.ended_at.as_ref().map_or(String::new(), |place| format!(", which ended at {place}"));
        text += &format!(
            "\n        races and the like are not looked for to the end: 0 of {all} workgroups fit the interpreter's budget{place}; a loop \
             that never ends looks like that"
        );
    }
    if ran > 0 && ran < all {
        text += &format!(
            "\n        races and the like are looked for in {ran} of {all} workgroups, as many as fit the interpreter's budget"
        );
    }
    match (&found.error, &found.at) {
        (Some(error), Some((output, index))) if *error > report.tolerance => {
            text += &format!("\n        interpreter: worst {error:.1e} at {output}{index:?}");
        }
        _ if report.disputed => {
            text += &format!(
                "\n        interpreted, {ran} of {all} workgroups give what the twin says: the fault may be the driver's, \
                 or lie in the bases of bindings, which are others there"
            );
        }
        _ => {}
    }
    text
}

fn told(run: &Run) -> String {
    match &run.worst {
        None => return format!("{} inputs: nothing to compare", name(run.inputs)),
        Some(worst) if worst.error == 0.0 => return "exact".into(),
        Some(_) => {}
    }
    let at = run.worst.as_ref().map_or(String::new(), |worst| {
        let (output, index) = (&worst.output, &worst.index);
        format!(" at {output}{index:?} ({} where the twin has {})", number(worst.found), number(worst.expected))
    });
    format!("{} worst {:.1e}{at}, rms {:.1e}", name(run.inputs), run.error(), run.rms)
}

/// Six digits are enough to see an error.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if (1e-3..1e6).contains(&v) => format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => format!("{value:.5e}"),
    }
}

fn name(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use i2vgen::lab::{Sanitized, Worst};

    use super::*;

    /// A report of one run on random inputs, with such an error.
    fn report(error: Option<f64>, workgroups: [usize; 2]) -> Report {
        let worst = error.map(|error| Worst { output: "y".into(), index: vec![3], expected: 1.0, found: 2.0, error });
        Report {
            kernel: "linear".into(),
            case: "a case".into(),
            variant: "mine.wgsl".into(),
            compared: [64, 64],
            whole: true,
            tolerance: 1e-6,
            reason: String::new(),
            runs: vec![Run { inputs: Kind::Random, scale: 0, worst, rms: 0.0, faults: Vec::new() }],
            pieces: 2,
            interpreted: Some(Sanitized { workgroups, ..Sanitized::default() }),
            disputed: false,
        }
    }

    #[test]
    fn what_the_interpreter_did_not_come_to_is_told() {
        let text = lines(&report(Some(0.0), [0, 12]));
        assert!(text.starts_with("ok ") && text.contains("exact"), "{text}");
        assert!(text.contains("not looked for to the end: 0 of 12 workgroups fit the interpreter's budget"), "{text}");
        let text = lines(&report(Some(0.0), [1, 12]));
        assert!(text.starts_with("ok ") && text.contains("looked for in 1 of 12 workgroups"), "{text}");
        assert_eq!(lines(&report(Some(0.0), [12, 12])).lines().count(), 1);
    }

    #[test]
    fn the_driver_is_suspected_only_of_what_is_disputed() {
        let mut report = report(Some(0.5), [12, 12]);
        assert!(!lines(&report).contains("driver"));
        report.disputed = true;
        let text = lines(&report);
        assert!(
            text.contains("12 of 12 workgroups give what the twin says: the fault may be the driver's, or "),
            "{text}"
        );
    }

    #[test]
    fn nothing_compared_is_not_exact() {
        let mut report = report(None, [12, 12]);
        report.runs[0].faults.push("y[0] not written, and 63 more".into());
        let text = lines(&report);
        assert!(text.starts_with("FAILED") && text.contains("random inputs: nothing to compare"), "{text}");
        report.runs.clear();
        for text in [text, lines(&report)] {
            assert!(!text.contains("exact"), "{text}");
        }
    }
}
