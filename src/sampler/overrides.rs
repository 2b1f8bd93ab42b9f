//! Scheduler settings that somebody wants in place of the checkpoint's own.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
use super::error::Result;
use super::sampling::FinalAlpha;

/// Scheduler settings under their names in diffusers' `DDIMScheduler`; what is absent is the checkpoint's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerOverrides {
    /// What the network's output means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction_type: Option<PredictionType>,
    /// How beta grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_schedule: Option<BetaSchedule>,
    /// First beta, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_start: Option<f64>,
    /// Last beta, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_end: Option<f64>,
    /// Which timesteps are visited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whether the last timestep becomes pure noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescale_betas_zero_snr: Option<bool>,
    /// Whether the step after the last one counts as noise-free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_alpha_to_one: Option<bool>,
    /// Whether the clean estimate is clipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_sample: Option<bool>,
    /// Added to every timestep of the `leading` spacing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_offset: Option<usize>,
}

/// A setting that is not the checkpoint's. `Display` is a warning of one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Overridden {
    /// The program's option.
    pub flag: &'static str,
    /// What was said.
    pub said: String,
    /// What the checkpoint says.
    pub own: String,
    /// What to expect.
    pub effect: Effect,
}

/// What becomes of a setting that is not the checkpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The network learnt with the checkpoint's setting.
    Untrained(&'static str),
    /// The setting belongs to sampling alone.
    Sampling(&'static str),
    /// Another setting makes it meaningless.
    None(&'static str),
}

const OTHER_NOISE: &str =
    "its timesteps then stand for other amounts of noise: expect shifted colours and a loss of detail";

impl SchedulerOverrides {
    /// Is nothing overridden?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings in force: `own`, the checkpoint's, with these in their place.
    ///
    /// # Errors
    /// [`super::Error::Field`] for a value out of range.
    pub fn apply(&self, own: &SchedulerConfig) -> Result<SchedulerConfig> {
        let config = SchedulerConfig {
            beta_start: self.beta_start.unwrap_or(own.beta_start),
            beta_end: self.beta_end.unwrap_or(own.beta_end),
            beta_schedule: self.beta_schedule.unwrap_or(own.beta_schedule),
            // They would take the place of every schedule.
            trained_betas: own.trained_betas.clone().filter(|_| !self.names_betas()),
            clip_sample: self.clip_sample.unwrap_or(own.clip_sample),
            set_alpha_to_one: self.set_alpha_to_one.unwrap_or(own.set_alpha_to_one),
            steps_offset: self.steps_offset.unwrap_or(own.steps_offset),
            prediction_type: self.prediction_type.unwrap_or(own.prediction_type),
            timestep_spacing: self.timestep_spacing.unwrap_or(own.timestep_spacing),
            rescale_betas_zero_snr: self.rescale_betas_zero_snr.unwrap_or(own.rescale_betas_zero_snr),
            ..own.clone()
        };
        config.check()?;
        Ok(config)
    }

    fn names_betas(&self) -> bool {
        self.beta_schedule.is_some() || self.beta_start.is_some() || self.beta_end.is_some()
    }

    /// What contradicts the checkpoint's `own` settings, in the order of the fields. `end` is what follows the last step.
    pub fn overridden(&self, own: &SchedulerConfig, end: FinalAlpha) -> Vec<Overridden> {
        use Effect::{None as No, Sampling, Untrained};
        let mut found = Vec::new();
        let mut compare = |flag: &'static str, said: Option<String>, own: String, effect: Effect| {
            found.extend(said.filter(|said| *said != own).map(|said| Overridden { flag, said, own, effect }));
        };
        let listed = own.trained_betas.as_ref().map(|betas| format!("a list of {} betas", betas.len()));
        let betas = |field: String| listed.clone().unwrap_or(field);
        let cosine = |schedule| schedule == BetaSchedule::SquaredcosCapV2;
        // A checkpoint that does not use them says nothing that could be contradicted; its schedule does.
        let unused = cosine(own.beta_schedule) && listed.is_none();
        let ends = match cosine(self.beta_schedule.unwrap_or(own.beta_schedule)) {
            true => Some(No("squaredcos_cap_v2 does not use it")),
            false => (!unused).then_some(Untrained(OTHER_NOISE)),
        };
        let leading = self.timestep_spacing.unwrap_or(own.timestep_spacing) == TimestepSpacing::Leading;

        let prediction = self.prediction_type.map(|said| said.name().to_owned());
        let mistaken =
            "its output is then taken for something else: expect noise and burnt colours in place of the picture";
        compare("--prediction-type", prediction, own.prediction_type.name().into(), Untrained(mistaken));
        let schedule = self.beta_schedule.map(|said| said.name().to_owned());
        compare("--beta-schedule", schedule, betas(own.beta_schedule.name().into()), Untrained(OTHER_NOISE));
        if let Some(effect) = ends {
            compare("--beta-start", self.beta_start.map(text), betas(text(own.beta_start)), effect);
            compare("--beta-end", self.beta_end.map(text), betas(text(own.beta_end)), effect);
        }
        let spacing = self.timestep_spacing.map(|said| said.name().to_owned());
        let visited = "other timesteps are visited, from another amount of noise on: expect another brightness";
        compare("--timestep-spacing", spacing, own.timestep_spacing.name().into(), Sampling(visited));
        let noisiest = "the noisiest timesteps then stand for other amounts of noise: expect another brightness, most of all where \
             sampling begins at the last one (trailing, linspace)";
        let zero = self.rescale_betas_zero_snr.map(text);
        compare("--zero-snr", zero, text(own.rescale_betas_zero_snr), Untrained(noisiest));
        let last = match end {
            FinalAlpha::FromConfig => {
                Sampling("the last step ends at another amount of noise: expect hardly a difference")
            }
            FinalAlpha::First => No("--compat vgen always ends at the first alpha"),
        };
        compare("--set-alpha-to-one", self.set_alpha_to_one.map(text), text(own.set_alpha_to_one), last);
        let clipped = match own.clip_sample {
            false => "latents reach beyond 1 and are cut off there: expect pale colours and holes",
            true => "estimates are no longer kept within bounds: expect burnt colours",
        };
        compare("--clip-sample", self.clip_sample.map(text), text(own.clip_sample), Sampling(clipped));
        let shifted = match leading {
            true => Sampling("every timestep moves by the difference: expect a slightly different clip"),
            false => No("only the leading spacing uses it"),
        };
        compare("--steps-offset", self.steps_offset.map(text), text(own.steps_offset), shifted);
        found
    }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

impl fmt::Display for Overridden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, said, own, effect } = self;
        write!(f, "{flag} {said}: the checkpoint says {own}")?;
        match effect {
            Effect::Untrained(what) => write!(f, ", and was trained so; {what}"),
            Effect::Sampling(what) => write!(f, "; {what}"),
            Effect::None(why) => write!(f, "; it has no effect: {why}"),
        }
    }
}

#[cfg(test)]
#[path = "overrides_tests.rs"]
mod tests;
