//! `i2vgen random-checkpoint`: a small model without training.

use std::path::PathBuf;

use clap::Args;
use i2vgen::lab;

use super::{Error, output};

/// Write a small model with random weights: for a first run without a download, and for tests
///
/// The folder has the layout of the published checkpoint and takes the same way through the program; its clips are
/// coloured noise.
#[derive(Args)]
pub struct RandomCheckpoint {
    /// Folder to write; it must not exist, or be empty
    dir: PathBuf,
    /// Seed of the weights
    #[arg(short, long, default_value_t = 0)]
    seed: u64,
}

impl RandomCheckpoint {
    pub fn run(self) -> Result<(), Error> {
        lab::random_checkpoint(&self.dir, self.seed)?;
        output::print(&format!("{} (random weights, seed {})", self.dir.display(), self.seed))
    }
}
