//! The checkpoint's noise schedule, as far as somebody wants another.

use clap::Args;
use i2vgen::sampler::{BetaSchedule, PredictionType, SchedulerOverrides, TimestepSpacing};
use serde::{Deserialize, Serialize};

use crate::cli::options::by_name;

/// Options by the names of their flags; what is absent was not said.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerOptions {
    /// What the network puts out
    #[arg(long, value_name = "epsilon|v_prediction|sample", value_parser = by_name::<PredictionType>, help_heading = HEADING)]
    pub prediction_type: Option<PredictionType>,
    /// How the noise grows over the training timesteps
    #[arg(long, value_name = "linear|scaled_linear|squaredcos_cap_v2", value_parser = by_name::<BetaSchedule>, help_heading = HEADING)]
    pub beta_schedule: Option<BetaSchedule>,
    /// First beta of the linear schedules, 0 to 1
    #[arg(long, value_name = "BETA", help_heading = HEADING)]
    pub beta_start: Option<f64>,
    /// Last beta of the linear schedules, 0 to 1
    #[arg(long, value_name = "BETA", help_heading = HEADING)]
    pub beta_end: Option<f64>,
    /// Which timesteps are visited
    #[arg(long, value_name = "leading|trailing|linspace", value_parser = by_name::<TimestepSpacing>, help_heading = HEADING)]
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Rescale the schedule so that the last timestep is pure noise
    #[arg(long, value_name = "true|false", help_heading = HEADING)]
    pub zero_snr: Option<bool>,
    /// Count the step after the last one as free of noise
    #[arg(long, value_name = "true|false", help_heading = HEADING)]
    pub set_alpha_to_one: Option<bool>,
    /// Clip the clean estimate of each step
    #[arg(long, value_name = "true|false", help_heading = HEADING)]
    pub clip_sample: Option<bool>,
    /// Added to every timestep of the leading spacing
    #[arg(long, value_name = "N", help_heading = HEADING)]
    pub steps_offset: Option<usize>,
}

/// Where `--help` has these options.
pub const HEADING: &str = "Scheduler, in place of the checkpoint's own settings";

impl SchedulerOptions {
    /// These options; those that are absent come from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            prediction_type: self.prediction_type.or(other.prediction_type),
            beta_schedule: self.beta_schedule.or(other.beta_schedule),
            beta_start: self.beta_start.or(other.beta_start),
            beta_end: self.beta_end.or(other.beta_end),
            timestep_spacing: self.timestep_spacing.or(other.timestep_spacing),
            zero_snr: self.zero_snr.or(other.zero_snr),
            set_alpha_to_one: self.set_alpha_to_one.or(other.set_alpha_to_one),
            clip_sample: self.clip_sample.or(other.clip_sample),
            steps_offset: self.steps_offset.or(other.steps_offset),
        }
    }
}

impl From<SchedulerOptions> for SchedulerOverrides {
    fn from(o: SchedulerOptions) -> Self {
        Self {
            prediction_type: o.prediction_type,
            beta_schedule: o.beta_schedule,
            beta_start: o.beta_start,
            beta_end: o.beta_end,
            timestep_spacing: o.timestep_spacing,
            rescale_betas_zero_snr: o.zero_snr,
            set_alpha_to_one: o.set_alpha_to_one,
            clip_sample: o.clip_sample,
            steps_offset: o.steps_offset,
        }
    }
}

impl From<&SchedulerOverrides> for SchedulerOptions {
    fn from(o: &SchedulerOverrides) -> Self {
        Self {
            prediction_type: o.prediction_type,
            beta_schedule: o.beta_schedule,
            beta_start: o.beta_start,
            beta_end: o.beta_end,
            timestep_spacing: o.timestep_spacing,
            zero_snr: o.rescale_betas_zero_snr,
            set_alpha_to_one: o.set_alpha_to_one,
            clip_sample: o.clip_sample,
            steps_offset: o.steps_offset,
        }
    }
}
