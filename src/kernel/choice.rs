//! A variant with the values that specialise its WGSL.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{Dtype, Kernel, SourceError, WgslFile, source::specialise_file, specialise};

/// One value that specialises a kernel's WGSL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(untagged)]
pub enum Define {
    /// A condition.
    Bool(bool),
    /// A size.
    Int(u32),
    /// A type or a name.
    Name(&'static str),
}

impl From<bool> for Define {
    fn from(v: bool) -> Self {
        Define::Bool(v)
    }
}
impl From<u32> for Define {
    fn from(v: u32) -> Self {
        Define::Int(v)
    }
}
impl From<&'static str> for Define {
    fn from(v: &'static str) -> Self {
        Define::Name(v)
    }
}
impl From<Dtype> for Define {
    fn from(v: Dtype) -> Self {
        Define::Name(v.wgsl())
    }
}

/// The values that specialise a kernel's WGSL; together with the kernel's name they identify a pipeline.
pub type Defines = BTreeMap<&'static str, Define>;

/// Who picked a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// The kernel itself.
    Kernel,
    /// A search that found it fastest on this device.
    Tuning,
    /// The user.
    User,
}

/// A variant picked for a device and a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The variant's name, a rung of the kernel's ladder.
    pub variant: &'static str,
    /// Why this one, in words.
    pub reason: Cow<'static, str>,
    /// Whose choice it is.
    pub chooser: Chooser,
    /// What specialises the WGSL.
    pub defines: Defines,
    /// A file that takes the place of the kernel's own WGSL.
    pub file: Option<Arc<WgslFile>>,
}

impl Choice {
    /// A variant with its reason and defines.
    pub fn new<const N: usize>(
        variant: &'static str,
        reason: impl Into<Cow<'static, str>>,
        defines: [(&'static str, Define); N],
    ) -> Self {
        Self {
            variant,
            reason: reason.into(),
            chooser: Chooser::Kernel,
            defines: defines.into_iter().collect(),
            file: None,
        }
    }

    /// The same with one define more or changed.
    pub fn with(mut self, name: &'static str, value: impl Into<Define>) -> Self {
        self.defines.insert(name, value.into());
        self
    }

    /// The WGSL of a kernel in this variant.
    pub fn wgsl(&self, kernel: &Kernel) -> Result<String, SourceError> {
        match &self.file {
            Some(file) => specialise_file(file, &self.defines),
            None => specialise(kernel.name, kernel.wgsl, &self.defines),
        }
    }

    /// The integer define `name`, or 1.
    pub fn int(&self, name: &str) -> usize {
        self.number(name).max(1) as usize
    }

    /// The integer define `name`, or 0.
    pub(super) fn number(&self, name: &str) -> u32 {
        match self.defines.get(name) {
            Some(Define::Int(v)) => *v,
            _ => 0,
        }
    }
}
