//! The configuration files of a model folder, one struct for each, and whether they fit together.

mod activation;
mod clip_text;
mod clip_vision;
mod defaults;
mod feature_extractor;
mod fields;
mod published;
mod unet;
mod vae;

use serde_json::{Map, Value};

pub use activation::HiddenAct;
pub use clip_text::ClipTextConfig;
pub use clip_vision::ClipVisionConfig;
pub use defaults::Defaults;
pub use feature_extractor::FeatureExtractorConfig;
pub use unet::{DownBlockType, UNetConfig, UpBlockType};
pub use vae::VaeConfig;

use super::error::{Error, Result};
use super::files::ModelFiles;
use super::json::{CONFIG_LIMIT, read_object};
use super::model_index::{check_class, check_model_index};

const UNET: &str = "unet/config.json";
const VAE: &str = "vae/config.json";
const TEXT_ENCODER: &str = "text_encoder/config.json";
const IMAGE_ENCODER: &str = "image_encoder/config.json";
const FEATURE_EXTRACTOR: &str = "feature_extractor/preprocessor_config.json";
const TOKENIZER: &str = "tokenizer/tokenizer_config.json";
const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// Every size and setting of a checkpoint, without its weights.
///
/// Fields that a file leaves out take the defaults of the class that the file describes (diffusers 0.35.2,
/// transformers 4.57.6); fields that no inference depends on are not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Configs {
    /// `unet/config.json`.
    pub unet: UNetConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// `text_encoder/config.json`.
    pub text_encoder: ClipTextConfig,
    /// `image_encoder/config.json`.
    pub image_encoder: ClipVisionConfig,
    /// `feature_extractor/preprocessor_config.json`: how the picture is brought to the image encoder.
    pub feature_extractor: FeatureExtractorConfig,
    /// `scheduler/scheduler_config.json` as it is: an object that the sampler interprets.
    pub scheduler: Value,
    /// Tokens that every prompt is padded or cut to: the tokenizer's `model_max_length`, or the text encoder's number of
    /// positions where the tokenizer sets no limit.
    pub tokenizer_length: usize,
}

impl Configs {
    /// Reads and checks the configuration files of a model, `model_index.json` first; looks at no weights.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        check_model_index(files)?;
        let path = |file: &str| files.path(file);
        let object = |file: &str| read_object(files, file, CONFIG_LIMIT);
        let of_class = |file: &str, class: &str| {
            let object = object(file)?;
            check_class(&path(file), &object, class)?;
            Ok::<_, Error>(object)
        };
        let text_encoder = ClipTextConfig::parse(&path(TEXT_ENCODER), object(TEXT_ENCODER)?)?;
        let configs = Self {
            unet: UNetConfig::parse(&path(UNET), of_class(UNET, "I2VGenXLUNet")?)?,
            vae: VaeConfig::parse(&path(VAE), of_class(VAE, "AutoencoderKL")?)?,
            image_encoder: ClipVisionConfig::parse(&path(IMAGE_ENCODER), object(IMAGE_ENCODER)?)?,
            feature_extractor: FeatureExtractorConfig::parse(&path(FEATURE_EXTRACTOR), object(FEATURE_EXTRACTOR)?)?,
            scheduler: Value::Object(object(SCHEDULER)?),
            tokenizer_length: tokenizer_length(files, text_encoder.max_position_embeddings)?,
            text_encoder,
        };
        configs.check_agreement()?;
        Ok(configs)
    }

    /// Checks that the networks fit together: the widths and channels that one hands to another are equal.
    pub fn check_agreement(&self) -> Result<()> {
        let [crop_height, crop_width] = self.feature_extractor.crop_size;
        let agreements = [
            (UNET, "in_channels", self.unet.in_channels, VAE, "latent_channels", self.vae.latent_channels),
            (
                UNET,
                "cross_attention_dim",
                self.unet.cross_attention_dim,
                TEXT_ENCODER,
                "hidden_size",
                self.text_encoder.hidden_size,
            ),
            (
                UNET,
                "cross_attention_dim",
                self.unet.cross_attention_dim,
                IMAGE_ENCODER,
                "projection_dim",
                self.image_encoder.projection_dim,
            ),
            (
                IMAGE_ENCODER,
                "image_size",
                self.image_encoder.image_size,
                FEATURE_EXTRACTOR,
                "crop_size (height)",
                crop_height,
            ),
            (
                IMAGE_ENCODER,
                "image_size",
                self.image_encoder.image_size,
                FEATURE_EXTRACTOR,
                "crop_size (width)",
                crop_width,
            ),
        ];
        for (left, left_field, a, right, right_field, b) in agreements {
            if a != b {
                return Err(contradiction(left, right, format!("{left_field} is {a}, {right_field} is {b}")));
            }
        }
        let positions = self.text_encoder.max_position_embeddings;
        if self.tokenizer_length == 0 || self.tokenizer_length > positions {
            let detail =
                format!("max_position_embeddings is {positions}, model_max_length is {}", self.tokenizer_length);
            return Err(contradiction(TEXT_ENCODER, TOKENIZER, detail));
        }
        Ok(())
    }
}

fn contradiction(left: &str, right: &str, detail: String) -> Error {
    Error::Contradiction { left: left.to_string(), right: right.to_string(), detail }
}

/// The part of a whole CLIP's configuration that `key` names, or the object itself where there is no such part.
fn nested(mut object: Map<String, Value>, key: &str) -> Map<String, Value> {
    match object.remove(key) {
        Some(Value::Object(part)) => part,
        _ => object,
    }
}

/// `model_max_length` of the tokenizer. transformers writes 10^30 for a tokenizer without a limit.
fn tokenizer_length(files: &ModelFiles, positions: usize) -> Result<usize> {
    let object = match read_object(files, TOKENIZER, CONFIG_LIMIT) {
        Err(Error::MissingFile { .. }) => return Ok(positions),
        other => other?,
    };
    let length = match object.get("model_max_length") {
        None | Some(Value::Null) => return Ok(positions),
        Some(length) => length,
    };
    match (length.as_u64(), length.as_f64()) {
        (Some(length), _) if length < 1 << 32 => Ok(length as usize),
        (_, Some(length)) if length >= 4_294_967_296.0 => Ok(positions),
        _ => {
            let detail = format!("is {length}, expected a number of tokens");
            Err(fields::Fields::of(&files.path(TOKENIZER)).error("model_max_length", super::json::one_line(&detail)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::{Folder, toy_checkpoint};

    #[test]
    fn networks_that_do_not_fit_together_are_refused() {
        type Change = fn(&mut Configs);
        let cases: [(&str, Change); 5] = [
            ("latent_channels is 8", |c| c.vae.latent_channels = 8),
            ("hidden_size is 768", |c| c.text_encoder.hidden_size = 768),
            ("projection_dim is 512", |c| c.image_encoder.projection_dim = 512),
            ("crop_size (width) is 10", |c| c.feature_extractor.crop_size = [224, 10]),
            ("model_max_length is 78", |c| c.tokenizer_length = 78),
        ];
        for (text, change) in cases {
            let mut configs = Configs::published();
            change(&mut configs);
            let error = configs.check_agreement().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn the_tokenizer_may_have_no_limit() {
        let folder = Folder::new();
        for text in [r#"{"model_max_length": 1000000000000000019884624838656}"#, "{}"] {
            folder.write(TOKENIZER, text);
            assert_eq!(tokenizer_length(&folder.files(), 77).unwrap(), 77);
        }
        folder.write(TOKENIZER, r#"{"model_max_length": 24}"#);
        assert_eq!(tokenizer_length(&folder.files(), 77).unwrap(), 24);
        folder.write(TOKENIZER, r#"{"model_max_length": -1}"#);
        assert!(tokenizer_length(&folder.files(), 77).unwrap_err().to_string().contains("`model_max_length`"));
    }

    #[test]
    fn another_class_is_refused() {
        let folder = toy_checkpoint();
        folder.write(UNET, r#"{"_class_name": "UNet3DConditionModel"}"#);
        let error = Configs::read(&folder.files()).unwrap_err().to_string();
        assert!(error.contains("UNet3DConditionModel") && error.contains("I2VGenXLUNet"), "{error}");
    }
}
