//! What results are told with: device, driver, versions.

use std::{fs, path::Path};

use i2vgen::{
    gpu::{Capabilities, ShaderChecks},
    lab::{Ceilings, Roofline, wgpu_version},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::Error;

/// What a result depends on besides the kernel.
pub fn setting(device: &Capabilities, checks: ShaderChecks) -> Value {
    json!({
        "program": concat!("i2vgen ", env!("CARGO_PKG_VERSION")),
        "wgpu": wgpu_version(),
        "device": device.name,
        "backend": device.backend,
        "driver": device.driver,
        "shader_checks": checks,
    })
}

/// The same in a line.
pub fn setting_line(device: &Capabilities, checks: ShaderChecks) -> String {
    let (name, backend, driver) = (&device.name, &device.backend, &device.driver);
    let version = env!("CARGO_PKG_VERSION");
    format!("{name}, {backend}, {driver}; i2vgen {version}, wgpu {}, shader checks {checks}", wgpu_version())
}

/// The measured ceilings in a file; without one those that `i2vgen roofline` kept for this device, if it was measured.
pub fn ceilings(path: Option<&Path>, device: &Capabilities) -> Result<Option<Ceilings>, Error> {
    /// What `i2vgen roofline --json` prints.
    #[derive(Deserialize)]
    struct Printed {
        roofline: Roofline,
    }
    let Some(path) = path else { return Ok(Roofline::kept(device).map(|(kept, _)| kept.ceilings)) };
    let wrong = |reason: String| Error::message(format!("--ceilings {}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let printed: Printed =
        serde_json::from_str(&text).map_err(|e| wrong(format!("{e}; take what `i2vgen roofline --json` prints")))?;
    Ok(Some(printed.roofline.ceilings))
}
