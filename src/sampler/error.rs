//! What can be wrong with scheduler settings or with what is asked of a schedule.

use std::path::PathBuf;

/// An error of this module: one line that names the field or the request, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration file could not be read.
    #[error("cannot read the scheduler settings {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: std::io::Error,
    },
    /// The configuration file is not a JSON object.
    #[error("the scheduler settings are not a JSON object ({detail}); download the file again")]
    Json {
        /// What is wrong.
        detail: String,
    },
    /// A field has a value of the wrong type or out of its range.
    #[error("scheduler field `{field}` is {found}, expected {expected}")]
    Field {
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A field asks for something that this sampler does not do.
    #[error("scheduler field `{field}` = {found} is not supported; {advice}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Another error, in a named file.
    #[error("{path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// The other error.
        source: Box<Error>,
    },
    /// A number of steps that the schedule cannot be divided into.
    #[error("{steps} steps cannot be taken on a schedule of {train} timesteps; choose 1 to {most}")]
    StepCount {
        /// Steps that were asked for.
        steps: usize,
        /// Timesteps of the schedule.
        train: usize,
        /// The most steps that it can be divided into.
        most: usize,
    },
    /// The spacing reaches beyond the last timestep of the table.
    #[error(
        "{steps} steps ask for timestep {timestep}, but the schedule ends at {last} \
         (timestep_spacing {spacing}, steps_offset {offset}); {advice}"
    )]
    OutsideTable {
        /// Steps that were asked for.
        steps: usize,
        /// The timestep that would be needed.
        timestep: u64,
        /// The last one of the table.
        last: usize,
        /// How timesteps are spaced.
        spacing: &'static str,
        /// What is added to each.
        offset: usize,
        /// What to do.
        advice: String,
    },
    /// eta outside of its range.
    #[error("eta is {eta}, expected a number from 0 (deterministic) to 1 (as noisy as DDPM)")]
    Eta {
        /// What was asked for.
        eta: f64,
    },
    /// The step formula divides by zero here.
    #[error(
        "the step at timestep {timestep} divides by zero: alpha_bar is {alpha} there and {alpha_prev} \
         after it, with prediction_type {prediction}; {advice}"
    )]
    Degenerate {
        /// Where.
        timestep: u32,
        /// alpha_bar there.
        alpha: f32,
        /// alpha_bar after it.
        alpha_prev: f32,
        /// What the network predicts.
        prediction: &'static str,
        /// What to do.
        advice: &'static str,
    },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
