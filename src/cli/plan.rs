//! `i2vgen plan`: what a generation would cost, without a device and without weights.

use std::collections::{BTreeMap, HashSet};

use clap::Args;
use i2vgen::{
    checkpoint::Defaults,
    gpu::Capabilities,
    graph::{Keep, Rate, Target},
    pipeline::{DtypeChoice, Estimate, Passes, PhaseEstimate, Request, Savings, VaeTile, Why},
    sampler::{Guidance, StepScales},
};
use serde_json::json;

use super::{
    Error,
    assume::AssumeOptions,
    memory::MemoryOptions,
    model::Model,
    options::{ModelOption, Overrides, by_name},
    output, units,
};

/// Show what a clip would cost: memory and arithmetic of each phase, and what is split
///
/// No device and no weights are needed. If no model is named, the published configuration is planned for, also without its
/// files.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Plan {
    #[command(flatten)]
    model: ModelOption,
    /// A configuration by name, without its files: i2vgen-xl is the published one
    #[arg(long, value_name = "i2vgen-xl", value_parser = ["i2vgen-xl"], conflicts_with = "model")]
    config: Option<String>,
    /// Width in pixels [default: 512]
    #[arg(short = 'W', long, value_name = "PIXELS")]
    width: Option<u32>,
    /// Height in pixels [default: 512]
    #[arg(short = 'H', long, value_name = "PIXELS")]
    height: Option<u32>,
    /// Number of frames [default: 16]
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Denoising steps [default: 50]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Guidance scale; 1 turns guidance off [default: 9]
    #[arg(long, value_name = "SCALE")]
    cfg_scale: Option<f32>,
    /// Other scales for parts of the denoising, such as 80-100%=1: what those steps save
    #[arg(long, value_name = "RANGE=SCALE,…")]
    cfg_steps: Option<StepScales>,
    /// Run all of the UNet in every N-th step alone: what the others save
    #[arg(long, value_name = "N", default_value_t = 1)]
    reuse_deep: usize,
    /// How numbers are stored on the device: auto is f16 if the device has it
    #[arg(long, value_name = "auto|f32|f16", default_value = "auto", value_parser = by_name::<DtypeChoice>)]
    dtype: DtypeChoice,
    /// Guidance as one batch of two, or in two passes
    #[arg(long, value_name = "auto|one|two", default_value = "auto", value_parser = by_name::<Passes>)]
    cfg_passes: Passes,
    /// Decode frames whole, or in strips of so many rows
    #[arg(long, value_name = "auto|off|ROWS", default_value = "auto")]
    vae_tile: VaeTile,
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
        let request = self.request(model.defaults.as_ref());
        request.check(&model.configs)?;
        let target = Target { choices: self.overrides.choices()?.into(), ..Target::new(device, rate) };
        let (plans, activation) = model.planning(&request, self.dtype, target, self.memory.policy(), |planner| {
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
                "cfg_scale": cfg_scale, "one_batch": plans.shape.one_batch, "dtype": activation, "savings": Savings::of(&plans),
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
        text += &format!(
            "\npeak device memory {}\n{divided}{}FLOP per step, {}FLOP in all, {} pipelines\n",
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

    fn request(&self, defaults: Option<&Defaults>) -> Request {
        let (d, usual) = (defaults.cloned().unwrap_or_default(), Request::plain());
        Request {
            width: self.width.or(d.width).unwrap_or(usual.width),
            height: self.height.or(d.height).unwrap_or(usual.height),
            frames: self.frames.or(d.frames.map(|v| v as usize)).unwrap_or(usual.frames),
            steps: self.steps.or(d.steps.map(|v| v as usize)).unwrap_or(usual.steps),
            guidance: Guidance {
                scale: self.cfg_scale.or(d.cfg_scale).unwrap_or(usual.guidance.scale),
                steps: self.cfg_steps.clone(),
                ..usual.guidance
            },
            passes: self.cfg_passes,
            reuse_deep: self.reuse_deep,
            vae_tile: self.vae_tile,
            ..usual
        }
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
            phase.name.to_owned(),
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
