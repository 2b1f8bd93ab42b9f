//! Whether a WGSL file can stand in for a variant of a kernel, and what does not fit.

use std::{fmt, sync::Arc};

use super::{Binding, Choice, Dispatch, Dtype, Op, Reflection, Role, WgslError, WgslFile, reflect, threads};

/// A file that cannot stand in for a variant.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// It does not expand or is no WGSL.
    #[error(transparent)]
    Wgsl(#[from] WgslError),
    /// Its bindings, constants or workgroup size are not what the kernel is called with.
    #[error("{file} does not fit {kernel}:\n{table}")]
    Mismatch {
        /// The file.
        file: String,
        /// The kernel.
        kernel: &'static str,
        /// What was expected and what was found, line by line.
        table: Table,
    },
}

/// What was expected of a file and what it has instead.
#[derive(Debug, Default)]
pub struct Table(Vec<[String; 3]>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["", "expected", "found"].map(String::from);
        let rows: Vec<&[String; 3]> = std::iter::once(&heads).chain(&self.0).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1)];
        let lines = rows.iter().map(|[what, expected, found]| {
            format!("  {what:<0$}  {expected:<1$}  {found}", widths[0], widths[1]).trim_end().to_owned()
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The choice that runs `file` for `op`, in place of the variant `base`, whose types and conditions it is expanded with.
///
/// # Errors
/// [`FitError`] with the line, or with a table of what was expected and found.
pub fn stand_in(op: &dyn Op, base: &Choice, file: &Arc<WgslFile>) -> Result<Choice, FitError> {
    let mut choice = Choice {
        variant: "file",
        reason: format!("{} in place of {}", file.path, base.variant).into(),
        defines: base.defines.clone(),
        file: Some(file.clone()),
    };
    let failed = |reason: String| WgslError { file: file.path.clone(), reason, line: None };
    let wgsl = choice.wgsl(op.kernel()).map_err(|e| failed(e.reason))?;
    let found = reflect(&file.path, &wgsl).map_err(|error| before_expansion(error, file, &wgsl))?;
    let mut rows = Vec::new();
    for &(name, meaning) in op.geometry() {
        let threads = found.workgroup_size.iter().product();
        let value = if name == threads::DEFINE { Some(threads) } else { found.constants.get(name).copied() };
        match value.filter(|&value| value > 0) {
            Some(value) => choice = choice.with(name, value),
            None => rows.push([
                format!("const {name}"),
                format!("a whole number from 1 on: {meaning}"),
                found.constants.get(name).map_or("nothing".into(), u32::to_string),
            ]),
        }
    }
    rows.extend(bindings(op, &choice, &found));
    match rows.is_empty() {
        true => Ok(choice),
        false => Err(FitError::Mismatch { file: file.path.clone(), kernel: op.kernel().name, table: Table(rows) }),
    }
}

/// The same error with the line of the file, where that is not the line of the expanded text.
fn before_expansion(error: WgslError, file: &WgslFile, wgsl: &str) -> WgslError {
    let Some(line) = error.line else { return error };
    let text = |all: &str, line: u32| all.lines().nth(line as usize - 1).unwrap_or_default().trim().to_owned();
    let shown = text(wgsl, line);
    if text(&file.text, line) == shown || shown.is_empty() {
        return error;
    }
    let same: Vec<usize> = (1..).zip(file.text.lines()).filter(|(_, l)| l.trim() == shown).map(|(at, _)| at).collect();
    let told = match same.as_slice() {
        [one] => format!("line {one} of {}", file.path),
        _ => format!("a line that template lines of {} make", file.path),
    };
    WgslError { reason: format!("{}\n   = line {line} of the expanded text is {told}", error.reason), ..error }
}

/// Every binding that is not what the host binds.
fn bindings(op: &dyn Op, choice: &Choice, found: &Reflection) -> Vec<[String; 3]> {
    let expected = op.bindings();
    let what = |at: u32, name: &str| format!("@binding({at}) {name}");
    let mut rows = Vec::new();
    for (&at, variable) in &found.bindings {
        let is = format!("{} {}", variable.access, variable.element);
        let row = |expected: String| [what(at, &variable.name), expected, is.trim_end().to_owned()];
        if at == 0 {
            let Dispatch { params, .. } = op.dispatch(choice, &(0..op.units().max(1)), &vec![0; expected.len()]);
            if variable.access != "uniform" || variable.bytes as usize > params.len() {
                let found = format!("{} of {} bytes", variable.access, variable.bytes);
                rows.push([what(0, &variable.name), format!("uniform, at most {} bytes", params.len()), found]);
            }
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Gemm, Linear, Pointwise, cases},
    };

    fn file(text: &str) -> Arc<WgslFile> {
        Arc::new(WgslFile { path: "mine.wgsl".into(), text: text.into() })
    }

    /// What `kernels emit` prints must be a file that can be changed and raced.
    #[test]
    fn every_variants_own_text_fits() {
        for case in cases() {
            for base in case.op.variants(&PORTABLE) {
                let kernel = case.op.kernel();
                let text = base.wgsl(kernel).unwrap();
                let choice = stand_in(case.op.as_ref(), &base, &file(&text));
                let choice = choice.unwrap_or_else(|e| panic!("{} {}: {e}", kernel.name, case.name));
                for (name, _) in case.op.geometry() {
                    let (mine, own) = (choice.defines.get(name), base.defines.get(name));
                    assert!(own.is_none() || mine == own, "{} {}: {name} {mine:?} {own:?}", kernel.name, case.name);
                }
            }
        }
    }

    #[test]
    fn an_error_in_a_template_is_found_in_the_file() {
        let op = Linear(Gemm::plain(8, 8, 8, Dtype::F16));
        let base = op.variants(&PORTABLE).into_iter().find(|choice| choice.variant == "register").unwrap();
        let error = |text: &str| stand_in(&op, &base, &file(text)).unwrap_err().to_string();
        // Two lines more after expansion.
        let told =
            error("# for i in range(5)\nconst A_${i} = ${i}u;\n# endfor\nfn f() -> u32 {\n  return nothing;\n}\n");
        assert!(told.contains("│   return nothing;") && told.ends_with("is line 5 of mine.wgsl"), "{told}");
        let told = error("# for i in range(2)\nconst A_${i} = nothing;\n# endfor\n");
        assert!(told.ends_with("is a line that template lines of mine.wgsl make"), "{told}");
        // What is put in front for f16 moves no line.
        let told = error("fn f() -> u32 {\n  return nothing;\n}\n");
        assert!(told.contains("mine.wgsl:2:") && !told.contains("expanded"), "{told}");
    }

    #[test]
    fn what_does_not_fit_is_told_in_a_table() {
        let op = Linear(Gemm::plain(8, 6, 4, Dtype::F32));
        let base = op.choose(&PORTABLE);
        let text = "
            struct Params { a: array<vec4<u32>, 9> }
            @group(0) @binding(0) var<uniform> p: Params;
            @group(0) @binding(1) var<storage, read> x0: array<f32>;
            @group(0) @binding(3) var<storage, read> w: array<vec3<f32>>;
            @group(0) @binding(9) var<storage, read> more: array<f32>;
            const ROWS = 2u;
            @compute @workgroup_size(8) fn main() { _ = p.a[0].x; _ = x0[0]; _ = w[0]; _ = more[0]; }";
        let error = stand_in(&op, &base, &file(text)).unwrap_err().to_string();
        for part in [
            "mine.wgsl does not fit linear",
            "@binding(0) p     uniform, at most 80 bytes",
            "const COLS",
            "@binding(3) w",
            "@binding(9) more",
            "@binding(7) y",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("ROWS") && !error.contains("@binding(1)"), "{error}");
    }

    #[test]
    fn the_threads_are_those_of_the_workgroup() {
        let op = Pointwise {
            elements: 64,
            scale: 1.0,
            a_elements: 64,
            b_elements: 0,
            activation: Default::default(),
            a: Dtype::F32,
            b: Dtype::F32,
            y: Dtype::F32,
        };
        let base = op.choose(&PORTABLE);
        let text = base.wgsl(op.kernel()).unwrap().replace("@workgroup_size(64)", "@workgroup_size(8, 4)");
        let choice = stand_in(&op, &base, &file(&text)).unwrap();
        assert_eq!((choice.int("THREADS"), choice.variant), (32, "file"));
    }
}
