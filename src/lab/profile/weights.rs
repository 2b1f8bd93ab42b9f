//! The weights of what is profiled: a checkpoint's, or values that the device makes up.

use std::sync::Arc;

use half::f16;

use super::Error;
use crate::{
    checkpoint::{Checkpoint, ComponentKind},
    fingerprint::fnv1a,
    gpu::Device,
    graph::{
        self, Bindings, Graph, Keep, Plan, Program, Residence, Target, Types, WeightFormat, WeightKey, WeightSource,
        WeightStore, WeightView,
    },
    kernel::{Dtype, RandomWeights},
    lab::random_checkpoint::moments,
    pipeline::{Source, weight_dtype},
    sampler::TorchGenerator,
};

/// Where weights come from.
#[derive(Debug)]
pub enum Weights {
    /// The files of a checkpoint.
    Checkpoint(Box<Checkpoint>),
    /// A seed: nothing is read, and nothing goes from the host to the device, unless some are streamed.
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

    /// The weights of these plans, on the device or streamed.
    pub(super) fn load(
        &self,
        device: &Device,
        target: &Target,
        kind: ComponentKind,
        plans: &[&Plan],
        residence: &Residence,
    ) -> Result<WeightStore, Error> {
        let store = match self {
            Self::Random(seed) if *residence == Residence::All => {
                let mut store = WeightStore::default();
                for plan in plans {
                    store.generate(device, &plan.weights, |missing| make_up(device, target, *seed, missing))?;
                }
                store
            }
            _ => self.send(device, kind, plans, residence)?,
        };
        device.wait()?;
        Ok(store)
    }

    /// The same as a generation brings them there: all from the host.
    pub(super) fn send(
        &self,
        device: &Device,
        kind: ComponentKind,
        plans: &[&Plan],
        residence: &Residence,
    ) -> Result<WeightStore, Error> {
        let source: Arc<dyn WeightSource + Send> = match self {
            Self::Checkpoint(checkpoint) => Arc::new(Source(checkpoint.component(kind).clone())),
            Self::Random(_) => Arc::new(Normals::new(plans)),
        };
        Ok(WeightStore::new(device, source, plans, residence)?)
    }
}

/// What the host sends in place of weights: every one is the beginning of the same row of f16 normals. They are small, so that activations
/// stay finite.
struct Normals(Vec<u8>);

impl Normals {
    /// After so many they repeat: a prime, so that the rows of a matrix begin at different ones.
    const PERIOD: usize = 65_537;
    const DEVIATION: f32 = 0.02;

    fn new(plans: &[&Plan]) -> Self {
        let parts = plans.iter().flat_map(|plan| &plan.weights).flat_map(|key| &key.parts);
        let largest: usize = parts.map(|part| part.whole().iter().product()).max().unwrap_or(0);
        let normals = TorchGenerator::new(0).randn(Self::PERIOD);
        let bytes = normals.iter().map(|normal| f16::from_f32(normal * Self::DEVIATION).to_le_bytes());
        Self(bytes.cycle().take(largest).flatten().collect())
    }
}

impl WeightSource for Normals {
    fn weight(&self, _: &str, shape: &[usize]) -> Option<WeightView<'_>> {
        let bytes = self.0.get(..shape.iter().product::<usize>() * 2)?.into();
        Some(WeightView { format: WeightFormat::F16, shape: shape.to_vec(), bytes })
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
