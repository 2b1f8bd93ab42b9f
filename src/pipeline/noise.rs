//! Where the random numbers of a clip come from.

use super::{Error, RngKind};
use crate::{
    gpu::Device,
    graph::{Bindings, key_of},
    sampler::TorchGenerator,
};

/// What is drawn, in the order of the reference's draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The noise of the VAE's posterior, `(4, h, w)`.
    Vae,
    /// The initial latents, `(4, F, h, w)`.
    Initial,
    /// The noise of a step, `(F, 4, h, w)`.
    Step(usize),
}

/// The random numbers of one clip.
pub enum Noise {
    /// One torch generator, drawn from in order.
    Torch(Box<TorchGenerator>),
    /// Philox on the device: every draw is a stream of its own.
    Philox(u64),
    /// Recorded noise, for comparisons.
    Recorded(Box<dyn Fn(Draw) -> Option<Vec<f32>>>),
}

impl Noise {
    /// The generator of a seed.
    pub fn new(kind: RngKind, seed: u64) -> Self {
        match kind {
            RngKind::TorchCpu => Noise::Torch(Box::new(TorchGenerator::new(seed))),
            RngKind::Philox => Noise::Philox(seed),
        }
    }

    /// The buffer behind the normals `name` of a plan ([`crate::graph::Graph::normals`]): the numbers themselves, or where they are `drawn`
    /// on the device, the key.
    pub(super) fn bind(
        device: &Device,
        bindings: &mut Bindings,
        name: &str,
        elements: usize,
        drawn: bool,
    ) -> Result<(), Error> {
        let (name, words) = if drawn { (key_of(name), 4) } else { (name.to_owned(), elements) };
        let buffer = device.buffer(&name, (words * 4) as u64)?;
        bindings.insert(name, buffer);
        Ok(())
    }

    /// Gives the plan that reads the normals `name` its next `elements` numbers, or their key.
    pub(super) fn fill(
        &mut self,
        device: &Device,
        bindings: &Bindings,
        name: &str,
        elements: usize,
        draw: Draw,
    ) -> Result<(), Error> {
        let write = |name: &str, bytes: &[u8]| match bindings.get(name) {
            Some(buffer) => {
                device.write(buffer, 0, bytes);
                Ok(())
            }
            None => {
                let reason = format!("the plans have no `{name}`: they are for the other kind of random numbers");
                Err(Error::Request { field: "--rng", reason })
            }
        };
        match self {
            Noise::Torch(generator) => write(name, bytemuck::cast_slice(&generator.randn(elements))),
            Noise::Recorded(noise) => {
                let reason = || format!("the recorded noise lacks {draw:?} with {elements} values");
                let values = noise(draw)
                    .filter(|v| v.len() == elements)
                    .ok_or_else(|| Error::Request { field: "noise", reason: reason() })?;
                write(name, bytemuck::cast_slice(&values))
            }
            Noise::Philox(seed) => {
                let stream = match draw {
                    Draw::Vae => 0,
                    Draw::Initial => 1,
                    Draw::Step(i) => 2 + i as u32,
                };
                write(&key_of(name), bytemuck::cast_slice(&[*seed as u32, (*seed >> 32) as u32, stream, 0]))
            }
        }
    }
}
