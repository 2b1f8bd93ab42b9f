//! Temporal anchoring: how strongly which frame is pulled back to the picture in which step.

use serde::{Deserialize, Serialize};

use super::Step;
pub use crate::kernel::AnchorMode;

/// Every `interval`-th frame is an anchor, which is pulled towards the picture after each step's clean estimate:
///
/// ```text
/// weight[step i of n, frame f] = strength · fall · near
/// fall = 1 − i / (until · n)                              0 from there on
/// near = 1 − d / (⌊interval / 2⌋ + 1)                     d: frames to the nearest multiple of interval
/// ```
///
/// What is pulled is the mode's matter, see [`crate::kernel::Anchor`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anchoring {
    /// Frames from one anchor to the next.
    pub interval: usize,
    /// The weight of an anchor in the first step, 0 to 1.
    pub strength: f32,
    /// What is pulled.
    pub mode: AnchorMode,
    /// The part of the steps in which it acts, 0 to 1.
    pub until: f32,
    /// What becomes of the noise estimate.
    pub noise: AnchorNoise,
}

/// What becomes of a step's noise estimate after its clean estimate was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorNoise {
    /// It stays as the network predicted it.
    #[default]
    Kept,
    /// It is computed again from the sample, eps = (x_t − sqrt(α) x0) / sqrt(1 − α): sample and estimates agree again, and most of the
    /// pull is undone in late steps.
    Recomputed,
}

impl Anchoring {
    /// Does it change anything?
    pub fn acts(&self) -> bool {
        self.interval > 0 && self.strength > 0.0 && self.until > 0.0
    }

    /// The weight of every frame in step `index` of `steps`.
    pub fn weights(&self, index: usize, steps: usize, frames: usize) -> Vec<f32> {
        let end = self.until * steps as f32;
        let fall = if end > 0.0 { (1.0 - index as f32 / end).max(0.0) } else { 0.0 };
        let interval = self.interval.max(1);
        let near = |frame: usize| {
            let d = (frame % interval).min(interval - frame % interval);
            1.0 - d as f32 / (interval / 2 + 1) as f32
        };
        (0..frames).map(|frame| self.strength * fall * near(frame)).collect()
    }

    /// By how much the next sample follows a change of the clean estimate.
    pub fn gain(&self, step: &Step) -> f32 {
        match self.noise {
            AnchorNoise::Kept => step.next_from_x0,
            AnchorNoise::Recomputed => {
                step.next_from_x0 - step.next_from_eps * (step.alpha / (1.0 - step.alpha)).sqrt()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::{FinalAlpha, Schedule, SchedulerConfig};

    fn anchoring(interval: usize) -> Anchoring {
        Anchoring { interval, strength: 0.6, mode: AnchorMode::Blend, until: 0.5, noise: AnchorNoise::Kept }
    }

    #[test]
    fn weights_fall_over_steps_and_with_the_distance_to_an_anchor() {
        let near = |values: Vec<f32>, expected: &[f32]| {
            assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{values:?} {expected:?}");
            assert_eq!(values.len(), expected.len());
        };
        near(anchoring(4).weights(0, 10, 7), &[0.6, 0.4, 0.2, 0.4, 0.6, 0.4, 0.2]);
        near(anchoring(4).weights(4, 10, 2), &[0.12, 0.08]);
        near(anchoring(4).weights(5, 10, 2), &[0.0, 0.0]);
        near(anchoring(1).weights(0, 10, 3), &[0.6, 0.6, 0.6]);
        near(anchoring(3).weights(0, 10, 4), &[0.6, 0.3, 0.3, 0.6]);
        assert!(anchoring(4).acts() && !anchoring(0).acts());
    }

    /// The gain is what the step's formula gives when its clean estimate is changed by 1 and the noise estimate kept or recomputed.
    #[test]
    fn the_gain_is_that_of_the_step() {
        let config =
            r#"{"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "clip_sample": false}"#;
        let schedule = Schedule::new(&SchedulerConfig::from_json(config).unwrap()).unwrap();
        let step = schedule.ddim_steps(4, 0.3, FinalAlpha::FromConfig).unwrap()[2];
        let (x, m) = (0.7_f32, -0.4_f32);
        let x0 = step.x0_from_sample * x + step.x0_from_model * m;
        let eps = step.eps_from_sample * x + step.eps_from_model * m;
        let next = |x0: f32, eps: f32| step.next_from_x0 * x0 + step.next_from_eps * eps;
        let again = (x - step.alpha.sqrt() * (x0 + 1.0)) / (1.0 - step.alpha).sqrt();
        for (noise, eps_after) in [(AnchorNoise::Kept, eps), (AnchorNoise::Recomputed, again)] {
            let change = next(x0 + 1.0, eps_after) - next(x0, eps);
            assert!((Anchoring { noise, ..anchoring(4) }.gain(&step) - change).abs() < 1e-5);
        }
    }
}
