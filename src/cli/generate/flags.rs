//! The flags of `i2vgen generate`.

use std::path::{Path, PathBuf};

use clap::Args;
use i2vgen::video::first_file;

use super::Settings;
use crate::cli::{clip_file::ClipFile, machine::Machine, memory::MemoryOptions};

/// Make a clip from a picture and a sentence
///
/// Sizes and settings that are not given come from the clip of --from, from the checkpoint's i2vgen.json, or from the preset, whose
/// values are for the published checkpoint. If no model is named, it is models/i2vgen-xl in the current folder if that is there, or else demo.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Generate {
    /// Picture to animate: PNG, JPEG, WebP, BMP, GIF or TIFF; - reads it from the standard input
    #[arg(value_name = "PICTURE", conflicts_with = "image")]
    picture: Option<PathBuf>,
    /// The same as an option
    #[arg(short, long, value_name = "PICTURE")]
    image: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
    /// Take every parameter from a clip that this program made; other flags override them
    #[arg(long, value_name = "CLIP")]
    from: Option<PathBuf>,
    #[command(flatten)]
    pub file: ClipFile,
    /// Clips to make from one load, with the seeds seed, seed + 1, …; Ctrl-C keeps those that are finished
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Clip")]
    pub count: u32,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    pub memory: MemoryOptions,
}

impl Generate {
    pub fn picture_path(&self) -> Option<&Path> {
        self.picture.as_deref().or(self.image.as_deref())
    }

    /// The clip that parameters come from; of a png sequence named by its pattern, the first frame.
    pub fn earlier_clip(&self) -> Option<PathBuf> {
        self.from.as_deref().map(first_file)
    }
}
