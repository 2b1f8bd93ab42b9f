//! What a device offers, as plain data: kernels choose their variants and the planner its splits by this alone, with or without a device.

use serde::{Deserialize, Serialize};

/// Features and limits that matter here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// The adapter's name.
    pub name: String,
    /// `vulkan`, `dx12` or `metal`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// What kind of device it is.
    pub kind: DeviceKind,
    /// Can shaders use f16?
    pub f16: bool,
    /// Can shaders use 64-bit integers?
    pub int64: bool,
    /// Smallest and largest subgroup, if shaders can use them.
    pub subgroup: Option<[u32; 2]>,
    /// Can dispatches be timed on the device?
    pub timestamps: bool,
    /// Shapes of cooperative matrices.
    pub matrices: Vec<MatrixShape>,
    /// Largest storage binding in bytes.
    pub max_binding: u64,
    /// Largest buffer in bytes.
    pub max_buffer: u64,
    /// Alignment of a binding's offset in bytes.
    pub alignment: u64,
    /// Workgroups per dimension.
    pub max_workgroups: u32,
    /// Invocations per workgroup.
    pub max_invocations: u32,
    /// Workgroup memory in bytes.
    pub max_workgroup_memory: u32,
    /// Device-local memory in bytes, where the backend tells.
    pub memory: Option<u64>,
    /// What other programs had left of it when the device was looked for, where the backend tells.
    #[serde(default)]
    pub free_memory: Option<u64>,
}

/// What kind of device it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A graphics card.
    Discrete,
    /// A GPU that shares its memory with the CPU.
    Integrated,
    /// A GPU in a virtual machine.
    Virtual,
    /// A software driver.
    Cpu,
    /// Unknown.
    #[default]
    Other,
}

/// A cooperative matrix product that the device multiplies in one instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixShape {
    /// Rows, columns, inner dimension.
    pub mnk: [u32; 3],
    /// Type of the operands.
    pub operands: String,
    /// Type of the sum.
    pub sum: String,
}

/// The core guarantees of WebGPU: what every portable variant must live with.
pub static PORTABLE: Capabilities = Capabilities {
    name: String::new(),
    backend: String::new(),
    driver: String::new(),
    kind: DeviceKind::Other,
    f16: false,
    int64: false,
    subgroup: None,
    timestamps: false,
    matrices: Vec::new(),
    max_binding: 128 << 20,
    max_buffer: 256 << 20,
    alignment: 256,
    max_workgroups: 65_535,
    max_invocations: 256,
    max_workgroup_memory: 16 << 10,
    memory: None,
    free_memory: None,
};

impl Default for Capabilities {
    fn default() -> Self {
        PORTABLE.clone()
    }
}

/// Parts of a device that are left unused, to emulate a weaker one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disable {
    /// No f16 in shaders.
    pub f16: bool,
    /// No subgroup operations.
    pub subgroups: bool,
    /// No cooperative matrices.
    pub matrices: bool,
    /// No 64-bit integers in shaders.
    pub int64: bool,
    /// Bindings no larger than this.
    pub max_binding: Option<u64>,
    /// No more workgroup memory than this.
    pub max_workgroup_memory: Option<u32>,
}

impl Capabilities {
    /// Is it a software driver?
    pub fn is_cpu(&self) -> bool {
        self.kind == DeviceKind::Cpu
    }

    /// The same device without the disabled parts.
    pub fn without(mut self, disable: Disable) -> Self {
        self.f16 &= !disable.f16;
        self.int64 &= !disable.int64;
        if disable.subgroups {
            self.subgroup = None;
        }
        if disable.matrices {
            self.matrices.clear();
        }
        self.max_binding = disable.max_binding.map_or(self.max_binding, |limit| self.max_binding.min(limit));
        let memory = self.max_workgroup_memory;
        self.max_workgroup_memory = disable.max_workgroup_memory.map_or(memory, |limit| memory.min(limit));
        self
    }
}
