//! The networks. Files mirror the checkpoint: same block names, tensor paths equal to the checkpoint's, the shape after each line.
//!
//! F frames (batch items of a clip one behind the other), H, W height and width at a level, C channels, T tokens.

mod attention;
mod clip;
mod clip_text;
mod clip_vision;
mod resnet;
mod unet;
mod vae;

pub use clip_text::ClipText;
pub use clip_vision::ClipVision;
pub use unet::{Condition, Conditions, Depth, UNet};
pub use vae::{VaeDecoder, VaeEncoder};
