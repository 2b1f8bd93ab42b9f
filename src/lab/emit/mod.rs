//! What becomes of a kernel's WGSL: the translation that every backend of wgpu hands to its driver, and what can be counted in it.

mod all;
mod backend;
mod devices;
mod facts;
mod guards;
mod ir;
mod kinds;
mod words;

pub use all::{AllError, Entry, all};
pub use backend::{Backend, Code, Refusal};
pub use devices::{Sort, sorts};
pub use facts::{Facts, GuardFacts, ModuleFacts, SpirvFacts};
pub use guards::Guards;
pub use kinds::{Counts, Kind};
pub use words::disassemble;

use crate::kernel::{Parsed, Reflection, WgslError, parse_wgsl};

/// WGSL that naga accepts.
#[derive(Debug)]
pub struct Shader {
    wgsl: String,
    parsed: Parsed,
    declared: Reflection,
}

impl Shader {
    /// Parses and validates plain WGSL; `file` names it in messages.
    ///
    /// # Errors
    /// [`WgslError`] with the line.
    pub fn new(file: &str, wgsl: String) -> Result<Self, WgslError> {
        let parsed = parse_wgsl(file, &wgsl)?;
        Ok(Self { declared: parsed.reflect(file)?, parsed, wgsl })
    }

    /// Its text.
    pub fn wgsl(&self) -> &str {
        &self.wgsl
    }

    /// What it says about itself.
    pub fn declared(&self) -> &Reflection {
        &self.declared
    }

    /// What a backend gets of it.
    ///
    /// # Errors
    /// [`Refusal`] if the backend's language cannot express it.
    pub fn translate(&self, backend: Backend, guards: Guards) -> Result<Code, Refusal> {
        backend.translate(&self.parsed, guards)
    }

    /// What can be counted in it.
    pub fn facts(&self, guards: Guards) -> Facts {
        Facts::new(&self.parsed, self.declared.clone(), guards)
    }
}
