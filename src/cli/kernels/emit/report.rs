//! A kernel's text with its translations.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use i2vgen::staged;
use i2vgen::{
    kernel::{Case, Define, head},
    lab::emit::{self, Backend, Code, Guards, Refusal, Shader},
};
use serde_json::{Map, Value, json};

use super::{Target, variant::Picked};
use crate::cli::{Error, output};

/// What is emitted of one kernel.
pub struct Emitted {
    pub kernel: &'static str,
    pub case: String,
    pub shape: Value,
    pub picked: Picked,
    pub guards: Guards,
    pub shader: Shader,
}

impl Emitted {
    pub fn new(case: &Case, picked: Picked, guards: Guards) -> Result<Self, Error> {
        let kernel = case.op.kernel();
        let name = picked.choice.file.as_ref().map_or(kernel.name, |file| &file.path);
        let shader = Shader::new(name, picked.choice.wgsl(kernel)?)?;
        let (case, shape) = (case.name.clone(), case.op.shape());
        Ok(Self { kernel: kernel.name, case, shape, picked, guards, shader })
    }

    /// `linear workgroup for 'odd sizes f16/f16'`.
    pub fn title(&self) -> String {
        format!("{} {} for {}", self.kernel, self.picked.choice.variant, self.case)
    }

    /// The WGSL with a line about where it comes from, which stands in a comment: the file can be given back.
    fn wgsl(&self) -> String {
        let wgsl = self.shader.wgsl();
        if self.picked.choice.file.is_some() {
            return wgsl.to_owned();
        }
        let numbers = self.picked.choice.defines.iter().filter_map(|(name, value)| match value {
            Define::Int(value) => Some(format!(" {name}={value}")),
            _ => None,
        });
        head(&self.title(), &self.shape, &numbers.collect::<String>()) + wgsl
    }

    fn code(&self, backend: Backend) -> Result<Code, Refusal> {
        self.shader.translate(backend, self.guards)
    }

    /// A target as it is printed or written.
    pub fn bytes(&self, target: Target) -> Result<Cow<'_, [u8]>, Error> {
        let Some(backend) = target.backend() else { return Ok(self.wgsl().into_bytes().into()) };
        let code = self.code(backend)?;
        match (target, &code) {
            (Target::SpirvText, Code::Words(words)) => {
                Ok(emit::disassemble(words).map_err(Error::Message)?.into_bytes().into())
            }
            _ => Ok(code.bytes().into_owned().into()),
        }
    }

    /// Writes several targets into a folder, which is made if it is not there; those that a backend cannot express are told.
    pub fn write_all(&self, targets: &[Target], folder: &Path) -> Result<(), Error> {
        let mut files: Vec<(PathBuf, Cow<'_, [u8]>)> = Vec::new();
        for &target in targets {
            match self.bytes(target) {
                Ok(bytes) => {
                    let stem = self.picked.choice.variant;
                    files.push((folder.join(format!("{}.{stem}.{}", self.kernel, target.extension())), bytes));
                }
                Err(Error::Refusal(refusal)) => output::tell(&format!("note: {}: {refusal}", self.title())),
                Err(error) => return Err(error),
            }
        }
        output::make_folder(folder)?;
        for (path, bytes) in files {
            staged::write(&path, &bytes)?;
            output::print(&path.display().to_string())?;
        }
        Ok(())
    }

    /// Everything.
    pub fn json(&self) -> Value {
        let mut targets = Map::new();
        for backend in Backend::ALL {
            let value = match self.code(backend) {
                Ok(Code::Text(text)) => text.into(),
                Ok(Code::Words(words)) => emit::disassemble(&words).unwrap_or_else(|reason| reason).into(),
                Err(refusal) => json!({ "refused": refusal.reason }),
            };
            targets.insert(backend.name().to_lowercase(), value);
        }
        let choice = &self.picked.choice;
        json!({
            "kernel": self.kernel, "variant": choice.variant, "reason": choice.reason, "case": self.case, "shape": self.shape,
            "defines": choice.defines, "shader_checks": self.guards.checks.to_string(), "robust_buffers": self.guards.robust_buffers,
            "wgsl": self.wgsl(), "targets": targets, "facts": self.shader.facts(self.guards),
        })
    }
}
