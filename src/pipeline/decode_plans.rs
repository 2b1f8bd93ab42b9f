//! The plans of the VAE decoder: those of a generation, and those of a decode alone.

use super::{
    Error, MemoryPolicy, Networks, PhaseEstimate, PlanTypes, Planner, Request, Savings, Shape, Strips,
    estimate::decode_phase,
    fitting::{Fitting, lesser},
    strips::COUNTS,
};
use crate::{
    checkpoint::ComponentKind,
    graph::{Graph, Keep, Plan, Residence, Room, Target},
};

/// The plans of the VAE decoder.
#[derive(Clone, Debug)]
pub struct DecodePlans {
    /// One frame; in strips, its beginning.
    pub plan: Plan,
    /// The rest of it, if frames are decoded in strips.
    pub strips: Option<Strips>,
    /// The sizes.
    pub shape: Shape,
    /// Which weights stay on the device.
    pub residence: Residence,
}

impl DecodePlans {
    /// Plans for a frame, whole or in strips as the shape says. Strips that nobody asked for are made where a whole frame exceeds the device's
    /// limits.
    ///
    /// # Errors
    /// What exceeds them.
    pub fn new(networks: &Networks, shape: Shape, types: PlanTypes, target: &Target) -> Result<Self, Error> {
        if let Some(own) = shape.strip
            && let Some(plans) = Self::in_strips(networks, shape, types, target, own)?
        {
            return Ok(plans);
        }
        let mut graph = Graph::new(types.of(ComponentKind::Vae)).with_max_binding(target.device.max_binding);
        let recorded = networks.vae_decoder.record(&mut graph, shape.latent[0], shape.latent[1]);
        match recorded.and_then(|()| Plan::new(&graph, target, Keep::Nothing)) {
            Ok(plan) => Ok(Self {
                plan: plan.named("vae-decode"),
                strips: None,
                shape: Shape { strip: None, ..shape },
                residence: Residence::All,
            }),
            Err(too_large) => {
                let strips = |count: &usize| {
                    let own = shape.latent[0].div_ceil(*count);
                    Self::in_strips(networks, shape, types, target, own).ok().flatten()
                };
                let smaller = || COUNTS.iter().find_map(strips);
                shape.free_strip.then(smaller).flatten().ok_or(too_large.into())
            }
        }
    }

    /// Plans for strips of which each has so many rows of latents of its own; `None` if one would be as high as a frame.
    pub(super) fn in_strips(
        networks: &Networks,
        shape: Shape,
        types: PlanTypes,
        target: &Target,
        own: usize,
    ) -> Result<Option<Self>, Error> {
        let found = Strips::new(networks, &shape, types.of(ComponentKind::Vae), target, own)?;
        Ok(found.map(|(plan, strips)| Self {
            plan,
            strips: Some(strips),
            shape: Shape { strip: Some(own), ..shape },
            residence: Residence::All,
        }))
    }

    /// All of them, in the order in which they first run.
    pub fn all(&self) -> Vec<&Plan> {
        std::iter::once(&self.plan).chain(self.strips.iter().flat_map(|strips| &strips.segments)).collect()
    }

    /// What they do to need less memory.
    pub fn savings(&self) -> Savings {
        let Savings { tiles, .. } = Savings::asked(&self.shape, MemoryPolicy::default());
        Savings { two_passes: false, tiles, offload: self.residence != Residence::All }
    }

    /// The same with as many weights on the device as find room.
    pub(super) fn holding(self, room: Room) -> Self {
        Self { residence: Residence::within(&self.all(), &[], room), ..self }
    }

    /// What they need beside so many bytes that other phases left.
    pub(super) fn phase(&self, kept: u64) -> PhaseEstimate {
        decode_phase(self, kept)
    }
}

/// Alone, nothing else is on the device: frames come from the host one by one.
impl Fitting for DecodePlans {
    fn peak_bytes(&self) -> u64 {
        self.phase(0).bytes()
    }

    fn streamed(self) -> Self {
        Self { residence: Residence::none(&self.all()), ..self }
    }

    fn keeping_within(self, bytes: u64) -> Self {
        let room = self.phase(0).room(bytes);
        self.holding(room)
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn savings(&self) -> Savings {
        Self::savings(self)
    }

    fn decode(&self) -> (&DecodePlans, u64) {
        (self, 0)
    }

    fn with_decode(self, decode: DecodePlans) -> Self {
        decode
    }
}

impl Planner<'_> {
    /// The plans of a request of which nothing but the decode will run. What saves memory, in this order: strips (with
    /// [`VaeTile::Auto`](super::VaeTile)), then streamed weights, of which as many are kept as fit.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with what the least needs that works, and what exceeds the device's limits.
    pub fn decode_plans(&self, request: &Request) -> Result<DecodePlans, Error> {
        let whole = DecodePlans::new(self.networks, Shape::new(self.configs, request), self.types, self.target)?;
        let mut least: Option<Error> = None;
        for streamed in self.memory.rounds() {
            match self.fitting(whole.clone(), streamed, request.vae_tile) {
                Ok(plans) => return Ok(plans),
                Err(error) => least = Some(lesser(least, error)),
            }
        }
        Err(least.unwrap_or(Error::Cancelled))
    }
}
