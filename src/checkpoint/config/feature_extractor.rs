//! `feature_extractor/preprocessor_config.json`: how transformers' `CLIPImageProcessor` is set up.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::fields::{Fields, MAX_SIDE};
use crate::checkpoint::error::Result;
use crate::checkpoint::json::from_object;

/// What the pipeline uses of the image processor: the size of the picture for the image encoder, and its
/// normalisation (x − mean) / std of each channel, x in 0..1. [`Default`] is that of transformers 4.57.6.
///
/// `size`, `resample` and the `do_*` switches have no effect: the pipeline resizes by itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct FeatureExtractorConfig {
    /// Height and width in pixels; the file has one number for both, or `{"height", "width"}`.
    #[serde(deserialize_with = "side_or_sides")]
    pub crop_size: [usize; 2],
    /// Mean of red, green, blue; the file may have one number for all.
    #[serde(deserialize_with = "one_or_three")]
    pub image_mean: [f32; 3],
    /// Standard deviation of red, green, blue; the file may have one number for all.
    #[serde(deserialize_with = "one_or_three")]
    pub image_std: [f32; 3],
}

impl Default for FeatureExtractorConfig {
    fn default() -> Self {
        Self {
            crop_size: [224, 224],
            image_mean: [0.48145466, 0.4578275, 0.40821073],
            image_std: [0.26862954, 0.261_302_6, 0.275_777_1],
        }
    }
}

impl FeatureExtractorConfig {
    pub(super) fn parse(path: &Path, object: Map<String, Value>) -> Result<Self> {
        let config: Self = from_object(path, object)?;
        config.validate(path)?;
        Ok(config)
    }

    /// Checks every value, naming `path` in errors.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fields = Fields::of(path);
        for side in self.crop_size {
            fields.size("crop_size", side, MAX_SIDE)?;
        }
        for (mean, std) in self.image_mean.into_iter().zip(self.image_std) {
            if !mean.is_finite() {
                return Err(fields.error("image_mean", format!("holds {mean}, expected numbers")));
            }
            fields.positive("image_std", f64::from(std))?;
        }
        Ok(())
    }
}

/// Height and width from one number, from a list of two, or from an object that names them.
pub(super) fn side_or_sides<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    let value = Value::deserialize(deserializer)?;
    let side = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let sides = match &value {
        Value::Number(_) => [side(Some(&value)); 2],
        Value::Array(list) if list.len() == 2 => [side(list.first()), side(list.last())],
        Value::Object(object) => [side(object.get("height")), side(object.get("width"))],
        _ => [None; 2],
    };
    match sides {
        [Some(height), Some(width)] => Ok([height, width]),
        _ => Err(D::Error::custom(format!("{value} is neither one size in pixels nor a height and a width"))),
    }
}

fn one_or_three<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f32; 3], D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = |value: &Value| value.as_f64().map(|x| x as f32);
    let channels = match &value {
        Value::Array(list) => list.iter().map(number).collect::<Option<Vec<_>>>(),
        single => number(single).map(|x| vec![x; 3]),
    };
    channels
        .and_then(|channels| channels.try_into().ok())
        .ok_or_else(|| D::Error::custom(format!("{value} is neither one number nor a list of three")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FeatureExtractorConfig> {
        let path = Path::new("feature_extractor/preprocessor_config.json");
        FeatureExtractorConfig::parse(path, serde_json::from_str(text).unwrap())
    }

    #[test]
    fn every_form_of_the_sizes() {
        assert_eq!(parse(r#"{"crop_size": 70, "size": 70}"#).unwrap().crop_size, [70, 70]);
        assert_eq!(parse(r#"{"crop_size": {"height": 3, "width": 4}}"#).unwrap().crop_size, [3, 4]);
        assert_eq!(parse(r#"{"crop_size": [3, 4]}"#).unwrap().crop_size, [3, 4]);
        let config = parse(r#"{"image_mean": 0.5, "image_std": [1, 2, 3]}"#).unwrap();
        assert_eq!((config.image_mean, config.image_std), ([0.5; 3], [1.0, 2.0, 3.0]));
        assert_eq!(config.crop_size, [224, 224]);
    }

    #[test]
    fn the_default_is_the_nearest_float_of_each_published_value() {
        let text =
            r#"{"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}"#;
        assert_eq!(parse(text).unwrap(), FeatureExtractorConfig::default());
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, field) in [
            (r#"{"crop_size": {"shortest_edge": 70}}"#, "crop_size"),
            (r#"{"crop_size": 0}"#, "crop_size"),
            (r#"{"crop_size": -1}"#, "crop_size"),
            (r#"{"image_std": [1, 0, 1]}"#, "image_std"),
            (r#"{"image_mean": [1, 1]}"#, "image_mean"),
            (r#"{"image_mean": 1e300}"#, "image_mean"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("preprocessor_config.json: field `{field}`")), "{error}");
        }
    }
}
