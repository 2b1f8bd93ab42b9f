//! `i2vgen kernels bench`: how long a kernel takes.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use i2vgen::{
    kernel::Cost,
    lab::{Candidate, Ceilings, Clock, Item, Job, Message, Task, Timing},
    report::{self as table, Cell, Column, Table},
};
use serde_json::{Value, json};

use super::{
    child, report,
    shapes::{ShapeOptions, Usual, kernel},
};
use crate::cli::{Error, options::DeviceOptions, output, units};

/// Time kernels: median and 20 and 80 % quantiles of many samples, arithmetic and traffic per second
///
/// After a warm-up, samples are taken for the whole budget; the inputs of one run lie elsewhere than those of the run before, so that caches
/// do not flatter. Times are the device's timestamps, or where it has none the host's clock around repeats. `race` says whether a difference
/// means anything.
#[derive(Args)]
pub struct Bench {
    /// The kernel
    kernel: String,
    /// Variants, such as register or register:TM=8,TN=2@checks=off, or WGSL files of your own [default: what would run here]
    candidates: Vec<String>,
    #[command(flatten)]
    shapes: ShapeOptions,
    /// Time for each candidate and shape
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = units::parse_time)]
    budget: Duration,
    /// Measured ceilings of this device [default: what `i2vgen roofline` kept]; a time beyond them is an error
    #[arg(long, value_name = "JSON")]
    ceilings: Option<PathBuf>,
    /// End a WGSL file of your own that gives no sign of life for so long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_time)]
    timeout: Duration,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print lines of comma-separated values
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

/// The columns of the CSV before those that tell the setting.
const HEAD: [&str; 15] = [
    "kernel",
    "candidate",
    "shape",
    "median_s",
    "q20_s",
    "q80_s",
    "samples",
    "repeats",
    "sets",
    "clock",
    "flops",
    "bytes",
    "gflops_per_s",
    "gb_per_s",
    "share",
];

/// A candidate that was timed.
struct Row<'a> {
    task: &'a Task,
    /// The variant and setting that ran; of a file nothing.
    setting: Option<String>,
    cost: Cost,
    timing: Timing,
    share: Option<f64>,
    /// What is wrong with its time.
    error: Option<String>,
}

impl Bench {
    pub fn run(self) -> Result<(), Error> {
        kernel(&self.kernel)?;
        let capabilities = self.device.capabilities()?;
        let ceilings = report::ceilings(self.ceilings.as_deref(), &capabilities)?;
        let mut candidates: Vec<Candidate> =
            self.candidates.iter().map(|text| Candidate::parse(text)).collect::<Result<_, _>>()?;
        if candidates.is_empty() {
            candidates.push(Candidate::chosen());
        }
        let shapes =
            self.shapes.items_for(&candidates, std::slice::from_ref(&self.kernel), &capabilities, Usual::Costliest)?;
        shapes.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        for candidate in candidates.iter().filter(|candidate| candidate.file().is_some()) {
            output::tell(&format!("note: {}", self.unchecked(candidate, &shapes.items)));
        }
        let each = |item: &Item| {
            candidates
                .iter()
                .map(|candidate| Task { item: item.clone(), candidate: candidate.clone() })
                .collect::<Vec<_>>()
        };
        let tasks: Vec<Task> = shapes.items.iter().flat_map(each).collect();
        let job = Job::Bench { tasks: tasks.clone(), budget: self.budget };
        let mut rows = Vec::new();
        let mut failed: Vec<(&Task, String)> = Vec::new();
        child::run(&job, &self.device, self.timeout, &mut |message| {
            match message {
                Message::Timed { at, timing } => {
                    let task = &tasks[at];
                    let op = task.item.case().map_err(|e| Error::message(e.to_string()))?.op;
                    let cost = op.cost();
                    let share = ceilings.as_ref().and_then(|c| c.share(cost, timing.median));
                    let error = ceilings.as_ref().and_then(|ceilings| timing.too_good(cost, ceilings));
                    if let Some(wrong) = &error {
                        output::tell(&format!("error: {} at {}: {wrong}", task.candidate.name, task.item.name));
                    }
                    let setting = task.candidate.spelled(op.as_ref(), &capabilities);
                    rows.push(Row { task, setting, cost, timing, share, error });
                }
                Message::Failed { at, error } => {
                    let task = &tasks[at];
                    output::tell(&format!("error: {} at {}: {error}", task.candidate.name, task.item.name));
                    failed.push((task, error));
                }
                _ => {}
            }
            Ok(())
        })?;
        let checks = self.device.checks(&capabilities);
        match (self.json, self.csv) {
            (true, _) => {
                let failed = failed.iter().map(|(task, error)| untimed(task, error));
                let rows: Vec<Value> = rows.iter().map(Row::json).chain(failed).collect();
                let setting = report::setting(&capabilities, checks);
                output::print_json(&json!({ "setting": setting, "times": rows }))?;
            }
            (_, true) => output::print(&self.as_csv(&rows, &report::setting(&capabilities, checks)))?,
            _ => output::print(&text(&rows, &report::setting_line(&capabilities, checks), ceilings.as_ref()))?,
        }
        let all_right = failed.is_empty() && rows.iter().all(|row| row.error.is_none());
        if all_right { Ok(()) } else { Err(Error::Reported) }
    }

    /// What is to be known of a file's times.
    fn unchecked(&self, candidate: &Candidate, items: &[Item]) -> String {
        let mut words = ["i2vgen", "kernels", "check", &self.kernel].map(String::from).to_vec();
        words.extend(self.shapes.arguments(items));
        words.extend(["--variant".into(), candidate.name.clone()]);
        words.extend(self.device.arguments());
        let command = output::command(words.iter().map(String::as_str));
        format!("{} was not checked here: `{command}` says whether it is right", candidate.name)
    }

    fn as_csv(&self, rows: &[Row<'_>], setting: &Value) -> String {
        let same: Vec<(&str, String)> = setting
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), output::plain(value)))
            .collect();
        let columns = HEAD.into_iter().chain(same.iter().map(|(name, _)| *name)).map(|name| Column::new(name, name));
        let row = |row: &Row<'_>| {
            let Row { task, cost, timing: t, share, .. } = row;
            let [flops, bytes] = t.rates(*cost).map(|rate| rate / 1e9);
            let words = [&self.kernel, &task.candidate.name, &task.item.name].map(|word| Cell::Text(word.clone()));
            let times = [t.median, t.low, t.high].into_iter().chain([t.samples, t.repeats, t.sets].map(|n| n as f64));
            let number = |value: f64| Cell::Number(value, 0);
            let rates = [cost.flops, cost.bytes, flops, bytes].map(number);
            let mut cells: Vec<Cell> = words.into_iter().chain(times.map(number)).collect();
            cells.push(Cell::Text(clock(t.clock).into()));
            cells.extend(rates);
            cells.push(share.map_or(Cell::Empty, number));
            cells.extend(same.iter().map(|(_, value)| Cell::Text(value.clone())));
            table::Row { key: None, cells }
        };
        Table { columns: columns.collect(), rows: rows.iter().map(row).collect() }.to_csv()
    }
}

impl Row<'_> {
    fn json(&self) -> Value {
        let [flops, bytes] = self.timing.rates(self.cost);
        json!({
            "kernel": self.task.item.kernel, "candidate": self.task.candidate.name, "setting": self.setting,
            "name": self.task.item.name, "shape": self.task.item.shape, "timing": self.timing,
            "flops": self.cost.flops, "bytes": self.cost.bytes, "flops_per_second": flops, "bytes_per_second": bytes,
            "share": self.share, "error": self.error,
        })
    }

    /// Its candidate, and what the kernels' own choice is.
    fn name(&self) -> String {
        let name = &self.task.candidate.name;
        match &self.setting {
            Some(setting) if self.task.candidate.is_chosen() => format!("{name} ({setting})"),
            _ => name.clone(),
        }
    }
}

/// A candidate that could not be timed.
fn untimed(task: &Task, error: &str) -> Value {
    let Task { item, candidate } = task;
    json!({
        "kernel": item.kernel, "candidate": candidate.name, "name": item.name, "shape": item.shape, "timing": null,
        "error": error,
    })
}

fn text(rows: &[Row<'_>], setting: &str, ceilings: Option<&Ceilings>) -> String {
    let heads = ["candidate", "median", "20 %", "80 %", "samples", "GFLOP/s", "GB/s", "of the roofline"];
    let mut text = String::new();
    let mut shown: Option<&str> = None;
    let mut table = Vec::new();
    for row in rows {
        let item = &row.task.item;
        if shown != Some(&item.name) {
            text += &output::table(&std::mem::take(&mut table));
            text += &format!("{} at {}\n", item.kernel, item.name);
            table.push(heads.map(String::from).to_vec());
            shown = Some(&item.name);
        }
        let t = &row.timing;
        let [flops, bytes] = t.rates(row.cost).map(|rate| units::plain(rate / 1e9));
        let share = row.share.map_or("-".into(), |share| format!("{:.0} %", 100.0 * share));
        let times = [t.median, t.low, t.high].map(units::seconds);
        table.push(
            [&[row.name()][..], &times, &[format!("{} x {}", t.samples, t.repeats), flops, bytes, share]].concat(),
        );
    }
    text += &output::table(&table);
    for row in rows {
        if let Some(ratio) = row.timing.drift {
            text += &format!(
                "{} at {}: the last quarter of the samples took {ratio:.2} times as long as the first: the device's clock changed, or it had \
                 other work; take the time again\n",
                row.name(),
                row.task.item.name
            );
        }
    }
    if rows.iter().any(|row| row.timing.clock == Clock::Wall) {
        text += "without timestamps: the host's clock around the repeats of a sample, submission and wait included\n";
    }
    if rows.iter().any(|row| !row.timing.exceeds_caches) {
        text += "the buffers may fit into the caches: they are small, or the device's memory is\n";
    }
    if ceilings.is_none() {
        text += "no ceilings of this device are known: run `i2vgen roofline` once\n";
    }
    text + setting
}

/// A clock's name.
pub fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Timestamps => "timestamps",
        Clock::Wall => "wall",
    }
}
