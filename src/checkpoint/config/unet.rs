//! `unet/config.json`: the sizes of diffusers' `I2VGenXLUNet`.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::fields::{Fields, MAX_LAYERS, MAX_SIDE, MAX_WIDTH};
use crate::checkpoint::error::Result;
use crate::checkpoint::json::from_object;

/// Block of one level on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DownBlockType {
    /// Each layer: resnet, temporal convolution, spatial transformer, temporal transformer.
    CrossAttnDownBlock3D,
    /// Each layer: resnet, temporal convolution.
    DownBlock3D,
}

/// Block of one level on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum UpBlockType {
    /// Each layer: resnet, temporal convolution, spatial transformer, temporal transformer.
    CrossAttnUpBlock3D,
    /// Each layer: resnet, temporal convolution.
    UpBlock3D,
}

impl DownBlockType {
    /// Whether its layers have transformers.
    pub fn has_attention(self) -> bool {
        self == Self::CrossAttnDownBlock3D
    }
}

impl UpBlockType {
    /// Whether its layers have transformers.
    pub fn has_attention(self) -> bool {
        self == Self::CrossAttnUpBlock3D
    }
}

/// Sizes of the UNet. [`Default`] is the class default of diffusers 0.35.2, which is also the published network.
///
/// The class reads `attention_head_dim` as the width of one head and ignores `num_attention_heads`. Its image-latent
/// convolutions are written for 4 latent channels; other counts pass here and are then told by the tensors' shapes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    /// Channels of the latents. `conv_in` sees twice as many: the noisy latents and the image branch side by side.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Channels of each level, from full to lowest resolution.
    pub block_out_channels: Vec<usize>,
    /// Layers in a down block; an up block has one more.
    pub layers_per_block: usize,
    /// Groups of every group normalisation.
    pub norm_num_groups: usize,
    /// Width of the context tokens.
    pub cross_attention_dim: usize,
    /// Width of one attention head.
    pub attention_head_dim: usize,
    /// One for each level, from full to lowest resolution.
    pub down_block_types: Vec<DownBlockType>,
    /// One for each level, from lowest to full resolution.
    pub up_block_types: Vec<UpBlockType>,
    /// Side of the training latents (height, width); it sets no layer's size.
    #[serde(deserialize_with = "height_and_width")]
    pub sample_size: Option<[usize; 2]>,
}

impl Default for UNetConfig {
    fn default() -> Self {
        use {DownBlockType::*, UpBlockType::*};
        Self {
            in_channels: 4,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: 2,
            norm_num_groups: 32,
            cross_attention_dim: 1024,
            attention_head_dim: 64,
            down_block_types: vec![CrossAttnDownBlock3D, CrossAttnDownBlock3D, CrossAttnDownBlock3D, DownBlock3D],
            up_block_types: vec![UpBlock3D, CrossAttnUpBlock3D, CrossAttnUpBlock3D, CrossAttnUpBlock3D],
            sample_size: None,
        }
    }
}

impl UNetConfig {
    /// Heads of the transformer in `transformer_in`; fixed in the class.
    pub const TRANSFORMER_IN_HEADS: usize = 8;

    /// Width of the time and fps embeddings: 4 times the first level's channels.
    pub fn time_embed_dim(&self) -> usize {
        4 * self.block_out_channels.first().copied().unwrap_or(0)
    }

    pub(super) fn parse(path: &Path, object: Map<String, Value>) -> Result<Self> {
        if object.get("norm_num_groups").is_some_and(Value::is_null) {
            return Err(Fields::of(path).error("norm_num_groups", "is null, expected a number of groups"));
        }
        let config: Self = from_object(path, object)?;
        config.validate(path)?;
        Ok(config)
    }

    /// Checks every size, naming `path` in errors.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fields = Fields::of(path);
        fields.size("in_channels", self.in_channels, MAX_WIDTH)?;
        if self.out_channels != self.in_channels {
            let detail = format!(
                "is {}, but in_channels is {}; the sampler needs both equal",
                self.out_channels, self.in_channels
            );
            return Err(fields.error("out_channels", detail));
        }
        fields.size("layers_per_block", self.layers_per_block, MAX_LAYERS)?;
        fields.size("cross_attention_dim", self.cross_attention_dim, MAX_WIDTH)?;
        fields.size("attention_head_dim", self.attention_head_dim, MAX_WIDTH)?;
        let channels = &self.block_out_channels;
        fields.levels(channels, self.down_block_types.len(), self.up_block_types.len(), self.norm_num_groups)?;
        if let Some(&first) = channels.first() {
            fields.multiple("block_out_channels[0]", first, 2, "the two halves of the sinusoid")?;
        }
        let up_types = self.up_block_types.iter().rev();
        for (level, ((&width, down), up)) in channels.iter().zip(&self.down_block_types).zip(up_types).enumerate() {
            let last_has_mid_block = level + 1 == channels.len();
            if down.has_attention() || up.has_attention() || last_has_mid_block {
                let field = format!("block_out_channels[{level}]");
                fields.multiple(&field, width, self.attention_head_dim, "attention_head_dim")?;
            }
        }
        if let Some([height, width]) = self.sample_size {
            fields.size("sample_size", height, MAX_SIDE)?;
            fields.size("sample_size", width, MAX_SIDE)?;
        }
        Ok(())
    }
}

/// `sample_size` as one number or as two.
fn height_and_width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[usize; 2]>, D::Error> {
    super::feature_extractor::side_or_sides(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UNetConfig> {
        UNetConfig::parse(Path::new("unet/config.json"), serde_json::from_str(text).unwrap())
    }

    fn refused(text: &str, field: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("unet/config.json: field `{field}`")), "{text}: {error}");
    }

    #[test]
    fn an_empty_file_is_the_class_default() {
        let config = parse("{}").unwrap();
        assert_eq!(config, UNetConfig::default());
        assert_eq!((config.block_out_channels.len(), config.time_embed_dim()), (4, 1280));
    }

    #[test]
    fn a_toy_network_of_three_levels() {
        let config = parse(
            r#"{"block_out_channels": [16, 32, 24], "norm_num_groups": 8, "attention_head_dim": 8, "sample_size": [7, 10],
                "num_attention_heads": null, "cross_attention_dim": 48, "layers_per_block": 1,
                "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D", "DownBlock3D"],
                "up_block_types": ["UpBlock3D", "UpBlock3D", "CrossAttnUpBlock3D"]}"#,
        )
        .unwrap();
        assert_eq!(config.sample_size, Some([7, 10]));
        assert!(config.up_block_types[2].has_attention() && !config.down_block_types[1].has_attention());
    }

    #[test]
    fn contradictions_name_the_field() {
        refused(r#"{"layers_per_block": 0}"#, "layers_per_block");
        refused(r#"{"layers_per_block": [2, 2, 2, 2]}"#, "layers_per_block");
        refused(r#"{"norm_num_groups": null}"#, "norm_num_groups");
        refused(r#"{"norm_num_groups": 0}"#, "norm_num_groups");
        refused(r#"{"norm_num_groups": 48}"#, "block_out_channels[0]");
        refused(r#"{"attention_head_dim": 0}"#, "attention_head_dim");
        refused(r#"{"attention_head_dim": 128}"#, "block_out_channels[0]");
        refused(r#"{"block_out_channels": [320, 640]}"#, "down_block_types");
        refused(r#"{"block_out_channels": []}"#, "block_out_channels");
        refused(r#"{"block_out_channels": [9223372036854775808, 1, 1, 1]}"#, "block_out_channels[0]");
        refused(r#"{"out_channels": 8}"#, "out_channels");
        refused(r#"{"up_block_types": ["UpBlock2D"]}"#, "up_block_types[0]");
    }
}
