//! `text_encoder/config.json`: the sizes of transformers' `CLIPTextModel`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::HiddenAct;
use super::fields::{Fields, MAX_LAYERS, MAX_TOKENS, MAX_WIDTH};
use super::nested;
use crate::checkpoint::error::Result;
use crate::checkpoint::json::from_object;

/// Sizes of the text encoder. [`Default`] is the class default of transformers 4.57.6 (CLIP ViT-B/32).
///
/// The token ids in this file (`pad_token_id` and so on) are not kept: the tokenizer's files decide.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Width inside the MLPs.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads of every attention.
    pub num_attention_heads: usize,
    /// Rows of the position table: the longest prompt in tokens.
    pub max_position_embeddings: usize,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Activation of the MLPs.
    pub hidden_act: HiddenAct,
    /// Epsilon of every layer normalisation.
    pub layer_norm_eps: f32,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            vocab_size: 49408,
            hidden_act: HiddenAct::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipTextConfig {
    pub(super) fn parse(path: &Path, object: Map<String, Value>) -> Result<Self> {
        let config: Self = from_object(path, nested(object, "text_config"))?;
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
        fields.size("max_position_embeddings", self.max_position_embeddings, MAX_TOKENS)?;
        fields.size("vocab_size", self.vocab_size, MAX_TOKENS)?;
        fields.positive("layer_norm_eps", f64::from(self.layer_norm_eps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClipTextConfig> {
        ClipTextConfig::parse(Path::new("text_encoder/config.json"), serde_json::from_str(text).unwrap())
    }

    #[test]
    fn absent_fields_take_the_class_defaults() {
        assert_eq!(parse("{}").unwrap(), ClipTextConfig::default());
    }

    #[test]
    fn the_text_part_of_a_whole_clip_is_read() {
        let config = parse(r#"{"hidden_size": 9, "text_config": {"hidden_size": 64, "hidden_act": "gelu"}}"#).unwrap();
        assert_eq!((config.hidden_size, config.hidden_act, config.num_attention_heads), (64, HiddenAct::Gelu, 8));
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, field) in [
            (r#"{"hidden_act": "gelu_new"}"#, "hidden_act"),
            (r#"{"num_attention_heads": 0}"#, "num_attention_heads"),
            (r#"{"num_attention_heads": 7}"#, "hidden_size"),
            (r#"{"vocab_size": 0}"#, "vocab_size"),
            (r#"{"layer_norm_eps": 0}"#, "layer_norm_eps"),
            (r#"{"num_hidden_layers": 1000000}"#, "num_hidden_layers"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("text_encoder/config.json: field `{field}`")), "{error}");
        }
    }
}
