//! Sampling: the noise schedule, the DDIM steps on it, and the random numbers that drive them.

mod alphas;
mod config;
mod error;
mod schedule;
mod torch_rng;

pub use config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
pub use error::{Error, Result};
pub use schedule::{FinalAlpha, Schedule, Step};
pub use torch_rng::TorchGenerator;
