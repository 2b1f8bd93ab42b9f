//! Prepares the input picture: crop to the subject, stronger edges, a soft background, and a report in words.
//!
//! The way of a picture: [`Subject::find`] (mask, alpha channel, box, or [`saliency`]) → [`frame`], the window at the
//! clip's aspect → the working size, which is the clip's times [`Settings::scale`] → [`edges`] → [`background`]. No
//! pixels are invented: a frame never reaches outside of the picture. [`Mode::Auto`] runs only the stages that help
//! against what is weak ([`Finding::calls_for`]); without a subject that is certain enough, the picture is left alone.
//! What comes out goes the reference's way afterwards ([`crate::picture::prepare`]), as any other picture.

pub mod background;
pub mod edges;
mod error;
mod finding;
pub mod frame;
mod judge;
mod mask;
mod rect;
mod report;
mod rgb;
pub mod saliency;
mod settings;
mod sheet;
mod stage;
mod subject;
pub mod weakness;
mod work;

pub use error::{Error, Result};
pub use finding::{Finding, Side};
pub use mask::Mask;
pub use rect::Rect;
pub use report::{Action, Report, Why};
pub use settings::{Mode, Settings, Stages};
pub use sheet::contact_sheet;
pub use stage::{Stage, StageName};
pub use subject::{Hints, Origin, Subject};
pub use work::{Preparation, prepare};
