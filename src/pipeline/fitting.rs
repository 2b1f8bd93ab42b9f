//! What plans do to fit a device: those of a generation, and those of a decode alone.

use super::{
    DecodePlans, Error, Estimate, PhaseName, Planner, Plans, Residences, Savings, Shape, StepCounts, VaeTile,
    memory::Budget, strips::COUNTS,
};
use crate::graph::{Residence, Room};

/// Plans that can take less memory.
pub(super) trait Fitting: Sized {
    /// Bytes on the device in the largest phase.
    fn peak_bytes(&self) -> u64;

    /// The same without weights that stay, in networks for which that takes less memory.
    fn streamed(self) -> Self;

    /// The same with as many weights on the device as fit with everything else of their phase in so many bytes.
    fn keeping_within(self, bytes: u64) -> Self;

    /// The sizes.
    fn shape(&self) -> &Shape;

    /// What they do to need less memory.
    fn savings(&self) -> Savings;

    /// Those of the decoder, and the bytes that other phases leave for its own.
    fn decode(&self) -> (&DecodePlans, u64);

    /// The same with another decode.
    fn with_decode(self, decode: DecodePlans) -> Self;
}

impl Fitting for Plans {
    fn peak_bytes(&self) -> u64 {
        // No phase's memory depends on how often it runs.
        Estimate::new(self, StepCounts::default()).peak_bytes
    }

    fn streamed(self) -> Self {
        let alone = |plan| Residence::none(&[plan]);
        let residences = Residences {
            text: alone(&self.text),
            image: alone(&self.image),
            encode: alone(&self.encode),
            unet: Residence::none(&self.networks()),
        };
        let decode = self.decode.streamed();
        Self { residences, decode, ..self }
    }

    fn keeping_within(self, bytes: u64) -> Self {
        let estimate = Estimate::new(&self, StepCounts::default());
        let room = |name| estimate.phase(name).map_or(Room::default(), |phase| phase.room(bytes));
        let alone = |plan, name| Residence::within(&[plan], &[], room(name));
        let residences = Residences {
            text: alone(&self.text, PhaseName::Text),
            image: alone(&self.image, PhaseName::Image),
            encode: alone(&self.encode, PhaseName::VaeEncode),
            // All phases of the UNet need the same.
            unet: Residence::within(&self.evaluations(), &self.conditions(), room(PhaseName::Denoising)),
        };
        let decode = self.decode.holding(room(PhaseName::VaeDecode));
        Self { residences, decode, ..self }
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn savings(&self) -> Savings {
        Savings::of(self)
    }

    fn decode(&self) -> (&DecodePlans, u64) {
        let estimate = Estimate::new(self, StepCounts::default());
        (&self.decode, estimate.phase(PhaseName::VaeDecode).map_or(0, |phase| phase.kept))
    }

    fn with_decode(self, decode: DecodePlans) -> Self {
        Self { shape: Shape { strip: decode.shape.strip, ..self.shape }, decode, ..self }
    }
}

impl Planner<'_> {
    /// Plans that respect the user's limit and, where that is known, the device's memory; `streamed` if not all weights need to stay.
    pub(super) fn fitting<P: Fitting>(&self, plans: P, streamed: bool, tile: VaeTile) -> Result<P, Error> {
        let plans = if streamed { plans.streamed() } else { plans };
        let Some(budget) = Budget::new(self.memory, &self.target.device) else { return Ok(plans) };
        let tiled = tile == VaeTile::Auto && !self.memory.resident;
        let plans = if tiled { self.tiled(plans, streamed, budget.bytes()) } else { plans };
        let keeps = streamed && !self.memory.offload;
        let plans = if keeps { plans.keeping_within(budget.bytes()) } else { plans };
        match plans.peak_bytes() {
            needed if needed > budget.bytes() => Err(budget.too_large(needed, plans.shape(), plans.savings())),
            _ => Ok(plans),
        }
    }

    /// The same with a decode in as few strips as fit, if a whole frame does not; where nothing fits, in those that need least.
    fn tiled<P: Fitting>(&self, plans: P, streamed: bool, budget: u64) -> P {
        let (whole, kept) = plans.decode();
        let bytes = |decode: &DecodePlans| decode.phase(kept).bytes();
        let mut least: Option<DecodePlans> = None;
        for count in COUNTS {
            let best = least.as_ref().unwrap_or(whole);
            if bytes(best) <= budget {
                break;
            }
            let own = whole.shape.latent[0].div_ceil(count);
            // Strips that the device's limits leave no plan save nothing.
            let strips =
                DecodePlans::in_strips(self.networks, whole.shape, self.types, self.target, own).ok().flatten();
            let strips = strips.map(|strips| if streamed { strips.streamed() } else { strips });
            least = strips.filter(|strips| bytes(strips) < bytes(best)).or(least);
        }
        match least {
            Some(decode) => plans.with_decode(decode),
            None => plans,
        }
    }
}

/// Of two errors the one of plans that need less, or else the first.
pub(super) fn lesser(first: Option<Error>, second: Error) -> Error {
    match (first, second) {
        (None, second) => second,
        (Some(Error::TooLarge { needed: a, .. }), second @ Error::TooLarge { needed: b, .. }) if b < a => second,
        (Some(Error::Graph(_)), second @ Error::TooLarge { .. }) => second,
        (Some(first), _) => first,
    }
}
