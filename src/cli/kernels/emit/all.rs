//! Every shader of the project as files, for other compilers to try.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use i2vgen::{
    lab::emit::{self, AllError, Entry, Guards, Refusal},
    pipeline,
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{super::shapes, Target};
use crate::cli::{
    Error, output,
    progress::{Progress, Style},
    units::{self, counted},
};

/// Shaders that are translated to tell how much all will be.
const SAMPLE: usize = 100;

/// Which shaders are written.
pub struct Selection<'a> {
    /// Those of one kernel.
    pub kernel: Option<&'a str>,
    /// Without settings that only tuning tries.
    pub usual: bool,
    /// Bytes that they may take, about.
    pub limit: u64,
}

/// Writes shaders in all targets into a new folder, with an `index.json` that tells of each file what it is. How many they are, and about
/// how large, is told first; more than the limit is refused.
pub fn write(
    selection: &Selection<'_>,
    targets: &[Target],
    guards: Guards,
    folder: Option<&Path>,
) -> Result<(), Error> {
    let folder = folder.ok_or_else(|| Error::message("--all needs a folder: -o DIR"))?;
    selection.kernel.map(shapes::kernel).transpose()?;
    let room = output::NewFolder::new(folder)?;
    let progress = Progress::new(Style::Auto);
    output::tell("making the shaders");
    let tell = progress.teller();
    let mut all = match emit::all(selection.kernel, &|done, of| tell("making", done, of)) {
        Err(AllError::Cancelled) => return Err(pipeline::Error::Cancelled.into()),
        made => made?,
    };
    all.retain(|entry| entry.usual || !selection.usual);
    announce(&all, selection.limit, targets, guards, folder)?;
    progress.check()?;
    let done = AtomicUsize::new(0);
    let row = |entry: &Entry| {
        if !tell("writing", done.fetch_add(1, Ordering::Relaxed) + 1, all.len()) {
            return Err(pipeline::Error::Cancelled.into());
        }
        let (mut files, mut refused) = (Map::new(), Map::new());
        for &target in targets {
            match translate(entry, target, guards)? {
                Ok(bytes) => {
                    let file = format!("{}.{}", entry.name, target.extension());
                    room.write(&file, &bytes)?;
                    files.insert(target.name(), file.into());
                }
                Err(refusal) => {
                    refused.insert(target.name(), refusal.reason.into());
                }
            }
        }
        let found = entry.shader.declared();
        Ok::<_, Error>(json!({
            "name": entry.name, "kernel": entry.kernel, "variant": entry.variant, "case": entry.case, "device": entry.sort, "usual": entry.usual,
            "defines": entry.defines, "f16": found.f16, "subgroups": found.subgroups, "matrices": found.matrices,
            "int64": found.int64,
            "workgroup_memory": found.workgroup_memory,
            "files": files, "refused": refused,
        }))
    };
    let index = all.par_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let count = index.len();
    room.write("index.json", serde_json::to_string_pretty(&Value::from(index)).unwrap_or_default().as_bytes())?;
    progress.check()?;
    room.finish()?;
    progress.finish();
    output::print(&format!("{}: {}", folder.display(), counted(count, "shader")))
}

/// Says how much will be written where; refuses what is more than the limit.
fn announce(all: &[Entry], limit: u64, targets: &[Target], guards: Guards, folder: &Path) -> Result<(), Error> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    let (mut sampled, mut bytes) = (0, 0);
    for entry in all.iter().step_by(step) {
        sampled += entry.shader.wgsl().len();
        for target in targets {
            bytes += translate(entry, *target, guards)?.map_or(0, |bytes| bytes.len());
        }
    }
    // What a backend gets grows with the text.
    let whole: usize = all.iter().map(|entry| entry.shader.wgsl().len()).sum();
    let about = (whole as f64 * bytes as f64 / sampled.max(1) as f64) as u64;
    let (shaders, names) = (counted(all.len(), "shader"), targets.iter().map(|target| target.name()));
    let names = names.collect::<Vec<_>>().join(", ");
    let what = format!("{shaders} as {names}: about {}", units::bytes(about));
    if about > limit {
        return Err(Error::message(format!(
            "{what}, more than {}: choose a --target, a kernel, or --usual settings, or take a higher --limit",
            units::bytes(limit)
        )));
    }
    output::tell(&format!("{what} in {}", folder.display()));
    Ok(())
}

/// A shader in one of the targets, or why that cannot express it.
fn translate(entry: &Entry, target: Target, guards: Guards) -> Result<Result<Vec<u8>, Refusal>, Error> {
    Ok(match target.backend().map(|backend| entry.shader.translate(backend, guards)) {
        None => Ok(entry.shader.wgsl().as_bytes().to_vec()),
        Some(Ok(code)) => Ok(match (target, &code) {
            (Target::SpirvText, emit::Code::Words(words)) => {
                emit::disassemble(words).map_err(Error::Message)?.into_bytes()
            }
            _ => code.bytes().into_owned(),
        }),
        Some(Err(refusal)) => Err(refusal),
    })
}
