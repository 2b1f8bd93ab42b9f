//! Which variant is emitted.

use i2vgen::{
    gpu::{Capabilities, ShaderChecks},
    kernel::{Choice, Op},
    lab::{Candidate, CandidateError, emit::sorts},
};

use crate::cli::Error;

/// A variant, and what to know about where it comes from.
pub struct Picked {
    pub choice: Choice,
    /// The guards that its name asks for.
    pub checks: Option<ShaderChecks>,
    pub note: Option<String>,
}

/// The choice of this candidate. What the device cannot run is taken from a kind of device that can:
/// emitting needs none.
pub fn pick(op: &dyn Op, candidate: &Candidate, device: &Capabilities) -> Result<Picked, Error> {
    let checks = [ShaderChecks::ON, ShaderChecks::OFF].map(|device| candidate.checks(device));
    let checks = (checks[0] == checks[1]).then_some(checks[0]);
    let error = match candidate.choice(op, device) {
        Ok(choice) => return Ok(Picked { choice, checks, note: None }),
        Err(error @ (CandidateError::Variant { .. } | CandidateError::Setting { .. } | CandidateError::Fit(_))) => {
            error
        }
        Err(error) => return Err(error.into()),
    };
    let all = sorts();
    if let Some((choice, sort)) =
        all.iter().find_map(|sort| Some((candidate.choice(op, &sort.device).ok()?, sort.name)))
    {
        let device = if device.name.is_empty() { "the assumed device" } else { &device.name };
        let note = format!("{device} would not run '{}'; it is emitted for {sort}", candidate.name);
        return Ok(Picked { choice, checks, note: Some(note) });
    }
    Err(error.into())
}
