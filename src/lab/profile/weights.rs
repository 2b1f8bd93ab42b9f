//! The weights of what is profiled: a checkpoint's, or values that the device makes up.

use super::Error;
use crate::{
    checkpoint::{Checkpoint, ComponentKind},
    fingerprint::fnv1a,
    gpu::Device,
    graph::{self, Bindings, Graph, Keep, Plan, Program, Target, Types, WeightKey, WeightStore},
    kernel::{Dtype, RandomWeights},
    lab::random_checkpoint::moments,
    pipeline::{Source, weight_dtype},
};

/// Where weights come from.
#[derive(Debug)]
pub enum Weights {
    /// The files of a checkpoint.
    Checkpoint(Box<Checkpoint>),
    /// A seed: nothing is read, and nothing goes from the host to the device.
    Random(u32),
}

impl Weights {
    /// How the matrices of each component are stored; the published ones are f16.
    pub(super) fn dtypes(&self, activation: Dtype) -> [Dtype; 4] {
        ComponentKind::ALL.map(|kind| match self {
            Self::Checkpoint(checkpoint) => weight_dtype(checkpoint.component(kind), activation),
            Self::Random(_) => Dtype::F16,
        })
    }

    /// The weights of these plans, on the device.
    pub(super) fn load(
        &self,
        device: &Device,
        target: &Target,
        kind: ComponentKind,
        plans: &[&Plan],
    ) -> Result<WeightStore, Error> {
        let mut store = WeightStore::default();
        match self {
            Self::Checkpoint(checkpoint) => {
                let source = Source(checkpoint.component(kind).as_ref());
                plans.iter().try_for_each(|plan| store.load(device, &plan.weights, &source))?;
            }
            Self::Random(seed) => {
                for plan in plans {
                    store.generate(device, &plan.weights, |missing| make_up(device, target, *seed, missing))?;
                }
            }
        }
        device.wait()?;
        Ok(store)
    }
}

/// Has the device fill buffers with random weights in their layouts.
fn make_up(
    device: &Device,
    target: &Target,
    seed: u32,
    missing: &[(&WeightKey, crate::gpu::Buffer)],
) -> Result<(), graph::Error> {
    let mut graph = Graph::new(Types { activation: Dtype::F32, weight: Dtype::F32 });
    let mut bindings = Bindings::new();
    for (i, (key, buffer)) in missing.iter().enumerate() {
        let name = format!("{i} {}", key.path());
        // Parts of one weight are alike.
        let moments = key.parts.first().map_or([0.0; 2], |part| moments(&part.path, part.whole()));
        let op = RandomWeights::new(&key.as_shape, &key.layout, key.dtype, seed_of(&name, seed), moments);
        for y in graph.record(key.path(), std::sync::Arc::new(op), &[])? {
            graph.output(&name, &y);
        }
        bindings.insert(name, buffer.clone());
    }
    let plan = Plan::new(&graph, target, Keep::Nothing)?;
    Program::new(device, &plan, &WeightStore::default(), &mut bindings)?.run()
}

/// A seed for a name, so that no two weights are alike.
fn seed_of(name: &str, seed: u32) -> u32 {
    let name = fnv1a(name.bytes());
    name as u32 ^ (name >> 32) as u32 ^ seed
}
