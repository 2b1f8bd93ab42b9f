//! Every setting of every variant of every kernel that any kind of device would run is translated for every backend that can express it,
//! with all guards and with none, so that no vendor's shader breaks unseen. `tools/cross-vendor` hands the results to other compilers.

use std::collections::BTreeSet;

use i2vgen::{
    gpu::ShaderChecks,
    kernel,
    lab::emit::{self, Backend, Code, Entry, Guards, Shader, Sort},
};
use rayon::prelude::*;

/// What naga cannot express for a backend, and why. A row that is no longer true fails the test, too.
struct Exclusion {
    backend: Backend,
    applies: fn(&Shader) -> bool,
    reason: &'static str,
}

const EXCLUSIONS: [Exclusion; 4] = [
    Exclusion {
        backend: Backend::Glsl,
        applies: |s| s.declared().int64,
        reason: "naga writes no 64-bit integers in GLSL",
    },
    Exclusion { backend: Backend::Glsl, applies: |s| s.declared().f16, reason: "naga writes no f16 in GLSL" },
    Exclusion {
        backend: Backend::Glsl,
        applies: |s| s.declared().matrices,
        reason: "GLSL has no matrices of a subgroup",
    },
    Exclusion { backend: Backend::Hlsl, applies: |s| s.declared().matrices, reason: "nor has HLSL 6.2" },
];

fn excluded(backend: Backend, shader: &Shader) -> Option<&'static str> {
    EXCLUSIONS.iter().find(|row| row.backend == backend && (row.applies)(shader)).map(|row| row.reason)
}

/// What is wrong with a shader: a translation, or a limit of the kind of device that would run it.
fn problems(entry: &Entry, sorts: &[Sort]) -> Vec<String> {
    let mut problems = limits(entry, sorts);
    for backend in Backend::ALL {
        for checks in [ShaderChecks::ON, ShaderChecks::OFF] {
            let guards = Guards { checks, robust_buffers: false };
            let told = match (entry.shader.translate(backend, guards), excluded(backend, &entry.shader)) {
                (Ok(Code::Words(words)), None) => emit::disassemble(&words).err(),
                (Ok(Code::Text(text)), None) => text.trim().is_empty().then(|| "nothing came out".into()),
                (Err(_), Some(_)) => None,
                (Err(refusal), None) => Some(refusal.to_string()),
                (Ok(_), Some(reason)) => Some(format!("{backend} can express it, although '{reason}': drop the row")),
            };
            problems.extend(told);
        }
    }
    problems.iter().map(|told| format!("{} (as in '{}', {}): {told}", entry.name, entry.case, entry.sort)).collect()
}

fn limits(entry: &Entry, sorts: &[Sort]) -> Vec<String> {
    let device = &sorts.iter().find(|sort| sort.name == entry.sort).expect("a kind of device").device;
    let found = entry.shader.declared();
    let threads: u32 = found.workgroup_size.iter().product();
    let most = device.max_workgroup_memory;
    [
        (threads > device.max_invocations, format!("{threads} threads")),
        (found.workgroup_memory > most, format!("{} bytes of workgroup memory, of {most}", found.workgroup_memory)),
        (found.f16 && !device.f16, "f16".into()),
        (found.subgroups && device.subgroup.is_none(), "subgroups".into()),
        (found.matrices && device.matrices.is_empty(), "cooperative matrices".into()),
    ]
    .into_iter()
    .filter_map(|(exceeded, what)| exceeded.then(|| format!("the device lacks {what}")))
    .collect()
}

#[test]
fn every_shader_translates_for_every_backend() {
    let all = emit::all(None, &|_, _| true).expect("the templates expand to WGSL");
    let kernels: BTreeSet<&str> = all.iter().map(|entry| entry.kernel).collect();
    let missing: Vec<_> = kernel::KERNELS.iter().filter(|k| !kernels.contains(k.name)).collect();
    assert!(missing.is_empty(), "kernels without a case: {missing:?}");
    let variants: BTreeSet<_> = all.iter().map(|entry| (entry.kernel, entry.variant)).collect();
    println!("{} shaders of {} variants of {} kernels", all.len(), variants.len(), kernels.len());
    let sorts = emit::sorts();
    let problems: Vec<String> = all.par_iter().flat_map_iter(|entry| problems(entry, &sorts)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
