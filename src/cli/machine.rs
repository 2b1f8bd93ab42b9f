//! Options of the commands that make clips: which model, on which device, and how progress is shown.

use clap::Args;

use super::{
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
    /// How progress is shown: JSON has one object per line, on the standard output
    #[arg(long, value_name = "auto|bar|plain|json|none", default_value = "auto", value_parser = by_name::<Style>)]
    pub progress: Style,
}
