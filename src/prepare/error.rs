//! What can be wrong with a request to prepare a picture.

use super::Rect;
use crate::picture;

/// An error of this module: one line that names the thing and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A picture that cannot be worked with.
    #[error(transparent)]
    Picture(#[from] picture::Error),
    /// The mask and the picture differ in size.
    #[error(
        "the mask is {found_width}x{found_height} pixels, the picture {width}x{height}; they must be of the same size"
    )]
    MaskSize {
        /// Width of the mask.
        found_width: u32,
        /// Height of the mask.
        found_height: u32,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// The mask marks nothing.
    #[error("the mask marks no subject: none of its pixels is 128 or brighter; paint the subject white on black")]
    EmptyMask,
    /// A buffer does not have the length that its size asks for.
    #[error("a {width}x{height} mask has {expected} samples, found {found}")]
    MaskSamples {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Samples of a mask of this size.
        expected: u64,
        /// Samples that are there.
        found: usize,
    },
    /// A box that is not written as four numbers.
    #[error("subject box '{found}': expected x,y,w,h in whole pixels from 0 on, as in 120,40,300,200")]
    BoxSyntax {
        /// What was written.
        found: String,
    },
    /// A box without pixels.
    #[error("the subject box {found} is empty; give it a width and a height")]
    EmptyBox {
        /// The box.
        found: Rect,
    },
    /// A box that is not wholly inside of the picture.
    #[error("the subject box {found} reaches outside of the {width}x{height} picture; keep x+w and y+h within it")]
    BoxOutside {
        /// The box.
        found: Rect,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// A stage that does not exist.
    #[error("preparation '{found}' is unknown; expected auto, off, or some of crop,edges,background")]
    UnknownStage {
        /// What was written.
        found: String,
    },
    /// A setting outside of its range.
    #[error("preparation setting `{name}` is {found}, expected {low} to {high}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: f64,
        /// The least that is allowed.
        low: f64,
        /// The most that is allowed.
        high: f64,
    },
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
