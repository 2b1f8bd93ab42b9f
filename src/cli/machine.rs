//! Options of the commands that make clips: which model, on which device, and how progress is shown.

use std::path::PathBuf;

use clap::Args;

use super::{
    choosing::Choosing,
    options::{DeviceOptions, ModelOption, by_name},
    progress::Style,
};

/// What runs a request.
#[derive(Args)]
pub struct Machine {
    #[command(flatten)]
    pub model: ModelOption,
    #[command(flatten)]
    pub device: DeviceOptions,
    #[command(flatten)]
    pub choosing: Choosing,
    /// A file with presets of your own, see `i2vgen presets` [default: $I2VGEN_PRESETS]
    #[arg(long, value_name = "TOML", env = "I2VGEN_PRESETS", hide_env = true)]
    pub preset_file: Option<PathBuf>,
    /// Say nothing about what would make a clip better: prompt, picture, settings
    #[arg(long)]
    pub no_advice: bool,
    /// How progress is shown: JSON has one object per line, on the standard output (on the standard error if a clip goes to the former), and
    /// ends with the event done or failed
    #[arg(long, value_name = "auto|bar|plain|json|none", default_value = "auto", value_parser = by_name::<Style>)]
    pub progress: Style,
}
