//! What can go wrong when a clip is written or its parameters are read back.

use std::io;
use std::path::{Path, PathBuf};

use crate::staged;

/// Result of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of [`crate::video`]; every message is one line that names the file, the limit or the field.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file name has no ending, or one that is not known.
    #[error(
        "{}: {found}; the ending chooses the format: .mp4, .gif, .webp, .png with a frame number (name-%03d.png) or .safetensors (latents)",
        path.display()
    )]
    Extension {
        /// The path as given.
        path: PathBuf,
        /// What was found in place of a known ending.
        found: String,
    },
    /// `--quality` where nothing is lost, or nothing can be chosen.
    #[error("--quality: {reason}: leave it out, or write .mp4 or .webp")]
    Quality {
        /// Why the format has no such thing.
        reason: &'static str,
    },
    /// A quality out of range.
    #[error("{found} is no quality: take 1 (small files) to 100 (best), usually 90")]
    QualityRange {
        /// What was given.
        found: String,
    },
    /// Several files for the standard output.
    #[error(
        "a png sequence is several files, which one output cannot take: choose another --format, or name them with -o name-%03d.png"
    )]
    SeveralFiles,
    /// The standard output shows what is written to it.
    #[error(
        "a terminal cannot show a clip: redirect the standard output (> FILE, or | PROGRAM), or name a file with -o"
    )]
    Terminal,
    /// The standard output does not take the clip.
    #[error("cannot write to the standard output: {cause}")]
    Stdout {
        /// What the system says.
        cause: io::Error,
    },
    /// A `.png` name without exactly one frame number pattern.
    #[error("{}: {problem}; a png sequence needs exactly one %d or %03d in its name, for example {example}", path.display())]
    Pattern {
        /// The path as given.
        path: PathBuf,
        /// What is wrong with the name.
        problem: &'static str,
        /// A name that would work.
        example: String,
    },
    /// The clip itself is not one.
    #[error("cannot write the clip: {problem}")]
    Clip {
        /// Which field is wrong, expected and found.
        problem: String,
    },
    /// The clip cannot be enlarged as asked.
    #[error("--output-scale {scale}: {problem}")]
    Enlarge {
        /// The factor.
        scale: u32,
        /// The limit and what to do.
        problem: String,
    },
    /// The target does not hold what it was asked to hold.
    #[error("{} holds {holds}, not {asked}{hint}", path.display())]
    Content {
        /// The output as given.
        path: PathBuf,
        /// What this kind of file holds.
        holds: &'static str,
        /// What was asked for.
        asked: &'static str,
        /// What to do about it, after a colon; empty where nothing is known.
        hint: &'static str,
    },
    /// An encoder refused.
    #[error("cannot encode the clip as {format}: {problem}")]
    Encode {
        /// The format by name.
        format: &'static str,
        /// The limit or the encoder's own message.
        problem: String,
    },
    /// The disk or the folder refuses.
    #[error(transparent)]
    File(#[from] staged::Error),
    /// Opening or reading failed.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The input file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file is none of the formats that this module writes.
    #[error("{}: not an mp4, gif, webp, png or safetensors file", path.display())]
    Unknown {
        /// The input file.
        path: PathBuf,
    },
    /// The file is one of ours by its first bytes, but broken.
    #[error("{}: damaged {format} file: {problem}", path.display())]
    Damaged {
        /// The input file.
        path: PathBuf,
        /// The format by name.
        format: &'static str,
        /// What does not hold.
        problem: String,
    },
    /// The file holds video that is not H.264.
    #[error("{}: its video is of the kind '{found}', only H.264 (avc1) of 8 bits and 4:2:0 can be read; `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4` converts it", path.display())]
    Codec {
        /// The input file.
        path: PathBuf,
        /// The kind as the file names it.
        found: String,
    },
    /// The frames do not fit into the memory.
    #[error("{}: too long: more than {frames} frames of {width}×{height} pixels would not fit into 2 GiB; cut or shrink it", path.display())]
    TooLong {
        /// The input file.
        path: PathBuf,
        /// Frames that fit.
        frames: usize,
        /// Their width.
        width: u32,
        /// And height.
        height: u32,
    },
    /// The file is whole and carries no parameters.
    #[error("{}: carries no i2vgen parameters; it was made by another program, or they were stripped when it was re-encoded", path.display())]
    NoParameters {
        /// The input file.
        path: PathBuf,
    },
}

impl Error {
    /// A damaged file, with what reading it ended with.
    pub(super) fn damaged(path: &Path, format: &'static str, cause: &io::Error) -> Self {
        let problem = match cause.kind() {
            io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
            _ => cause.to_string(),
        };
        Self::Damaged { path: path.to_owned(), format, problem }
    }

    /// A damaged picture or animation, with the decoder's message in one line.
    pub(super) fn picture(path: &Path, format: &'static str, error: &image::ImageError) -> Self {
        let problem = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Damaged { path: path.to_owned(), format, problem }
    }

    /// An encoder's refusal, with its message.
    pub(super) fn encode(format: &'static str, problem: impl ToString) -> Self {
        Self::Encode { format, problem: problem.to_string() }
    }
}
