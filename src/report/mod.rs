//! Tables, plots and pages of what was measured. Plain data goes in; text, CSV, JSON, SVG and HTML come out.
//!
//! The pieces do not know each other's subject: a [`Table`] has columns and cells, a [`Plot`] has axes and points, a [`Film`] is a clip, and a
//! [`Page`] puts them under headings. A page is one file that needs nothing else: no network, no fonts, no scripts from elsewhere. What belongs
//! together on a page (a row, a point, a clip) carries the same key.

mod film;
mod flame;
mod page;
mod plot;
mod table;
mod ticks;

pub use film::Film;
pub use flame::{Flame, FlameBox};
pub use page::{Content, Page, Section};
pub use plot::{Axis, Mark, Plot, Point, Series};
pub use table::{Cell, Column, Row, Table, aligned};
pub use ticks::Scale;

/// What can go wrong with a report; every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A clip cannot be shown.
    #[error(transparent)]
    Video(#[from] crate::video::Error),
    /// The page's template does not expand.
    #[error("the page cannot be made: {0}")]
    Page(String),
}
