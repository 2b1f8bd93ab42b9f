//! `i2vgen roofline`: what this device can do, measured.

use clap::Args;
use i2vgen::lab::{Origin, Roofline};
use serde_json::json;

use super::{Error, options::DeviceOptions, output, units};

/// Measure what the device can do: memory, multiply-adds, cooperative matrices, starting work
///
/// Every number is the fastest run of the fastest of several settings; the spread is where the middle three fifths of the runs lie. The
/// result is kept for `profile` and `kernels bench`, for this device, driver and version of i2vgen, in the user's cache folder
/// (I2VGEN_CACHE names another one).
#[derive(Args)]
pub struct RooflineCommand {
    /// Show what was measured before; measure only if nothing was
    #[arg(long)]
    cached: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

impl RooflineCommand {
    pub fn run(self) -> Result<(), Error> {
        let device = self.device.open()?;
        let mut tell = |what: &str| output::tell(&format!("measuring: {what}"));
        let (roofline, origin) = if self.cached {
            Roofline::obtain(&device, &mut tell)?
        } else {
            let measured = Roofline::measure(&device, &mut tell)?;
            let kept = measured.keep(&device);
            (measured, Origin::Measured(kept))
        };
        if self.json {
            warn(&origin);
            return output::print_json(&json!({ "origin": describe(&origin), "roofline": roofline }));
        }
        output::print(&(text(&roofline) + &format!("\n{}\n", describe(&origin))))
    }
}

/// The ceilings of a device for another command: those that were measured before, or new ones; says which.
pub fn known(device: &i2vgen::gpu::Device) -> Result<Roofline, Error> {
    let mut told = false;
    let (roofline, origin) = Roofline::obtain(device, &mut |_| {
        if !std::mem::replace(&mut told, true) {
            output::tell("note: the ceilings of this device are measured first, once");
        }
    })?;
    output::tell(&format!("note: {}", describe(&origin)));
    Ok(roofline)
}

fn warn(origin: &Origin) {
    if let Origin::Measured(Err(_)) = origin {
        output::tell(&format!("note: {}", describe(origin)));
    }
}

fn describe(origin: &Origin) -> String {
    match origin {
        Origin::Measured(Ok(path)) => format!("ceilings measured now and kept in {}", path.display()),
        Origin::Measured(Err(reason)) => format!("ceilings measured now and not kept: {reason}"),
        Origin::Cached(path) => format!("ceilings measured before, from {}", path.display()),
    }
}

fn text(roofline: &Roofline) -> String {
    let head = ["", "best", "median", "20 %", "80 %", "runs", "settings", "fastest setting"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for m in &roofline.measurements {
        let unit = |value: f64| match m.what.split(' ').next() {
            Some("copy" | "read") => units::scaled(value, "B/s"),
            Some("one" | "a") => units::seconds(value),
            _ => units::scaled(value, "FLOP/s"),
        };
        let numbers = [m.best, m.median, m.spread[0], m.spread[1]].map(unit);
        let mut row = vec![m.what.clone()];
        row.extend(numbers);
        row.extend([m.runs.to_string(), m.tried.to_string(), m.setting.clone()]);
        rows.push(row);
    }
    let mut text = format!("{} ({}), {}\n\n", roofline.device.name, roofline.device.backend, roofline.device.driver);
    text += &output::table(&rows);
    for (shape, reason) in &roofline.not_measured {
        text += &format!("matrix {shape}: not measured: {reason}\n");
    }
    if roofline.device.matrices.is_empty() {
        text += "no cooperative matrices\n";
    }
    text
}
