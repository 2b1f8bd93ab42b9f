//! Shapes as JSON: what users write, what reports tell and what caches are keyed by.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Binding, KERNELS, Op, Role};
use crate::nearest::hint;

/// Elements that a shader counts in u32, with room for the arithmetic of its indices.
const MAX_ELEMENTS: usize = 1 << 31;
/// The fields that hold the storage type of activations.
pub const ACTIVATIONS: [&str; 4] = ["x", "y", "a", "b"];

/// A shape that makes no operation.
#[derive(Debug, thiserror::Error)]
#[error("{kernel}: {reason}")]
pub struct ShapeError {
    /// The kernel.
    pub kernel: String,
    /// What is wrong, and the fields that there are.
    pub reason: String,
}

/// An operation of `kernel` from the fields of its struct; `dtype` stands for the storage types of all activations that are not given.
///
/// # Errors
/// [`ShapeError`] if there is no such kernel, a field is missing, unknown or of another type, or the shape contradicts itself.
pub fn parse(kernel: &str, fields: &Map<String, Value>) -> Result<Arc<dyn Op>, ShapeError> {
    let error = |reason: String| ShapeError { kernel: kernel.to_owned(), reason };
    let Some(found) = KERNELS.iter().find(|k| k.name == kernel) else {
        let hint = hint(kernel, KERNELS.iter().map(|k| k.name));
        return Err(error(format!("no kernel has this name{hint}; `i2vgen kernels list` has all")));
    };
    let mut fields = fields.clone();
    let dtype = fields.remove("dtype");
    let read = |fields: &Map<String, Value>| (found.parse)(fields.clone().into()).map_err(|e| error(e.to_string()));
    let mut op = read(&fields)?;
    let known = op.shape();
    let names = || known.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default();
    if let Some(unknown) = fields.keys().find(|name| known.get(name.as_str()).is_none()) {
        return Err(error(format!("there is no field `{unknown}`; there are {}", names())));
    }
    if let Some(dtype) = dtype {
        for name in ACTIVATIONS.iter().filter(|name| known.get(**name).is_some()) {
            fields.entry(*name).or_insert_with(|| dtype.clone());
        }
        op = read(&fields)?;
    }
    check(op.as_ref()).map_err(|reason| error(format!("{reason}; its fields are {}", names())))?;
    Ok(op)
}

/// Refuses a shape that contradicts itself or is beyond what indices can count: whatever comes to a kernel has been through here, whether a user
/// or a model asks for it.
pub(crate) fn check(op: &dyn Op) -> Result<(), String> {
    if let Some(problem) = op.problem() {
        return Err(problem);
    }
    for binding in op.bindings().iter().filter(|b| b.role != Role::Absent) {
        match elements(binding) {
            Some(0) => return Err(format!("`{}` would be empty", binding.name)),
            Some(count) if count < MAX_ELEMENTS => {}
            _ => return Err(format!("`{}` would have more than 2^31 elements", binding.name)),
        }
    }
    Ok(())
}

fn elements(binding: &Binding) -> Option<usize> {
    binding.shape.iter().try_fold(1usize, |all, &length| all.checked_mul(length))
}

/// A shape as users write it: `frames=16,size=64x64`.
pub fn spelled(shape: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::Array(list) => {
            let sign = if list.iter().all(Value::is_number) { "x" } else { "+" };
            list.iter().map(Value::to_string).collect::<Vec<_>>().join(sign)
        }
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let fields = shape.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    fields.map(|(key, value)| format!("{key}={}", plain(value))).collect::<Vec<_>>().join(",")
}

/// The first of these sizes that is 0 or too large to count with, as a problem.
pub(super) fn sizes(sizes: &[(&str, usize)]) -> Option<String> {
    let wrong = sizes.iter().find(|(_, size)| *size == 0 || *size >= MAX_ELEMENTS)?;
    Some(format!("`{}` is {}, expected 1 to 2^31 - 1", wrong.0, wrong.1))
}

/// What is added to a variance must leave a root to take.
pub(super) fn variance(name: &str, value: f32) -> Option<String> {
    let wrong = !value.is_finite() || value < 0.0;
    wrong.then(|| format!("`{name}` is {value}, expected 0 or more"))
}

/// `whole` must be a multiple of `part`.
pub(super) fn divides(part: (&str, usize), whole: (&str, usize)) -> Option<String> {
    let remains = part.1 == 0 || !whole.1.is_multiple_of(part.1);
    remains.then(|| format!("`{}` {} does not divide `{}` {}", part.0, part.1, whole.0, whole.1))
}

/// Pixels of so many frames of this size.
pub(super) fn product(frames: usize, size: [usize; 2]) -> usize {
    frames.saturating_mul(size[0]).saturating_mul(size[1])
}

/// A length with padding on both sides.
pub(super) fn padded(length: usize, pad: usize) -> usize {
    length.saturating_add(pad.saturating_mul(2))
}

/// The channels of inputs that stand side by side; the second may be absent.
pub(super) fn side_by_side(sources: [usize; 2]) -> Option<String> {
    sizes(&[("sources", sources[0]), ("sources", sources[1].max(1))])
}

/// Channels of two inputs side by side in groups, over frames of so many pixels.
pub(super) fn grouped(frames: usize, rows: usize, sources: [usize; 2], groups: usize) -> Option<String> {
    sizes(&[("frames", frames), ("rows", rows), ("groups", groups)])
        .or_else(|| side_by_side(sources))
        .or_else(|| divides(("groups", groups), ("sources", sources[0] + sources[1])))
}

/// An op's struct as JSON.
pub(super) fn json(op: &impl Serialize) -> Value {
    serde_json::to_value(op).unwrap_or_default()
}

/// Reads an op's struct.
pub(super) fn read<O: Op + DeserializeOwned + 'static>(value: Value) -> serde_json::Result<Arc<dyn Op>> {
    Ok(Arc::new(serde_json::from_value::<O>(value)?))
}

/// The channels of one input or of two that stand side by side.
pub(super) fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected the channels of one input, or of two as a list")]
    enum Sources {
        One(usize),
        Two([usize; 2]),
    }
    Ok(match Sources::deserialize(deserializer)? {
        Sources::One(channels) => [channels, 0],
        Sources::Two(both) => both,
    })
}

/// What is 1 where nobody says otherwise.
pub(super) fn one() -> usize {
    1
}

/// What is added to a variance where nobody says otherwise.
pub(super) fn eps() -> f32 {
    1e-5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cases;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn every_case_comes_back_from_its_shape() {
        for case in cases() {
            let name = case.op.kernel().name;
            assert_eq!(case.op.problem(), None, "{name} {}", case.name);
            let op = parse(name, &fields(case.op.shape())).unwrap();
            assert_eq!(format!("{op:?}"), format!("{:?}", case.op), "{name} {}", case.name);
        }
    }

    #[test]
    fn users_write_little() {
        let json = serde_json::json!({ "frames": 2, "size": [8, 8], "sources": 16, "columns": 12, "dtype": "f16" });
        let op = parse("conv2d", &fields(json)).unwrap();
        assert_eq!(op.bindings()[6].shape, [2, 8, 8, 12]);
        assert!(op.bindings().iter().all(|b| b.name == "w" || b.name == "bias" || b.dtype.bytes() == 2));
        // One input stands for a list of one, wherever there may be two.
        for case in cases() {
            let mut shape = fields(case.op.shape());
            if shape.get("sources").is_some_and(|sources| sources[1] == 0) {
                shape["sources"] = shape["sources"][0].clone();
                let (kernel, name) = (case.op.kernel().name, &case.name);
                let op = parse(kernel, &shape).unwrap_or_else(|e| panic!("{kernel} {name}: {e}"));
                assert_eq!(op.shape(), case.op.shape(), "{kernel} {name}");
            }
        }
    }

    #[test]
    fn slips_are_named() {
        let linear = serde_json::json!({ "rows": 4, "sources": 8, "columns": 8 });
        for (kernel, changed, word) in [
            ("liner", serde_json::json!({}), "did you mean linear?"),
            ("linear", serde_json::json!({ "row": 3 }), "no field `row`"),
            ("linear", serde_json::json!({ "rows": 0 }), "`rows` is 0"),
            ("linear", serde_json::json!({ "rows": "many" }), "invalid type"),
            ("linear", serde_json::json!({ "columns": 9, "geglu": true }), "multiple of 4"),
            ("linear", serde_json::json!({ "rows": 2_000_000_000, "sources": 2_000_000_000 }), "2^31"),
        ] {
            let mut fields = fields(linear.clone());
            fields.extend(changed.as_object().cloned().unwrap_or_default());
            let error = parse(kernel, &fields).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains('\n'), "{error}");
        }
        for (kernel, sizes) in [
            ("layer_norm", serde_json::json!({ "rows": 8, "channels": 4, "eps": -1 })),
            ("group_norm_finish", {
                let case = cases().into_iter().find(|case| case.op.kernel().name == "group_norm_finish").unwrap();
                let mut shape = case.op.shape();
                shape["eps"] = (-0.5).into();
                shape
            }),
        ] {
            let error = parse(kernel, &fields(sizes)).unwrap_err().to_string();
            assert!(error.contains("`eps` is -"), "{error}");
        }
        let attention =
            serde_json::json!({ "outer": 3, "heads": 1, "width": 8, "q_tokens": 2, "k_tokens": 2, "kv_repeat": 2 });
        let error = parse("attention", &fields(attention)).unwrap_err().to_string();
        assert!(error.contains("`kv_repeat` 2 does not divide `outer` 3"), "{error}");
    }
}
