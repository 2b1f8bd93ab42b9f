//! From naga's module to what each of wgpu's backends hands to its driver, with the bindings that [`crate::gpu`] makes.

use std::{borrow::Cow, fmt};

use naga::{
    AddressSpace, GlobalVariable, Module, ShaderStage, StorageAccess,
    back::{glsl, hlsl, msl, pipeline_constants::process_overrides, spv},
    valid::ModuleInfo,
};
use serde::Serialize;

use super::Guards;
use crate::kernel::Parsed;

/// The entry point of every kernel.
const MAIN: &str = "main";
const STAGE: ShaderStage = ShaderStage::Compute;

/// A shading language that wgpu translates WGSL to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// For Vulkan 1.3.
    Spirv,
    /// For DirectX 12: shader model 6.2, which DXC compiles to DXIL.
    Hlsl,
    /// For Metal 2.4.
    Msl,
    /// For OpenGL 4.5.
    Glsl,
}

/// What a backend gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// SPIR-V.
    Words(Vec<u32>),
    /// Text.
    Text(String),
}

impl Code {
    /// As it is written to a file; SPIR-V is little-endian.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Words(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>().into(),
            Self::Text(text) => text.as_bytes().into(),
        }
    }
}

/// A shader that a backend cannot express.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{backend} cannot express it: {reason}")]
pub struct Refusal {
    /// The backend.
    pub backend: Backend,
    /// naga's words.
    pub reason: String,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Spirv, Self::Hlsl, Self::Msl, Self::Glsl];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spirv => "SPIR-V",
            Self::Hlsl => "HLSL",
            Self::Msl => "MSL",
            Self::Glsl => "GLSL",
        }
    }

    /// The usual ending of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Spirv => "spv",
            Self::Hlsl => "hlsl",
            Self::Msl => "metal",
            Self::Glsl => "comp",
        }
    }

    /// Translates a shader as wgpu does.
    ///
    /// # Errors
    /// [`Refusal`] if the language lacks something that the shader uses.
    pub fn translate(self, parsed: &Parsed, guards: Guards) -> Result<Code, Refusal> {
        self.attempt(parsed, guards).map_err(|reason| Refusal { backend: self, reason })
    }

    fn attempt(self, parsed: &Parsed, guards: Guards) -> Result<Code, String> {
        let (module, info) =
            process_overrides(&parsed.module, &parsed.info, Some((STAGE, MAIN)), &Default::default()).map_err(say)?;
        // All that are declared count, also those that the entry point does not use.
        let bound = bindings(&parsed.module);
        match self {
            Self::Spirv => spirv(&module, &info, guards).map(Code::Words),
            Self::Hlsl => hlsl(&module, &info, &bound, guards).map(Code::Text),
            Self::Msl => msl(&module, &info, &bound, guards).map(Code::Text),
            Self::Glsl => glsl(&module, &info, &bound, guards).map(Code::Text),
        }
    }
}

fn say(error: impl fmt::Display) -> String {
    error.to_string()
}

fn spirv(module: &Module, info: &ModuleInfo, guards: Guards) -> Result<Vec<u32>, String> {
    use spv::ZeroInitializeWorkgroupMemoryMode as Zero;
    let options = spv::Options {
        lang_version: (1, 6),
        // Names make the disassembly readable; drivers skip them.
        flags: spv::WriterFlags::DEBUG,
        bounds_check_policies: guards.spirv(),
        zero_initialize_workgroup_memory: if guards.checks.zero { Zero::Native } else { Zero::None },
        force_loop_bounding: guards.checks.loops,
        emit_int_div_checks: guards.checks.division,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: STAGE, entry_point: MAIN.into() };
    spv::write_vec(module, info, &options, Some(&pipeline)).map_err(say)
}

fn hlsl(module: &Module, info: &ModuleInfo, bound: &[Bound<'_>], guards: Guards) -> Result<String, String> {
    let mut next = [0; 3];
    let mut binding_map = hlsl::BindingMap::default();
    for &(binding, variable) in bound {
        // Constants, what is only read, what is written: three files of registers.
        let file = match variable.space {
            AddressSpace::Storage { .. } if is_written(variable) => 2,
            AddressSpace::Storage { .. } => 1,
            _ => 0,
        };
        binding_map.insert(binding, hlsl::BindTarget { register: next[file], ..Default::default() });
        next[file] += 1;
    }
    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_2,
        binding_map,
        fake_missing_bindings: false,
        // D3D12 has no built-in number of workgroups: wgpu hands it over as constants.
        special_constants_binding: Some(hlsl::BindTarget { register: next[0], ..Default::default() }),
        zero_initialize_workgroup_memory: guards.checks.zero,
        restrict_indexing: guards.checks.bounds,
        force_loop_bounding: guards.checks.loops,
        ..Default::default()
    };
    let pipeline = hlsl::PipelineOptions { entry_point: Some((STAGE, MAIN.into())) };
    let mut text = String::new();
    hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None).map_err(say)?;
    Ok(text)
}

fn msl(module: &Module, info: &ModuleInfo, bound: &[Bound<'_>], guards: Guards) -> Result<String, String> {
    let resources = bound.iter().zip(0u8..).map(|(&(binding, variable), slot)| {
        let mutable = is_written(variable);
        (binding, msl::BindTarget { buffer: Some(slot), mutable, ..Default::default() })
    });
    let resources: msl::BindingMap = resources.collect();
    // Behind the buffers stands one with their sizes.
    let sizes_buffer = Some(resources.len() as u8);
    let resources = msl::EntryPointResources { resources, immediates_buffer: None, sizes_buffer };
    let options = msl::Options {
        lang_version: (2, 4),
        per_entry_point_map: [(MAIN.to_owned(), resources)].into(),
        spirv_cross_compatibility: false,
        fake_missing_bindings: false,
        bounds_check_policies: guards.msl(),
        zero_initialize_workgroup_memory: guards.checks.zero,
        force_loop_bounding: guards.checks.loops,
        emit_int_div_checks: guards.checks.division,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions { entry_point: Some((STAGE, MAIN.into())), ..Default::default() };
    let (text, told) = msl::write_string(module, info, &options, &pipeline).map_err(say)?;
    told.entry_point_names.into_iter().try_for_each(|entry| entry.map(|_| ()).map_err(say))?;
    Ok(text)
}

fn glsl(module: &Module, info: &ModuleInfo, bound: &[Bound<'_>], guards: Guards) -> Result<String, String> {
    let mut next = [0; 2];
    let mut binding_map = glsl::BindingMap::default();
    for &(binding, variable) in bound {
        let file = usize::from(matches!(variable.space, AddressSpace::Storage { .. }));
        binding_map.insert(binding, next[file]);
        next[file] += 1;
    }
    let options = glsl::Options {
        version: glsl::Version::Desktop(450),
        binding_map,
        zero_initialize_workgroup_memory: guards.checks.zero,
        ..Default::default()
    };
    let pipeline = glsl::PipelineOptions { shader_stage: STAGE, entry_point: MAIN.into(), multiview: None };
    let mut text = String::new();
    let writer = glsl::Writer::new(&mut text, module, info, &options, &pipeline, guards.glsl());
    writer.map_err(say)?.write().map_err(say)?;
    Ok(text)
}

type Bound<'a> = (naga::ResourceBinding, &'a GlobalVariable);

/// The bound variables in the order of their numbers.
fn bindings(module: &Module) -> Vec<Bound<'_>> {
    let bound = module.global_variables.iter().filter_map(|(_, variable)| Some((variable.binding?, variable)));
    let mut bound: Vec<_> = bound.collect();
    bound.sort_by_key(|(binding, _)| (binding.group, binding.binding));
    bound
}

fn is_written(variable: &GlobalVariable) -> bool {
    matches!(variable.space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE))
}
