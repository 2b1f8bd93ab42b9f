//! Pictures made by code, with known subject boxes: what the search for a subject is measured on.

mod backgrounds;
mod canvas;
mod random;
mod sets;
mod subjects;

pub use sets::{Case, development, held_out, named};
