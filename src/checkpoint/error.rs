//! What can be wrong with a model folder.

use std::path::{Path, PathBuf};

use super::download::{LICENCE_NOTE, download_command};
use super::problem::Problem;

/// Problems listed in full in [`Error::Problems`]; a wrong folder can have thousands.
const LISTED_PROBLEMS: usize = 200;

/// An error of this module: one line that names the file and the field or tensor, and says what to do.
///
/// Only [`Error::Problems`] has more than one line: one for each tensor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no folder of that name.
    #[error("there is no model folder {dir}; {LICENCE_NOTE}, then download it with: {}", download_command(dir))]
    NoFolder {
        /// The folder of the model.
        dir: PathBuf,
    },
    /// The path exists and is not a folder.
    #[error("{path} is not a folder; give the folder that holds model_index.json")]
    NotAFolder {
        /// What was named.
        path: PathBuf,
    },
    /// A folder without `model_index.json`.
    #[error(
        "{dir} is not a model folder: it has no model_index.json; {LICENCE_NOTE}, then download it with: {}",
        download_command(dir)
    )]
    NoModelIndex {
        /// The folder of the model.
        dir: PathBuf,
    },
    /// A file that the layout requires is absent.
    #[error(
        "{path} is missing; if this is the published checkpoint and its download was cut short, take it up again with: {}",
        download_command(dir)
    )]
    MissingFile {
        /// The file.
        path: PathBuf,
        /// The folder of the model.
        dir: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: std::io::Error,
    },
    /// A JSON file is larger than any such file has reason to be.
    #[error(
        "{path} has {bytes} bytes, more than the {limit} that are read from a file of this kind; it is not what its name says"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Bytes that are read at most.
        limit: u64,
    },
    /// A file is not JSON, or not an object.
    #[error("{path} is not valid JSON ({detail}); download the file again")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A field is absent, of the wrong type, unknown, or out of its range.
    #[error("{path}: field `{field}`: {detail}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// What is wrong.
        detail: String,
    },
    /// A class that is not the one this program runs.
    #[error(
        "{path}: {what} is {found}, expected {expected}; only I2VGen-XL checkpoints in the diffusers layout can be run"
    )]
    Class {
        /// The file.
        path: PathBuf,
        /// Which class.
        what: String,
        /// The class that is there.
        found: String,
        /// The class that is run.
        expected: String,
    },
    /// Two configuration files contradict each other.
    #[error("{left} and {right} contradict each other: {detail}")]
    Contradiction {
        /// One of them.
        left: String,
        /// The other.
        right: String,
        /// What is wrong.
        detail: String,
    },
    /// A component has no weight files.
    #[error(
        "{folder} has no weights: none of {wanted} is there; those of the published checkpoint are downloaded with: {}",
        download_command(dir)
    )]
    NoWeights {
        /// The component's folder.
        folder: PathBuf,
        /// The files that are looked for.
        wanted: String,
        /// The folder of the model.
        dir: PathBuf,
    },
    /// A component has weight files, but none of the wanted variant.
    #[error("{folder} has {found}, but none of {wanted}; do not ask for that variant, or add its files")]
    NoVariant {
        /// The component's folder.
        folder: PathBuf,
        /// The files that are looked for.
        wanted: String,
        /// The weight files that are there.
        found: String,
    },
    /// A component's weights are there only as pickled PyTorch files.
    #[error(
        "{folder} has its weights only as {found}, and pickle files are not read because they can run code; write \
         safetensors with: python -c \"from diffusers import I2VGenXLPipeline as P; \
         P.from_pretrained(r'{dir}', use_safetensors=False).save_pretrained(r'{dir}')\""
    )]
    PickleOnly {
        /// The component's folder.
        folder: PathBuf,
        /// The weight files that are there.
        found: String,
        /// The folder of the model.
        dir: PathBuf,
    },
    /// A safetensors file is damaged, cut short, or something else.
    #[error("{path} is not a whole safetensors file: {detail}; download it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A sharded checkpoint's index does not describe its shards.
    #[error("{path}: {detail}; download the index and its shards again")]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The tensors are not those that the configuration describes.
    #[error("{}", list(dir, problems))]
    Problems {
        /// The folder of the model.
        dir: PathBuf,
        /// One for each tensor.
        problems: Vec<Problem>,
    },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn list(dir: &Path, problems: &[Problem]) -> String {
    let (count, verb) = match problems.len() {
        1 => ("1 tensor".to_string(), "does"),
        n => (format!("{n} tensors"), "do"),
    };
    let mut text = format!(
        "{count} of {} {verb} not fit the configuration; download the config files and the weights from the same place:",
        dir.display()
    );
    for problem in problems.iter().take(LISTED_PROBLEMS) {
        text.push_str(&format!("\n  {problem}"));
    }
    if let Some(rest @ 1..) = problems.len().checked_sub(LISTED_PROBLEMS) {
        text.push_str(&format!("\n  and {rest} more"));
    }
    text
}
