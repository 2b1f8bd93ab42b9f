//! What can be wrong with scheduler settings or with what is asked of a schedule.

use std::path::PathBuf;

/// An error of this module: one line that names the field or the request, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration file could not be read.
    #[error("cannot read the scheduler settings {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    /// The configuration file is not a JSON object.
    #[error("the scheduler settings are not a JSON object ({detail}); download the file again")]
    Json { detail: String },
    /// A field has a value of the wrong type or out of its range.
    #[error("scheduler field `{field}` is {found}, expected {expected}")]
    Field { field: String, found: String, expected: String },
    /// A field asks for something that this sampler does not do.
    #[error("scheduler field `{field}` = {found} is not supported; {advice}")]
    Unsupported { field: &'static str, found: String, advice: &'static str },
    /// Another error, in a named file.
    #[error("{path}: {source}")]
    InFile { path: PathBuf, source: Box<Error> },
    /// A number of steps that the schedule cannot be divided into.
    #[error("{steps} steps cannot be taken on a schedule of {train} timesteps; choose 1 to {most}")]
    StepCount { steps: usize, train: usize, most: usize },
    /// The spacing reaches beyond the last timestep of the table.
    #[error(
        "{steps} steps ask for timestep {timestep}, but the schedule ends at {last} \
         (timestep_spacing {spacing}, steps_offset {offset}); {advice}"
    )]
    OutsideTable { steps: usize, timestep: u64, last: usize, spacing: &'static str, offset: usize, advice: String },
    /// eta outside of its range.
    #[error("eta is {eta}, expected a number from 0 (deterministic) to 1 (as noisy as DDPM)")]
    Eta { eta: f64 },
    /// The step formula divides by zero here.
    #[error(
        "the step at timestep {timestep} divides by zero: alpha_bar is {alpha} there and {alpha_prev} \
         after it, with prediction_type {prediction}; {advice}"
    )]
    Degenerate { timestep: u32, alpha: f32, alpha_prev: f32, prediction: &'static str, advice: &'static str },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
