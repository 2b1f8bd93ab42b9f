//! The plans of a decode alone: of latents that were kept nothing runs but the decoder, so nothing else is planned, and nothing else can be
//! too large.

use super::{
    Error, MemoryPolicy, PhaseEstimate, Planner, Plans, Request, Savings, Shape, Strips, VaeTile,
    estimate::decode_phase, memory::Budget, plans::plan_decode, strips::as_few_as_fit,
};
use crate::graph::{Plan, Residence};

/// The plans of the VAE decoder.
#[derive(Clone, Debug)]
pub struct DecodePlans {
    /// One frame; in strips, its beginning.
    pub decode: Plan,
    /// The rest of it, if frames are decoded in strips.
    pub strips: Option<Strips>,
    /// The sizes.
    pub shape: Shape,
    /// Which weights stay on the device.
    pub residence: Residence,
}

/// The decoder of a generation.
impl From<&Plans> for DecodePlans {
    fn from(plans: &Plans) -> Self {
        Self {
            decode: plans.decode.clone(),
            strips: plans.strips.clone(),
            shape: plans.shape,
            residence: plans.residences.decode.clone(),
        }
    }
}

impl DecodePlans {
    /// All of them, in the order in which they first run.
    pub fn all(&self) -> Vec<&Plan> {
        self.strips.as_ref().map_or_else(|| vec![&self.decode], |strips| strips.behind(&self.decode))
    }

    /// What they do to need less memory.
    pub fn savings(&self) -> Savings {
        let Savings { tiles, .. } = Savings::asked(&self.shape, MemoryPolicy::default());
        Savings { two_passes: false, tiles, offload: self.residence != Residence::All }
    }

    /// Bytes on the device while they run alone.
    pub(super) fn bytes(&self) -> u64 {
        self.phase().bytes()
    }

    /// Alone, nothing else is on the device: frames come from the host one by one.
    fn phase(&self) -> PhaseEstimate {
        decode_phase(&self.decode, self.strips.as_ref(), &self.shape, &self.residence, 0)
    }

    /// The same without weights that stay, if that takes less memory.
    fn streamed(self) -> Self {
        Self { residence: Residence::none(&self.all()), ..self }
    }

    /// The same with as many weights on the device as fit with everything else in so many bytes.
    fn keeping_within(self, bytes: u64) -> Self {
        Self { residence: Residence::within(&self.all(), &[], self.phase().room(bytes)), ..self }
    }
}

impl Planner<'_> {
    /// The plans of a request of which nothing but the decode will run. What saves memory, in this order: strips (with [`VaeTile::Auto`]), then
    /// streamed weights, of which as many are kept as fit.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with what the least needs that works, and what exceeds the device's limits.
    pub fn decode_plans(&self, request: &Request) -> Result<DecodePlans, Error> {
        let whole = self.decode_of(Shape::new(self.configs, request))?;
        let budget = Budget::new(self.memory, &self.target.device);
        let mut least: Option<DecodePlans> = None;
        for streamed in self.memory.rounds() {
            let mut plans = if streamed { whole.clone().streamed() } else { whole.clone() };
            let Some(budget) = &budget else { return Ok(plans) };
            if request.vae_tile == VaeTile::Auto && !self.memory.resident {
                plans = self.decode_in_strips(plans, streamed, budget.bytes())?;
            }
            if streamed && !self.memory.offload {
                plans = plans.keeping_within(budget.bytes());
            }
            if plans.bytes() <= budget.bytes() {
                return Ok(plans);
            }
            least = Some(least.filter(|least| least.bytes() <= plans.bytes()).unwrap_or(plans));
        }
        Err(match (budget, least) {
            (Some(budget), Some(least)) => budget.too_large(least.bytes(), &least.shape, least.savings()),
            _ => Error::Cancelled,
        })
    }

    fn decode_of(&self, shape: Shape) -> Result<DecodePlans, Error> {
        let (decode, strips, strip) = plan_decode(self.networks, &shape, self.types, self.target)?;
        Ok(DecodePlans { decode, strips, shape: Shape { strip, ..shape }, residence: Residence::All })
    }

    /// The same in as few strips as fit, if a whole frame does not; where nothing fits, in those that need least.
    fn decode_in_strips(&self, plans: DecodePlans, streamed: bool, budget: u64) -> Result<DecodePlans, Error> {
        let height = plans.shape.latent[0];
        as_few_as_fit(plans, height, budget, DecodePlans::bytes, |plans, rows| {
            // Strips that the device's limits leave no plan save nothing.
            let more = self.decode_of(Shape { strip: Some(rows), ..plans.shape }).ok();
            Ok(more.map(|more| if streamed { more.streamed() } else { more }))
        })
    }
}
