//! Small model folders for the tests of this module.

use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::files::ModelFiles;

/// A temporary folder.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn files(&self) -> ModelFiles {
        self.path().into()
    }

    /// Writes a file, with the folders that it lies in.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
}

/// A safetensors file; f32 tensors count 0, 1, 2, ..., others are zero.
pub fn weights(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, dtype, shape)| {
            let elements: usize = shape.iter().product();
            match dtype {
                Dtype::F32 => (0..elements).flat_map(|i| (i as f32).to_le_bytes()).collect(),
                _ => vec![0; elements * dtype.bitsize() / 8],
            }
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&data)
        .map(|((name, dtype, shape), data)| (name.to_string(), TensorView::new(*dtype, shape.to_vec(), data).unwrap()));
    serialize(views, None).unwrap()
}

/// Every file of a model folder, with one tensor for each network.
pub fn toy_checkpoint() -> Folder {
    let folder = Folder::new();
    folder.write(
        "model_index.json",
        r#"{"_class_name": "I2VGenXLPipeline", "_diffusers_version": "0.35.2",
            "feature_extractor": ["transformers", "CLIPImageProcessor"],
            "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
            "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "I2VGenXLUNet"],
            "vae": ["diffusers", "AutoencoderKL"]}"#,
    );
    folder.write(
        "unet/config.json",
        r#"{"_class_name": "I2VGenXLUNet", "block_out_channels": [16, 32], "norm_num_groups": 8,
            "cross_attention_dim": 48, "attention_head_dim": 16,
            "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D"],
            "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D"]}"#,
    );
    folder.write("vae/config.json", r#"{"_class_name": "AutoencoderKL"}"#);
    folder.write("text_encoder/config.json", r#"{"hidden_size": 48, "num_attention_heads": 4, "hidden_act": "gelu"}"#);
    folder.write("image_encoder/config.json", r#"{"projection_dim": 48, "image_size": 64, "patch_size": 16}"#);
    folder.write("feature_extractor/preprocessor_config.json", r#"{"crop_size": 64}"#);
    folder.write("scheduler/scheduler_config.json", r#"{"steps_offset": 1}"#);
    folder.write("tokenizer/tokenizer_config.json", r#"{"model_max_length": 24}"#);
    folder.write("tokenizer/vocab.json", "{}");
    folder.write("tokenizer/merges.txt", "");
    let file = weights(&[("weight", Dtype::F16, &[2, 2])]);
    for name in [
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "image_encoder/model.safetensors",
    ] {
        folder.write(name, &file);
    }
    folder
}
