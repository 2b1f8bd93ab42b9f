//! `scheduler/scheduler_config.json` as diffusers' `DDIMScheduler` reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{Error, Result};
use crate::checkpoint::ModelFiles;

/// Most training timesteps accepted; diffusion models use 1000.
const MAX_TRAIN_TIMESTEPS: u64 = 1_000_000;

/// How beta grows over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Evenly spaced from `beta_start` to `beta_end`.
    Linear,
    /// Square roots evenly spaced, then squared (Stable Diffusion).
    ScaledLinear,
    /// From alpha_bar(u) = cos²((u + 0.008) / 1.008 · π/2); `beta_start` and `beta_end` are not used.
    SquaredcosCapV2,
}

/// What the network's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise in the sample.
    Epsilon,
    /// The clean sample.
    Sample,
    /// v = sqrt(alpha_bar) · noise − sqrt(1 − alpha_bar) · clean.
    VPrediction,
}

/// Which training timesteps are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestepSpacing {
    /// Multiples of `num_train_timesteps / n`, plus `steps_offset`.
    Leading,
    /// Counted down from the last timestep.
    Trailing,
    /// Both ends included.
    Linspace,
}

impl BetaSchedule {
    const ALL: [(&'static str, Self); 3] =
        [("linear", Self::Linear), ("scaled_linear", Self::ScaledLinear), ("squaredcos_cap_v2", Self::SquaredcosCapV2)];

    /// The name in the configuration file.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

impl PredictionType {
    const ALL: [(&'static str, Self); 3] =
        [("epsilon", Self::Epsilon), ("sample", Self::Sample), ("v_prediction", Self::VPrediction)];

    /// The name in the configuration file.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

impl TimestepSpacing {
    const ALL: [(&'static str, Self); 3] =
        [("leading", Self::Leading), ("trailing", Self::Trailing), ("linspace", Self::Linspace)];

    /// The name in the configuration file.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

/// Settings of the noise schedule and of the DDIM step.
///
/// A field that is absent or null takes the default of diffusers' `DDIMScheduler` (which is [`Default`] here);
/// fields not listed are ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct SchedulerConfig {
    /// Length of the alpha_bar table. Default 1000.
    pub num_train_timesteps: usize,
    /// First beta. Default 0.0001.
    pub beta_start: f64,
    /// Last beta. Default 0.02.
    pub beta_end: f64,
    /// Default `linear`.
    pub beta_schedule: BetaSchedule,
    /// The betas themselves, one per training timestep; they take the place of `beta_schedule`.
    pub trained_betas: Option<Vec<f64>>,
    /// Whether the clean estimate is clipped to ±`clip_sample_range`. Default true.
    pub clip_sample: bool,
    /// Default 1.
    pub clip_sample_range: f64,
    /// Whether the step after the last one counts as noise-free; else it has the first alpha_bar. Default true.
    pub set_alpha_to_one: bool,
    /// Added to every timestep of the `leading` spacing. Default 0.
    pub steps_offset: usize,
    /// Default `epsilon`.
    pub prediction_type: PredictionType,
    /// Default `leading`.
    pub timestep_spacing: TimestepSpacing,
    /// Whether the table is rescaled so that the last timestep is pure noise. Default false.
    pub rescale_betas_zero_snr: bool,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            steps_offset: 0,
            prediction_type: PredictionType::Epsilon,
            timestep_spacing: TimestepSpacing::Leading,
            rescale_betas_zero_snr: false,
        }
    }
}

impl SchedulerConfig {
    /// Where a model has these settings.
    const FILE: &str = "scheduler/scheduler_config.json";

    /// Reads a model's `scheduler_config.json`. Errors name the file, and the field where one is at fault.
    pub fn open(files: &ModelFiles) -> Result<Self> {
        let path = files.path(Self::FILE);
        let bytes = files.read(Self::FILE).map_err(|source| Error::Read { path: path.clone(), source })?;
        Self::parse(&bytes).map_err(|source| Error::InFile { path, source: Box::new(source) })
    }

    /// Reads the text of a `scheduler_config.json`.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::parse(text.as_bytes())
    }

    /// Refuses values out of range, for settings that were not read from a file.
    ///
    /// # Errors
    /// [`Error::Field`].
    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            if !is_beta(&value) {
                return Err(field(name, value.to_string(), A_BETA));
            }
        }
        if self.steps_offset as u64 > MAX_TRAIN_TIMESTEPS {
            return Err(field("steps_offset", self.steps_offset.to_string(), whole(0, MAX_TRAIN_TIMESTEPS)));
        }
        Ok(())
    }

    fn parse(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(text).map_err(|e| Error::Json { detail: e.to_string() })?;
        value.try_into()
    }
}

impl TryFrom<Value> for SchedulerConfig {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        let Value::Object(fields) = value else {
            return Err(Error::Json { detail: format!("found {}", brief(&value)) });
        };
        if boolean(&fields, "thresholding", false)? {
            return Err(Error::Unsupported {
                field: "thresholding",
                found: "true".into(),
                advice: "dynamic thresholding is for pixel models: set it to false for a model with latents",
            });
        }
        let d = Self::default();
        let config = Self {
            num_train_timesteps: integer(
                &fields,
                "num_train_timesteps",
                d.num_train_timesteps,
                1,
                MAX_TRAIN_TIMESTEPS,
            )?,
            beta_start: beta(&fields, "beta_start", d.beta_start)?,
            beta_end: beta(&fields, "beta_end", d.beta_end)?,
            beta_schedule: choice(&fields, "beta_schedule", d.beta_schedule, &BetaSchedule::ALL)?,
            trained_betas: trained_betas(&fields)?,
            clip_sample: boolean(&fields, "clip_sample", d.clip_sample)?,
            clip_sample_range: clip_range(&fields, d.clip_sample_range)?,
            set_alpha_to_one: boolean(&fields, "set_alpha_to_one", d.set_alpha_to_one)?,
            steps_offset: integer(&fields, "steps_offset", d.steps_offset, 0, MAX_TRAIN_TIMESTEPS)?,
            prediction_type: choice(&fields, "prediction_type", d.prediction_type, &PredictionType::ALL)?,
            timestep_spacing: choice(&fields, "timestep_spacing", d.timestep_spacing, &TimestepSpacing::ALL)?,
            rescale_betas_zero_snr: boolean(&fields, "rescale_betas_zero_snr", d.rescale_betas_zero_snr)?,
        };
        if let Some(betas) = &config.trained_betas
            && betas.len() != config.num_train_timesteps
        {
            return Err(field(
                "trained_betas",
                format!("a list of {}", betas.len()),
                format!("{} numbers (num_train_timesteps)", config.num_train_timesteps),
            ));
        }
        Ok(config)
    }
}

type Fields = Map<String, Value>;

fn name_of<T: Copy + PartialEq>(all: &[(&'static str, T)], value: T) -> &'static str {
    all.iter().find(|(_, v)| *v == value).map_or("", |(n, _)| n)
}

fn field(name: impl Into<String>, found: String, expected: impl Into<String>) -> Error {
    Error::Field { field: name.into(), found, expected: expected.into() }
}

/// A value for a message, at most a few dozen characters long.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(map) => format!("an object of {} fields", map.len()),
        other => {
            let text = other.to_string();
            match text.char_indices().nth(40) {
                Some((at, _)) => format!("{}…", &text[..at]),
                None => text,
            }
        }
    }
}

/// The value of a field that is there and not null.
fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|v| !v.is_null())
}

fn boolean(fields: &Fields, name: &str, default: bool) -> Result<bool> {
    match given(fields, name) {
        None => Ok(default),
        Some(v) => v.as_bool().ok_or_else(|| field(name, brief(v), "true or false")),
    }
}

fn integer(fields: &Fields, name: &str, default: usize, min: u64, max: u64) -> Result<usize> {
    match given(fields, name) {
        None => Ok(default),
        Some(v) => v
            .as_u64()
            .filter(|n| (min..=max).contains(n))
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| field(name, brief(v), whole(min, max))),
    }
}

fn whole(min: u64, max: u64) -> String {
    format!("a whole number from {min} to {max}")
}

/// What a beta is.
const A_BETA: &str = "a number from 0 to 1";

fn is_beta(value: &f64) -> bool {
    (0.0..=1.0).contains(value)
}

fn beta(fields: &Fields, name: &str, default: f64) -> Result<f64> {
    match given(fields, name) {
        None => Ok(default),
        Some(v) => a_beta(v).ok_or_else(|| field(name, brief(v), A_BETA)),
    }
}

fn a_beta(value: &Value) -> Option<f64> {
    value.as_f64().filter(is_beta)
}

fn clip_range(fields: &Fields, default: f64) -> Result<f64> {
    match given(fields, "clip_sample_range") {
        None => Ok(default),
        Some(v) => v
            .as_f64()
            .filter(|r| *r > 0.0 && *r <= f64::from(f32::MAX))
            .ok_or_else(|| field("clip_sample_range", brief(v), "a number above 0")),
    }
}

fn trained_betas(fields: &Fields) -> Result<Option<Vec<f64>>> {
    let Some(value) = given(fields, "trained_betas") else {
        return Ok(None);
    };
    let list = value.as_array().ok_or_else(|| field("trained_betas", brief(value), "a list of numbers or null"))?;
    let betas = list
        .iter()
        .enumerate()
        .map(|(i, v)| a_beta(v).ok_or_else(|| field(format!("trained_betas[{i}]"), brief(v), A_BETA)));
    betas.collect::<Result<_>>().map(Some)
}

fn choice<T: Copy>(fields: &Fields, name: &str, default: T, all: &[(&'static str, T)]) -> Result<T> {
    let Some(value) = given(fields, name) else {
        return Ok(default);
    };
    let found = all.iter().find(|(n, _)| value.as_str() == Some(n));
    found.map(|(_, v)| *v).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(n, _)| *n).collect();
        field(name, brief(value), format!("one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_null_fields_take_the_defaults() {
        let d = SchedulerConfig::default();
        assert_eq!(SchedulerConfig::from_json("{}").unwrap(), d);
        let text =
            r#"{"_class_name": "DDIMScheduler", "beta_start": null, "trained_betas": null, "steps_offset": null}"#;
        assert_eq!(SchedulerConfig::from_json(text).unwrap(), d);
        let through_serde: SchedulerConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(through_serde, d);
    }

    #[test]
    fn every_field_is_read() {
        let text = r#"{"num_train_timesteps": 3, "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "trained_betas": [0.1, 0.2, 1], "clip_sample": false,
            "clip_sample_range": 2, "set_alpha_to_one": false, "steps_offset": 1,
            "prediction_type": "v_prediction", "thresholding": false, "timestep_spacing": "trailing",
            "rescale_betas_zero_snr": true}"#;
        let want = SchedulerConfig {
            num_train_timesteps: 3,
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            trained_betas: Some(vec![0.1, 0.2, 1.0]),
            clip_sample: false,
            clip_sample_range: 2.0,
            set_alpha_to_one: false,
            steps_offset: 1,
            prediction_type: PredictionType::VPrediction,
            timestep_spacing: TimestepSpacing::Trailing,
            rescale_betas_zero_snr: true,
        };
        assert_eq!(SchedulerConfig::from_json(text).unwrap(), want);
    }

    #[test]
    fn a_bad_value_is_named_with_its_field() {
        for (text, parts) in [
            (r#"{"beta_schedule": "cosine"}"#, ["`beta_schedule`", "squaredcos_cap_v2"]),
            (r#"{"prediction_type": 3}"#, ["`prediction_type` is 3", "v_prediction"]),
            (r#"{"timestep_spacing": "even"}"#, ["`timestep_spacing`", "linspace"]),
            (r#"{"num_train_timesteps": 0}"#, ["`num_train_timesteps` is 0", "from 1"]),
            (r#"{"num_train_timesteps": 1e30}"#, ["`num_train_timesteps`", "whole number"]),
            (r#"{"steps_offset": -1}"#, ["`steps_offset` is -1", "whole number"]),
            (r#"{"beta_end": 1.5}"#, ["`beta_end` is 1.5", "0 to 1"]),
            (r#"{"clip_sample": "yes"}"#, ["`clip_sample` is \"yes\"", "true or false"]),
            (r#"{"clip_sample_range": 0}"#, ["`clip_sample_range` is 0", "above 0"]),
            (r#"{"trained_betas": [0.1]}"#, ["a list of 1", "1000 numbers"]),
            (r#"{"trained_betas": [0.1, null]}"#, ["`trained_betas[1]` is null", "number"]),
            (r#"{"thresholding": true}"#, ["`thresholding` = true", "not supported"]),
            ("[1, 2]", ["JSON object", "a list of 2"]),
            ("{", ["JSON object", "EOF"]),
        ] {
            let message = SchedulerConfig::from_json(text).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
            assert!(!message.contains('\n'));
        }
        let message = SchedulerConfig::open(&"no/such".into()).unwrap_err().to_string();
        assert!(message.contains("no/such/scheduler/scheduler_config.json"), "{message}");
    }
}
