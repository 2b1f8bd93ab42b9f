//! Whether the variables that a file binds are what the host binds.

use super::Row;
use crate::kernel::{Binding, Dtype, Op, Reflection, Role};

/// Every storage binding that is not what the host binds.
pub(super) fn rows(op: &dyn Op, found: &Reflection) -> Vec<Row> {
    let expected = op.bindings();
    let what = |at: u32, name: &str| format!("@binding({at}) {name}");
    let mut rows = Vec::new();
    for (&at, variable) in found.bindings.iter().filter(|(at, _)| **at > 0) {
        let is = format!("{} {}", variable.access, variable.element);
        let row = |expected: String| [what(at, &variable.name), expected, is.trim_end().to_owned()];
        match expected.get(at as usize - 1) {
            None => rows.push(row(format!("none: the last is {}", expected.len()))),
            Some(binding) if !fits(binding, variable.access, &variable.element, variable.width) => {
                rows.push(row(describe(binding)));
            }
            Some(_) => {}
        }
    }
    let unwritten = (1..).zip(&expected).filter(|(at, b)| b.role == Role::Output && !found.bindings.contains_key(at));
    rows.extend(unwritten.map(|(at, b)| [what(at, b.name), describe(b), "nothing".into()]));
    rows
}

fn access(binding: &Binding) -> &'static str {
    if binding.role == Role::Output { "read_write" } else { "read" }
}

fn describe(binding: &Binding) -> String {
    let scalar = binding.dtype.wgsl();
    let vectors = match binding.device_elements().is_multiple_of(4) {
        true => format!("{scalar}, vec2<{scalar}> or vec4<{scalar}>"),
        false => format!("{scalar} ({} elements are no whole vectors)", binding.device_elements()),
    };
    let packed = match binding.dtype {
        Dtype::F16 => ", or u32 with two, u64 with four in each",
        Dtype::F32 => ", or u64 with two in each",
        Dtype::U32 => "",
    };
    format!("{} {vectors}{packed}", access(binding))
}

/// Can the variable be bound to this tensor? Several values may also be read as one integer.
fn fits(binding: &Binding, is: &str, element: &str, width: u32) -> bool {
    let scalar = element.split(['<', '>']).nth(1).unwrap_or(element);
    let per_scalar = match (binding.dtype, scalar) {
        (Dtype::F16, "u32") | (Dtype::F32, "u64") => 2,
        (Dtype::F16, "u64") => 4,
        (dtype, scalar) if dtype.wgsl() == scalar => 1,
        // A vec3 takes the room of a vec4: it fits nothing.
        _ => return binding.role == Role::Absent && width > 0,
    };
    // An absent input is bound to zeros, whatever its type. Buffers end with whole words.
    let scalars = binding.device_elements().div_ceil(per_scalar);
    matches!(width, 1 | 2 | 4)
        && (binding.role == Role::Absent || scalars.is_multiple_of(width as usize))
        && is == access(binding)
}
