//! Which variant of a kernel runs where that is not left to the kernel alone: tuned settings, and what a user asks for.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Choice, Define, Op, WgslFile, fit};
use crate::{fingerprint::fnv1a, gpu::Capabilities};

/// What a user asks for, and what was measured to be fastest; everything else the kernels choose themselves.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    forced: Vec<Override>,
    tuned: HashMap<Key, Setting>,
}

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

/// A kernel and the JSON of a shape.
pub type Key = (String, String);

/// What a user asks for.
#[derive(Clone, Debug)]
pub enum Forced {
    /// A variant by name, for the shapes that have it.
    Variant(String),
    /// A file of the user's.
    File(Arc<WgslFile>),
}

/// A variant with its whole numbers, such as tile sizes: what a cache keeps of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The variant.
    pub variant: String,
    /// Its whole numbers by name.
    pub numbers: BTreeMap<String, u32>,
}

/// The reason of a choice that was measured to be fastest.
const TUNED: &str = "tuned on this device";

/// The tuned settings that come to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TunedInUse(BTreeMap<Key, Setting>);

impl TunedInUse {
    /// Those among ops with the choices that were made for them.
    pub fn among<'a>(ops: impl Iterator<Item = (&'a dyn Op, &'a Choice)>) -> Self {
        let tuned = ops.filter(|(_, choice)| choice.reason == TUNED);
        Self(tuned.map(|(op, choice)| (key(op), Setting::from(choice))).collect())
    }

    /// How many shapes have one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Which they are, in short: a number of shapes, and a fingerprint of all shapes and settings. Nothing where there are none.
    pub fn mark(&self) -> Option<String> {
        let text = |((kernel, shape), setting): (&Key, &Setting)| format!("{kernel} {shape} {setting}\n");
        let all: String = self.0.iter().map(text).collect();
        let shapes = if self.count() == 1 { "shape" } else { "shapes" };
        (self.count() > 0).then(|| format!("{} {shapes} ({:016x})", self.count(), fnv1a(all.bytes())))
    }
}

/// As the lab reads it: `wide:TM=32,TN=2`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variant)?;
        for ((name, value), before) in self.numbers.iter().zip(std::iter::once(':').chain(std::iter::repeat(','))) {
            write!(f, "{before}{name}={value}")?;
        }
        Ok(())
    }
}

impl From<&Choice> for Setting {
    fn from(choice: &Choice) -> Self {
        let numbers = choice.defines.iter().filter_map(|(name, define)| match define {
            Define::Int(value) => Some(((*name).to_owned(), *value)),
            _ => None,
        });
        Self { variant: choice.variant.to_owned(), numbers: numbers.collect() }
    }
}

/// The key under which the setting of an op is kept.
pub fn key(op: &dyn Op) -> Key {
    (op.kernel().name.to_owned(), op.shape().to_string())
}

impl Choices {
    /// Has a kernel run as the user asks; where several overrides are for a shape, the last one counts.
    pub fn force(&mut self, forced: Override) {
        self.forced.push(forced);
    }

    /// What the user asks for.
    pub fn overrides(&self) -> &[Override] {
        &self.forced
    }

    /// Settings that were measured to be fastest on this device.
    pub fn tune(&mut self, settings: impl IntoIterator<Item = (Key, Setting)>) {
        self.tuned.extend(settings);
    }

    /// How many shapes have a tuned setting.
    pub fn tuned(&self) -> usize {
        self.tuned.len()
    }

    /// The variant that runs, and why.
    ///
    /// # Errors
    /// A user's file that is no WGSL or does not fit the op.
    pub fn choose(&self, op: &dyn Op, device: &Capabilities) -> Result<Choice, fit::FitError> {
        match self.forced.iter().rfind(|forced| forced.is_for(op)).map(|forced| &forced.forced) {
            Some(Forced::File(file)) => return fit::stand_in(op, &op.choose(device), file, device),
            Some(Forced::Variant(name)) => {
                let found = op.variants(device).into_iter().find(|choice| choice.variant == name);
                return Ok(
                    found.map_or_else(|| op.choose(device), |choice| Choice { reason: "asked for".into(), ..choice })
                );
            }
            None => {}
        }
        if self.tuned.is_empty() {
            return Ok(op.choose(device));
        }
        // A setting of an older version of the kernel, or of another device, may be gone.
        let tuned = self
            .tuned
            .get(&key(op))
            .and_then(|setting| op.tunings(device).into_iter().find(|choice| Setting::from(choice) == *setting));
        Ok(tuned.map_or_else(|| op.choose(device), |choice| Choice { reason: TUNED.into(), ..choice }))
    }
}

impl Override {
    /// Does it count for this op?
    fn is_for(&self, op: &dyn Op) -> bool {
        let shape = op.shape();
        let is = |(name, wanted): (&String, &Value)| match shape.get(name) {
            // One number stands for a list whose others are 0, such as the channels of a second input.
            Some(Value::Array(list)) if wanted.is_number() => {
                list.first() == Some(wanted) && list.iter().skip(1).all(|other| other.as_u64() == Some(0))
            }
            found => found == Some(wanted),
        };
        self.kernel == op.kernel().name && self.shape.iter().all(is)
    }
}

/// As users write it; a file with a fingerprint of what was in it.
impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kernel)?;
        if !self.shape.is_empty() {
            let fields: Vec<String> = self.shape.iter().map(|(name, value)| format!("{name}={value}")).collect();
            write!(f, "[{}]", fields.join(","))?;
        }
        match &self.forced {
            Forced::Variant(name) => write!(f, "={name}"),
            Forced::File(file) => {
                write!(f, "={} ({:016x})", file.path, file.fingerprint())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Dtype, Gemm, Linear},
    };

    #[test]
    fn the_user_counts_more_than_the_cache_and_that_more_than_the_kernel() {
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        let own = op.choose(&PORTABLE);
        let other = op.tunings(&PORTABLE).into_iter().find(|c| c.variant == own.variant && *c != own).unwrap();
        let mut choices = Choices::default();
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap(), own);
        choices.tune([(key(&op), Setting::from(&other))]);
        let tuned = choices.choose(&op, &PORTABLE).unwrap();
        assert_eq!((&tuned.defines, tuned.reason.as_ref()), (&other.defines, TUNED));
        let [one, none] = [&tuned, &own].map(|choice| TunedInUse::among([(&op as &dyn Op, choice)].into_iter()));
        assert!(one.count() == 1 && one.mark().unwrap().starts_with("1 shape ("), "{one:?}");
        assert_eq!((none.count(), none.mark()), (0, None));
        choices.force(variant("linear", json!({}), "register"));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap().variant, "register");
        choices.force(variant("linear", json!({}), "broadcast"));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap(), own); // which this device cannot run
    }

    fn variant(kernel: &str, shape: Value, name: &str) -> Override {
        let shape = shape.as_object().cloned().unwrap_or_default();
        Override { kernel: kernel.into(), shape, forced: Forced::Variant(name.into()) }
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
        let file = WgslFile::new("mine.wgsl", "a");
        let forced = Override { forced: Forced::File(file.into()), ..variant("linear", json!({ "x": "f32" }), "") };
        assert_eq!(forced.to_string(), r#"linear[x="f32"]=mine.wgsl (af63dc4c8601ec8c)"#);
    }

    #[test]
    fn a_setting_that_is_gone_is_passed_over() {
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        let mut choices = Choices::default();
        let setting = Setting { variant: "register".into(), numbers: BTreeMap::from([("TM".into(), 77)]) };
        choices.tune([(key(&op), setting)]);
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap(), op.choose(&PORTABLE));
    }
}
