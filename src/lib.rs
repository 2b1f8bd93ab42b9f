//! I2VGen-XL on any GPU: one picture and one sentence become a video, in WGSL compute shaders run by wgpu.
//!
//! The way of the data: picture + prompt → conditions (once) → [UNet → guidance + DDIM] × steps → VAE → frames → file.
//! Rooms, from the top down; each knows only those below it:
//!
//! | room | job |
//! |---|---|
//! | [`lab`] | the instrument: checking, racing, tuning, profiling and tracing kernels; clips beside the reference |
//! | [`pipeline`] | one generation from request to frames |
//! | [`report`] | tables, plots and pages of what was measured |
//! | [`metrics`] | measures of clips: likeness, motion, flicker, identity |
//! | [`prepare`] | the picture made better: crop to the subject, edges, background |
//! | [`picture`], [`prompt`], [`video`] | what goes in and comes out |
//! | [`sampler`] | noise schedule, guidance, anchoring, random numbers |
//! | [`model`] | the networks, block by block as in the checkpoint |
//! | [`checkpoint`] | a model folder: configs, tensors, problems |
//! | [`graph`] | record, plan, run |
//! | [`kernel`] | the WGSL kernels with their CPU twins |
//! | [`gpu`] | the device |
//! | [`staged`], [`fingerprint`], [`nearest`] | files that appear whole or not at all; short names for long contents; the name that was meant |

pub mod checkpoint;
pub mod fingerprint;
pub mod gpu;
pub mod graph;
pub mod kernel;
pub mod lab;
pub mod metrics;
pub mod model;
pub mod nearest;
pub mod picture;
pub mod pipeline;
pub mod prepare;
pub mod prompt;
pub mod report;
pub mod sampler;
pub mod staged;
pub mod video;
