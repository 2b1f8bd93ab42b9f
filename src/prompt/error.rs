//! What can be wrong with a tokenizer folder.

use std::path::PathBuf;

/// An error of this module: one line that names the file and the token, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither form of the vocabulary is there.
    #[error(
        "{dir} holds neither vocab.json with merges.txt nor tokenizer.json ({missing} missing); \
         copy the checkpoint's tokenizer folder there"
    )]
    NoVocabulary { dir: PathBuf, missing: &'static str },
    /// A file that is there could not be read.
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    /// A file is not what its name says.
    #[error("{path} is damaged: {detail}; download the file again")]
    Damaged { path: PathBuf, detail: String },
    /// A field of a settings file has a value of the wrong kind.
    #[error("{path}: field `{field}` is {found}, expected {expected}")]
    Field { path: PathBuf, field: String, found: String, expected: &'static str },
    /// A line of `merges.txt` joins or makes a token that has no id.
    #[error(
        "{path}, line {line}: the merge `{merge}` needs the token `{token}`, which the vocabulary does not have; \
         take both files from one checkpoint"
    )]
    UnknownMerge { path: PathBuf, line: usize, merge: String, token: String },
    /// A special token has no id.
    #[error(
        "{dir}: the {role} token `{token}` is not in the vocabulary; \
         correct {role}_token in tokenizer_config.json or special_tokens_map.json"
    )]
    NoSpecialToken { dir: PathBuf, role: &'static str, token: String },
    /// The tokenizer could not split a text: the vocabulary lacks what the text needs.
    #[error("the prompt cannot be tokenized: {detail}; check the tokenizer files")]
    Encode { detail: String },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
