//! One generation from request to frames: memory phases, progress, cancelling.

pub mod advice;
mod course;
mod decode;
mod denoise;
mod embed;
mod encode;
mod engine;
mod error;
mod estimate;
mod fit;
mod memory;
mod networks;
mod noise;
mod plans;
mod progress;
mod request;
mod residences;
mod strip_decode;
mod strips;

pub use advice::{Advice, Topic};
pub use course::{Course, StepCounts};
pub use decode::{Decoder, Frame};
pub use denoise::Denoiser;
pub use encode::{Encoded, Encoder, Text};
pub use engine::{Engine, Generated, MAX_SECONDS, MemoryUse, Output, to_torch};
pub use error::Error;
pub use estimate::{Estimate, PhaseEstimate, Split, Why};
pub use fit::{Fit, Planner, Remedy};
pub use memory::{MemoryPolicy, Savings};
pub use networks::{Networks, Source, weight_dtype};
pub use noise::{Draw, Noise};
pub use plans::{PlanTypes, Plans, Shape, StepPlans};
pub use progress::{Event, Observer, Phase};
pub use request::{Compat, DtypeChoice, Passes, Request, RngKind, VGEN_NEGATIVE_PROMPT, VaeTile};
pub use residences::{Residences, Streaming};
pub use strips::{OVERLAP, Strip, Strips};
