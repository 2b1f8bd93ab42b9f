//! Sampling: the noise schedule, the DDIM steps on it, guidance and anchoring over frames and steps, and random numbers.

mod alphas;
mod anchoring;
mod config;
mod error;
mod guidance;
mod overrides;
mod schedule;
mod torch_rng;

pub use anchoring::{AnchorMode, AnchorNoise, Anchoring};
pub use config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
pub use error::{Error, Result};
pub use guidance::{FrameScales, Guidance, GuidanceError, StepScales, is_guided};
pub use overrides::{Effect, Overridden, SchedulerOverrides};
pub use schedule::{FinalAlpha, Schedule, Step};
pub use torch_rng::TorchGenerator;
