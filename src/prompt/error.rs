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
    NoVocabulary {
        /// The folder of the tokenizer.
        dir: PathBuf,
        /// The files that are not there.
        missing: &'static str,
    },
    /// A file that is there could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{path} is damaged: {detail}; download the file again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A field of a settings file has a value of the wrong kind.
    #[error("{path}: field `{field}` is {found}, expected {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A line of `merges.txt` joins or makes a token that has no id.
    #[error(
        "{path}, line {line}: the merge `{merge}` needs the token `{token}`, which the vocabulary does not have; \
         take both files from one checkpoint"
    )]
    UnknownMerge {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What it joins.
        merge: String,
        /// The token without an id.
        token: String,
    },
    /// A special token has no id.
    #[error(
        "{dir}: the {role} token `{token}` is not in the vocabulary; \
         correct {role}_token in tokenizer_config.json or special_tokens_map.json"
    )]
    NoSpecialToken {
        /// The folder of the tokenizer.
        dir: PathBuf,
        /// What it is for.
        role: &'static str,
        /// The token.
        token: String,
    },
    /// The tokenizer could not split a text: the vocabulary lacks what the text needs.
    #[error("the prompt cannot be tokenized: {detail}; check the tokenizer files")]
    Encode {
        /// What is wrong.
        detail: String,
    },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
