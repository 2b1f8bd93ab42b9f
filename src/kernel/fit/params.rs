//! Whether the parameter struct of a file is the kernel's.

use std::collections::BTreeMap;

use super::Row;
use crate::kernel::{Choice, Dispatch, Field, Op, Reflection, reflect};

/// What is not as in the struct that the host fills: its size, and scalars that are of another kind than the variant `base` has at their
/// bytes. Names are the file's own; a whole number may be read with a sign, which changes none of its bits.
pub(super) fn rows(op: &dyn Op, base: &Choice, choice: &Choice, found: &Reflection) -> Vec<Row> {
    let Some(variable) = found.bindings.get(&0) else { return Vec::new() };
    let bases = vec![0; op.bindings().len()];
    let Dispatch { params, .. } = op.dispatch(choice, &(0..op.units().max(1)), &bases);
    let size = params.len();
    if variable.access != "uniform" || variable.bytes as usize > size {
        let found = format!("{} of {} bytes", variable.access, variable.bytes);
        return vec![[format!("@binding(0) {}", variable.name), format!("uniform, at most {size} bytes"), found]];
    }
    let expected = fields(op, base);
    let row = |(at, field): (&u32, &Field)| {
        let wanted = expected.get(at).filter(|wanted| kind(wanted) != kind(field))?;
        let what = format!("@binding(0) {}.{} at byte {at}", variable.name, field.name);
        Some([what, format!("{} ({})", wanted.scalar, wanted.name), field.scalar.clone()])
    };
    variable.fields.iter().filter_map(row).collect()
}

/// The scalars of the kernel's own struct; none if it cannot be read, which the tests of the shaders would tell.
fn fields(op: &dyn Op, base: &Choice) -> BTreeMap<u32, Field> {
    let kernel = op.kernel();
    let own = base.wgsl(kernel).ok().and_then(|wgsl| reflect(kernel.name, &wgsl).ok());
    own.and_then(|mut own| own.bindings.remove(&0)).map(|params| params.fields).unwrap_or_default()
}

/// Whole numbers of the same size are the same bits.
fn kind(field: &Field) -> String {
    field.scalar.replace('i', "u")
}
