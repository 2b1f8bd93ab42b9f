//! Where the weights of each network are while it runs: on the device, or on their way to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Estimate, PhaseEstimate, Plans, StepCounts};
use crate::{
    gpu::Bytes,
    graph::{Residence, Room},
};

/// Which weights of each network stay on the device while it is in use.
#[derive(Clone, Debug, Default)]
pub struct Residences {
    /// Text encoder.
    pub text: Residence,
    /// Image encoder.
    pub image: Residence,
    /// VAE encoder.
    pub encode: Residence,
    /// UNet.
    pub unet: Residence,
    /// VAE decoder.
    pub decode: Residence,
}

/// How the weights of the UNet are divided where some are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streaming {
    /// Bytes that stay on the device.
    pub kept_bytes: u64,
    /// Bytes that go there in every evaluation.
    pub streamed_bytes: u64,
}

impl Plans {
    /// The same without weights that stay, in networks for which that takes less memory.
    pub(super) fn streamed(self) -> Self {
        let alone = |plan| Residence::none(&[plan]);
        let residences = Residences {
            text: alone(&self.text),
            image: alone(&self.image),
            encode: alone(&self.encode),
            unet: Residence::none(&self.networks()),
            decode: Residence::none(&self.decoding()),
        };
        Self { residences, ..self }
    }

    /// The same with as many weights on the device as fit with everything else of their phase in so many bytes.
    pub(super) fn keeping_within(self, bytes: u64) -> Self {
        let estimate = Estimate::new(&self, StepCounts::default());
        // All phases of the UNet need the same.
        let [text, image, encode, unet, .., decode] = &estimate.phases[..] else { return self };
        let alone = |plan, phase: &PhaseEstimate| Residence::within(&[plan], &[], phase.room(bytes));
        let residences = Residences {
            text: alone(&self.text, text),
            image: alone(&self.image, image),
            encode: alone(&self.encode, encode),
            unet: Residence::within(&self.evaluations(), &self.conditions(), unet.room(bytes)),
            decode: Residence::within(&self.decoding(), &[], decode.room(bytes)),
        };
        Self { residences, ..self }
    }

    /// How the UNet's weights are divided, if some are streamed.
    pub fn streaming(&self) -> Option<Streaming> {
        let unet = &self.residences.unet;
        (*unet != Residence::All).then(|| Streaming {
            kept_bytes: unet.kept_bytes(&self.networks()),
            streamed_bytes: unet.streamed_bytes(&self.step.unet),
        })
    }
}

impl Residences {
    /// Are there weights that are streamed?
    pub fn streams(&self) -> bool {
        [&self.text, &self.image, &self.encode, &self.unet, &self.decode].into_iter().any(|one| *one != Residence::All)
    }
}

impl PhaseEstimate {
    /// Room for the phase's weights, if it may take so many bytes.
    pub(super) fn room(&self, bytes: u64) -> Room {
        let beside = self.intermediates + self.externals + self.other;
        Room { limit: bytes.saturating_sub(self.kept), beside }
    }
}

/// Such as `1.20 GiB of the UNet's weights stay on the device, 1.45 GiB pass in every evaluation`.
impl fmt::Display for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept_bytes {
            0 => f.write_str("none")?,
            bytes => write!(f, "{}", Bytes(bytes))?,
        }
        write!(f, " of the UNet's weights stay on the device, {} pass in every evaluation", Bytes(self.streamed_bytes))
    }
}
