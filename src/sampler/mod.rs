//! Sampling: the noise schedule, the steps on it (DDIM, DPM-Solver++), guidance and anchoring over frames and steps, and random numbers.

mod alphas;
mod anchoring;
mod config;
mod dpm_solver;
mod error;
mod guidance;
mod overrides;
mod sampling;
mod schedule;
mod torch_rng;

pub use anchoring::{AnchorMode, AnchorNoise, Anchoring};
pub use config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
pub use error::{Error, Result};
pub use guidance::{FrameScales, Guidance, GuidanceError, StepScales, is_guided};
pub use overrides::{Effect, Overridden, SchedulerOverrides};
pub use sampling::{FinalAlpha, Sampler, Sampling};
pub use schedule::{Schedule, Step};
pub use torch_rng::TorchGenerator;
