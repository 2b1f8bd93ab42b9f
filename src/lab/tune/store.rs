//! What was found, kept for later runs: a file for each device, driver and version of this program.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::search::Search;
use crate::{
    gpu::{Capabilities, ShaderChecks},
    kernel::{self, Key, Op, Setting, fingerprint, key},
    lab::{cache, race::Place, versions::wgpu_version},
};

/// What searches on a device found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The version of this program.
    pub version: String,
    /// The version of wgpu, which translates the shaders.
    pub wgpu: String,
    /// The device.
    pub device: Capabilities,
    /// The guards in the shaders.
    pub shader_checks: ShaderChecks,
    /// The shapes that were searched.
    pub shapes: Vec<Found>,
}

/// What a search found at a shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The kernel.
    pub kernel: String,
    /// The shape.
    pub shape: Map<String, Value>,
    /// A fingerprint of the kernel's source and of the settings among which was chosen, in hexadecimal.
    pub source: String,
    /// What the kernel chooses itself.
    pub own: Setting,
    /// What is faster, if anything is.
    pub tuned: Option<Setting>,
    /// The race of the two.
    pub race: Option<Place>,
    /// Settings for which there was no time.
    pub left: Vec<Setting>,
}

/// Why what was found is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The kernel, or what it chooses among, is another one than it was.
    Kernel,
    /// This version has no such shape, or the device no such setting.
    Gone(String),
}

impl Found {
    /// What a search found for an op on a device.
    pub fn new(op: &dyn Op, device: &Capabilities, search: &Search) -> Self {
        Self {
            kernel: op.kernel().name.to_owned(),
            shape: op.shape().as_object().cloned().unwrap_or_default(),
            source: source(op, device),
            own: Setting::from(&op.choose(device)),
            tuned: search.kept.clone(),
            race: search.race.clone(),
            left: search.untried().into_iter().cloned().collect(),
        }
    }

    /// The same for another device, on which nothing was raced.
    pub fn on(&self, op: &dyn Op, device: &Capabilities) -> Self {
        Self { source: source(op, device), own: Setting::from(&op.choose(device)), race: None, ..self.clone() }
    }

    /// The key of its op.
    ///
    /// # Errors
    /// Why it does not count on this device with the kernels of this build.
    pub fn key(&self, device: &Capabilities) -> Result<Key, Stale> {
        let op = kernel::parse(&self.kernel, &self.shape).map_err(|e| Stale::Gone(e.to_string()))?;
        if source(op.as_ref(), device) != self.source {
            return Err(Stale::Kernel);
        }
        match &self.tuned {
            Some(setting) if !op.tunings(device).iter().any(|choice| Setting::from(choice) == *setting) => {
                Err(Stale::Gone(format!("{} has no setting {setting} on this device", self.kernel)))
            }
            _ => Ok(key(op.as_ref())),
        }
    }
}

fn source(op: &dyn Op, device: &Capabilities) -> String {
    format!("{:016x}", fingerprint(op, device))
}

impl Tuned {
    /// Nothing yet.
    pub fn new(device: &Capabilities, shader_checks: ShaderChecks) -> Self {
        let (version, wgpu) = (env!("CARGO_PKG_VERSION").to_owned(), wgpu_version().to_owned());
        Self { version, wgpu, device: device.clone(), shader_checks, shapes: Vec::new() }
    }

    /// What was found on this device, with these guards, by this version; nothing if nobody searched.
    pub fn kept(device: &Capabilities, checks: ShaderChecks) -> Self {
        let empty = Self::new(device, checks);
        let known = empty.path().ok().and_then(|path| cache::read::<Self>(&path));
        // A file of this name may be another device's, or damaged.
        known.filter(|known| known.differences(&empty).is_empty()).unwrap_or(empty)
    }

    /// Where it is kept.
    ///
    /// # Errors
    /// In words, where there is no cache folder.
    pub fn path(&self) -> Result<PathBuf, String> {
        let version = format!("{} wgpu {} checks {}", self.version, self.wgpu, self.shader_checks);
        Ok(cache::folder()?.join(cache::file_name("tuned", &self.device, &version)))
    }

    /// Keeps it; where.
    ///
    /// # Errors
    /// In words, with the path.
    pub fn keep(&self) -> Result<PathBuf, String> {
        let path = self.path()?;
        cache::write(&path, self)?;
        Ok(path)
    }

    /// Takes what was found at a shape, in place of what was known of it; what does not count any more goes.
    pub fn put(&mut self, found: Found) {
        let same = |known: &Found| (&known.kernel, &known.shape) == (&found.kernel, &found.shape);
        self.shapes.retain(|known| !same(known) && known.key(&self.device).is_ok());
        self.shapes.push(found);
    }

    /// What is known of an op and still counts.
    pub fn of(&self, op: &dyn Op) -> Option<&Found> {
        let (name, shape) = (op.kernel().name, op.shape());
        let known = self.shapes.iter().find(|known| known.kernel == name && Some(&known.shape) == shape.as_object())?;
        known.key(&self.device).is_ok().then_some(known)
    }

    /// The settings that are faster than the kernels' own choices, and how many others do not count any more.
    pub fn settings(&self) -> (Vec<(Key, Setting)>, usize) {
        let (mut settings, mut stale) = (Vec::new(), 0);
        for found in &self.shapes {
            let Some(setting) = &found.tuned else { continue };
            match found.key(&self.device) {
                Ok(key) => settings.push((key, setting.clone())),
                Err(_) => stale += 1,
            }
        }
        (settings, stale)
    }

    /// What differs between two places where something was found, each in words: then times mean nothing.
    pub fn differences(&self, here: &Self) -> Vec<String> {
        type Fact<'a> = (&'a str, &'a dyn Fn(&Tuned) -> String);
        let facts: [Fact<'_>; 6] = [
            ("device", &|t| t.device.name.clone()),
            ("interface", &|t| t.device.backend.clone()),
            ("driver", &|t| t.device.driver.clone()),
            ("version", &|t| format!("i2vgen {}", t.version)),
            ("wgpu", &|t| t.wgpu.clone()),
            ("shader checks", &|t| t.shader_checks.to_string()),
        ];
        let told = facts.iter().map(|(name, fact)| (name, fact(self), fact(here)));
        let mut told: Vec<String> = told
            .filter(|(_, there, here)| there != here)
            .map(|(name, there, here)| format!("{name} '{there}', here '{here}'"))
            .collect();
        if told.is_empty() && self.device != here.device {
            told.push("features or limits of the device".into());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Dtype, Gemm, Linear},
        lab::tune::Attempt,
    };

    fn op(rows: usize) -> Linear {
        Linear(Gemm::plain(rows, 32, 32, Dtype::F32))
    }

    fn found(rows: usize) -> Found {
        let op = op(rows);
        let choices = op.tunings(&PORTABLE);
        let settings: Vec<Setting> = choices.iter().map(Setting::from).collect();
        let kept = settings.iter().find(|setting| **setting != settings[0]).cloned();
        let attempts = settings.into_iter().map(Attempt::new).collect();
        Found::new(&op, &PORTABLE, &Search { attempts, kept, race: None, seconds: 1.0 })
    }

    #[test]
    fn settings_are_for_the_kernel_that_was_searched() {
        let mut tuned = Tuned::new(&PORTABLE, ShaderChecks::ON);
        tuned.put(found(64));
        tuned.put(found(128));
        tuned.put(found(64));
        assert_eq!((tuned.shapes.len(), tuned.settings().0.len(), tuned.settings().1), (2, 2, 0));
        assert!(tuned.of(&op(128)).is_some() && tuned.of(&op(32)).is_none());
        tuned.shapes[0].source = "0".repeat(16);
        assert_eq!(tuned.shapes[0].key(&PORTABLE), Err(Stale::Kernel));
        assert_eq!((tuned.settings().0.len(), tuned.settings().1), (1, 1));
        assert!(tuned.of(&op(128)).is_none());
        let numbers = &mut tuned.shapes[1].tuned.as_mut().unwrap().numbers;
        numbers.insert("TM".into(), 77);
        assert!(matches!(tuned.shapes[1].key(&PORTABLE), Err(Stale::Gone(why)) if why.contains("TM=77")));
        tuned.shapes[1].shape.insert("rows".into(), (-3).into());
        assert!(matches!(tuned.shapes[1].key(&PORTABLE), Err(Stale::Gone(_))));
    }

    #[test]
    fn another_device_driver_or_version_is_told() {
        let here = Tuned::new(&PORTABLE, ShaderChecks::ON);
        assert!(here.differences(&here).is_empty());
        let there = Tuned {
            device: Capabilities { driver: "old".into(), f16: true, ..PORTABLE.clone() },
            version: "0".into(),
            ..here.clone()
        };
        let told = there.differences(&here).join("; ");
        assert!(told.starts_with("driver 'old', here ''; version 'i2vgen 0'"), "{told}");
        let weaker = Tuned { device: Capabilities { f16: true, ..PORTABLE.clone() }, ..here.clone() };
        assert_eq!(weaker.differences(&here), ["features or limits of the device"]);
        assert_ne!(there.path(), here.path());
        assert_ne!(Tuned::new(&PORTABLE, ShaderChecks::OFF).path(), here.path());
    }
}
