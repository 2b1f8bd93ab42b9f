//! Every shader of the project as files, for other compilers to try.

use std::path::Path;

use i2vgen::lab::emit::{self, Guards};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::Target;
use crate::cli::{Error, output, units::counted};

/// Writes all shaders in all targets into a new folder, with an `index.json` that tells of each file what it is.
pub fn write(targets: &[Target], guards: Guards, folder: Option<&Path>) -> Result<(), Error> {
    let folder = folder.ok_or_else(|| Error::message("--all needs a folder: -o DIR"))?;
    let room = output::NewFolder::new(folder)?;
    let all = emit::all()?;
    let row = |entry: &emit::Entry| {
        let (mut files, mut refused) = (Map::new(), Map::new());
        for &target in targets {
            match bytes(entry, target, guards)? {
                Ok(bytes) => {
                    let file = format!("{}.{}", entry.name, target.extension());
                    room.write(&file, &bytes)?;
                    files.insert(target.name(), file.into());
                }
                Err(reason) => {
                    refused.insert(target.name(), reason.into());
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
    room.finish()?;
    output::print(&format!("{}: {}", folder.display(), counted(count, "shader")))
}

/// A shader in a target; or why there is none.
fn bytes(entry: &emit::Entry, target: Target, guards: Guards) -> Result<Result<Vec<u8>, String>, Error> {
    let Some(backend) = target.backend() else { return Ok(Ok(entry.shader.wgsl().as_bytes().to_vec())) };
    Ok(match (target, entry.shader.translate(backend, guards)) {
        (Target::SpirvText, Ok(emit::Code::Words(words))) => {
            Ok(emit::disassemble(&words).map_err(Error::Message)?.into_bytes())
        }
        (_, Ok(code)) => Ok(code.bytes().into_owned()),
        (_, Err(refusal)) => Err(refusal.reason),
    })
}
