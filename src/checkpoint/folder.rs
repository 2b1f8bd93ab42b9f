//! A whole model: configurations, weights, and the files that other modules read.

use std::sync::Arc;

use super::component::Component;
use super::config::{Configs, Defaults};
use super::error::{Error, Result};
use super::files::ModelFiles;
use super::inventory::Inventory;
use super::kind::ComponentKind;
use super::weight_files::Variant;

/// An opened checkpoint: every configuration read and checked, every weight file mapped.
///
/// Weights are read from disk when a tensor is used, so an open checkpoint costs next to no memory.
#[derive(Debug)]
pub struct Checkpoint {
    files: ModelFiles,
    configs: Configs,
    defaults: Option<Defaults>,
    text_encoder: Arc<Component>,
    image_encoder: Arc<Component>,
    vae: Arc<Component>,
    unet: Arc<Component>,
}

impl Checkpoint {
    /// Opens a model, a folder's path or [`ModelFiles`], with the `fp16` weight files where it has them.
    pub fn open(files: impl Into<ModelFiles>) -> Result<Self> {
        Self::open_variant(files, Variant::Auto)
    }

    /// Opens a model with a choice of weight files.
    ///
    /// # Errors
    /// The first thing that is wrong: a folder or file that is not there ([`Error::NoFolder`] says how to download the
    /// published checkpoint), a configuration that is not I2VGen-XL's or contradicts itself, a damaged weight file.
    /// Whether the tensors are those that the networks need is a later step, [`Component::check`].
    pub fn open_variant(files: impl Into<ModelFiles>, variant: Variant) -> Result<Self> {
        let files = files.into();
        let configs = Configs::read(&files)?;
        check_tokenizer_files(&files)?;
        let component = |kind| Component::open(&files, kind, variant).map(Arc::new);
        Ok(Self {
            configs,
            defaults: Defaults::read(&files)?,
            text_encoder: component(ComponentKind::TextEncoder)?,
            image_encoder: component(ComponentKind::ImageEncoder)?,
            vae: component(ComponentKind::Vae)?,
            unet: component(ComponentKind::UNet)?,
            files,
        })
    }

    /// Where it comes from.
    pub fn files(&self) -> &ModelFiles {
        &self.files
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
    pub fn component(&self, kind: ComponentKind) -> &Arc<Component> {
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
}

/// The tokenizer has the files of one of its two forms.
fn check_tokenizer_files(files: &ModelFiles) -> Result<()> {
    if files.contains("tokenizer/tokenizer.json") {
        return Ok(());
    }
    match ["tokenizer/vocab.json", "tokenizer/merges.txt"].into_iter().find(|name| !files.contains(name)) {
        Some(name) => Err(Error::MissingFile { path: files.path(name), dir: files.root().to_path_buf() }),
        None => Ok(()),
    }
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
        assert_eq!(checkpoint.files(), &folder.files());
        assert_eq!(checkpoint.defaults(), None);
        let folders: Vec<_> = checkpoint.inventories().iter().map(|i| i.component).collect();
        assert_eq!(folders, ["text_encoder", "image_encoder", "vae", "unet"]);
        folder.write("i2vgen.json", r#"{"frames": 8}"#);
        assert_eq!(Checkpoint::open(folder.path()).unwrap().defaults().unwrap().frames, Some(8));
    }

    #[test]
    fn the_demo_checkpoint_opens() {
        let checkpoint = Checkpoint::open(ModelFiles::Demo).unwrap();
        let defaults = checkpoint.defaults().unwrap();
        assert!(defaults.width.is_some() && defaults.height.is_some() && defaults.frames.is_some());
        assert!(checkpoint.inventories().iter().all(|component| component.parameters > 0));
        let error = Component::open(&ModelFiles::Demo, ComponentKind::UNet, Variant::F16).unwrap_err().to_string();
        assert!(error.contains("demo checkpoint/unet has diffusion_pytorch_model.safetensors, but none of"), "{error}");
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
