//! `i2vgen verify`: does this device compute what the reference implementation computes?

use std::path::PathBuf;

use clap::Args;
use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    lab::{ReferenceCase, Stage, Verification, verify},
    pipeline::{Compat, DtypeChoice, Engine},
};
use serde_json::json;

use super::{Error, choosing::Choosing, options, output};

/// Generate the clip of a reference case with its recorded noise, and compare every stage with the reference's numbers
///
/// Errors are relative to the rms of the reference; 8-bit stages are in levels. Stages named `forced.` start from the reference's
/// latents. The exit code is 0 only if all stages hold.
#[derive(Args)]
pub struct Verify {
    /// Folder of the case: params.json, input.png, reference.safetensors
    case: PathBuf,
    /// Model folder, or `demo` as in `i2vgen generate` [default: `model` in the case, or demo if the case was recorded with it]
    #[arg(long, value_name = "DIR|demo")]
    model: Option<PathBuf>,
    /// How activations are stored
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write everything that was computed, under the reference's names
    #[arg(long, value_name = "FILE.safetensors")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    device: options::DeviceOptions,
    #[command(flatten)]
    choosing: Choosing,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Dtype {
    F32,
    F16,
}

impl Verify {
    pub fn run(self) -> Result<(), Error> {
        let case = ReferenceCase::open(&self.case)?;
        self.dump.as_deref().map(output::check_dump).transpose()?;
        let files = self.model.map_or_else(|| case.checkpoint(), |named| Ok(ModelFiles::named(&named)))?;
        let checkpoint = Checkpoint::open(files)?;
        case.check(&checkpoint)?;
        let dtype = match self.dtype {
            Dtype::F32 => DtypeChoice::F32,
            Dtype::F16 => DtypeChoice::F16,
        };
        let choices = self.choosing.asked()?;
        let (device, quiet) = (self.device.open()?, self.json);
        let choices = self.choosing.on(choices, device.capabilities(), device.checks(), &mut |note| {
            output::tell(&format!("note: {note}"));
        });
        let engine = Engine::new(device, checkpoint, dtype, Compat::Diffusers)?.with_choices(choices);
        let found = verify(&engine, &case, &mut |stage| {
            if !quiet {
                output::tell(stage);
            }
        })?;
        if let Some(path) = &self.dump {
            found.dump(path)?;
        }
        if self.json {
            let stages = found.stages.iter().map(|s| json!({ "stage": s, "ok": s.ok() })).collect::<Vec<_>>();
            output::print_json(
                &json!({ "device": found.device, "dtype": found.dtype, "ok": found.ok(), "stages": stages }),
            )?;
        } else {
            output::print(&text(&found))?;
        }
        if found.ok() { Ok(()) } else { Err(Error::Reported) }
    }
}

fn text(found: &Verification) -> String {
    let mut lines = vec![format!("{:<44} {:>9} {:>9} {:>9}  {}", "stage", "worst", "allowed", "rms", "verdict")];
    lines.extend(found.stages.iter().map(line));
    let failed = found.stages.iter().filter(|s| !s.ok()).count();
    lines.push(match failed {
        0 => format!("ok: {} stages in {} on {}", found.stages.len(), found.dtype, found.device),
        n => format!("FAIL: {n} of {} stages in {} on {}", found.stages.len(), found.dtype, found.device),
    });
    lines.join("\n") + "\n"
}

fn line(s: &Stage) -> String {
    let psnr = match (s.psnr, s.psnr_needed) {
        (Some(psnr), Some(needed)) => format!("  PSNR {psnr:.1} dB (needed {needed:.1})"),
        (Some(psnr), None) => format!("  PSNR {psnr:.1} dB"),
        (None, _) => String::new(),
    };
    let verdict = if s.ok() { "ok" } else { "FAIL" };
    format!("{:<44} {:>9.1e} {:>9.1e} {:>9.1e}  {verdict}{psnr}", s.name, s.worst, s.worst_allowed, s.rms)
}
