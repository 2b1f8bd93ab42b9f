//! Which way the samples go from noise to clip.

use serde::{Deserialize, Serialize};

use super::{Result, Schedule, Step, schedule::FinalAlpha};

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

impl Schedule {
    /// The steps from noise to sample.
    ///
    /// # Errors
    /// Those of [`Schedule::ddim_steps`] and [`Schedule::dpm_solver_steps`].
    pub fn steps(&self, way: &Sampling) -> Result<Vec<Step>> {
        match way.sampler {
            Sampler::Ddim => self.ddim_steps(way.steps, way.eta, way.end),
            Sampler::DpmSolver => self.dpm_solver_steps(way.steps, way.eta, way.end),
        }
    }
}
