//! What a user asks for in place of the kernels' own choices, and whether a run has anything of it.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::{Choice, Op, WgslFile, spelled};

/// What runs in place of a kernel's own choice.
#[derive(Clone, Debug)]
pub struct Override {
    /// The kernel.
    pub kernel: String,
    /// Fields of the shapes for which it counts; all shapes if there are none.
    pub shape: Map<String, Value>,
    /// What runs.
    pub forced: Forced,
}

/// What a user asks for.
#[derive(Clone, Debug)]
pub enum Forced {
    /// A variant by name, for the shapes that have it.
    Variant(String),
    /// A file of the user's.
    File(Arc<WgslFile>),
}

/// An override that a run cannot be meant to have.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// Nothing runs with it.
    #[error("--override {text}: it applies to no operation of this run: {reason}")]
    Idle {
        /// The override.
        text: String,
        /// Why.
        reason: String,
    },
    /// Its file was printed for one shape and would run at others.
    #[error(
        "--override {text}: {file} was printed for one shape, and would run at {count} others of this run, where it computes something \
         else: name the shape, as in --override '{kernel}[{own}]={file}', or take the file's first two lines out if it is right for all"
    )]
    Shape {
        /// The override.
        text: String,
        /// The file.
        file: String,
        /// The kernel.
        kernel: String,
        /// The shape that it was printed for.
        own: String,
        /// Other shapes.
        count: usize,
    },
}

impl Override {
    /// Does it count for this op?
    pub(super) fn is_for(&self, op: &dyn Op) -> bool {
        let shape = op.shape();
        let is = |(name, wanted): (&String, &Value)| match shape.get(name) {
            // One number stands for a list whose others are 0, such as the channels of a second input.
            Some(Value::Array(list)) if wanted.is_number() => {
                list.first() == Some(wanted) && list.iter().skip(1).all(|other| other.as_u64() == Some(0))
            }
            // As numbers are written, and as they are kept: in f32.
            Some(Value::Number(found)) if found.is_f64() => {
                wanted.as_f64().zip(found.as_f64()).is_some_and(|(wanted, found)| wanted as f32 == found as f32)
            }
            found => found == Some(wanted),
        };
        self.kernel == op.kernel().name && self.shape.iter().all(is)
    }

    /// Is this choice of an op its doing?
    fn made(&self, choice: &Choice) -> bool {
        match &self.forced {
            Forced::Variant(name) => choice.file.is_none() && choice.variant == name,
            Forced::File(file) => choice.file.as_ref() == Some(file),
        }
    }

    /// As users write it.
    fn spelled(&self) -> String {
        let fields = spelled(&Value::Object(self.shape.clone()));
        let fields = if fields.is_empty() { String::new() } else { format!("[{fields}]") };
        let what = match &self.forced {
            Forced::Variant(name) => name,
            Forced::File(file) => &file.path,
        };
        format!("{}{fields}={what}", self.kernel)
    }
}

/// As users write it; a file with a fingerprint of what was in it.
impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled())?;
        match &self.forced {
            Forced::Variant(_) => Ok(()),
            Forced::File(file) => write!(f, " ({:016x})", file.fingerprint()),
        }
    }
}

/// Whether these ops, with the choices that were made for them, have something of every override. Returns what the user should know.
///
/// # Errors
/// The first override that none of them has, or whose file was printed for one shape and runs at others that nobody named.
pub(super) fn check<'a>(
    overrides: &[Override],
    ops: impl Iterator<Item = (&'a dyn Op, &'a Choice)>,
) -> Result<Vec<String>, OverrideError> {
    let mut uses: Vec<Use> = overrides.iter().map(|_| Use::default()).collect();
    for (op, choice) in ops {
        let mut later = false;
        for (over, seen) in overrides.iter().zip(&mut uses).rev().filter(|(over, _)| over.is_for(op)) {
            seen.matched = true;
            seen.first |= !later;
            if !later && over.made(choice) {
                seen.shapes.insert(spelled(&op.shape()));
            }
            later = true;
        }
    }
    let mut notes = Vec::new();
    for (over, seen) in overrides.iter().zip(uses) {
        if seen.shapes.is_empty() {
            return Err(OverrideError::Idle { text: over.spelled(), reason: seen.idle(over) });
        }
        let Forced::File(file) = &over.forced else { continue };
        let Some((_, own)) = file.printed_for() else { continue };
        let count = seen.shapes.iter().filter(|shape| *shape != own).count();
        let (path, kernel) = (&file.path, &over.kernel);
        if count > 0 && over.shape.is_empty() {
            let (text, file, kernel, own) = (over.spelled(), path.clone(), kernel.clone(), own.to_owned());
            return Err(OverrideError::Shape { text, file, kernel, own, count });
        }
        if count > 0 {
            notes.push(format!(
                "{path} was printed for {own} and runs at {count} other shapes of {kernel}, too: `i2vgen kernels check` says whether it \
                 is right there"
            ));
        }
    }
    Ok(notes)
}

/// What a run has of an override.
#[derive(Default)]
struct Use {
    /// Is it for any op?
    matched: bool,
    /// Is it the last one for any op?
    first: bool,
    /// The shapes at which it runs.
    shapes: BTreeSet<String>,
}

impl Use {
    /// Why nothing runs with it.
    fn idle(&self, over: &Override) -> String {
        match &over.forced {
            _ if !self.matched && over.shape.is_empty() => format!("there is no {} in it", over.kernel),
            _ if !self.matched => format!("no {} in it has such a shape", over.kernel),
            Forced::Variant(name) if self.first => format!("this device cannot run '{name}' at any of its shapes"),
            _ => "another one that follows takes its place".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Choices, Dtype, Gemm, Linear, fields, head},
    };

    fn variant(kernel: &str, shape: Value, name: &str) -> Override {
        let shape = shape.as_object().cloned().unwrap_or_default();
        Override { kernel: kernel.into(), shape, forced: Forced::Variant(name.into()) }
    }

    fn of_file(shape: Value, file: &WgslFile) -> Override {
        Override { forced: Forced::File(file.clone().into()), ..variant("linear", shape, "") }
    }

    #[test]
    fn an_override_may_be_for_some_shapes() {
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        for (shape, is) in [
            (json!({ "columns": 32 }), true),
            (json!({ "sources": 32, "x": "f32" }), true),
            (json!({ "sources": [32, 0] }), true),
            (json!({ "columns": 33 }), false),
            (json!({ "colums": 32 }), false),
        ] {
            assert_eq!(variant("linear", shape.clone(), "register").is_for(&op), is, "{shape}");
            assert!(!variant("conv2d", shape, "register").is_for(&op));
        }
        let forced = of_file(json!({ "x": "f32" }), &WgslFile::new("mine.wgsl", "a"));
        assert_eq!(forced.to_string(), r#"linear[x=f32]=mine.wgsl (af63dc4c8601ec8c)"#);
    }

    /// What the planner would choose for these rows, and what is said of the overrides then.
    fn checked(overrides: &[Override], rows: &[usize]) -> Result<Vec<String>, String> {
        let mut choices = Choices::default();
        overrides.iter().for_each(|over| choices.force(over.clone()));
        let ops: Vec<Linear> = rows.iter().map(|&rows| Linear(Gemm::plain(rows, 32, 32, Dtype::F32))).collect();
        let made: Vec<Choice> = ops.iter().map(|op| choices.choose(op, &PORTABLE).unwrap()).collect();
        choices.check(ops.iter().map(|op| op as &dyn Op).zip(&made)).map_err(|e| e.to_string())
    }

    #[test]
    fn an_override_without_an_operation_is_refused() {
        assert_eq!(checked(&[variant("linear", json!({}), "register")], &[64]), Ok(vec![]));
        for (overrides, reason) in [
            (
                vec![variant("conv2d", json!({}), "register")],
                "--override conv2d=register: it applies to no operation of this run: there is no conv2d",
            ),
            (vec![variant("linear", json!({ "columns": 99 }), "register")], "no linear in it has such a shape"),
            (vec![variant("linear", json!({}), "matrix")], "this device cannot run 'matrix'"),
            (
                vec![variant("linear", json!({}), "workgroup"), variant("linear", json!({}), "register")],
                "linear=workgroup: it applies to no operation of this run: another one",
            ),
        ] {
            let error = checked(&overrides, &[64]).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_file_for_one_shape_does_not_run_at_others_unasked() {
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        let text = op.variants(&PORTABLE).remove(1).wgsl(op.kernel()).unwrap();
        let printed = WgslFile::new("mine.wgsl", head("linear register for 64", &op.shape(), "") + &text);
        let all = of_file(json!({}), &printed);
        assert_eq!(checked(std::slice::from_ref(&all), &[64]), Ok(vec![]));
        let error = checked(std::slice::from_ref(&all), &[64, 32, 16]).unwrap_err();
        let own = spelled(&op.shape());
        assert!(error.contains("2 others") && error.contains(&format!("'linear[{own}]=mine.wgsl'")), "{error}");
        // What it says to write is that shape alone.
        assert_eq!(checked(&[of_file(Value::Object(fields(&own).unwrap()), &printed)], &[64, 32]), Ok(vec![]));
        // Who names more shapes is told.
        let notes = checked(&[of_file(json!({ "columns": 32 }), &printed)], &[64, 32]).unwrap();
        assert!(notes[0].contains("runs at 1 other"), "{notes:?}");
        // A file that says nothing of shapes is for all.
        assert_eq!(checked(&[of_file(json!({}), &WgslFile::new("mine.wgsl", text))], &[64, 32]), Ok(vec![]));
    }
}
