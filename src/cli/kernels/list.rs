//! `i2vgen kernels list`: what there is, what it needs, and what would run here.

use clap::Args;
use i2vgen::{
    gpu::{self, Capabilities, PORTABLE},
    kernel::{KERNELS, Op, spelled},
    lab::{
        Item, Rung, computes, rungs, spelled_setting,
        tune::{Found, Tuned},
    },
};
use serde_json::{Value, json};

use super::shapes::{ShapeOptions, Usual, kernel};
use crate::cli::{Error, choosing::notes, options::DeviceOptions, output};

/// List kernels: what they compute, their variants, what each needs, and which one would run here for a shape
///
/// The variant with an arrow is the one that would run. Needs are read off the variant's WGSL.
#[derive(Args)]
pub struct List {
    /// Kernels [default: all]
    kernels: Vec<String>,
    #[command(flatten)]
    shapes: ShapeOptions,
    /// Leave out the settings that `i2vgen kernels tune` found to be faster on this device
    #[arg(long)]
    no_tuned: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

impl List {
    pub fn run(self) -> Result<(), Error> {
        let device = match self.device.capabilities() {
            Err(gpu::Error::NoAdapter) => {
                output::tell("note: no GPU adapter found: listed for what WebGPU guarantees");
                PORTABLE.clone()
            }
            found => found?,
        };
        for name in &self.kernels {
            kernel(name)?;
        }
        let named = |name: &str| self.kernels.is_empty() || self.kernels.iter().any(|kernel| kernel == name);
        let kernels: Vec<String> = KERNELS.iter().map(|k| k.name.to_owned()).filter(|name| named(name)).collect();
        let shapes = self.shapes.items(&kernels, &device, Usual::Costliest)?;
        let checks = self.device.checks(&device);
        let mut tuned = Tuned::new(&device, checks);
        if !self.no_tuned {
            tuned = Tuned::kept(&device, checks);
            let (settings, stale) = tuned.settings();
            notes(settings.len(), stale).iter().for_each(|note| output::tell(&format!("note: {note}")));
        }
        let mut list = Vec::new();
        let mut text = String::new();
        for name in &kernels {
            let items: Vec<&Item> = shapes.items.iter().filter(|item| item.kernel == *name).collect();
            if items.is_empty() {
                continue;
            }
            let about = computes(kernel(name)?);
            text += &format!("{name}: {about}\n");
            let mut entries = Vec::new();
            for item in items {
                let case = item.case().map_err(|e| Error::message(e.to_string()))?;
                let rungs = rungs(case.op.as_ref(), &device).map_err(Error::message)?;
                let own = case.op.choose(&device).variant;
                let found = tuned.of(case.op.as_ref()).filter(|found| found.tuned.is_some());
                let chosen = found.and_then(|found| found.tuned.as_ref()).map_or(own, |setting| &setting.variant);
                let why = found.map(|found| because(case.op.as_ref(), &device, found));
                text += &format!("  {}: {}\n", item.name, spelled(&case.op.shape()));
                text += &table(&rungs, chosen, why.as_deref());
                entries.push(json!({
                    "name": item.name, "shape": item.shape, "chosen": chosen, "tuned": found, "because": why,
                    "variants": rungs,
                }));
            }
            text.push('\n');
            list.push(json!({ "kernel": name, "computes": about, "shapes": Value::from(entries) }));
        }
        match self.json {
            true => output::print_json(&list),
            false => output::print(text.trim_end()),
        }
    }
}

/// Why a tuned setting would run.
fn because(op: &dyn Op, device: &Capabilities, found: &Found) -> String {
    let [setting, own] =
        [found.tuned.as_ref().unwrap_or(&found.own), &found.own].map(|s| spelled_setting(op, device, s));
    let race = found.race.as_ref().map_or(String::new(), |race| {
        let (ratio, low, high) = (race.ratio, race.interval.low, race.interval.high);
        format!(", {ratio:.3} of the time of {own} ({low:.3} to {high:.3})")
    });
    format!("tuned on this device: {setting}{race}")
}

fn table(rungs: &[Rung], chosen: &str, tuned: Option<&str>) -> String {
    let needs: Vec<String> = rungs.iter().map(|rung| rung.needs.text()).collect();
    let width = needs.iter().map(String::len).max().unwrap_or(0);
    let line = |(rung, needs): (&Rung, &String)| {
        let mark = if rung.variant == chosen { "->" } else { "" };
        let why = match (&rung.missing, tuned) {
            (Some(missing), _) => format!("not here: {missing}"),
            (None, Some(tuned)) if rung.variant == chosen => tuned.to_owned(),
            _ => rung.reason.clone(),
        };
        format!("  {mark:>4} {:<10} {needs:<width$}  {why}\n", rung.variant)
    };
    rungs.iter().zip(&needs).map(line).collect()
}
