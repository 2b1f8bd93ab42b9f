//! What the phases of a generation take of the device's memory: planned, and counted where they are made ready.

use serde::Serialize;

use super::{
    Error,
    phases::{Network, Phases, SEED},
    record::PhaseKind,
    setup::Setup,
};
use crate::{
    checkpoint::ComponentKind,
    gpu::Capabilities,
    graph::Program,
    pipeline::{Decoder, Denoiser, Estimate, Noise, PhaseEstimate, PhaseName, RngKind},
};

/// The memory of a model's phases on a device.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryCount {
    /// The model and the clip.
    #[serde(flatten)]
    pub setup: Setup,
    /// The device.
    pub device: Capabilities,
    /// In the order in which they were made ready.
    pub phases: Vec<PhaseMemory>,
    /// Bytes of the largest phase, as planned.
    pub peak_planned_bytes: u64,
    /// Bytes of the largest phase, as counted.
    pub peak_counted_bytes: u64,
}

/// The memory of a phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseMemory {
    /// Which one.
    pub kind: PhaseKind,
    /// What it is planned to take, and what for.
    pub planned: PhaseEstimate,
    /// Bytes that it is planned to take at most.
    pub planned_bytes: u64,
    /// Bytes that were on the device at most.
    pub counted_bytes: u64,
}

impl MemoryCount {
    /// What was made ready, in two lines, and one for streamed weights.
    pub fn title(&self) -> String {
        let Self { setup, device, .. } = self;
        let (clip, streaming) = (setup.clip(), setup.streaming_line());
        format!("{clip}\non {} ({}, {}){streaming}", device.name, device.backend, device.driver)
    }
}

impl Phases<'_> {
    /// Makes a phase ready as a generation does, beside as much as other phases have left there, and frees it; `estimate` is that of all.
    pub fn count_memory(&self, kind: PhaseKind, estimate: &Estimate) -> Result<PhaseMemory, Error> {
        let planned = planned(kind, estimate)?;
        let before = self.device.memory()[0];
        self.device.reset_peak();
        match self.network(kind) {
            Some(network) => {
                let _kept = self.device.buffer("what other phases keep", planned.kept)?;
                self.ready_alone(kind, &network)?;
            }
            None => {
                let _encoded = self.encoded()?;
                let rest = planned.kept.saturating_sub(self.device.memory()[0] - before);
                let _kept = self.device.buffer("what other phases keep", rest)?;
                let (plans, residence) = (self.plans.networks(), &self.plans.residences.unet);
                let weights = self.weights.send(self.device, ComponentKind::UNet, &plans, residence)?;
                let denoiser = Denoiser::new(self.device, self.plans, &weights)?;
                denoiser.start(&mut Noise::new(RngKind::TorchCpu, SEED))?;
                denoiser.read("latents")?;
            }
        }
        self.device.wait()?;
        Ok(PhaseMemory {
            kind,
            planned_bytes: planned.bytes(),
            counted_bytes: self.device.memory()[1] - before,
            planned,
        })
    }

    /// A network that is one plan, or the decoder in strips.
    fn ready_alone(&self, kind: PhaseKind, network: &Network<'_>) -> Result<(), Error> {
        let decoding = self.plans.decode.all();
        let decodes = kind == PhaseKind::VaeDecode;
        let plans = if decodes { &decoding[..] } else { &[network.plan] };
        let weights = self.weights.send(self.device, network.component, plans, network.residence)?;
        if decodes {
            Decoder::new(self.device, &self.plans.decode, &weights)?;
        } else {
            Program::new(self.device, network.plan, &weights, &mut self.inputs(network.plan)?)?;
        }
        Ok(())
    }
}

/// What is planned for a phase. All phases of the UNet need the same.
fn planned(kind: PhaseKind, estimate: &Estimate) -> Result<PhaseEstimate, Error> {
    let name = match kind {
        PhaseKind::Text => PhaseName::Text,
        PhaseKind::Image => PhaseName::Image,
        PhaseKind::VaeEncode => PhaseName::VaeEncode,
        PhaseKind::Conditions => PhaseName::Conditions,
        PhaseKind::Unet => PhaseName::Denoising,
        PhaseKind::VaeDecode => PhaseName::VaeDecode,
    };
    Ok(estimate.phase(name).cloned().ok_or_else(|| crate::graph::Error::Unbound(name.to_string()))?)
}
