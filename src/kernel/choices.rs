//! Which variant of a kernel runs where that is not left to the kernel alone: tuned settings, and what a user asks for.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    Choice, Chooser, Define, Forced, Op, Override, fit,
    overrides::{self, OverrideError},
};
use crate::{fingerprint::fnv1a, gpu::Capabilities};

/// What a user asks for, and what was measured to be fastest; everything else the kernels choose themselves.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    forced: Vec<Override>,
    tuned: HashMap<Key, Setting>,
}

/// A kernel and the JSON of a shape.
pub type Key = (String, String);

/// A variant with its whole numbers, such as tile sizes: what a cache keeps of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The variant.
    pub variant: String,
    /// Its whole numbers by name.
    pub numbers: BTreeMap<String, u32>,
}

/// The tuned settings that come to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TunedInUse(BTreeMap<Key, Setting>);

impl TunedInUse {
    /// Those among ops with the choices that were made for them.
    pub fn among<'a>(ops: impl Iterator<Item = (&'a dyn Op, &'a Choice)>) -> Self {
        let tuned = ops.filter(|(_, choice)| choice.chooser == Chooser::Tuning);
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

    /// Whether ops, with the choices that were made for them, have something of all that the user asks for; returns what the user should know.
    ///
    /// # Errors
    /// [`OverrideError`] where nothing runs with an override, or a file that was printed for one shape runs at others.
    pub fn check<'a>(&self, ops: impl Iterator<Item = (&'a dyn Op, &'a Choice)>) -> Result<Vec<String>, OverrideError> {
        overrides::check(&self.forced, ops)
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
                return Ok(found.map_or_else(
                    || op.choose(device),
                    |choice| Choice { reason: "asked for".into(), chooser: Chooser::User, ..choice },
                ));
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
        Ok(tuned.map_or_else(
            || op.choose(device),
            |choice| Choice { reason: "tuned on this device".into(), chooser: Chooser::Tuning, ..choice },
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

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
        assert_eq!((&tuned.defines, tuned.chooser), (&other.defines, Chooser::Tuning));
        let [one, none] = [&tuned, &own].map(|choice| TunedInUse::among([(&op as &dyn Op, choice)].into_iter()));
        assert!(one.count() == 1 && one.mark().unwrap().starts_with("1 shape ("), "{one:?}");
        assert_eq!((none.count(), none.mark()), (0, None));
        choices.force(variant("register"));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap().variant, "register");
        choices.force(variant("broadcast"));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap(), own); // which this device cannot run
    }

    fn variant(name: &str) -> Override {
        Override { kernel: "linear".into(), shape: Map::new(), forced: Forced::Variant(name.into()) }
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
