//! Where the weights of each network are while it runs: on the device, or on their way to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PhaseEstimate, Plans};
use crate::{
    gpu::Bytes,
    graph::{Residence, Room},
};

/// Which weights of each network stay on the device while it is in use; those of the decoder are with its plans.
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
    /// Are there weights that are streamed?
    pub(super) fn streams(&self) -> bool {
        let Residences { text, image, encode, unet } = &self.residences;
        [text, image, encode, unet, &self.decode.residence].into_iter().any(|one| *one != Residence::All)
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
