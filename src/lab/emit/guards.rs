//! The guards that wgpu has every backend put into a shader.

use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use crate::gpu::ShaderChecks;

/// Which guards are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Those that the user leaves in.
    pub checks: ShaderChecks,
    /// Does the Vulkan driver keep accesses inside of buffers itself (`robustBufferAccess2`)? Then wgpu leaves them unchecked.
    pub robust_buffers: bool,
}

impl Guards {
    /// What SPIR-V gets. Workgroup arrays and vectors are always clamped, buffers where the driver does not see to it.
    pub(super) fn spirv(self) -> BoundsCheckPolicies {
        let policy = |on: bool| if on { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        BoundsCheckPolicies {
            index: policy(self.checks.bounds),
            buffer: policy(self.checks.bounds && !self.robust_buffers),
            image_load: policy(self.checks.bounds),
            binding_array: BoundsCheckPolicy::Unchecked,
        }
    }

    /// What MSL gets: Metal checks nothing itself.
    pub(super) fn msl(self) -> BoundsCheckPolicies {
        Self { robust_buffers: false, ..self }.spirv()
    }

    /// What GLSL gets: nothing but images is checked, and the driver is trusted with buffers.
    pub(super) fn glsl(self) -> BoundsCheckPolicies {
        BoundsCheckPolicies { image_load: BoundsCheckPolicy::ReadZeroSkipWrite, ..BoundsCheckPolicies::default() }
    }

    /// The same guards without each one in turn that is in force: its name, and the others.
    pub(super) fn without_each(self) -> Vec<(&'static str, Self)> {
        let checks = self.checks;
        let fewer = [
            ("bounds", checks.bounds, ShaderChecks { bounds: false, ..checks }),
            ("loops", checks.loops, ShaderChecks { loops: false, ..checks }),
            ("division", checks.division, ShaderChecks { division: false, ..checks }),
            ("zero", checks.zero, ShaderChecks { zero: false, ..checks }),
        ];
        fewer.into_iter().filter(|(_, on, _)| *on).map(|(name, _, checks)| (name, Self { checks, ..self })).collect()
    }
}
