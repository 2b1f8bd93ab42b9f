//! The command that downloads the published checkpoint.

use std::path::Path;

/// Where the published checkpoint lives on the Hugging Face Hub.
pub const PUBLISHED_REPOSITORY: &str = "ali-vilab/i2vgen-xl";

/// What the user has to know before downloading.
pub(super) const LICENCE_NOTE: &str = "the published weights (5 GB) are not part of this program: read and accept their \
     licence first (the model card says MIT, the README of VGen says research use)";

/// Files to fetch, as patterns of the Hub: configurations, tokenizer, and the f16 weights of the four networks. The
/// repository also holds the f32 weights and the original training checkpoints, several times the size.
const PATTERNS: [&str; 13] = [
    "model_index.json",
    "unet/*.json",
    "vae/*.json",
    "text_encoder/*.json",
    "image_encoder/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    "feature_extractor/*.json",
    "scheduler/*.json",
    "unet/*.fp16.safetensors",
    "vae/*.fp16.safetensors",
    "text_encoder/*.fp16.safetensors",
    "image_encoder/*.fp16.safetensors",
];

/// The command line that downloads the f16 files of the published checkpoint into `dir`.
///
/// `hf` is the program of the Python package `huggingface_hub`. The patterns are positional arguments: its `--include`
/// takes a whole list in some versions (0.36) and one pattern at a time in others (2.4), positional ones work in both.
pub fn download_command(dir: &Path) -> String {
    let patterns: Vec<String> = PATTERNS
        .iter()
        .map(|pattern| match pattern.contains('*') {
            true => format!("\"{pattern}\""),
            false => pattern.to_string(),
        })
        .collect();
    format!(
        "hf download {PUBLISHED_REPOSITORY} {} --local-dir {}",
        patterns.join(" "),
        quoted(&dir.display().to_string())
    )
}

/// The path as one word of a command line.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/\\._-:+@~,".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_string();
    }
    if cfg!(windows) { format!("\"{path}\"") } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_only_f16_weights_and_the_folder() {
        let command = download_command(Path::new("models/i2vgen-xl"));
        assert!(command.starts_with("hf download ali-vilab/i2vgen-xl model_index.json \"unet/*.json\""));
        assert!(command.ends_with(" --local-dir models/i2vgen-xl"));
        for word in command.split(' ').filter(|w| w.contains(".safetensors")) {
            assert!(word.contains("/*.fp16.safetensors"), "{word}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn a_folder_with_spaces_and_quotes_stays_one_word() {
        assert!(download_command(Path::new("my model's")).ends_with(r" --local-dir 'my model'\''s'"));
    }
}
