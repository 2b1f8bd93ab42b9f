//! `i2vgen plan`: what a generation would cost, without a device and without weights.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

use clap::Args;
use i2vgen::{
    gpu::Capabilities,
    graph::{Keep, Rate, Target},
    pipeline::{Estimate, PhaseEstimate, Request, Savings, Why},
    video::Kind,
};
use serde_json::json;

use super::{
    Error,
    assume::AssumeOptions,
    generate::{Presets, Recipe, Settings},
    memory::MemoryOptions,
    model::Model,
    options::{ModelOption, Overrides},
    output, units,
};

const MODEL: &str = "Model folder in the diffusers layout, or demo, the small model inside this program [default: $I2VGEN_MODEL, or the \
    published configuration]";

/// Show what a clip would cost: memory and arithmetic of each phase, and what is split
///
/// Takes the settings of `i2vgen generate`, with the same defaults; those that cost nothing change nothing. No device and no weights are
/// needed, no picture and no prompt. If no model is named, the published configuration is planned for, also without its files.
#[derive(Args)]
#[command(allow_negative_numbers = true, mut_arg("model", |model| model.help(MODEL)))]
pub struct Plan {
    #[command(flatten)]
    model: ModelOption,
    /// A configuration by name, without its files: i2vgen-xl is the published one
    #[arg(long, value_name = "i2vgen-xl", value_parser = ["i2vgen-xl"], conflicts_with = "model")]
    config: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Clips to make from one load
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Clip")]
    count: u32,
    /// A file with presets of your own, see `i2vgen presets` [default: $I2VGEN_PRESETS]
    #[arg(long, value_name = "TOML", env = "I2VGEN_PRESETS", hide_env = true)]
    preset_file: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryOptions,
    #[command(flatten)]
    assume: AssumeOptions,
    #[command(flatten)]
    overrides: Overrides,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub fn run(self) -> Result<(), Error> {
        let model = self.model()?;
        let (device, rate) = self.assume.device()?;
        let recipe = self.recipe(&model)?;
        recipe.check(&model, Kind::Mp4)?;
        recipe.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        let Recipe { request, dtype, .. } = recipe;
        let target = Target { choices: self.overrides.choices()?.into(), ..Target::new(device, rate) };
        let (plans, activation) = model.planning(&request, dtype, target, self.memory.policy(), |planner| {
            (planner.plan(&request, Keep::Nothing), planner.types.activation)
        })?;
        let plans = plans?;
        plans.check_overrides()?.iter().for_each(|note| output::tell(&format!("note: {note}")));
        let estimate = Estimate::new(&plans, request.step_counts());
        let Request { width, height, frames, steps, .. } = request;
        let cfg_scale = request.guidance.scale;
        let device = &plans.step.unet.target.device;
        if self.json {
            return output::print_json(&json!({
                "model": model.name, "width": width, "height": height, "frames": frames, "steps": steps,
                "sampler": request.sampler, "eta": request.eta, "cfg_scale": cfg_scale, "one_batch": plans.shape.one_batch, "dtype": activation, "savings": Savings::of(&plans),
                "device": device, "rate": rate, "estimate": estimate,
            }));
        }
        let guidance = match (plans.shape.guided, plans.shape.one_batch) {
            (false, _) => "no guidance".to_owned(),
            (true, true) => format!("guidance {cfg_scale} as one batch"),
            (true, false) => format!("guidance {cfg_scale} in two passes"),
        };
        let savings = match (Savings { two_passes: false, ..Savings::of(&plans) }) {
            none if none.is_none() => String::new(),
            others => format!(", with {others}"),
        };
        let mut text = format!(
            "{}: {} of {width}x{height}, {}, {guidance}, {activation}{savings}\n",
            model.name,
            units::counted(frames, "frame"),
            units::counted(steps, "step"),
        );
        text += &format!("on {}\n\n", describe(device, rate));
        text += &table(&estimate);
        let divided = estimate.streaming.map_or(String::new(), |streaming| format!("{streaming}\n"));
        let staying = match estimate.streaming {
            Some(_) => String::new(),
            None => format!(
                ", in a batch {} where the weights of all networks stay",
                units::bytes(estimate.batch_peak_bytes)
            ),
        };
        text += &format!(
            "\npeak device memory {}{staying}\n{divided}{}FLOP per step, {}FLOP in all, {} pipelines\n",
            units::bytes(estimate.peak_bytes),
            units::flops(estimate.step_flops),
            units::flops(estimate.flops),
            estimate.pipelines
        );
        output::print(&(text + &splits(&estimate)))
    }

    fn model(&self) -> Result<Model, Error> {
        match self.model.named().filter(|_| self.config.is_none()) {
            Some(files) => Model::read(files),
            None => Model::published(),
        }
    }

    /// What `generate` would make with these settings; what a clip costs depends on no picture and no prompt.
    fn recipe(&self, model: &Model) -> Result<Recipe, Error> {
        let presets = Presets::new(self.preset_file.as_deref(), model.defaults.as_ref())?;
        presets.outweighed(&self.settings).iter().for_each(|note| output::tell(&format!("note: {note}")));
        let settings = presets.complete(self.settings.clone())?;
        let settings = Settings { prompt: Some(settings.prompt.unwrap_or_default()), ..settings };
        Recipe::new(settings, Request::plain().picture, self.count)
    }
}

fn describe(device: &Capabilities, rate: Rate) -> String {
    let f16 = if device.f16 { "f16" } else { "no f16" };
    let memory = device.memory.map_or(String::new(), |memory| format!(", {} of memory", units::bytes(memory)));
    let (binding, buffer) = (units::bytes(device.max_binding), units::bytes(device.max_buffer));
    let rate = units::flops(rate.flops);
    format!("{} ({f16}, bindings of {binding}, buffers of {buffer}, {rate}FLOP/s{memory})", device.name)
}

fn table(estimate: &Estimate) -> String {
    let mut rows = vec![
        [
            "phase",
            "memory",
            "weights",
            "intermediates",
            "exchanged",
            "kept",
            "other",
            "FLOP",
            "dispatches",
            "submissions",
            "runs",
        ]
        .map(String::from)
        .to_vec(),
    ];
    rows.extend(estimate.phases.iter().map(|phase: &PhaseEstimate| {
        vec![
            phase.name.to_string(),
            units::bytes(phase.bytes()),
            units::bytes(phase.weights),
            units::bytes(phase.intermediates),
            units::bytes(phase.externals),
            units::bytes(phase.kept),
            units::bytes(phase.other),
            units::flops(phase.flops),
            phase.dispatches.to_string(),
            phase.submissions.to_string(),
            phase.runs.to_string(),
        ]
    }));
    output::table(&rows)
}

/// What is split, by phase, reason and kernel; the most divided operation of each stands for the others.
fn splits(estimate: &Estimate) -> String {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for split in &estimate.splits {
        groups.entry((split.phase, split.why, split.kernel)).or_default().push(split);
    }
    if groups.is_empty() {
        return "nothing is split\n".into();
    }
    let mut text = String::from("split:\n");
    // In the order in which the phases run.
    let mut seen = HashSet::new();
    for phase in estimate.phases.iter().map(|p| p.name).filter(|name| seen.insert(*name)) {
        for ((_, why, kernel), group) in groups.iter().filter(|((name, ..), _)| *name == phase) {
            let limit = match why {
                Why::Time => "would run too long",
                Why::Binding => "would exceed the largest binding",
            };
            let Some(most) = group.iter().max_by_key(|split| split.pieces) else { continue };
            let (count, label, pieces) = (group.len(), &most.label, most.pieces);
            text += &format!("  {phase}: {count} x {kernel} {limit}; at most {pieces} pieces ({label})\n");
        }
    }
    text
}
