//! Every shader of the project: all variants and settings of all kernels, for the shapes of their cases.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry as MapEntry},
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

use super::{Shader, sorts};
use crate::kernel::{self, Choice, Defines, Dtype, Kernel, Role, SourceError, WgslError};

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
    pub defines: Defines,
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
    /// Whoever watched wanted no more.
    #[error("cancelled")]
    Cancelled,
}

/// A setting of a variant, before it is expanded.
struct Setting {
    kernel: &'static Kernel,
    choice: Choice,
    case: String,
    sort: &'static str,
    usual: bool,
}

/// All shaders, each once: every setting of every variant of every case on every kind of device. Those of one kernel have the names that they
/// have among all. `watch` is told how many of how many are made, and says whether to go on.
///
/// # Errors
/// The first one that is no shader; [`AllError::Cancelled`].
pub fn all(only: Option<&str>, watch: &(dyn Fn(usize, usize) -> bool + Sync)) -> Result<Vec<Entry>, AllError> {
    let settings = settings(only);
    let texts: Vec<_> = settings.par_iter().map(|setting| setting.choice.wgsl(setting.kernel)).collect();
    // Settings that make no difference to the text are one shader.
    let mut merged: Vec<(String, String, Setting)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (setting, wgsl) in settings.into_iter().zip(texts) {
        let wgsl = wgsl?;
        if let Some(&place) = places.get(&wgsl) {
            merged[place].2.usual |= setting.usual;
            continue;
        }
        let number = numbers.entry((setting.kernel.name, setting.choice.variant)).or_default();
        *number += 1;
        let name = format!("{}.{}.{number}", setting.kernel.name, setting.choice.variant);
        places.insert(wgsl.clone(), merged.len());
        merged.push((name, wgsl, setting));
    }
    let (done, count) = (AtomicUsize::new(0), merged.len());
    let entry = |(name, wgsl, Setting { kernel, choice, case, sort, usual }): (String, String, Setting)| {
        if !watch(done.fetch_add(1, Ordering::Relaxed) + 1, count) {
            return Err(AllError::Cancelled);
        }
        let shader = Shader::new(&name, wgsl)?;
        let (kernel, variant, defines) = (kernel.name, choice.variant, choice.defines);
        Ok::<_, AllError>(Entry { name, kernel, variant, case, defines, sort, usual, shader })
    };
    let mut all = merged.into_par_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// All settings, each once, in the order of the cases; those of one kernel, or of all.
fn settings(only: Option<&str>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut places: HashMap<(&str, Defines), usize> = HashMap::new();
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
                let usual = variants.iter().any(|variant| variant.defines == choice.defines);
                match places.entry((kernel.name, choice.defines.clone())) {
                    MapEntry::Occupied(known) => settings[*known.get()].usual |= usual,
                    MapEntry::Vacant(new) => {
                        new.insert(settings.len());
                        settings.push(Setting { kernel, choice, case: case.name.clone(), sort: sort.name, usual });
                    }
                }
            }
        }
    }
    settings
}
