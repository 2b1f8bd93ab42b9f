//! A small model folder with random weights, complete in every file: for a first run without a download, and for tests.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use half::f16;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Map, Value, json};

use crate::{
    checkpoint::{self, ComponentKind, Configs, Defaults, Expected, ModelFiles},
    pipeline::{Compat, Networks},
    sampler::TorchGenerator,
};

/// Why no random checkpoint was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is taken.
    #[error("{} exists and is not an empty folder: name a new one", .0.display())]
    Taken(PathBuf),
    /// The disk or the folder refuses.
    #[error("cannot write {}: {source}; the folder that it lies in must exist and be writable", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: io::Error,
    },
    /// What was written is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
}

/// Writes a checkpoint in the layout of the published one: the same classes, four levels, all sizes small, weights in f16.
///
/// Weights are the normals of `seed` divided by the root of their fan-in, so that activations keep their scale; the same seed
/// gives the same files. `dir` appears whole or not at all.
///
/// # Errors
/// [`Error::Taken`] if `dir` is a file or holds something, [`Error::Write`] if the disk or the parent folder refuses.
pub fn random_checkpoint(dir: &Path, seed: u64) -> Result<(), Error> {
    let failed = |path: &Path, source| Error::Write { path: path.to_owned(), source };
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ => return Err(Error::Taken(dir.to_owned())),
    }
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Temporary folders are closed to other users, so the model is a folder in one.
    let room = tempfile::Builder::new().prefix(".i2vgen-").tempdir_in(parent);
    // Without the temporary path, which means nothing to the user.
    let room = room.map_err(|e| failed(dir, e.kind().into()))?;
    let model = room.path().join("model");
    let write = |name: &str, contents: &[u8]| {
        let path = model.join(name);
        let folder = path.parent().unwrap_or(&model);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, contents)).map_err(|e| failed(dir, e))
    };
    for (name, contents) in texts() {
        write(name, contents.as_bytes())?;
    }
    let networks = Networks::new(&Configs::read(&ModelFiles::from(&model))?, Compat::default());
    let mut normals = TorchGenerator::new(seed);
    for kind in ComponentKind::ALL {
        let name = match kind {
            ComponentKind::TextEncoder | ComponentKind::ImageEncoder => "model.fp16.safetensors",
            ComponentKind::Vae | ComponentKind::UNet => "diffusion_pytorch_model.fp16.safetensors",
        };
        let file = weights(&networks.expected(kind), &mut normals).map_err(|e| failed(dir, e))?;
        write(&format!("{}/{name}", kind.folder()), &file)?;
    }
    if dir.exists() {
        fs::remove_dir(dir).map_err(|e| failed(dir, e))?;
    }
    fs::rename(&model, dir).map_err(|e| failed(dir, e))
}

/// A safetensors file with random tensors.
fn weights(expected: &[Expected], normals: &mut TorchGenerator) -> io::Result<Vec<u8>> {
    let data: Vec<Vec<u8>> = expected.iter().map(|tensor| random_tensor(tensor, normals)).collect();
    let views = expected.iter().zip(&data).map(|(tensor, data)| {
        let view = TensorView::new(Dtype::F16, tensor.shape.clone(), data).map_err(io::Error::other)?;
        Ok((tensor.name.as_str(), view))
    });
    let views = views.collect::<io::Result<Vec<_>>>()?;
    serialize(views, Some(HashMap::from([("format".to_owned(), "pt".to_owned())]))).map_err(io::Error::other)
}

fn random_tensor(tensor: &Expected, normals: &mut TorchGenerator) -> Vec<u8> {
    let [mean, deviation] = moments(&tensor.name, &tensor.shape);
    let values = normals.randn(tensor.shape.iter().product());
    values.into_iter().flat_map(|v| f16::from_f32(mean + deviation * v).to_le_bytes()).collect()
}

/// Mean and deviation of a random tensor of this name and shape that keeps activations near 1.
pub(super) fn moments(name: &str, shape: &[usize]) -> [f32; 2] {
    let fan_in: usize = shape.iter().skip(1).product();
    if name.ends_with("embedding.weight") || name.ends_with("class_embedding") {
        [0.0, 0.2]
    } else if shape.len() == 1 {
        [if name.ends_with("weight") { 1.0 } else { 0.0 }, 0.02]
    } else if name.contains("temp_convs") && name.contains("conv4") {
        // Zero before training: a temporal convolution begins as the identity.
        [0.0, 0.1 / (fan_in as f32).sqrt()]
    } else {
        [0.0, 1.0 / (fan_in as f32).sqrt()]
    }
}

/// Every file but the weights.
fn texts() -> Vec<(&'static str, String)> {
    const START: &str = "<|startoftext|>";
    const END: &str = "<|endoftext|>";
    let vocabulary = vocabulary(START, END);
    let defaults =
        Defaults { width: Some(64), height: Some(64), frames: Some(8), steps: Some(8), ..Defaults::default() };
    let model_index = json!({
        "_class_name": "I2VGenXLPipeline",
        "_diffusers_version": "0.35.2",
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "I2VGenXLUNet"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    let unet = json!({
        "_class_name": "I2VGenXLUNet",
        "in_channels": 4,
        "out_channels": 4,
        "sample_size": 8,
        "block_out_channels": [32, 32, 64, 64],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "cross_attention_dim": 64,
        "attention_head_dim": 16,
        "num_attention_heads": null,
        "down_block_types": ["CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"],
        "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"],
    });
    let vae = json!({
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 4,
        "block_out_channels": [16, 32, 32, 32],
        "layers_per_block": 2,
        "norm_num_groups": 8,
        "act_fn": "silu",
        "scaling_factor": 0.18215,
        "down_block_types": vec!["DownEncoderBlock2D"; 4],
        "up_block_types": vec!["UpDecoderBlock2D"; 4],
    });
    let text_encoder = json!({
        "architectures": ["CLIPTextModel"],
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "vocab_size": vocabulary.len(),
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    });
    let image_encoder = json!({
        "architectures": ["CLIPVisionModelWithProjection"],
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 56,
        "patch_size": 14,
        "num_channels": 3,
        "projection_dim": 64,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    });
    let feature_extractor = json!({
        "image_processor_type": "CLIPImageProcessor",
        "crop_size": { "height": 56, "width": 56 },
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    });
    let tokens = json!({ "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END });
    let mut tokenizer = tokens.as_object().cloned().unwrap_or_default();
    tokenizer.insert("model_max_length".into(), 77.into());
    vec![
        ("model_index.json", pretty(&model_index)),
        (Defaults::FILE, pretty(&json!(defaults))),
        ("unet/config.json", pretty(&unet)),
        ("vae/config.json", pretty(&vae)),
        ("text_encoder/config.json", pretty(&text_encoder)),
        ("image_encoder/config.json", pretty(&image_encoder)),
        ("feature_extractor/preprocessor_config.json", pretty(&feature_extractor)),
        ("scheduler/scheduler_config.json", pretty(&Configs::published().scheduler)),
        ("tokenizer/tokenizer_config.json", pretty(&Value::Object(tokenizer))),
        ("tokenizer/special_tokens_map.json", pretty(&tokens)),
        ("tokenizer/vocab.json", pretty(&Value::Object(vocabulary))),
        ("tokenizer/merges.txt", "#version: 0.2\n".to_owned()),
    ]
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// One token for each byte inside of a word and one for each at its end, spelt as GPT-2's byte-level vocabulary spells them:
/// visible Latin-1 characters as themselves, the other bytes in order from U+0100 on. Then the two special tokens.
fn vocabulary(start: &str, end: &str) -> Map<String, Value> {
    let visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let hidden = (0..=255u8).filter(|byte| !visible(byte)).count() as u32;
    let symbols: Vec<char> =
        (0..=255u8).filter(visible).map(char::from).chain((0x100..0x100 + hidden).filter_map(char::from_u32)).collect();
    let inside = symbols.iter().map(char::to_string);
    let at_end = symbols.iter().map(|symbol| format!("{symbol}</w>"));
    let tokens = inside.chain(at_end).chain([start.to_owned(), end.to_owned()]);
    tokens.zip(0..).map(|(token, id): (String, u32)| (token, id.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checkpoint::Checkpoint, prompt::Tokenizer};

    #[test]
    fn it_is_a_whole_checkpoint_and_depends_on_the_seed_alone() {
        let room = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| room.path().join(name));
        fs::create_dir(&b).unwrap();
        for (dir, seed) in [(&a, 1), (&b, 1), (&c, 2)] {
            random_checkpoint(dir, seed).unwrap();
        }
        let checkpoint = Checkpoint::open(&a).unwrap();
        assert!(Networks::new(checkpoint.configs(), Compat::default()).problems(&checkpoint).is_empty());
        assert!(checkpoint.inventories().iter().map(|i| i.bytes).sum::<u64>() < 8_000_000);
        let unet = |dir: &Path| fs::read(dir.join("unet/diffusion_pytorch_model.fp16.safetensors")).unwrap();
        assert!(unet(&a) == unet(&b) && unet(&a) != unet(&c));
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 3, "no temporary folder is left");

        let tokenizer = Tokenizer::open(checkpoint.files()).unwrap();
        assert_eq!(tokenizer.vocab_size(), checkpoint.configs().text_encoder.vocab_size);
        let tokens = tokenizer.encode("ein Kätzchen 😺").unwrap();
        assert_eq!((tokens.tokens, tokens.cut), (2 + 3 + 9 + 4, None));
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let room = tempfile::tempdir().unwrap();
        fs::write(room.path().join("thesis.tex"), "x").unwrap();
        let taken = random_checkpoint(room.path(), 0).unwrap_err();
        assert!(taken.to_string().contains("not an empty folder"), "{taken}");
        assert!(random_checkpoint(&room.path().join("thesis.tex"), 0).is_err());
        assert!(matches!(random_checkpoint(&room.path().join("no/dir"), 0), Err(Error::Write { .. })));
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }
}
