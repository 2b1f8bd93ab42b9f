//! The demo checkpoint as a part of the executable, so that the program makes clips wherever it is installed.
//!
//! `weights/demo/` is a model folder like any other. Its files are listed here one by one: what is not listed (the model
//! card) stays out of the executable, and a listed file that is not there ends the build.

/// A name relative to the model folder, and the file's bytes.
type File = (&'static str, &'static [u8]);

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../weights/demo/", $name)))),*]
    };
}

/// Every file, by name. A `static`, because a `const` would be copied to wherever it is used.
pub static FILES: &[File] = files! {
    "feature_extractor/preprocessor_config.json"
    "i2vgen.json"
    "image_encoder/config.json"
    "image_encoder/model.safetensors"
    "model_index.json"
    "scheduler/scheduler_config.json"
    "text_encoder/config.json"
    "text_encoder/model.safetensors"
    "tokenizer/merges.txt"
    "tokenizer/special_tokens_map.json"
    "tokenizer/tokenizer_config.json"
    "tokenizer/vocab.json"
    "unet/config.json"
    "unet/diffusion_pytorch_model.safetensors"
    "vae/config.json"
    "vae/diffusion_pytorch_model.safetensors"
};

/// The bytes of the file called `name`, not aligned to anything; `None` if there is no such file.
pub fn file(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Names of all files below `dir`, with `/` between their parts.
    fn names(dir: &Path, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
        let below = entries.flat_map(|entry| {
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() { names(&entry.path(), &format!("{name}/")) } else { vec![name] }
        });
        below.collect()
    }

    #[test]
    fn everything_but_the_model_card_is_listed() {
        let mut found = names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/demo"), "");
        found.retain(|name| !name.starts_with("README") && !name.starts_with("LICENSE"));
        found.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }

    #[test]
    fn it_stays_small() {
        assert!(FILES.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= 24 << 20);
    }
}
