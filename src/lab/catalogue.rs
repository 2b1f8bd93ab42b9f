//! What there is of a kernel: its variants, what each needs, and which one a device would run.

use serde::Serialize;

use super::candidate::settings;
use crate::{
    gpu::{Capabilities, DeviceKind, MatrixShape, PORTABLE},
    kernel::{Choice, Kernel, Op, Reflection, cases, reflect},
};

/// A variant of a kernel at a shape.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Its name.
    pub variant: &'static str,
    /// What it is for.
    pub reason: String,
    /// What its text needs.
    pub needs: Needs,
    /// Can this device run it?
    pub available: bool,
    /// What the device lacks, if it cannot.
    pub missing: Option<String>,
    /// Settings that it can be given, each as it is written behind the name.
    pub settings: Vec<String>,
}

/// What the text of a variant needs of a device, as naga reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Threads of a workgroup.
    pub threads: u32,
    /// Bytes of workgroup memory.
    pub workgroup_memory: u32,
    /// f16 in shaders.
    pub f16: bool,
    /// Subgroup operations.
    pub subgroups: bool,
    /// Cooperative matrices.
    pub matrices: bool,
}

impl From<&Reflection> for Needs {
    fn from(r: &Reflection) -> Self {
        Self {
            threads: r.workgroup_size.iter().product(),
            workgroup_memory: r.workgroup_memory,
            f16: r.f16,
            subgroups: r.subgroups,
            matrices: r.matrices,
        }
    }
}

impl Needs {
    /// What a device lacks.
    fn missing(&self, device: &Capabilities) -> Option<String> {
        let lacks = [
            (self.f16 && !device.f16, "f16 in shaders"),
            (self.subgroups && device.subgroup.is_none(), "subgroups"),
            (self.matrices && device.matrices.is_empty(), "cooperative matrices"),
            (self.threads > device.max_invocations, "so many threads in a workgroup"),
            (self.workgroup_memory > device.max_workgroup_memory, "so much workgroup memory"),
        ];
        let lacks: Vec<&str> = lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect();
        (!lacks.is_empty()).then(|| format!("this device lacks {}", lacks.join(", ")))
    }

    /// In words.
    pub fn text(&self) -> String {
        let mut parts = vec![format!("{} threads", self.threads)];
        if self.workgroup_memory > 0 {
            parts.push(format!("{:.1} KiB workgroup memory", f64::from(self.workgroup_memory) / 1024.0));
        }
        for (needs, what) in [(self.f16, "f16"), (self.subgroups, "subgroups"), (self.matrices, "matrices")] {
            if needs {
                parts.push(what.to_owned());
            }
        }
        parts.join(", ")
    }
}

/// What a kernel computes: the first line of its file.
pub fn computes(kernel: &Kernel) -> &'static str {
    let line = kernel.wgsl.lines().next().unwrap_or_default().trim_start_matches('/').trim();
    line.strip_prefix(kernel.name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line)
}

/// The names of all variants that a kernel has for any of its cases on any kind of device.
pub fn variant_names(kernel: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for case in cases().iter().filter(|case| case.op.kernel().name == kernel) {
        for choice in profiles(&PORTABLE).iter().flat_map(|profile| case.op.variants(profile)) {
            if !names.contains(&choice.variant) {
                names.push(choice.variant);
            }
        }
    }
    names
}

/// Every variant of an op, those that this device can run first, best guess first.
///
/// # Errors
/// A variant's text that naga does not read, in words.
pub fn rungs(op: &dyn Op, device: &Capabilities) -> Result<Vec<Rung>, String> {
    let mut rungs: Vec<Rung> = Vec::new();
    for (here, profile) in [(true, device)].into_iter().chain(profiles(device).iter().map(|other| (false, other))) {
        for choice in op.variants(profile) {
            if rungs.iter().all(|rung| rung.variant != choice.variant) {
                rungs.push(rung(op, &choice, device, here)?);
            }
        }
    }
    Ok(rungs)
}

fn rung(op: &dyn Op, choice: &Choice, device: &Capabilities, here: bool) -> Result<Rung, String> {
    let kernel = op.kernel();
    let wgsl = choice.wgsl(kernel).map_err(|e| e.to_string())?;
    let needs = Needs::from(&reflect(kernel.name, &wgsl).map_err(|e| e.to_string())?);
    let missing = needs.missing(device);
    Ok(Rung {
        variant: choice.variant,
        reason: choice.reason.clone().into_owned(),
        needs,
        available: here && missing.is_none(),
        missing: missing.or_else(|| (!here).then(|| "made for other devices than this one".to_owned())),
        settings: settings(op, device, choice.variant),
    })
}

/// Kinds of devices whose choices differ, besides the one at hand.
fn profiles(device: &Capabilities) -> [Capabilities; 3] {
    let matrix = |size: u32, sum: &str| MatrixShape { mnk: [size; 3], operands: "f16".into(), sum: sum.into() };
    let card = Capabilities {
        kind: DeviceKind::Discrete,
        f16: true,
        subgroup: Some([32, 32]),
        matrices: vec![matrix(16, "f32"), matrix(16, "f16"), matrix(8, "f32")],
        max_invocations: 1024,
        max_workgroup_memory: 48 << 10,
        ..device.clone()
    };
    let cpu = Capabilities { kind: DeviceKind::Cpu, subgroup: Some([8, 8]), matrices: Vec::new(), ..card.clone() };
    [PORTABLE.clone(), card, cpu]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Dtype, Gemm, KERNELS, Linear};

    #[test]
    fn every_kernel_says_what_it_computes() {
        for kernel in KERNELS {
            let text = computes(kernel);
            assert!(text.len() > 10 && !text.starts_with(kernel.name), "{}: {text}", kernel.name);
        }
    }

    #[test]
    fn rungs_that_a_device_cannot_run_are_told_too() {
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        let rungs = rungs(&op, &PORTABLE).unwrap();
        let rung = |name: &str| rungs.iter().find(|rung| rung.variant == name).unwrap();
        assert_eq!(rungs[0].variant, op.choose(&PORTABLE).variant);
        assert!(rung("workgroup").available && rung("workgroup").needs.workgroup_memory > 1000);
        assert!(!rung("broadcast").available);
        assert_eq!(rung("broadcast").missing.as_deref(), Some("this device lacks subgroups"));
        assert!(rung("register").needs.text().ends_with(" threads"));
    }

    #[test]
    fn all_rungs_of_all_cases_can_be_read() {
        for case in cases() {
            rungs(case.op.as_ref(), &PORTABLE).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        }
    }
}
