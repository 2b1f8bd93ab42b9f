//! Options that several commands share: the model folder and the device.

use std::path::PathBuf;

use clap::Args;
use i2vgen::gpu::{self, Device, Disable};
use serde::de::DeserializeOwned;

use super::{Error, units};

/// Where a model is looked for when none is named.
const DEFAULT_MODEL: &str = "models/i2vgen-xl";

/// Where the model is.
#[derive(Args)]
pub struct ModelOption {
    /// Model folder in the diffusers layout [default: $I2VGEN_MODEL, or models/i2vgen-xl]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

impl ModelOption {
    /// The folder that was named, on the command line or in the environment.
    pub fn named(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os("I2VGEN_MODEL").filter(|value| !value.is_empty());
        self.model.clone().or_else(|| variable().map(PathBuf::from))
    }

    /// The folder that was named, or the usual one.
    pub fn dir(&self) -> PathBuf {
        self.named().unwrap_or_else(|| DEFAULT_MODEL.into())
    }
}

/// Which device runs the model, and which of its features stay unused.
#[derive(Args)]
pub struct DeviceOptions {
    /// Device by number or by part of its name, see `i2vgen devices` [default: the strongest kind]
    #[arg(long, value_name = "NAME|N", help_heading = "Device")]
    device: Option<String>,
    /// Use no f16 in shaders
    #[arg(long, help_heading = "Device")]
    no_f16: bool,
    /// Use no subgroup operations
    #[arg(long, help_heading = "Device")]
    no_subgroups: bool,
    /// Use no cooperative matrices
    #[arg(long, help_heading = "Device")]
    no_coopmat: bool,
    /// Bind no more than this at a time, for example 128MiB
    #[arg(long, value_name = "SIZE", value_parser = binding, help_heading = "Device")]
    max_binding: Option<u64>,
}

impl DeviceOptions {
    /// Opens the device.
    pub fn open(&self) -> Result<Device, Error> {
        let disable = Disable {
            f16: self.no_f16,
            subgroups: self.no_subgroups,
            matrices: self.no_coopmat,
            max_binding: self.max_binding,
        };
        Ok(Device::open(&gpu::choose(self.device.as_deref())?, disable)?)
    }
}

/// The smallest binding that the layers of any model fit in, piece by piece.
const MIN_BINDING: u64 = 256 << 10;

fn binding(text: &str) -> Result<u64, String> {
    match units::parse_bytes(text)? {
        bytes if bytes < MIN_BINDING => Err(format!("expected at least {}", units::bytes(MIN_BINDING))),
        bytes => Ok(bytes),
    }
}

/// Reads one of an enum's names, as it is written in JSON.
pub fn by_name<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|e| e.to_string())
}
