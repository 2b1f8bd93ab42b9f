//! Which variant is emitted.

use std::{path::Path, sync::Arc};

use i2vgen::{
    gpu::Capabilities,
    kernel::{Choice, Op, WgslFile, stand_in},
    lab::emit::sorts,
};

use crate::cli::Error;

/// A variant, and what to know about where it comes from.
pub struct Picked {
    pub choice: Choice,
    pub note: Option<String>,
}

/// The variant of this name, or the file, or what the device would choose. What the device cannot run is taken from a kind of device that
/// can: emitting needs none.
pub fn pick(op: &dyn Op, name: Option<&str>, device: &Capabilities) -> Result<Picked, Error> {
    let own = op.choose(device);
    let Some(name) = name else { return Ok(Picked { choice: own, note: None }) };
    if Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wgsl")) {
        let text = std::fs::read_to_string(name).map_err(|e| Error::message(format!("cannot read {name}: {e}")))?;
        let file = Arc::new(WgslFile { path: name.to_owned(), text });
        return Ok(Picked { choice: stand_in(op, &own, &file)?, note: None });
    }
    let of = |device: &Capabilities| op.variants(device).into_iter().find(|choice| choice.variant == name);
    if let Some(choice) = of(device) {
        return Ok(Picked { choice, note: None });
    }
    let all = sorts();
    if let Some((choice, sort)) = all.iter().find_map(|sort| Some((of(&sort.device)?, sort.name))) {
        let device = if device.name.is_empty() { "the assumed device" } else { &device.name };
        return Ok(Picked { choice, note: Some(format!("{device} would not run '{name}'; it is emitted for {sort}")) });
    }
    let mut known: Vec<&str> = all.iter().flat_map(|sort| op.variants(&sort.device)).map(|c| c.variant).collect();
    known.sort_unstable();
    known.dedup();
    let (kernel, known) = (op.kernel().name, known.join(", "));
    Err(Error::message(format!("{kernel} has no variant '{name}' for this shape; there are {known}, or FILE.wgsl")))
}
