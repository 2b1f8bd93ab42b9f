//! Record, plan, run.
//!
//! A [`Graph`] records operations on symbolic tensors; nothing touches a device. A [`Plan`] turns the record into dispatches,
//! gives every intermediate a buffer by lifetime, splits what is too long or too large for the device, and knows FLOPs, bytes
//! and peak memory. A [`Program`] is a plan with pipelines and buffers, replayed every step.

mod elementwise;
mod error;
mod footprint;
mod layers;
mod memory;
mod norms;
mod ops;
mod parameters;
mod plan;
mod program;
mod rate;
mod record;
mod residence;
mod sampling;
mod slots;
mod stream;
mod strips;
mod watch;
mod weight_store;
mod weights;

pub use error::Error;
pub use footprint::shared_bytes;
pub use layers::{Conv2d, Conv3d, GroupNorm, LayerNorm, Linear, Param, Params, Slice};
pub use norms::Statistics;
pub use ops::{ConvGeometry, Epilogue};
pub(crate) use plan::split;
pub use plan::{External, Keep, Place, Plan, PlannedOp, Target};
pub use program::{Bindings, Program, compile};
pub(crate) use program::{grid, pipeline};
pub use rate::{Rate, measure};
pub use record::{Graph, Input, Operand, PART_BYTES, Tensor, Types};
pub use residence::{Residence, Room};
pub use sampling::key_of;
pub use slots::Slots;
pub(crate) use slots::ZEROS;
pub use strips::{Cores, Cut, statistics, sums};
pub use watch::{Watch, Watched};
pub use weight_store::WeightStore;
pub use weights::{WeightFormat, WeightKey, WeightSource, WeightView, weight_values};
