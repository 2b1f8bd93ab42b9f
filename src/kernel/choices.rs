//! Which variant of a kernel runs where that is not left to the kernel alone: tuned settings, and what a user asks for.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Choice, Define, Op, WgslFile, fit};
use crate::gpu::Capabilities;

/// What a user asks for, and what was measured to be fastest; everything else the kernels choose themselves.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    forced: BTreeMap<String, Forced>,
    tuned: HashMap<Key, Setting>,
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
    /// Has `kernel` run as the user asks.
    pub fn force(&mut self, kernel: impl Into<String>, forced: Forced) {
        self.forced.insert(kernel.into(), forced);
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
        match self.forced.get(op.kernel().name) {
            Some(Forced::File(file)) => return fit::stand_in(op, &op.choose(device), file),
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
        Ok(tuned.map_or_else(|| op.choose(device), |choice| Choice { reason: "tuned on this device".into(), ..choice }))
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!((tuned.defines, tuned.reason.as_ref()), (other.defines, "tuned on this device"));
        choices.force("linear", Forced::Variant("register".into()));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap().variant, "register");
        choices.force("linear", Forced::Variant("broadcast".into()));
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap(), own); // which this device cannot run
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
