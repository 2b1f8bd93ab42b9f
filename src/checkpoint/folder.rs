//! A whole model folder: configurations, weights, and the paths of what other modules read.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::component::Component;
use super::config::{Configs, Defaults, SCHEDULER, check_class};
use super::error::{Error, Result};
use super::inventory::Inventory;
use super::json::{CONFIG_LIMIT, one_line, read_object};
use super::kind::ComponentKind;
use super::weight_files::Variant;

const MODEL_INDEX: &str = "model_index.json";

/// The classes in `model_index.json` that this program knows how to run. The scheduler's class is the sampler's affair.
const CLASSES: [(&str, &[&str]); 7] = [
    ("unet", &["I2VGenXLUNet"]),
    ("vae", &["AutoencoderKL"]),
    ("text_encoder", &["CLIPTextModel"]),
    ("image_encoder", &["CLIPVisionModelWithProjection"]),
    ("tokenizer", &["CLIPTokenizer", "CLIPTokenizerFast"]),
    ("feature_extractor", &["CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor"]),
    ("scheduler", &[]),
];

/// An opened checkpoint: every configuration read and checked, every weight file mapped.
///
/// Weights are read from disk when a tensor is used, so an open checkpoint costs next to no memory.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    configs: Configs,
    defaults: Option<Defaults>,
    text_encoder: Component,
    image_encoder: Component,
    vae: Component,
    unet: Component,
}

impl Checkpoint {
    /// Opens the model folder `dir`, with the `fp16` weight files where it has them.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_variant(dir, Variant::Auto)
    }

    /// Opens the model folder `dir` with a choice of weight files.
    ///
    /// # Errors
    /// The first thing that is wrong: a folder or file that is not there ([`Error::NoFolder`] says how to download the
    /// published checkpoint), a configuration that is not I2VGen-XL's or contradicts itself, a damaged weight file.
    /// Whether the tensors are those that the networks need is a later step, [`Component::check`].
    pub fn open_variant(dir: &Path, variant: Variant) -> Result<Self> {
        check_model_index(dir)?;
        check_tokenizer_files(dir)?;
        let component = |kind| Component::open(dir, kind, variant);
        Ok(Self {
            dir: dir.to_path_buf(),
            configs: Configs::read(dir)?,
            defaults: Defaults::read(dir)?,
            text_encoder: component(ComponentKind::TextEncoder)?,
            image_encoder: component(ComponentKind::ImageEncoder)?,
            vae: component(ComponentKind::Vae)?,
            unet: component(ComponentKind::UNet)?,
        })
    }

    /// The model folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the configuration files say.
    pub fn configs(&self) -> &Configs {
        &self.configs
    }

    /// The checkpoint's own defaults for a request, if it brings any.
    pub fn defaults(&self) -> Option<&Defaults> {
        self.defaults.as_ref()
    }

    /// The weights of one network.
    pub fn component(&self, kind: ComponentKind) -> &Component {
        match kind {
            ComponentKind::TextEncoder => &self.text_encoder,
            ComponentKind::ImageEncoder => &self.image_encoder,
            ComponentKind::Vae => &self.vae,
            ComponentKind::UNet => &self.unet,
        }
    }

    /// What the weight files of every network hold, in the order of [`ComponentKind::ALL`].
    pub fn inventories(&self) -> Vec<Inventory> {
        ComponentKind::ALL.map(|kind| self.component(kind).inventory()).into()
    }

    /// The scheduler's configuration file; its contents are [`Configs::scheduler`].
    pub fn scheduler_config_path(&self) -> PathBuf {
        self.dir.join(SCHEDULER)
    }

    /// The folder with the tokenizer's files.
    pub fn tokenizer_dir(&self) -> PathBuf {
        self.dir.join("tokenizer")
    }
}

/// `dir` is a folder whose `model_index.json` describes an I2VGenXLPipeline of known classes.
fn check_model_index(dir: &Path) -> Result<()> {
    match std::fs::metadata(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoFolder { dir: dir.to_path_buf() });
        }
        Err(source) => {
            return Err(Error::Read { path: dir.to_path_buf(), source });
        }
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Error::NotAFolder { path: dir.to_path_buf() });
        }
        Ok(_) => {}
    }
    let path = dir.join(MODEL_INDEX);
    let index = match read_object(&path, dir, CONFIG_LIMIT) {
        Err(Error::MissingFile { .. }) => {
            return Err(Error::NoModelIndex { dir: dir.to_path_buf() });
        }
        other => other?,
    };
    if !index.contains_key("_class_name") {
        return Err(class_error(&path, "_class_name", None, "I2VGenXLPipeline"));
    }
    check_class(&path, &index, "I2VGenXLPipeline")?;
    CLASSES.iter().try_for_each(|(component, classes)| check_component_class(&path, &index, component, classes))
}

/// The entry of `component`, a pair of library and class, names one of `classes` (any class where none is given).
fn check_component_class(path: &Path, index: &Map<String, Value>, component: &str, classes: &[&str]) -> Result<()> {
    let class = index.get(component).and_then(|entry| entry.get(1));
    match class {
        Some(Value::String(found)) if classes.is_empty() || classes.contains(&found.as_str()) => Ok(()),
        _ => {
            let expected = if classes.is_empty() { "a class".to_string() } else { classes.join(" or ") };
            Err(class_error(path, component, class, &expected))
        }
    }
}

fn class_error(path: &Path, what: &str, found: Option<&Value>, expected: &str) -> Error {
    Error::Class {
        path: path.to_path_buf(),
        what: what.to_string(),
        found: found.map_or("absent".to_string(), |found| one_line(&found.to_string())),
        expected: expected.to_string(),
    }
}

/// The tokenizer has the files of one of its two forms.
fn check_tokenizer_files(dir: &Path) -> Result<()> {
    let folder = dir.join("tokenizer");
    if folder.join("tokenizer.json").is_file() {
        return Ok(());
    }
    for name in ["vocab.json", "merges.txt"] {
        let path = folder.join(name);
        if !path.is_file() {
            return Err(Error::MissingFile { path, dir: dir.to_path_buf() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::{Folder, toy_checkpoint};

    fn refused(folder: &Folder) -> String {
        Checkpoint::open(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_folder_opens() {
        let folder = toy_checkpoint();
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        assert_eq!(checkpoint.configs().unet.block_out_channels, [16, 32]);
        assert_eq!(checkpoint.configs().tokenizer_length, 24);
        assert_eq!(checkpoint.configs().scheduler["steps_offset"], 1);
        assert!(checkpoint.scheduler_config_path().is_file());
        assert!(checkpoint.tokenizer_dir().is_dir());
        assert_eq!(checkpoint.defaults(), None);
        let folders: Vec<_> = checkpoint.inventories().iter().map(|i| i.component).collect();
        assert_eq!(folders, ["text_encoder", "image_encoder", "vae", "unet"]);
        folder.write("i2vgen.json", r#"{"frames": 8}"#);
        assert_eq!(Checkpoint::open(folder.path()).unwrap().defaults().unwrap().frames, Some(8));
    }

    #[test]
    fn a_missing_folder_tells_how_to_get_one() {
        let folder = Folder::new();
        let dir = folder.path().join("i2vgen-xl");
        let error = Checkpoint::open(&dir).unwrap_err().to_string();
        assert!(error.contains(&crate::checkpoint::download_command(&dir)), "{error}");
        assert!(error.contains("licence") && !error.contains('\n'), "{error}");
        assert!(refused(&folder).contains("it has no model_index.json"));
        folder.write("file", "");
        assert!(matches!(Checkpoint::open(&folder.path().join("file")), Err(Error::NotAFolder { .. })));
    }

    #[test]
    fn another_pipeline_is_refused() {
        let folder = toy_checkpoint();
        folder.write("model_index.json", r#"{"_class_name": "StableDiffusionPipeline"}"#);
        let error = refused(&folder);
        assert!(error.contains("StableDiffusionPipeline") && error.contains("I2VGenXLPipeline"), "{error}");
        folder.write("model_index.json", r#"{"_class_name": "I2VGenXLPipeline", "unet": [null, null]}"#);
        assert!(refused(&folder).contains("model_index.json: unet is null, expected I2VGenXLUNet"));
        folder.write("model_index.json", "{}");
        assert!(refused(&folder).contains("_class_name is absent"));
    }

    #[test]
    fn each_absent_file_is_named() {
        for file in [
            "unet/config.json",
            "scheduler/scheduler_config.json",
            "feature_extractor/preprocessor_config.json",
            "tokenizer/merges.txt",
        ] {
            let folder = toy_checkpoint();
            std::fs::remove_file(folder.path().join(file)).unwrap();
            let error = refused(&folder);
            assert!(error.contains(&format!("{} is missing", folder.path().join(file).display())), "{error}");
        }
        let folder = toy_checkpoint();
        std::fs::remove_file(folder.path().join("vae/diffusion_pytorch_model.safetensors")).unwrap();
        assert!(refused(&folder).contains("vae has no weights"));
    }
}
