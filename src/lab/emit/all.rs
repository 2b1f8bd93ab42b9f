//! Every shader of the project: all variants and settings of all kernels, for the shapes of their cases.

use std::collections::BTreeMap;

use super::{Shader, sorts};
use crate::kernel::{self, Dtype, Role, SourceError, WgslError};

/// A shader and where it comes from.
#[derive(Debug)]
pub struct Entry {
    /// A name for its files: kernel, variant and a number.
    pub name: String,
    /// The kernel.
    pub kernel: &'static str,
    /// The variant.
    pub variant: &'static str,
    /// A case whose shape it is specialised for; other cases may share it.
    pub case: String,
    /// What specialised it.
    pub defines: kernel::Defines,
    /// The kind of device that would run it.
    pub sort: &'static str,
    /// Has the variant its usual setting there? The others are those that tuning tries.
    pub usual: bool,
    /// The shader.
    pub shader: Shader,
}

/// Why a shader of the project is none.
#[derive(Debug, thiserror::Error)]
pub enum AllError {
    /// It does not expand.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is no WGSL.
    #[error(transparent)]
    Wgsl(#[from] WgslError),
}

/// All shaders, each once: every setting of every variant of every case on every kind of device. Those of one kernel have the names that they
/// have among all.
///
/// # Errors
/// The first one that is no shader.
pub fn all(only: Option<&str>) -> Result<Vec<Entry>, AllError> {
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let sorts = sorts();
    for case in kernel::cases() {
        let kernel = case.op.kernel();
        if only.is_some_and(|name| name != kernel.name) {
            continue;
        }
        let half = case.op.bindings().iter().any(|b| b.dtype == Dtype::F16 && !matches!(b.role, Role::Weight(_)));
        for sort in sorts.iter().filter(|sort| sort.device.f16 || !half) {
            let variants = case.op.variants(&sort.device);
            for choice in case.op.tunings(&sort.device) {
                let wgsl = choice.wgsl(kernel)?;
                let usual = variants.iter().any(|variant| variant.defines == choice.defines);
                if let Some(known) = found.get_mut(&wgsl) {
                    known.usual |= usual;
                    continue;
                }
                let number = numbers.entry((kernel.name, choice.variant)).or_default();
                *number += 1;
                let name = format!("{}.{}.{number}", kernel.name, choice.variant);
                let shader = Shader::new(&name, wgsl.clone())?;
                let (kernel, variant, sort) = (kernel.name, choice.variant, sort.name);
                let (case, defines) = (case.name.clone(), choice.defines);
                found.insert(wgsl, Entry { name, kernel, variant, case, defines, sort, usual, shader });
            }
        }
    }
    let mut all: Vec<Entry> = found.into_values().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}
