//! The prompt: its grammar, and the way from a sentence to the token ids that the text encoder reads.

mod alphabet;
mod clip_bpe;
mod error;
pub mod grammar;
mod settings;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use error::{Error, Result};
pub use tokenizer::{Encoded, Tokenizer};
