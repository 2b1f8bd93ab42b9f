//! What a generation costs, known from its plans alone: memory and arithmetic per phase, and what is split.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use serde::Serialize;

use super::{DecodePlans, Plans, StepCounts, StepPlans, Streaming};
use crate::{
    gpu::buffer_bytes,
    graph::{External, Plan, PlannedOp, Residence, shared_bytes},
};

/// Cost of a whole generation.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// In the order in which they run. Each releases its memory before the next one begins, except what is kept for later.
    pub phases: Vec<PhaseEstimate>,
    /// Bytes on the device in the largest phase.
    pub peak_bytes: u64,
    /// The same where the weights of all networks stay there, as they do between the clips of a batch if they have room.
    pub batch_peak_bytes: u64,
    /// How the UNet's weights are divided, if some are streamed.
    pub streaming: Option<Streaming>,
    /// Floating-point operations of one denoising step.
    pub step_flops: f64,
    /// Floating-point operations in all.
    pub flops: f64,
    /// Different pipelines that are compiled.
    pub pipelines: usize,
    /// Operations that take several dispatches.
    pub splits: Vec<Split>,
}

/// A phase of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum PhaseName {
    /// The text encoder.
    #[serde(rename = "text encoder")]
    Text,
    /// The image encoder.
    #[serde(rename = "image encoder")]
    Image,
    /// The VAE's encoder, and the draw from its posterior.
    #[serde(rename = "VAE encoder")]
    VaeEncode,
    /// What of the UNet does not depend on the step, and the initial latents.
    #[serde(rename = "conditions")]
    Conditions,
    /// Steps that run all of the UNet.
    #[serde(rename = "denoising")]
    Denoising,
    /// Steps that reuse deep features.
    #[serde(rename = "outermost layers")]
    Outermost,
    /// Steps without guidance, where others have it.
    #[serde(rename = "denoising without guidance")]
    Unguided,
    /// Those of them that reuse deep features.
    #[serde(rename = "outermost without guidance")]
    UnguidedOutermost,
    /// The VAE's decoder.
    #[serde(rename = "VAE decoder")]
    VaeDecode,
}

/// As in tables.
impl fmt::Display for PhaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Cost of a phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseEstimate {
    /// Which one.
    pub name: PhaseName,
    /// How often it runs.
    pub runs: usize,
    /// Bytes of its weights on the device: those that stay, and windows for those that are streamed.
    pub weights: u64,
    /// Bytes of weights that go to the device in one run.
    pub streamed: u64,
    /// Bytes of the buffers that its intermediate tensors share.
    pub intermediates: u64,
    /// Bytes of the tensors that it exchanges: inputs, outputs, keys and values of the cross-attentions.
    pub externals: u64,
    /// Bytes that it and earlier phases leave for later ones.
    pub kept: u64,
    /// Bytes of parameters of kernels, of zeros, and of values on their way from or to the host.
    pub other: u64,
    /// Bytes beyond `weights` while they are loaded, since some exist twice then, before there is anything but what was kept.
    pub upload: u64,
    /// Floating-point operations of one run.
    pub flops: f64,
    /// Dispatches of one run.
    pub dispatches: usize,
    /// Submissions of one run.
    pub submissions: usize,
}

impl PhaseEstimate {
    /// The most bytes on the device from its beginning to its end.
    pub fn bytes(&self) -> u64 {
        self.weights + self.beside_weights()
    }

    /// The same without its weights.
    fn beside_weights(&self) -> u64 {
        self.kept + self.upload.max(self.intermediates + self.externals + self.other)
    }
}

/// An operation that takes several dispatches.
#[derive(Clone, Debug, Serialize)]
pub struct Split {
    /// The phase.
    pub phase: PhaseName,
    /// Path of the operation in the model.
    pub label: String,
    /// Its kernel.
    pub kernel: &'static str,
    /// Its dispatches.
    pub pieces: usize,
    /// What asks for them.
    pub why: Why,
}

/// Why an operation is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// In one piece it would take too long.
    Time,
    /// In one piece it would exceed the device's largest binding.
    Binding,
}

impl Estimate {
    /// A phase, if the generation has it.
    pub fn phase(&self, name: PhaseName) -> Option<&PhaseEstimate> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// The cost of denoising in so many steps (see [`super::Request::step_counts`]), and of everything around it.
    pub fn new(plans: &Plans, steps: StepCounts) -> Self {
        let s = &plans.shape;
        let rows = if s.guided { 2 } else { 1 };
        let passes = s.passes();

        let written =
            |plan: &Plan| plan.externals.iter().filter(|e| e.written).map(External::buffer_bytes).sum::<u64>();
        let embedded = rows as u64 * written(&plans.text);
        let seen = embedded + written(&plans.image);
        // Every clip has draws of its own from the posterior, unscaled and scaled, and latents.
        let frame = buffer_bytes((s.pixels() * s.channels * 4) as u64);
        let draws = 2 * s.clips as u64 * frame;
        let conditions = seen + written(&plans.encode) + draws;
        let all_frames = buffer_bytes((s.elements() * 4) as u64);
        let latents = s.clips as u64 * all_frames;

        // Where all steps are alike, `step` is what they run.
        let alike = if plans.shape.guided { steps.guided } else { steps.unguided };
        // Both kinds of steps have keys and values of their own.
        let once: Vec<&Plan> =
            std::iter::once(&plans.initial).chain(plans.unguided_step.as_ref().map(|step| &step.conditions)).collect();
        let kept = conditions + latents;
        let mut phases = vec![
            phase(PhaseName::Text, rows, &plans.text, embedded, 0, &plans.residences.text),
            phase(PhaseName::Image, 1, &plans.image, embedded, 0, &plans.residences.image),
            phase(PhaseName::VaeEncode, 1, &plans.encode, seen + draws, 0, &plans.residences.encode),
            unet(PhaseName::Conditions, passes, 1, plans, &[&plans.step.conditions], &once, kept),
        ];
        let mut denoising = |names: [PhaseName; 2], passes: usize, runs: [usize; 2], step: &StepPlans| {
            let depths = [Some(&step.unet), step.outer.as_ref()];
            for ((name, runs), evaluation) in names.into_iter().zip(runs).zip(depths) {
                let phase = evaluation.map(|plan| unet(name, passes, runs, plans, &[plan], &[&step.ddim], kept));
                phases.extend(phase);
            }
        };
        denoising([PhaseName::Denoising, PhaseName::Outermost], passes, alike, &plans.step);
        if let Some(step) = &plans.unguided_step {
            denoising([PhaseName::Unguided, PhaseName::UnguidedOutermost], 1, steps.unguided, step);
        }
        phases.push(decode_phase(&plans.decode, kept));
        let all = named(plans);
        let pipelines: HashSet<_> =
            all.iter().flat_map(|(_, plan)| &plan.ops).map(|op| (op.op.kernel().name, &op.choice.defines)).collect();
        Self {
            peak_bytes: phases.iter().map(PhaseEstimate::bytes).max().unwrap_or(0),
            batch_peak_bytes: plans.weight_bytes()
                + phases.iter().map(PhaseEstimate::beside_weights).max().unwrap_or(0),
            streaming: plans.streaming(),
            step_flops: phases.iter().filter(|p| p.name == PhaseName::Denoising).map(|p| p.flops).sum(),
            flops: phases.iter().map(|p| p.flops * p.runs as f64).sum(),
            pipelines: pipelines.len(),
            splits: all.iter().flat_map(|(name, plan)| splits(*name, plan)).collect(),
            phases,
        }
    }
}

/// The plans by the phase in which they run.
fn named(plans: &Plans) -> Vec<(PhaseName, &Plan)> {
    let mut named = vec![
        (PhaseName::Text, &plans.text),
        (PhaseName::Image, &plans.image),
        (PhaseName::VaeEncode, &plans.encode),
        (PhaseName::Conditions, &plans.step.conditions),
        (PhaseName::Conditions, &plans.initial),
        (PhaseName::Denoising, &plans.step.unet),
        (PhaseName::Denoising, &plans.step.ddim),
    ];
    named.extend(plans.decode.all().into_iter().map(|plan| (PhaseName::VaeDecode, plan)));
    if let Some(step) = &plans.unguided_step {
        let name = PhaseName::Unguided;
        named.extend([(name, &step.conditions), (name, &step.unet), (name, &step.ddim)]);
        named.extend(step.outer.iter().map(|plan| (PhaseName::UnguidedOutermost, plan)));
    }
    named.extend(plans.step.outer.iter().map(|plan| (PhaseName::Outermost, plan)));
    named
}

/// A phase of one plan; `read` bytes are read back at a time.
fn phase(name: PhaseName, runs: usize, plan: &Plan, kept: u64, read: u64, residence: &Residence) -> PhaseEstimate {
    // Every input is written by the host, or counted as if it were.
    let given: u64 = plan.externals.iter().filter(|e| !e.written).map(External::buffer_bytes).sum();
    PhaseEstimate {
        name,
        runs,
        weights: residence.weight_bytes(&[plan]),
        streamed: residence.streamed_bytes(plan),
        intermediates: shared_bytes([plan]),
        externals: plan.external_bytes(),
        kept,
        other: plan.program_bytes() + given + read,
        upload: residence.upload_bytes(&[plan]),
        flops: plan.cost.flops,
        dispatches: plan.dispatches(),
        submissions: plan.submissions(),
    }
}

/// The decoder, whole or in strips.
pub(super) fn decode_phase(plans: &DecodePlans, kept: u64) -> PhaseEstimate {
    let DecodePlans { plan, strips, shape, residence } = plans;
    // The bytes of a frame are read back.
    let [width, height] = shape.size;
    let read = buffer_bytes((3 * width * height) as u64);
    let whole = phase(PhaseName::VaeDecode, shape.frames, plan, kept, read, residence);
    let Some(strips) = strips else { return whole };
    let all = plans.all();
    let count = strips.strips.len();
    let sum = |of: fn(&Plan) -> usize| count * strips.segments.iter().map(of).sum::<usize>();
    let streamed = |plan| residence.streamed_bytes(plan);
    PhaseEstimate {
        weights: residence.weight_bytes(&all),
        upload: residence.upload_bytes(&all),
        streamed: whole.streamed + count as u64 * strips.segments.iter().map(streamed).sum::<u64>(),
        intermediates: shared_bytes(all.iter().copied()),
        externals: whole.externals + strips.exchanged_bytes(),
        other: passes_of(&all, 1) + strips.moved_bytes(),
        flops: whole.flops + count as f64 * strips.segments.iter().map(|plan| plan.cost.flops).sum::<f64>(),
        dispatches: whole.dispatches + sum(Plan::dispatches),
        submissions: whole.submissions + sum(Plan::submissions),
        ..whole
    }
}

/// A phase of the UNet: its plans are all in memory at the same time. `in_pass` runs once per pass, `once` once.
fn unet(
    name: PhaseName,
    passes: usize,
    runs: usize,
    plans: &Plans,
    in_pass: &[&Plan],
    once: &[&Plan],
    kept: u64,
) -> PhaseEstimate {
    let (own, common) = (plans.step.networks(), [&plans.initial, &plans.step.ddim]);
    let mut shared = externals(&common);
    let all = externals(&own);
    for input in ["timestep", "fps", "image_latent"] {
        shared.extend(all.get_key_value(input));
    }
    // With two passes each has a prediction under a name of its own, which is among the shared tensors.
    let of_passes = |all: &BTreeMap<&str, u64>| -> u64 {
        let own = all.iter().filter(|(name, _)| !shared.contains_key(*name) && **name != "prediction");
        own.map(|(_, bytes)| bytes).sum()
    };
    let mut passes_bytes = plans.shape.passes() as u64 * of_passes(&all);
    let latents = buffer_bytes((plans.shape.elements() * 4) as u64);
    let mut programs = passes_of(&own, plans.shape.passes()) + passes_of(&common, 1);
    // The plans of all passes share their buffers: they run one after the other.
    let sharing = plans.networks();
    let mut intermediates: u64 = common.iter().map(|&plan| shared_bytes([plan])).sum();
    // Both kinds of steps are ready at the same time.
    if let Some(step) = &plans.unguided_step {
        let networks = step.networks();
        passes_bytes += of_passes(&externals(&networks)) + latents;
        programs += passes_of(&networks, 1) + passes_of(&[&step.ddim], 1);
        intermediates += shared_bytes([&step.ddim]);
    }
    let residence = &plans.residences.unet;
    let (weights, upload) = (residence.weight_bytes(&sharing), residence.upload_bytes(&sharing));
    intermediates += shared_bytes(sharing);
    let streamed = |plans: &[&Plan]| plans.iter().map(|plan| residence.streamed_bytes(plan)).sum::<u64>();
    let run = |count: fn(&Plan) -> usize| {
        passes * in_pass.iter().map(|p| count(p)).sum::<usize>() + once.iter().map(|p| count(p)).sum::<usize>()
    };
    PhaseEstimate {
        name,
        runs,
        weights,
        streamed: passes as u64 * streamed(in_pass) + streamed(once),
        intermediates,
        externals: passes_bytes + shared.values().sum::<u64>(),
        kept,
        // Noise is written, latents are read back.
        other: programs + 2 * latents + SMALL,
        upload,
        flops: passes as f64 * in_pass.iter().map(|p| p.cost.flops).sum::<f64>()
            + once.iter().map(|p| p.cost.flops).sum::<f64>(),
        dispatches: run(Plan::dispatches),
        submissions: run(Plan::submissions),
    }
}

/// The image encoder where it runs alone, with all of its weights, beside so many bytes of others.
pub(super) fn image_alone(plan: &Plan, beside: u64) -> PhaseEstimate {
    phase(PhaseName::Image, 1, plan, beside, 0, &Residence::All)
}

/// Room for what is written in a step beside noise: a timestep, coefficients, weights of frames.
const SMALL: u64 = 64 << 10;

/// What so many programs of each plan hold beside tensors and weights.
fn passes_of(plans: &[&Plan], passes: usize) -> u64 {
    passes as u64 * plans.iter().map(|plan| plan.program_bytes()).sum::<u64>()
}

/// Bytes of the tensors that the plans exchange, each name once.
fn externals<'a>(plans: &[&'a Plan]) -> BTreeMap<&'a str, u64> {
    plans.iter().flat_map(|p| &p.externals).map(|e| (e.name.as_str(), e.buffer_bytes())).collect()
}

fn splits(phase: PhaseName, plan: &Plan) -> Vec<Split> {
    let split = |op: &PlannedOp| {
        let by_time = (op.seconds / plan.target.max_seconds).ceil() as usize;
        let why = if op.chunks.len() <= by_time { Why::Time } else { Why::Binding };
        Split { phase, label: op.label.clone(), kernel: op.op.kernel().name, pieces: op.chunks.len(), why }
    };
    plan.ops.iter().filter(|op| op.chunks.len() > 1).map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::{Configs, Defaults, ModelFiles},
        graph::{Keep, Rate, Target},
        kernel::Dtype,
        pipeline::{MAX_SECONDS, Networks, PlanTypes, Request, Shape},
        sampler::Guidance,
    };

    /// The estimate for the demo checkpoint's own request, changed.
    fn estimate(change: impl Fn(&mut Request)) -> Estimate {
        let configs = Configs::read(&ModelFiles::Demo).unwrap();
        let defaults = Defaults::read(&ModelFiles::Demo).unwrap().unwrap();
        let mut request = Request::plain();
        (request.width, request.height, request.frames, request.steps) =
            (defaults.width.unwrap(), defaults.height.unwrap(), 8, 10);
        change(&mut request);
        let target = Target::new(Default::default(), Rate::default()).within(MAX_SECONDS);
        let networks = Networks::new(&configs, request.compat);
        let types = PlanTypes { activation: Dtype::F32, weights: [Dtype::F32; 4] };
        let plans = Plans::new(&networks, Shape::new(&configs, &request), types, &target, Keep::Nothing).unwrap();
        Estimate::new(&plans, request.step_counts())
    }

    /// Each kind of step costs in a mixed clip what it costs in one of its own, conditions included.
    #[test]
    fn guided_and_unguided_steps_cost_together_what_each_costs_alone() {
        let guided = estimate(|request| request.guidance = 9.0.into());
        let unguided = estimate(|request| request.guidance = 1.0.into());
        let steps = Some("0-40%=1".parse().unwrap());
        let mixed = estimate(|request| request.guidance = Guidance { steps: steps.clone(), ..9.0.into() });
        let find = |e: &Estimate, name: PhaseName| e.phase(name).unwrap().clone();
        let flops = |e: &Estimate, name: PhaseName| find(e, name).flops;
        let relative = |found: f64, expected: f64| ((found - expected) / expected).abs();
        // Noise becomes latents once.
        let both = flops(&guided, PhaseName::Conditions) + flops(&unguided, PhaseName::Conditions);
        assert!(
            relative(flops(&mixed, PhaseName::Conditions), both) < 1e-3,
            "{} {both}",
            flops(&mixed, PhaseName::Conditions)
        );
        assert!(find(&mixed, PhaseName::Conditions).dispatches > find(&guided, PhaseName::Conditions).dispatches);
        let phases = [(PhaseName::Denoising, &guided, 6), (PhaseName::Unguided, &unguided, 4)];
        for (name, alone, runs) in phases {
            let phase = find(&mixed, name);
            assert_eq!((phase.runs, phase.flops), (runs, flops(alone, PhaseName::Denoising)));
        }
    }
}
