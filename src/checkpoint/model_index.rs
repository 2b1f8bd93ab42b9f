//! `model_index.json`, and whether the files describe classes that this program knows.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::{Error, Result};
use super::files::ModelFiles;
use super::json::{CONFIG_LIMIT, one_line, read_object};

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

/// The model has a `model_index.json`, which describes an I2VGenXLPipeline of known classes.
pub(super) fn check_model_index(files: &ModelFiles) -> Result<()> {
    files.check_root()?;
    let path = files.path(MODEL_INDEX);
    let index = match read_object(files, MODEL_INDEX, CONFIG_LIMIT) {
        Err(Error::MissingFile { dir, .. }) => return Err(Error::NoModelIndex { dir }),
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

/// A `_class_name`, where the file has one, is the expected one.
pub(super) fn check_class(path: &Path, object: &Map<String, Value>, expected: &str) -> Result<()> {
    match object.get("_class_name") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(found)) if found == expected => Ok(()),
        found => Err(class_error(path, "_class_name", found, expected)),
    }
}
