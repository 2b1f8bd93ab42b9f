//! Which way the samples go from noise to clip.

use serde::{Deserialize, Serialize};

/// How a step is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampler {
    /// The reference's: Song et al., *Denoising Diffusion Implicit Models*, 2021. Of first order.
    #[default]
    #[serde(rename = "ddim")]
    Ddim,
    /// DPM-Solver++ (2M): each step also uses the clean estimate of the step before, so that fewer steps are enough. Of second order.
    #[serde(rename = "dpm-solver++")]
    DpmSolver,
}

/// alpha_bar after the last step, where the previous timestep would be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalAlpha {
    /// 1 if `set_alpha_to_one`, else the first of the table (diffusers).
    FromConfig,
    /// Always the first of the table (VGen, which clamps the previous timestep to 0).
    First,
}

/// A way from noise to sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// How a step is taken.
    pub sampler: Sampler,
    /// The number of steps.
    pub steps: usize,
    /// Fresh noise per step, from 0 (deterministic) to 1.
    pub eta: f64,
    /// alpha_bar after the last step.
    pub end: FinalAlpha,
}
