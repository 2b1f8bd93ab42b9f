//! The configuration of the published checkpoint, for plans that need no files.

use serde_json::json;

use super::{ClipTextConfig, ClipVisionConfig, Configs, FeatureExtractorConfig, HiddenAct, UNetConfig, VaeConfig};

impl Configs {
    /// The published checkpoint (`ali-vilab/i2vgen-xl`): I2VGenXLUNet with its class defaults, the VAE of Stable
    /// Diffusion 2.1, the text and image encoders of OpenCLIP ViT-H/14. 2,489,183,951 parameters in all.
    pub fn published() -> Self {
        Self {
            unet: UNetConfig { sample_size: Some([32, 32]), ..UNetConfig::default() },
            vae: VaeConfig {
                block_out_channels: vec![128, 256, 512, 512],
                layers_per_block: 2,
                ..VaeConfig::default()
            },
            text_encoder: ClipTextConfig {
                hidden_size: 1024,
                intermediate_size: 4096,
                num_hidden_layers: 24,
                num_attention_heads: 16,
                max_position_embeddings: 77,
                vocab_size: 49408,
                hidden_act: HiddenAct::Gelu,
                layer_norm_eps: 1e-5,
            },
            image_encoder: ClipVisionConfig {
                hidden_size: 1280,
                intermediate_size: 5120,
                num_hidden_layers: 32,
                num_attention_heads: 16,
                image_size: 224,
                patch_size: 14,
                num_channels: 3,
                projection_dim: 1024,
                hidden_act: HiddenAct::Gelu,
                layer_norm_eps: 1e-5,
            },
            feature_extractor: FeatureExtractorConfig::default(),
            scheduler: json!({
                "_class_name": "DDIMScheduler",
                "num_train_timesteps": 1000,
                "beta_schedule": "squaredcos_cap_v2",
                "beta_start": 0.0001,
                "beta_end": 0.02,
                "rescale_betas_zero_snr": true,
                "prediction_type": "v_prediction",
                "timestep_spacing": "leading",
                "steps_offset": 1,
                "set_alpha_to_one": true,
                "clip_sample": false,
                "thresholding": false,
            }),
            tokenizer_length: 77,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_configuration_passes_its_own_checks() {
        let configs = Configs::published();
        let path = Path::new("published");
        configs.unet.validate(path).unwrap();
        configs.vae.validate(path).unwrap();
        configs.text_encoder.validate(path).unwrap();
        configs.image_encoder.validate(path).unwrap();
        configs.feature_extractor.validate(path).unwrap();
        configs.check_agreement().unwrap();
        assert_eq!(configs.vae.spatial_factor(), 8);
        assert_eq!(configs.image_encoder.tokens(), 257);
    }
}
