//! Every shader of the project as files, for other compilers to try.

use std::path::Path;

use i2vgen::lab::emit::{self, Guards};
use serde_json::{Map, Value, json};

use super::Target;
use crate::cli::{Error, output, units::counted};

/// Writes all shaders in all targets into a new folder, with an `index.json` that tells of each file what it is.
pub fn write(targets: &[Target], guards: Guards, folder: Option<&Path>) -> Result<(), Error> {
    let folder = folder.ok_or_else(|| Error::message("--all needs a folder: -o DIR"))?;
    let room = output::NewFolder::new(folder)?;
    let all = emit::all()?;
    let mut index = Vec::new();
    for entry in &all {
        let (mut files, mut refused) = (Map::new(), Map::new());
        for &target in targets {
            let name = target.name();
            let bytes = match target.backend().map(|backend| entry.shader.translate(backend, guards)) {
                None => entry.shader.wgsl().as_bytes().to_vec(),
                Some(Ok(code)) => match (target, &code) {
                    (Target::SpirvText, emit::Code::Words(words)) => {
                        emit::disassemble(words).map_err(Error::Message)?.into_bytes()
                    }
                    _ => code.bytes().into_owned(),
                },
                Some(Err(refusal)) => {
                    refused.insert(name, refusal.reason.into());
                    continue;
                }
            };
            let file = format!("{}.{}", entry.name, target.extension());
            room.write(&file, &bytes)?;
            files.insert(name, file.into());
        }
        let found = entry.shader.declared();
        index.push(json!({
            "name": entry.name, "kernel": entry.kernel, "variant": entry.variant, "case": entry.case, "device": entry.sort, "usual": entry.usual,
            "defines": entry.defines, "f16": found.f16, "subgroups": found.subgroups, "matrices": found.matrices,
            "int64": found.int64,
            "workgroup_memory": found.workgroup_memory,
            "files": files, "refused": refused,
        }));
    }
    let count = index.len();
    room.write("index.json", serde_json::to_string_pretty(&Value::from(index)).unwrap_or_default().as_bytes())?;
    room.finish()?;
    output::print(&format!("{}: {}", folder.display(), counted(count, "shader")))
}
