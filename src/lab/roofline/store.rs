//! Ceilings that were measured before: one file per device, driver and version of this program.

use std::path::PathBuf;

use super::{Error, Roofline};
use crate::{
    gpu::{Capabilities, Device},
    lab::cache,
};

/// Where ceilings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Measured in this run; why they could not be kept, if they could not.
    Measured(Result<PathBuf, String>),
    /// Measured earlier and read from here.
    Cached(PathBuf),
}

impl Roofline {
    /// The ceilings that were measured for this device, driver and version, or else a measurement, which is kept.
    ///
    /// # Errors
    /// As [`measure`](Self::measure). A cache that cannot be read or written is no error: [`Origin`] tells.
    pub fn obtain(device: &Device, tell: &mut dyn FnMut(&str)) -> Result<(Self, Origin), Error> {
        match Self::kept(device.capabilities()) {
            Some((known, path)) => Ok((known, Origin::Cached(path))),
            None => {
                let measured = Self::measure(device, tell)?;
                let kept = measured.keep(device);
                Ok((measured, Origin::Measured(kept)))
            }
        }
    }

    /// The ceilings that were measured for this device, driver and version, and where they lie; nothing is measured.
    pub fn kept(device: &Capabilities) -> Option<(Self, PathBuf)> {
        let path = Self::path(device).ok()?;
        // A file of this name may be another device's, or damaged.
        let own = |known: &Self| known.device == *device && known.version == env!("CARGO_PKG_VERSION");
        Some((cache::read::<Self>(&path).filter(own)?, path))
    }

    /// Keeps the ceilings for later runs; where, or why not.
    pub fn keep(&self, device: &Device) -> Result<PathBuf, String> {
        let path = Self::path(device.capabilities())?;
        cache::write(&path, self)?;
        Ok(path)
    }

    fn path(device: &Capabilities) -> Result<PathBuf, String> {
        Ok(cache::folder()?.join(cache::file_name("roofline", device, env!("CARGO_PKG_VERSION"))))
    }
}
