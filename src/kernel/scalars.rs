//! The scalars that a type is made of, by the byte at which each begins.

use std::collections::BTreeMap;

use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner};

/// A scalar within a struct.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    /// Its path from the struct on, such as `gemm.row_begin`.
    pub name: String,
    /// Its type, such as `u32`.
    pub scalar: String,
}

/// The scalars of a type that can be in a uniform.
pub(super) fn scalars(module: &Module, ty: Handle<Type>) -> BTreeMap<u32, Field> {
    let mut found = BTreeMap::new();
    collect(module, ty, 0, String::new(), &mut found);
    found
}

/// Scalars that are told of one type, at most: more than any parameter struct has.
const MOST: usize = 1024;

fn collect(module: &Module, ty: Handle<Type>, at: u32, name: String, found: &mut BTreeMap<u32, Field>) {
    if found.len() >= MOST {
        return;
    }
    let vector = |at: u32, name: &str, size: naga::VectorSize, scalar: Scalar, found: &mut BTreeMap<u32, Field>| {
        for i in 0..size as u32 {
            let field = Field { name: format!("{name}[{i}]"), scalar: scalar_name(scalar) };
            found.insert(at.saturating_add(i * u32::from(scalar.width)), field);
        }
    };
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) => {
            found.insert(at, Field { name, scalar: scalar_name(scalar) });
        }
        TypeInner::Vector { size, scalar } => vector(at, &name, size, scalar, found),
        TypeInner::Matrix { columns, rows, scalar } => {
            // A column of three takes the room of four.
            let stride = (rows as u32).next_power_of_two() * u32::from(scalar.width);
            for i in 0..columns as u32 {
                vector(at.saturating_add(i * stride), &format!("{name}[{i}]"), rows, scalar, found);
            }
        }
        TypeInner::Array { base, size: ArraySize::Constant(count), stride } => {
            for i in 0..count.get().min(MOST as u32) {
                collect(module, base, at.saturating_add(i.saturating_mul(stride)), format!("{name}[{i}]"), found);
            }
        }
        TypeInner::Struct { ref members, .. } => {
            for member in members {
                let between = if name.is_empty() { "" } else { "." };
                let name = format!("{name}{between}{}", member.name.as_deref().unwrap_or_default());
                collect(module, member.ty, at.saturating_add(member.offset), name, found);
            }
        }
        _ => {}
    }
}

/// The name of a scalar's type in WGSL.
pub(super) fn scalar_name(scalar: Scalar) -> String {
    let letter = match scalar.kind {
        ScalarKind::Float => 'f',
        ScalarKind::Uint => 'u',
        ScalarKind::Sint => 'i',
        _ => '?',
    };
    format!("{letter}{}", u32::from(scalar.width) * 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_in_structs_vectors_and_arrays_are_taken_apart() {
        let text = "
struct Inner { a: u32, b: vec3<f32> }
struct Outer { first: Inner, list: array<vec4<i32>, 2>, last: f32 }
@group(0) @binding(0) var<uniform> p: Outer;";
        let module = naga::front::wgsl::parse_str(text).unwrap();
        let (_, variable) = module.global_variables.iter().next().unwrap();
        let found = scalars(&module, variable.ty);
        let told: Vec<String> = found.iter().map(|(at, f)| format!("{at} {} {}", f.name, f.scalar)).collect();
        assert_eq!(told[..4], ["0 first.a u32", "16 first.b[0] f32", "20 first.b[1] f32", "24 first.b[2] f32"]);
        assert_eq!((told[4].as_str(), told.len()), ("32 list[0][0] i32", 4 + 8 + 1));
        assert_eq!(told[12], "64 last f32");
    }
}
