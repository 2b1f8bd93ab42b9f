//! `i2vgen inspect`: what a model holds, and what is wrong with it.

use std::path::PathBuf;

use clap::Args;
use i2vgen::{
    checkpoint::{Checkpoint, Configs, Inventory, ModelFiles},
    pipeline::{Compat, Networks},
};
use serde_json::json;

use super::{Error, options::ModelOption, output, units};

/// Show the components, sizes and weights of a model, and what does not fit
///
/// Nothing is loaded and no device is needed. The exit code is 1 if a tensor is missing, unexpected or misshapen. If no model
/// is named, it is the one that `generate` would take: models/i2vgen-xl in the current folder if it is there, or else demo.
#[derive(Args)]
pub struct Inspect {
    /// The same as --model
    #[arg(value_name = "DIR|demo", conflicts_with = "model")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    model: ModelOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<(), Error> {
        let files = self.dir.as_deref().map_or_else(|| self.model.files(), ModelFiles::named);
        let checkpoint = Checkpoint::open(files)?;
        let problems = Networks::new(checkpoint.configs(), Compat::default()).problems(&checkpoint);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if self.json {
            output::print_json(&json!({
                "model": checkpoint.files().root(),
                "sizes": sizes(checkpoint.configs()).map(|(name, text)| json!({ "component": name, "sizes": text })),
                "components": checkpoint.inventories(),
                "defaults": checkpoint.defaults(),
                "problems": problems,
            }))?;
        } else {
            output::print(&text(&checkpoint, &problems))?;
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Reported) }
    }
}

fn text(checkpoint: &Checkpoint, problems: &[String]) -> String {
    let mut text = format!("{:<18}{}\n", "model", checkpoint.files().root().display());
    for (name, sizes) in sizes(checkpoint.configs()) {
        text += &format!("{name:<18}{sizes}\n");
    }
    if let Some(defaults) = checkpoint.defaults().and_then(|d| serde_json::to_string(d).ok()) {
        text += &format!("{:<18}{defaults}\n", "defaults");
    }
    let inventories = checkpoint.inventories();
    let mut rows = vec![["component", "tensors", "parameters", "bytes", "dtypes", "files"].map(String::from).to_vec()];
    rows.extend(inventories.iter().map(row));
    let sum = |of: fn(&Inventory) -> u64| inventories.iter().map(of).sum::<u64>();
    rows.push(vec![
        "all".into(),
        units::count(sum(|i| i.tensors as u64)),
        units::count(sum(|i| i.parameters)),
        units::bytes(sum(|i| i.bytes)),
    ]);
    text += &format!("\n{}\n", output::table(&rows));
    match problems {
        [] => text += "no problems: every tensor that the networks need is there, with its shape\n",
        [one] => text += &format!("1 problem:\n  {one}\n"),
        many => text += &format!("{} problems:\n  {}\n", many.len(), many.join("\n  ")),
    }
    text
}

fn row(inventory: &Inventory) -> Vec<String> {
    let dtypes = inventory.dtypes.iter().map(|(name, count)| match inventory.dtypes.len() {
        1 => name.clone(),
        _ => format!("{name}: {}", count.tensors),
    });
    let files = match inventory.files.as_slice() {
        [(name, _)] => name.clone(),
        many => format!("{} files", many.len()),
    };
    vec![
        inventory.component.into(),
        units::count(inventory.tensors as u64),
        units::count(inventory.parameters),
        units::bytes(inventory.bytes),
        dtypes.collect::<Vec<_>>().join(", "),
        files,
    ]
}

/// Class and sizes of each component, as its configuration has them.
fn sizes(configs: &Configs) -> [(&'static str, String); 6] {
    let (text, image, vae, unet) = (&configs.text_encoder, &configs.image_encoder, &configs.vae, &configs.unet);
    let list = |channels: &[usize]| channels.iter().map(usize::to_string).collect::<Vec<_>>().join("/");
    let scheduler = |field: &str| match &configs.scheduler[field] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => format!("default {field}"),
        other => other.to_string(),
    };
    [
        (
            "text_encoder",
            format!(
                "CLIPTextModel: width {}, {} layers, {} heads, vocabulary {}, {} positions",
                text.hidden_size,
                text.num_hidden_layers,
                text.num_attention_heads,
                text.vocab_size,
                text.max_position_embeddings
            ),
        ),
        (
            "image_encoder",
            format!(
                "CLIPVisionModelWithProjection: width {}, {} layers, {} heads, {} px in patches of {}, projection {}",
                image.hidden_size,
                image.num_hidden_layers,
                image.num_attention_heads,
                image.image_size,
                image.patch_size,
                image.projection_dim
            ),
        ),
        (
            "vae",
            format!(
                "AutoencoderKL: channels {}, {} per block, {} groups, {} latent channels, scale {}",
                list(&vae.block_out_channels),
                units::counted(vae.layers_per_block, "layer"),
                vae.norm_num_groups,
                vae.latent_channels,
                vae.scaling_factor
            ),
        ),
        (
            "unet",
            format!(
                "I2VGenXLUNet: channels {}, {} per block, heads of {}, {} groups, context {}",
                list(&unet.block_out_channels),
                units::counted(unet.layers_per_block, "layer"),
                unet.attention_head_dim,
                unet.norm_num_groups,
                unet.cross_attention_dim
            ),
        ),
        (
            "scheduler",
            format!("{}, {}, {}", scheduler("_class_name"), scheduler("beta_schedule"), scheduler("prediction_type")),
        ),
        ("tokenizer", format!("{} tokens per prompt", configs.tokenizer_length)),
    ]
}
