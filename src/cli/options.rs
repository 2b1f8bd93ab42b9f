//! Options that several commands share: the model and the device.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
};

use clap::Args;
use i2vgen::{
    checkpoint::ModelFiles,
    gpu::{self, Capabilities, Device, Disable, ShaderChecks},
    kernel::Choices,
    lab,
};
use serde::de::DeserializeOwned;

use super::{Error, units};

/// Where a model is looked for when none is named.
pub const USUAL_MODEL: &str = "models/i2vgen-xl";

/// Which model.
#[derive(Args)]
pub struct ModelOption {
    /// Model folder in the diffusers layout; where no folder is called `demo`, that is the small model inside this program
    /// [default: $I2VGEN_MODEL, or models/i2vgen-xl in the current folder if that is there, or else demo]
    #[arg(long, value_name = "DIR|demo")]
    model: Option<PathBuf>,
}

impl ModelOption {
    /// The model that was named, on the command line or in the environment.
    pub fn named(&self) -> Option<ModelFiles> {
        let variable = || std::env::var_os("I2VGEN_MODEL").filter(|value| !value.is_empty());
        let name = self.model.clone().or_else(|| variable().map(PathBuf::from));
        name.map(|name| ModelFiles::named(&name))
    }

    /// The model that was named, or the usual one, or the demo.
    pub fn files(&self) -> ModelFiles {
        let usual = || match Path::new(USUAL_MODEL).is_dir() {
            true => ModelFiles::from(USUAL_MODEL),
            false => ModelFiles::Demo,
        };
        self.named().unwrap_or_else(usual)
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
    /// Use no 64-bit integers in shaders
    #[arg(long, help_heading = "Device")]
    no_int64: bool,
    /// Use no cooperative matrices
    #[arg(long, help_heading = "Device")]
    no_coopmat: bool,
    /// Bind no more than this at a time, for example 128MiB
    #[arg(long, value_name = "SIZE", value_parser = binding, help_heading = "Device")]
    max_binding: Option<u64>,
    /// Use no more workgroup memory than this, for example 16KiB
    #[arg(long, value_name = "SIZE", value_parser = workgroup_memory, help_heading = "Device")]
    max_workgroup_memory: Option<u32>,
    /// Guards in the shaders: on, off, or some of bounds,loops,division,zero [default: on, but off for the program's own kernels on a GPU,
    /// where they cost much and these kernels are known to be right]
    #[arg(long, value_name = "on|off|NAMES", help_heading = "Device")]
    shader_checks: Option<ShaderChecks>,
}

impl DeviceOptions {
    /// Opens the device.
    pub fn open(&self) -> Result<Device, Error> {
        let device = Device::open(&gpu::choose(self.device.as_deref())?, self.disable())?;
        Ok(match self.shader_checks {
            Some(checks) => device.with_checks(checks),
            None => device,
        })
    }

    /// The same, with the pipelines that an earlier run has kept.
    pub fn open_kept(&self) -> Result<Device, Error> {
        let device = self.open()?;
        Ok(match lab::cache_folder() {
            Ok(folder) => device.keeping_pipelines(&folder.join("pipelines")),
            Err(_) => device,
        })
    }

    /// What the device has that is not disabled; it is not opened.
    pub fn capabilities(&self) -> Result<Capabilities, gpu::Error> {
        Ok(self.limit(gpu::choose(self.device.as_deref())?.capabilities))
    }

    /// The same; where there is no device and none was named, `other`.
    pub fn capabilities_or(&self, other: impl FnOnce() -> Capabilities) -> Result<Capabilities, gpu::Error> {
        match self.capabilities() {
            Err(gpu::Error::NoAdapter) if self.device.is_none() => Ok(self.limit(other())),
            found => found,
        }
    }

    /// A device without the parts that are to stay unused.
    pub fn limit(&self, device: Capabilities) -> Capabilities {
        device.without(self.disable())
    }

    /// The guards in the shaders of such a device.
    pub fn checks(&self, device: &Capabilities) -> ShaderChecks {
        self.shader_checks.unwrap_or_else(|| ShaderChecks::usual(device))
    }

    /// The guards that somebody chose.
    pub fn chosen_checks(&self) -> Option<ShaderChecks> {
        self.shader_checks
    }

    /// The command line that gives these options again.
    pub fn arguments(&self) -> Vec<String> {
        let flag = |name: &str, on: bool| on.then(|| vec![name.to_owned()]);
        let with = |name: &str, value: Option<String>| value.map(|value| vec![name.to_owned(), value]);
        let all = [
            with("--device", self.device.clone()),
            flag("--no-f16", self.no_f16),
            flag("--no-subgroups", self.no_subgroups),
            flag("--no-int64", self.no_int64),
            flag("--no-coopmat", self.no_coopmat),
            with("--max-binding", self.max_binding.map(|bytes| bytes.to_string())),
            with("--max-workgroup-memory", self.max_workgroup_memory.map(|bytes| bytes.to_string())),
            with("--shader-checks", self.shader_checks.map(|checks| checks.to_string())),
        ];
        all.into_iter().flatten().flatten().collect()
    }

    fn disable(&self) -> Disable {
        Disable {
            f16: self.no_f16,
            subgroups: self.no_subgroups,
            matrices: self.no_coopmat,
            int64: self.no_int64,
            max_binding: self.max_binding,
            max_workgroup_memory: self.max_workgroup_memory,
        }
    }
}

/// What runs in place of the kernels' own choices.
#[derive(Args)]
pub struct Overrides {
    /// Run a variant, or a WGSL file of your own, in place of what a kernel would choose: conv2d=register, or
    /// 'conv2d[columns=320]=./mine.wgsl' for some shapes; may be given more than once. `i2vgen kernels check` says whether a file is right
    #[arg(long = "override", value_name = "KERNEL=VARIANT|FILE", help_heading = "Device")]
    overrides: Vec<String>,
}

impl Overrides {
    /// Reads them, and the files that they name.
    pub fn choices(&self) -> Result<Choices, Error> {
        Ok(lab::overrides(&self.overrides)?)
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

/// What the kernels' fallbacks need; WebGPU guarantees it.
const MIN_WORKGROUP_MEMORY: u64 = 16 << 10;

fn workgroup_memory(text: &str) -> Result<u32, String> {
    match units::parse_bytes(text)? {
        bytes if bytes < MIN_WORKGROUP_MEMORY => {
            Err(format!("expected at least {}, which every device has", units::bytes(MIN_WORKGROUP_MEMORY)))
        }
        bytes => Ok(bytes.min(u64::from(u32::MAX)) as u32),
    }
}

/// A seed that nobody chose. torch's CPU generator reads 32 bits of a seed.
pub fn draw_seed() -> u64 {
    RandomState::new().build_hasher().finish() & u64::from(u32::MAX)
}

/// Reads one of an enum's names, as it is written in JSON.
pub fn by_name<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|e| e.to_string())
}
