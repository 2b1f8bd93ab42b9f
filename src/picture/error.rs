//! What can be wrong with an input picture or with the size it is to be brought to.

use std::path::PathBuf;

use super::{MAX_PIXELS, MIN_SIDE, SIZE_MULTIPLE};
use crate::staged;

/// An error of this module: one line that names the file or the size, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing at the path.
    #[error("picture {path} does not exist; check the path")]
    NotFound {
        /// The path of the picture.
        path: PathBuf,
    },
    /// The path is a folder or a device.
    #[error("picture {path} is not a regular file; give the path of a picture file")]
    NotAFile {
        /// The path of the picture.
        path: PathBuf,
    },
    /// The operating system refuses to read the file.
    #[error("cannot read picture {path}: {source}")]
    Read {
        /// The path of the picture.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] staged::Error),
    /// The encoder refuses the picture.
    #[error("cannot encode the picture: {detail}")]
    Encode {
        /// The encoder's words.
        detail: String,
    },
    /// The file is larger than any picture within the pixel limit.
    #[error("picture {path} is a file of {bytes} bytes, the limit is {limit}; save it smaller or compressed")]
    FileTooLarge {
        /// The path of the picture.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Bytes that are read at most.
        limit: u64,
    },
    /// There is nothing in the file.
    #[error("picture {path} is empty: it has no bytes; save or download it again")]
    Empty {
        /// The path of the picture.
        path: PathBuf,
    },
    /// A picture of a format that is known and not read.
    #[error("picture {path} is {format}, which is not read; convert it to PNG or JPEG first")]
    Convert {
        /// The path of the picture.
        path: PathBuf,
        /// The format, by name.
        format: &'static str,
    },
    /// The first bytes are those of no known picture format.
    #[error("{path} is not a picture in a known format; expected PNG, JPEG, WebP, BMP, GIF or TIFF")]
    NotAPicture {
        /// The path of the picture.
        path: PathBuf,
    },
    /// The file begins as a picture but cannot be decoded.
    #[error(
        "the {format} picture {path} is corrupt, cut short or of an unknown kind ({detail}); \
         save it again, or convert it to PNG"
    )]
    Decode {
        /// The path of the picture.
        path: PathBuf,
        /// The format, by name.
        format: &'static str,
        /// The decoder's words.
        detail: String,
    },
    /// Decoding would take more memory than the largest accepted picture, or than there is.
    #[error("there is no memory to decode picture {path}; the limit is {MAX_PIXELS} pixels, make it smaller")]
    Memory {
        /// The path of the picture.
        path: PathBuf,
    },
    /// The samples are neither 8 nor 16 bits wide.
    #[error("picture {path} has {found} samples, expected 8 or 16 bits; convert it to an 8-bit PNG")]
    Samples {
        /// The path of the picture.
        path: PathBuf,
        /// Their type.
        found: String,
    },
    /// A side is too short.
    #[error("{what} is {width}x{height} pixels; each side must be at least {MIN_SIDE} pixels")]
    TooSmall {
        /// Which picture.
        what: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// More pixels than are accepted.
    #[error("{what} is {width}x{height} pixels; the limit is {MAX_PIXELS} pixels, make it smaller")]
    TooManyPixels {
        /// Which picture.
        what: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A buffer does not have the length that its size asks for.
    #[error("a {width}x{height} RGB picture has {expected} samples, found {found}")]
    PixelCount {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Samples of a picture of this size.
        expected: u64,
        /// Samples that are there.
        found: usize,
    },
    /// The size of the clip does not suit the VAE and the UNet.
    #[error(
        "clip size {width}x{height}: width and height must be positive multiples of {SIZE_MULTIPLE}; nearest: {nearest}"
    )]
    SizeMultiple {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The nearest sizes that suit.
        nearest: String,
    },
    /// No colour of CSS.
    #[error("'{found}' is no colour; take a name such as white or teal, or #rrggbb")]
    Colour {
        /// What was written.
        found: String,
    },
    /// A colour that shows what is behind it.
    #[error("'{found}' is transparent itself; take an opaque colour such as white or #rrggbb")]
    ColourAlpha {
        /// What was written.
        found: String,
    },
    /// A setting of the image encoder's input makes no sense.
    #[error("feature extractor field `{field}` is {found}, expected {expected}")]
    ClipPixels {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What should be.
        expected: &'static str,
    },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
