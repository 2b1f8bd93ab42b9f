//! What a search found, as a table and as JSON.

use std::path::PathBuf;

use i2vgen::{
    gpu::{Capabilities, ShaderChecks},
    kernel::{Op, Setting},
    lab::{Item, spelled_setting, tune::Search},
};
use serde_json::{Value, json};

use crate::cli::{
    kernels::report::{setting, setting_line},
    output,
    units::{counted, percent, seconds},
};

/// What became of a shape.
pub struct Outcome {
    item: Item,
    share: f64,
    /// The kernel's own choice, and what is kept in its place, as they are written behind `race`.
    own: String,
    kept: Option<String>,
    /// What was found, or why nothing was searched.
    pub search: Result<Search, String>,
}

impl Outcome {
    /// Of an item with this share of the run.
    pub fn new(item: &Item, op: &dyn Op, device: &Capabilities, share: f64, search: Result<Search, String>) -> Self {
        let spelled = |setting: &Setting| spelled_setting(op, device, setting);
        let own = spelled(&Setting::from(&op.choose(device)));
        let kept = search.as_ref().ok().and_then(|search| search.kept.as_ref()).map(spelled);
        Self { item: item.clone(), share, own, kept, search }
    }

    /// In a line.
    pub fn line(&self) -> String {
        let Item { kernel, name, .. } = &self.item;
        let search = match &self.search {
            Ok(search) => search,
            Err(why) => return format!("{kernel} at {name} is not searched: {why}"),
        };
        let told = match (&self.kept, &search.race) {
            (Some(kept), Some(race)) => format!(
                "{kept} in place of {}: {:.3} of its time ({:.3} to {:.3})",
                self.own, race.ratio, race.interval.low, race.interval.high
            ),
            _ => format!("{} stays", self.own),
        };
        format!("{kernel} at {name}: {told}; {}", tried(search))
    }

    fn row(&self) -> Vec<String> {
        let (time, tried) = match &self.search {
            Err(_) => ("not searched".into(), String::new()),
            Ok(search) => {
                let race = search.race.as_ref().filter(|_| self.kept.is_some());
                let time = race.map_or("-".into(), |race| {
                    format!("{:.3} ({:.3} to {:.3})", race.ratio, race.interval.low, race.interval.high)
                });
                (time, (search.attempts.len() - search.untried().len()).to_string())
            }
        };
        let kept = self.kept.clone().unwrap_or_else(|| "-".into());
        vec![
            format!("{} at {}", self.item.kernel, self.item.name),
            percent(self.share),
            self.own.clone(),
            kept,
            time,
            tried,
        ]
    }

    fn json(&self) -> Value {
        json!({
            "kernel": self.item.kernel, "name": self.item.name, "shape": self.item.shape, "runs": self.item.runs,
            "share": self.share, "own": self.own, "kept": self.kept,
            "search": self.search.as_ref().ok(), "error": self.search.as_ref().err(),
        })
    }
}

fn tried(search: &Search) -> String {
    let untried = match search.untried().len() {
        0 => String::new(),
        count => format!(", no time for {count} more"),
    };
    let all = counted(search.attempts.len() - search.untried().len(), "setting");
    format!("{all} tried in {}{untried}", seconds(search.seconds))
}

/// All shapes.
pub struct Report {
    device: Capabilities,
    checks: ShaderChecks,
    seed: u64,
    /// Shapes that were searched before.
    known: usize,
    pub shapes: Vec<Outcome>,
    /// The shares of those for which there was no time.
    pub left: Vec<f64>,
    /// Where the settings are kept.
    pub file: Option<PathBuf>,
}

impl Report {
    /// Nothing yet.
    pub fn new(device: &Capabilities, checks: ShaderChecks, seed: u64, known: usize) -> Self {
        Self { device: device.clone(), checks, seed, known, shapes: Vec::new(), left: Vec::new(), file: None }
    }

    /// Was there a shape that could not be searched?
    pub fn has_failed(&self) -> bool {
        self.shapes.iter().any(|shape| shape.search.is_err())
    }

    /// The time of the searched shapes in a run with what is kept, divided by that with the kernels' own choices.
    fn gain(&self) -> Option<f64> {
        let (mut before, mut after) = (0.0, 0.0);
        for (shape, search) in self.shapes.iter().filter_map(|shape| Some((shape, shape.search.as_ref().ok()?))) {
            let own = search.attempts.first().and_then(|own| own.seconds).unwrap_or(0.0) * shape.item.runs as f64;
            let race = search.race.as_ref().filter(|_| search.kept.is_some());
            before += own;
            after += own * race.map_or(1.0, |race| race.ratio);
        }
        (before > 0.0).then(|| after / before)
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.shapes.is_empty() {
            let heads = ["", "of the run", "own choice", "kept", "time", "tried"].map(String::from).to_vec();
            let rows: Vec<_> = std::iter::once(heads).chain(self.shapes.iter().map(Outcome::row)).collect();
            text += &output::table(&rows);
            text.push('\n');
        }
        for shape in &self.shapes {
            if let Err(why) = &shape.search {
                text += &format!("{} at {}: {why}\n", shape.item.kernel, shape.item.name);
            }
        }
        let kept = self.shapes.iter().filter(|shape| shape.kept.is_some()).count();
        text += &format!("{} searched, {kept} with another setting", counted(self.shapes.len(), "shape"));
        if let Some(gain) = self.gain().filter(|_| kept > 0) {
            text += &format!("; together they take {gain:.3} of the time");
        }
        text.push('\n');
        let part = self.shapes.iter().filter(|s| s.search.as_ref().is_ok_and(|s| !s.untried().is_empty())).count();
        if part > 0 {
            let shapes = counted(part, "shape");
            text +=
                &format!("at {shapes} there was no time for all settings: the same command goes on with the rest\n");
        }
        if self.known > 0 {
            text += &format!("{} had been searched before\n", counted(self.known, "shape"));
        }
        if !self.left.is_empty() {
            let share = percent(self.left.iter().sum());
            let shapes = counted(self.left.len(), "shape");
            text += &format!("{shapes} ({share} of the run) are left: the same command goes on with them\n");
        }
        if let Some(file) = &self.file {
            text += &format!("kept in {}\n", file.display());
        }
        text + &format!("seed {}, on {}", self.seed, setting_line(&self.device, self.checks))
    }

    pub fn json(&self) -> Value {
        json!({
            "setting": setting(&self.device, self.checks), "seed": self.seed, "known": self.known,
            "shapes": self.shapes.iter().map(Outcome::json).collect::<Vec<_>>(), "left": self.left.len(),
            "time": self.gain(), "file": self.file,
        })
    }
}
