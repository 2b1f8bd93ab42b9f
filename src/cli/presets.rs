//! `i2vgen presets`: settings by name.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Error, generate, output};

/// List the presets: what they are for and what they set
///
/// A file of your own has a table per preset: options of `generate` as keys, with _ for -, and `extends = "walking"` to build on
/// another one.
#[derive(Args)]
pub struct Presets {
    /// A file with presets of your own [default: $I2VGEN_PRESETS]
    #[arg(long, value_name = "TOML", env = "I2VGEN_PRESETS", hide_env = true)]
    preset_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Presets {
    pub fn run(self) -> Result<(), Error> {
        let presets = generate::Presets::new(self.preset_file.as_deref(), None)?;
        let mut list = Vec::new();
        for (name, preset) in presets.all() {
            let settings = serde_json::to_value(presets.settings(name)?).unwrap_or_default();
            let mut said = settings.as_object().cloned().unwrap_or_default();
            said.retain(|_, value| !value.is_null());
            list.push((name, preset, Value::Object(said)));
        }
        if self.json {
            let list: Vec<Value> = list
                .iter()
                .map(|(name, preset, settings)| {
                    json!({ "name": name, "about": preset.about, "example": preset.example, "settings": settings })
                })
                .collect();
            return output::print_json(&list);
        }
        let mut text = String::new();
        for (name, preset, settings) in &list {
            let standard = if *name == generate::STANDARD { " (default)" } else { "" };
            text += &format!("{name}{standard}: {}\n", preset.about);
            let flags = settings.as_object().into_iter().flatten();
            let flags: Vec<String> =
                flags.map(|(name, value)| format!("--{} {}", name.replace('_', "-"), output::plain(value))).collect();
            text += &format!("    {}\n", flags.join(" "));
            if let Some(example) = &preset.example {
                text += &format!("    for example -p \"{example}\"\n");
            }
        }
        output::print(&text)
    }
}
