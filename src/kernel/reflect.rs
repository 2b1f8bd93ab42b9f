//! What a WGSL text says about itself: bindings, constants, workgroup size and memory, features.

use std::collections::BTreeMap;

use naga::{
    AddressSpace, Expression, Literal, Module, ScalarKind, StorageAccess, TypeInner,
    proc::Layouter,
    valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator},
};

use super::scalars::{Field, scalar_name, scalars};

/// WGSL that naga does not accept.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct WgslError {
    /// The file, or the kernel.
    pub file: String,
    /// naga's words, with the line and what it points at.
    pub reason: String,
    /// The line that it points at, from 1.
    pub line: Option<u32>,
}

/// A text that naga parsed and validated.
#[derive(Debug)]
pub struct Parsed {
    /// The module.
    pub module: Module,
    /// What validation found out about it.
    pub info: ModuleInfo,
}

/// What a kernel's text says about itself.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Reflection {
    /// Threads of a workgroup in x, y and z.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_memory: u32,
    /// Whole numbers declared as constants.
    pub constants: BTreeMap<String, u32>,
    /// Variables with a binding in group 0, by number.
    pub bindings: BTreeMap<u32, Variable>,
    /// Does it use f16?
    pub f16: bool,
    /// Does it use 64-bit integers?
    pub int64: bool,
    /// Does it use subgroup operations?
    pub subgroups: bool,
    /// Does it use cooperative matrices?
    pub matrices: bool,
}

/// A bound variable.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// uniform, read or read_write.
    pub access: &'static str,
    /// The element of its array, such as `vec4<f16>`; empty of a struct.
    pub element: String,
    /// Scalars of an element.
    pub width: u32,
    /// Bytes of a scalar.
    pub scalar_bytes: u32,
    /// Bytes of a struct.
    pub bytes: u32,
    /// Of a uniform, its scalars by the byte at which they begin.
    pub fields: BTreeMap<u32, Field>,
}

/// Parses and validates WGSL with everything that kernels may use.
pub fn parse_wgsl(file: &str, wgsl: &str) -> Result<Parsed, WgslError> {
    let error = |reason: String, at: Option<naga::SourceLocation>| {
        let reason = reason.trim_end().to_owned();
        WgslError { file: file.to_owned(), reason, line: at.map(|at| at.line_number) }
    };
    let parsed = naga::front::wgsl::parse_str(wgsl);
    let module = parsed.map_err(|e| error(e.emit_to_string_with_path(wgsl, file), e.location(wgsl)))?;
    let features = Capabilities::SHADER_FLOAT16
        | Capabilities::SHADER_FLOAT16_IN_FLOAT32
        | Capabilities::SHADER_INT64
        | Capabilities::SUBGROUP
        | Capabilities::SUBGROUP_BARRIER
        | Capabilities::COOPERATIVE_MATRIX;
    let mut validator = Validator::new(ValidationFlags::all(), features);
    validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    let valid = validator.validate(&module);
    let info = valid.map_err(|e| error(e.emit_to_string_with_path(wgsl, file), e.location(wgsl)))?;
    Ok(Parsed { module, info })
}

/// What a kernel's text says about itself; its entry point is `main`.
pub fn reflect(file: &str, wgsl: &str) -> Result<Reflection, WgslError> {
    parse_wgsl(file, wgsl)?.reflect(file)
}

impl Parsed {
    /// What the text says about itself; `file` names it in messages.
    pub fn reflect(&self, file: &str) -> Result<Reflection, WgslError> {
        reflection(&self.module).map_err(|reason| WgslError { file: file.to_owned(), reason, line: None })
    }
}

fn reflection(module: &Module) -> Result<Reflection, String> {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).map_err(|e| e.to_string())?;
    let main = module.entry_points.iter().find(|entry| entry.name == "main");
    let main = main.ok_or("it has no entry point `main`")?;
    let mut found = Reflection {
        workgroup_size: main.workgroup_size,
        int64: module.types.iter().any(|(_, ty)| is_int64(&ty.inner)),
        f16: module.types.iter().any(|(_, ty)| is_f16(&ty.inner)) || converts_to_f16(module),
        matrices: module.types.iter().any(|(_, ty)| matches!(ty.inner, TypeInner::CooperativeMatrix { .. })),
        subgroups: uses_subgroups(module),
        ..Reflection::default()
    };
    for (_, constant) in module.constants.iter() {
        let value = match module.global_expressions[constant.init] {
            Expression::Literal(Literal::U32(value)) => Some(value),
            Expression::Literal(Literal::I32(value)) => u32::try_from(value).ok(),
            Expression::Literal(Literal::AbstractInt(value)) => u32::try_from(value).ok(),
            _ => None,
        };
        if let (Some(name), Some(value)) = (&constant.name, value) {
            found.constants.insert(name.clone(), value);
        }
    }
    for (_, variable) in module.global_variables.iter() {
        let bytes = layouter[variable.ty].size;
        match (variable.space, &variable.binding) {
            (AddressSpace::WorkGroup, _) => found.workgroup_memory = found.workgroup_memory.saturating_add(bytes),
            (_, Some(at)) if at.group == 0 => {
                let described = describe(module, variable, bytes);
                found.bindings.insert(at.binding, described);
            }
            (_, Some(at)) => {
                return Err(format!("binding {} is in group {}: all are in group 0", at.binding, at.group));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn describe(module: &Module, variable: &naga::GlobalVariable, bytes: u32) -> Variable {
    let access = match variable.space {
        AddressSpace::Uniform => "uniform",
        AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => "read_write",
        AddressSpace::Storage { .. } => "read",
        _ => "other",
    };
    let name = variable.name.clone().unwrap_or_default();
    let element = match module.types[variable.ty].inner {
        TypeInner::Array { base, .. } => Some(&module.types[base].inner),
        _ => None,
    };
    let (element, width, scalar) = match element {
        Some(TypeInner::Scalar(scalar)) => (scalar_name(*scalar), 1, Some(*scalar)),
        Some(TypeInner::Vector { size, scalar }) => {
            (format!("vec{}<{}>", *size as u32, scalar_name(*scalar)), *size as u32, Some(*scalar))
        }
        Some(_) => ("a struct".into(), 0, None),
        None => (String::new(), 0, None),
    };
    let fields = if access == "uniform" { scalars(module, variable.ty) } else { BTreeMap::new() };
    Variable { name, access, element, width, scalar_bytes: scalar.map_or(0, |s| s.width.into()), bytes, fields }
}

fn is_f16(inner: &TypeInner) -> bool {
    inner.scalar().is_some_and(|scalar| scalar.kind == ScalarKind::Float && scalar.width == 2)
}

/// A conversion alone leaves no type behind.
fn converts_to_f16(module: &Module) -> bool {
    functions(module).any(|function| {
        let half = |e: &Expression| matches!(e, Expression::As { kind: ScalarKind::Float, convert: Some(2), .. });
        function.expressions.iter().any(|(_, e)| half(e))
    })
}

fn functions(module: &Module) -> impl Iterator<Item = &naga::Function> {
    module.functions.iter().map(|(_, f)| f).chain(module.entry_points.iter().map(|e| &e.function))
}

fn is_int64(inner: &TypeInner) -> bool {
    inner.scalar().is_some_and(|scalar| matches!(scalar.kind, ScalarKind::Uint | ScalarKind::Sint) && scalar.width == 8)
}

fn uses_subgroups(module: &Module) -> bool {
    functions(module).any(|function| {
        let results = function
            .expressions
            .iter()
            .any(|(_, e)| matches!(e, Expression::SubgroupBallotResult | Expression::SubgroupOperationResult { .. }));
        let arguments = function.arguments.iter().any(|argument| {
            use naga::{Binding, BuiltIn};
            let subgroup =
                [BuiltIn::NumSubgroups, BuiltIn::SubgroupId, BuiltIn::SubgroupSize, BuiltIn::SubgroupInvocationId];
            matches!(argument.binding, Some(Binding::BuiltIn(built_in)) if subgroup.contains(&built_in))
        });
        results || arguments
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: &str = "
enable f16;
struct Params { n: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
const ROWS = 4u * 2u;
const COLS: u32 = 3;
var<workgroup> tile: array<f32, 64>;
@compute @workgroup_size(32, 2)
fn main(@builtin(local_invocation_index) i: u32) {
  tile[i] = f32(x[i].x);
  workgroupBarrier();
  y[i] = subgroupAdd(tile[i]) * p.scale;
}
";

    #[test]
    fn a_text_tells_what_it_is() {
        let found = reflect("mine.wgsl", KERNEL).unwrap();
        assert_eq!((found.workgroup_size, found.workgroup_memory), ([32, 2, 1], 256));
        assert_eq!((found.constants["ROWS"], found.constants["COLS"]), (8, 3));
        assert!(found.f16 && found.subgroups && !found.matrices);
        let x = &found.bindings[&1];
        assert_eq!((x.name.as_str(), x.access, x.element.as_str(), x.width), ("x", "read", "vec4<f16>", 4));
        let p = &found.bindings[&0];
        assert_eq!((p.access, p.bytes, p.fields[&4].name.as_str()), ("uniform", 8, "scale"));
        assert_eq!(found.bindings[&2].access, "read_write");
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let error = reflect("mine.wgsl", &KERNEL.replace("tile[i] = f32", "tile[i] = f33")).unwrap_err().to_string();
        assert!(error.contains("mine.wgsl:12") && error.contains('^'), "{error}");
        let error = reflect("mine.wgsl", &KERNEL.replace("fn main", "fn start")).unwrap_err().to_string();
        assert!(error.contains("no entry point `main`"), "{error}");
    }
}
