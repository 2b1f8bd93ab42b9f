//! Whether a WGSL file can stand in for a variant of a kernel, and what does not fit.

mod bindings;
mod limits;
mod params;

use std::{fmt, sync::Arc};

use super::{Choice, Chooser, Op, WgslError, WgslFile, reflect, spelled, threads};
use crate::gpu::Capabilities;

/// A file that cannot stand in for a variant.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// It does not expand or is no WGSL.
    #[error(transparent)]
    Wgsl(#[from] WgslError),
    /// Its bindings, constants or workgroup size are not what the kernel is called with, or it needs more than the device has.
    #[error("{file} does not fit {kernel}:\n{table}")]
    Mismatch {
        /// The file.
        file: String,
        /// The kernel.
        kernel: &'static str,
        /// What was expected and what was found, line by line.
        table: Box<Table>,
    },
}

/// What was expected of a file and what it has instead.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    /// Where the file would fit, if it says so; a line of its own behind the rows.
    hint: String,
}

/// What does not fit, what was expected of it, what was found.
type Row = [String; 3];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["", "expected", "found"].map(String::from);
        let rows: Vec<&Row> = std::iter::once(&heads).chain(&self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1)];
        let lines = rows.iter().map(|[what, expected, found]| {
            format!("  {what:<0$}  {expected:<1$}  {found}", widths[0], widths[1]).trim_end().to_owned()
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))?;
        f.write_str(&self.hint)
    }
}

/// The choice that runs `file` for `op` on this device, in place of the variant `base`, whose types and conditions it is expanded with.
///
/// # Errors
/// [`FitError`] with the line, or with a table of what was expected and found.
pub fn stand_in(op: &dyn Op, base: &Choice, file: &Arc<WgslFile>, device: &Capabilities) -> Result<Choice, FitError> {
    let mut choice = Choice {
        variant: "file",
        reason: format!("{} in place of {}", file.path, base.variant).into(),
        chooser: Chooser::User,
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
    rows.extend(bindings::rows(op, &found));
    rows.extend(params::rows(op, base, &choice, &found));
    rows.extend(limits::rows(&found, device));
    match rows.is_empty() {
        true => Ok(choice),
        false => {
            let table = Table { rows, hint: printed_elsewhere(op, file) }.into();
            Err(FitError::Mismatch { file: file.path.clone(), kernel: op.kernel().name, table })
        }
    }
}

/// The shape that a file was printed for, if it is another one, and how to say so.
fn printed_elsewhere(op: &dyn Op, file: &WgslFile) -> String {
    let (name, path) = (op.kernel().name, &file.path);
    let other = file.printed_for().filter(|(kernel, own)| *kernel == name && *own != spelled(&op.shape()));
    let told = |(_, own)| {
        format!("\nit was printed for --shape {own}; as an override, '{name}[{own}]={path}' is for that shape alone")
    };
    other.map_or(String::new(), told)
}

/// Has it lines or values that are expanded?
fn is_template(text: &str) -> bool {
    ["${", "{%", "{#"].iter().any(|sign| text.contains(sign))
        || text.lines().any(|line| line.trim_start().starts_with('#'))
}

/// The same error with the line of the file, where that is not the line of the expanded text.
fn before_expansion(error: WgslError, file: &WgslFile, wgsl: &str) -> WgslError {
    let Some(line) = error.line else { return error };
    let text = |all: &str, line: u32| all.lines().nth(line as usize - 1).unwrap_or_default().trim().to_owned();
    let shown = text(wgsl, line);
    let own = text(&file.text, line);
    // In front of the first line stands what is enabled.
    let same = own == shown || (line == 1 && !own.is_empty() && shown.ends_with(&own));
    if same || shown.is_empty() || !is_template(&file.text) {
        return error;
    }
    let same: Vec<usize> = (1..).zip(file.text.lines()).filter(|(_, l)| l.trim() == shown).map(|(at, _)| at).collect();
    let told = match same.as_slice() {
        [one] => format!("line {one} of {}", file.path),
        _ => format!("a line that template lines of {} make", file.path),
    };
    WgslError { reason: format!("{}\n   = line {line} of the expanded text is {told}", error.reason), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Dtype, Gemm, LayerNorm, Linear, Pointwise, cases, head},
    };

    fn file(text: &str) -> Arc<WgslFile> {
        Arc::new(WgslFile::new("mine.wgsl", text))
    }

    /// What `kernels emit` prints must be a file that can be changed and raced.
    #[test]
    fn every_variants_own_text_fits() {
        let device = Capabilities { f16: true, ..PORTABLE.clone() };
        for case in cases() {
            for base in case.op.variants(&device) {
                let kernel = case.op.kernel();
                let text = base.wgsl(kernel).unwrap();
                let choice = stand_in(case.op.as_ref(), &base, &file(&text), &device);
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
        let error = |text: &str| stand_in(&op, &base, &file(text), &PORTABLE).unwrap_err().to_string();
        // Two lines more after expansion.
        let told =
            error("# for i in range(5)\nconst A_${i} = ${i}u;\n# endfor\nfn f() -> u32 {\n  return nothing;\n}\n");
        assert!(told.contains("│   return nothing;") && told.ends_with("is line 5 of mine.wgsl"), "{told}");
        let told = error("# for i in range(2)\nconst A_${i} = nothing;\n# endfor\n");
        assert!(told.ends_with("is a line that template lines of mine.wgsl make"), "{told}");
        // What is put in front for f16 moves no line.
        let told = error("fn f() -> u32 {\n  return nothing;\n}\n");
        assert!(told.contains("mine.wgsl:2:") && !told.contains("expanded"), "{told}");
        let told = error("const A = nothing;\n");
        assert!(told.contains("mine.wgsl:1:") && !told.contains("expanded"), "{told}");
        let told = error("// A\nconst A = ${nope};\n");
        assert!(told.starts_with("mine.wgsl: line 2: `nope` has no value; there are "), "{told}");
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
        let error = stand_in(&op, &base, &file(text), &PORTABLE).unwrap_err().to_string();
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
        let other = Linear(Gemm::plain(8, 6, 8, Dtype::F32));
        let printed = head("linear register for another", &other.shape(), "") + text;
        let error = stand_in(&op, &base, &file(&printed), &PORTABLE).unwrap_err().to_string();
        assert!(error.contains(&format!("printed for --shape {}", spelled(&other.shape()))), "{error}");
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
        let choice = stand_in(&op, &base, &file(&text), &PORTABLE).unwrap();
        assert_eq!((choice.int("THREADS"), choice.variant), (32, "file"));
    }

    /// Drivers refuse them in their own words, or do not, and time what cannot run.
    #[test]
    fn what_the_device_lacks_is_told_in_the_table() {
        let op = Linear(Gemm::plain(8, 8, 8, Dtype::F32));
        let device = Capabilities { max_invocations: 512, max_workgroup_memory: 32 << 10, ..PORTABLE.clone() };
        let base = op.choose(&device);
        let text = base.wgsl(op.kernel()).unwrap();
        let fit = |text: &str, device: &Capabilities| stand_in(&op, &base, &file(text), device);
        let size = text.lines().find(|line| line.contains("@workgroup_size")).unwrap();
        let large = text.replace(size, &format!("var<workgroup> sums: array<f32, 64000>;\n{size}"));
        let error = fit(&large, &device).unwrap_err().to_string();
        assert!(error.contains("workgroup memory  at most 32768 bytes on this device  "), "{error}");
        assert!(!error.contains("threads"), "{error}");
        let roomy = Capabilities { max_workgroup_memory: 512 << 10, ..device.clone() };
        fit(&large, &roomy).unwrap();
        let error = fit(&text.replace(size, "@compute @workgroup_size(1024, 2)"), &device).unwrap_err().to_string();
        assert!(error.contains("threads  at most 512 on this device  2048 (1024x2x1)"), "{error}");
    }

    /// Two fields that change places leave the size as it is, and every number wrong.
    #[test]
    fn parameters_are_of_the_kinds_that_the_host_writes() {
        let op = LayerNorm { rows: 4, channels: 8, eps: 1e-5, x: Dtype::F32, y: Dtype::F32 };
        let base = op.choose(&PORTABLE);
        let text = base.wgsl(op.kernel()).unwrap();
        let at = text.find("struct Params {").unwrap();
        let until = at + text[at..].find('}').unwrap();
        let with = |fields: &str| [&text[..at], "struct Params { ", fields, &text[until..]].concat();
        let fit = |text: &str| stand_in(&op, &base, &file(text), &PORTABLE);
        let rest = "x_base: u32, y_base: u32";
        fit(&with(&format!("begin: u32, end: u32, channels: u32, eps: f32, {rest}"))).unwrap();
        let error = fit(&with(&format!("begin: u32, end: u32, eps: f32, channels: u32, {rest}"))).unwrap_err();
        let error = error.to_string();
        for row in ["p.eps at byte 8        u32 (channels)  f32", "p.channels at byte 12  f32 (eps)       u32"] {
            assert!(error.contains(row), "{error}");
        }
        assert!(!error.contains("base"), "{error}");
    }
}
