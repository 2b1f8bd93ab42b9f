//! `vae/config.json`: the sizes of diffusers' `AutoencoderKL`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{Fields, MAX_LAYERS, MAX_WIDTH};
use crate::checkpoint::error::Result;
use crate::checkpoint::json::from_object;

/// Block of one level of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum EncoderBlockType {
    DownEncoderBlock2D,
}

/// Block of one level of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum DecoderBlockType {
    UpDecoderBlock2D,
}

/// Activation of the VAE; `swish` is another name of `silu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Activation {
    #[serde(alias = "swish")]
    Silu,
}

/// Sizes of the VAE. [`Default`] is the class default of diffusers 0.35.2: one level of 64 channels.
///
/// `force_upcast`, `latents_mean`, `latents_std` and `sample_size` are not kept: the pipeline does not consult them.
/// Every block is a `DownEncoderBlock2D` or `UpDecoderBlock2D` and the activation is SiLU, which [`Configs::read`]
/// checks.
///
/// [`Configs::read`]: super::Configs::read
#[derive(Debug, Clone, PartialEq)]
pub struct VaeConfig {
    /// Channels of the picture that is encoded.
    pub in_channels: usize,
    /// Channels of the decoded frame.
    pub out_channels: usize,
    /// Channels of the latents; the encoder's output has twice as many (mean and log variance).
    pub latent_channels: usize,
    /// Channels of each level, from full to lowest resolution.
    pub block_out_channels: Vec<usize>,
    /// Resnets in an encoder block; a decoder block has one more.
    pub layers_per_block: usize,
    /// Groups of every group normalisation.
    pub norm_num_groups: usize,
    /// Latents are multiplied by this after encoding and divided by it before decoding.
    pub scaling_factor: f64,
    /// Kept for the record: I2VGenXLPipeline does not apply it.
    pub shift_factor: Option<f64>,
    /// Whether a 1×1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1×1 convolution precedes the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the middle of encoder and decoder has an attention.
    pub mid_block_add_attention: bool,
}

/// The file's fields, with those that can only have one value.
#[derive(Deserialize)]
#[serde(default)]
struct VaeFile {
    in_channels: usize,
    out_channels: usize,
    latent_channels: usize,
    block_out_channels: Vec<usize>,
    down_block_types: Vec<EncoderBlockType>,
    up_block_types: Vec<DecoderBlockType>,
    layers_per_block: usize,
    norm_num_groups: usize,
    act_fn: Activation,
    scaling_factor: f64,
    shift_factor: Option<f64>,
    use_quant_conv: bool,
    use_post_quant_conv: bool,
    mid_block_add_attention: bool,
}

impl Default for VaeFile {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            block_out_channels: vec![64],
            down_block_types: vec![EncoderBlockType::DownEncoderBlock2D],
            up_block_types: vec![DecoderBlockType::UpDecoderBlock2D],
            layers_per_block: 1,
            norm_num_groups: 32,
            act_fn: Activation::Silu,
            scaling_factor: 0.18215,
            shift_factor: None,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
        }
    }
}

impl From<VaeFile> for VaeConfig {
    fn from(file: VaeFile) -> Self {
        Self {
            in_channels: file.in_channels,
            out_channels: file.out_channels,
            latent_channels: file.latent_channels,
            block_out_channels: file.block_out_channels,
            layers_per_block: file.layers_per_block,
            norm_num_groups: file.norm_num_groups,
            scaling_factor: file.scaling_factor,
            shift_factor: file.shift_factor,
            use_quant_conv: file.use_quant_conv,
            use_post_quant_conv: file.use_post_quant_conv,
            mid_block_add_attention: file.mid_block_add_attention,
        }
    }
}

impl Default for VaeConfig {
    fn default() -> Self {
        VaeFile::default().into()
    }
}

impl VaeConfig {
    /// Number of resolutions.
    pub fn levels(&self) -> usize {
        self.block_out_channels.len()
    }

    /// Pixels for each latent along one side: 2 to the power of (levels − 1).
    pub fn spatial_factor(&self) -> usize {
        1 << self.levels().saturating_sub(1).min(7)
    }

    pub(super) fn parse(path: &Path, object: Map<String, Value>) -> Result<Self> {
        let file: VaeFile = from_object(path, object)?;
        let fields = Fields::of(path);
        fields.levels(
            &file.block_out_channels,
            file.down_block_types.len(),
            file.up_block_types.len(),
            file.norm_num_groups,
        )?;
        let config = Self::from(file);
        config.validate(path)?;
        Ok(config)
    }

    /// Checks every size, naming `path` in errors.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fields = Fields::of(path);
        for (field, channels) in [("in_channels", self.in_channels), ("out_channels", self.out_channels)] {
            if channels != 3 {
                return Err(fields.error(field, format!("is {channels}, expected 3 (red, green, blue)")));
            }
        }
        fields.size("latent_channels", self.latent_channels, MAX_WIDTH)?;
        fields.size("layers_per_block", self.layers_per_block, MAX_LAYERS)?;
        fields.positive("scaling_factor", self.scaling_factor)?;
        let levels = self.levels();
        fields.levels(&self.block_out_channels, levels, levels, self.norm_num_groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<VaeConfig> {
        VaeConfig::parse(Path::new("vae/config.json"), serde_json::from_str(text).unwrap())
    }

    fn refused(text: &str, field: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("vae/config.json: field `{field}`")), "{text}: {error}");
    }

    #[test]
    fn an_empty_file_is_the_class_default() {
        let config = parse("{}").unwrap();
        assert_eq!(config, VaeConfig::default());
        assert!(config.use_quant_conv && config.use_post_quant_conv && config.mid_block_add_attention);
        assert_eq!(config.spatial_factor(), 1);
    }

    #[test]
    fn shift_factor_may_be_null_or_a_number() {
        assert_eq!(parse(r#"{"shift_factor": null}"#).unwrap().shift_factor, None);
        assert_eq!(parse(r#"{"shift_factor": 0.1159, "act_fn": "swish"}"#).unwrap().shift_factor, Some(0.1159));
    }

    #[test]
    fn contradictions_name_the_field() {
        refused(r#"{"act_fn": "gelu"}"#, "act_fn");
        refused(r#"{"scaling_factor": 0}"#, "scaling_factor");
        refused(r#"{"norm_num_groups": 48}"#, "block_out_channels[0]");
        refused(r#"{"block_out_channels": [64, 64]}"#, "down_block_types");
        refused(r#"{"down_block_types": ["AttnDownEncoderBlock2D"]}"#, "down_block_types[0]");
        refused(r#"{"in_channels": 1}"#, "in_channels");
        refused(r#"{"latent_channels": 0}"#, "latent_channels");
    }
}
