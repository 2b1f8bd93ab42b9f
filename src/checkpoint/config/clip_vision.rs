//! `image_encoder/config.json`: the sizes of transformers' `CLIPVisionModelWithProjection`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::HiddenAct;
use super::fields::{Fields, MAX_LAYERS, MAX_SIDE, MAX_WIDTH};
use super::nested;
use crate::checkpoint::error::Result;
use crate::checkpoint::json::from_object;

/// Sizes of the image encoder. [`Default`] is the class default of transformers 4.57.6 (CLIP ViT-B/32).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipVisionConfig {
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Width inside the MLPs.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads of every attention.
    pub num_attention_heads: usize,
    /// Side of the square picture, in pixels.
    pub image_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Channels of the picture.
    pub num_channels: usize,
    /// Width of the projected embedding.
    pub projection_dim: usize,
    /// Activation of the MLPs.
    pub hidden_act: HiddenAct,
    /// Epsilon of every layer normalisation.
    pub layer_norm_eps: f32,
}

impl Default for ClipVisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            image_size: 224,
            patch_size: 32,
            num_channels: 3,
            projection_dim: 512,
            hidden_act: HiddenAct::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipVisionConfig {
    /// Whole patches along one side; what is left over at the right and bottom is not seen.
    pub fn patches_per_side(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }

    /// Rows of the position table: the class token and one for each patch.
    pub fn tokens(&self) -> usize {
        1 + self.patches_per_side() * self.patches_per_side()
    }

    pub(super) fn parse(path: &Path, object: Map<String, Value>) -> Result<Self> {
        let config: Self = from_object(path, nested(object, "vision_config"))?;
        config.validate(path)?;
        Ok(config)
    }

    /// Checks every size, naming `path` in errors.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fields = Fields::of(path);
        fields.size("hidden_size", self.hidden_size, MAX_WIDTH)?;
        fields.size("intermediate_size", self.intermediate_size, MAX_WIDTH)?;
        fields.size("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS)?;
        fields.size("num_attention_heads", self.num_attention_heads, MAX_WIDTH)?;
        fields.multiple("hidden_size", self.hidden_size, self.num_attention_heads, "num_attention_heads")?;
        fields.size("image_size", self.image_size, MAX_SIDE)?;
        fields.size("patch_size", self.patch_size, self.image_size)?;
        if self.num_channels != 3 {
            let detail = format!("is {}, expected 3 (red, green, blue)", self.num_channels);
            return Err(fields.error("num_channels", detail));
        }
        fields.size("projection_dim", self.projection_dim, MAX_WIDTH)?;
        fields.positive("layer_norm_eps", f64::from(self.layer_norm_eps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClipVisionConfig> {
        ClipVisionConfig::parse(Path::new("image_encoder/config.json"), serde_json::from_str(text).unwrap())
    }

    #[test]
    fn absent_fields_take_the_class_defaults() {
        let config = parse("{}").unwrap();
        assert_eq!(config, ClipVisionConfig::default());
        assert_eq!(config.tokens(), 50);
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, field) in [
            (r#"{"patch_size": 0}"#, "patch_size"),
            (r#"{"patch_size": 225}"#, "patch_size"),
            (r#"{"image_size": 99999999}"#, "image_size"),
            (r#"{"num_channels": 4}"#, "num_channels"),
            (r#"{"vision_config": {"hidden_act": "relu"}}"#, "hidden_act"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("image_encoder/config.json: field `{field}`")), "{error}");
        }
    }
}
