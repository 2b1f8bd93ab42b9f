//! Where the random numbers of a clip come from.

use super::{Error, RngKind};
use crate::{
    gpu::{Buffer, Device},
    graph::{Bindings, Graph, Keep, Plan, Program, Target, Types, WeightStore},
    kernel::Dtype,
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

    /// Fills `buffer` with `elements` standard normals.
    pub(super) fn fill(
        &mut self,
        device: &Device,
        target: &Target,
        buffer: &Buffer,
        elements: usize,
        draw: Draw,
    ) -> Result<(), Error> {
        match self {
            Noise::Torch(generator) => device.write(buffer, 0, bytemuck::cast_slice(&generator.randn(elements))),
            Noise::Recorded(noise) => {
                let reason = || format!("the recorded noise lacks {draw:?} with {elements} values");
                let values = noise(draw)
                    .filter(|v| v.len() == elements)
                    .ok_or_else(|| Error::Request { field: "noise", reason: reason() })?;
                device.write(buffer, 0, bytemuck::cast_slice(&values));
            }
            Noise::Philox(seed) => {
                let stream = match draw {
                    Draw::Vae => 0,
                    Draw::Initial => 1,
                    Draw::Step(i) => 2 + i as u32,
                };
                philox(device, target, buffer, elements, [*seed as u32, (*seed >> 32) as u32, stream, 0])?;
            }
        }
        Ok(())
    }
}

fn philox(device: &Device, target: &Target, buffer: &Buffer, elements: usize, key: [u32; 4]) -> Result<(), Error> {
    let mut graph = Graph::new(Types { activation: Dtype::F32, weight: Dtype::F32 });
    let input = graph.input("key", &[4], Dtype::U32);
    let y = graph.philox(&input, &[elements])?;
    graph.output("noise", &y);
    let plan = Plan::new(&graph, target, Keep::Nothing)?.named("noise");
    let key_buffer = device.buffer("key", 16)?;
    device.write(&key_buffer, 0, bytemuck::cast_slice(&key));
    let mut bindings = Bindings::from([("key".to_owned(), key_buffer), ("noise".to_owned(), buffer.clone())]);
    Ok(Program::new(device, &plan, &WeightStore::default(), &mut bindings)?.submit()?)
}
