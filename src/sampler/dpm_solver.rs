//! The steps of DPM-Solver++ (2M).
//!
//! Source: Lu et al., *DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models*, 2022, algorithm 2 and, for fresh
//! noise, its SDE form; `DPMSolverMultistepScheduler` of diffusers 0.35.2 with `algorithm_type` dpmsolver++ (eta 0) or sde-dpmsolver++
//! (eta 1), `solver_order` 2, `solver_type` midpoint, `lower_order_final`.

use super::{
    error::Result,
    sampling::{FinalAlpha, Sampler},
    schedule::{Schedule, Step},
};

/// What alpha_bar of a last timestep of pure noise counts as: its logarithm has to be finite.
const ALMOST_NOISE: f32 = 1.0 / (1 << 24) as f32;
/// With fewer steps than this the last one is of first order wherever it ends.
const FEW: usize = 15;

impl Schedule {
    /// The `n` steps of DPM-Solver++ (2M) from noise to sample. With `alpha`, `sigma` the roots of alpha_bar and 1 − alpha_bar at a step
    /// and `'` for those after it, `q = (sigma' / alpha') / (sigma / alpha)`, and `r` the logarithm of the step before's q over this q's:
    ///
    /// ```text
    /// x' = sigma' / sigma · q^eta · x + alpha' (1 − q^(1 + eta)) (x0 + (x0 − before) / (2 r)) + sigma' sqrt(1 − q^(2 eta)) · z
    ///    = alpha' · x0 + sigma' q^eta · eps + alpha' (1 − q^(1 + eta)) / (2 r) · (x0 − before) + sigma' sqrt(1 − q^(2 eta)) · z
    /// ```
    ///
    /// The first step is of first order, without the third term: nothing is before it. So is the last one if it ends without noise, or if
    /// there are fewer than 15. An alpha_bar of 0 at the last timestep counts as 2^-24. eta 0 is the ODE, 1 the SDE. Where the schedule
    /// asks for it, x0 is clipped as in DDIM.
    ///
    /// # Errors
    /// Those of [`Schedule::ddim_steps`].
    pub fn dpm_solver_steps(&self, n: usize, eta: f64, final_alpha: FinalAlpha) -> Result<Vec<Step>> {
        let timesteps = self.timesteps(Sampler::DpmSolver, n, eta)?;
        let end = self.end(final_alpha);
        let noisiest = self.alphas_cumprod.len() - 1;
        let alpha = |&timestep: &u32| match timestep as usize {
            t if t == noisiest && self.config().rescale_betas_zero_snr => ALMOST_NOISE,
            t => self.alphas_cumprod.get(t).copied().unwrap_or(end),
        };
        let mut alphas: Vec<f32> = timesteps.iter().map(alpha).collect();
        alphas.push(end);
        // sigma / alpha in float64: its logarithms are subtracted from each other.
        let ratios: Vec<f64> = alphas.iter().map(|&a| ((1.0 - f64::from(a)) / f64::from(a)).sqrt()).collect();
        let step = |(i, &timestep): (usize, &u32)| {
            let first_order = self.step(timestep, alphas[i], alphas[i + 1], 0.0)?;
            let (signal, noise) = (f64::from(first_order.next_from_x0), f64::from(first_order.next_from_eps));
            let q = ratios[i + 1] / ratios[i];
            let kept = q.powf(eta);
            let last = i + 1 == n && (n < FEW || end >= 1.0);
            let h_before = if i == 0 || last { 0.0 } else { (ratios[i] / ratios[i - 1]).ln() };
            // 1 / (2 r): 0 where there is no step before, or one that went nowhere.
            let extrapolation = if h_before < 0.0 { q.ln() / (2.0 * h_before) } else { 0.0 };
            Ok(Step {
                next_from_eps: (noise * kept) as f32,
                next_from_noise: (noise * (1.0 - kept * kept).max(0.0).sqrt()) as f32,
                next_from_change: (signal * (1.0 - q * kept) * extrapolation) as f32,
                ..first_order
            })
        };
        timesteps.iter().enumerate().map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::sampler::{Error, SchedulerConfig};

    /// A way of diffusers' scheduler: what it was given, and every sample.
    #[derive(Deserialize)]
    struct Way {
        scheduler: Value,
        steps: usize,
        eta: f64,
        ends: String,
        timesteps: Vec<u32>,
        alphas: BTreeMap<usize, f32>,
        start: Vec<f32>,
        outputs: Vec<Vec<f32>>,
        noise: Vec<Vec<f32>>,
        samples: Vec<Vec<f32>>,
    }

    fn schedule(fields: &str) -> Schedule {
        Schedule::new(&SchedulerConfig::from_json(fields).unwrap()).unwrap()
    }

    /// The samples as the kernels `ddim` and `multistep` compute them from a step's numbers.
    #[test]
    fn samples_equal_the_reference() {
        let ways: Vec<Way> = serde_json::from_str(include_str!("dpm_solver.json")).unwrap();
        assert!(ways.len() > 10);
        for way in ways {
            let end = if way.ends == "zero" { FinalAlpha::FromConfig } else { FinalAlpha::First };
            let mut schedule = schedule(&way.scheduler.to_string());
            for (&t, &alpha) in &way.alphas {
                assert!((schedule.alphas_cumprod[t] - alpha).abs() <= 1e-6, "{t}");
                schedule.alphas_cumprod[t] = alpha;
            }
            let steps = schedule.dpm_solver_steps(way.steps, way.eta, end).unwrap();
            assert_eq!(steps.iter().map(|s| s.timestep).collect::<Vec<_>>(), way.timesteps, "{}", way.scheduler);
            let (mut x, mut before) = (way.start.clone(), vec![f32::NAN; way.start.len()]);
            for (i, step) in steps.iter().enumerate() {
                for e in 0..x.len() {
                    let m = way.outputs[i][e];
                    let x0 = step.x0_from_sample * x[e] + step.x0_from_model * m;
                    let eps = step.eps_from_sample * x[e] + step.eps_from_model * m;
                    let mut next = step.next_from_x0 * x0 + step.next_from_eps * eps;
                    next += step.next_from_noise * way.noise.get(i).map_or(0.0, |z| z[e]);
                    if step.next_from_change != 0.0 {
                        next += step.next_from_change * (x0 - before[e]);
                    }
                    (x[e], before[e]) = (next, x0);
                    let want = way.samples[i][e];
                    let error = (next - want).abs() / want.abs().max(1.0);
                    assert!(error < 3e-5, "{} {} step {i}: {next} {want}", way.scheduler, way.steps);
                }
            }
        }
    }

    /// One step, and any number of them along which the clean estimate does not change, are DDIM's between the same amounts of noise.
    #[test]
    fn the_first_step_is_that_of_ddim() {
        let s = schedule(
            r#"{"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "timestep_spacing": "trailing"}"#,
        );
        for end in [FinalAlpha::FromConfig, FinalAlpha::First] {
            let ddim = s.ddim_steps(4, 0.0, end).unwrap();
            let solver = s.dpm_solver_steps(4, 0.0, end).unwrap();
            assert_eq!(
                solver.iter().map(|s| s.next_from_change != 0.0).collect::<Vec<_>>(),
                [false, true, true, false]
            );
            let without = solver.into_iter().map(|step| Step { next_from_change: 0.0, ..step });
            assert_eq!(without.collect::<Vec<_>>(), ddim);
        }
        // With many steps the last one is of second order, if it does not end without noise.
        let last = |end| s.dpm_solver_steps(15, 0.0, end).unwrap()[14].next_from_change;
        assert!(last(FinalAlpha::FromConfig) == 0.0 && last(FinalAlpha::First) > 0.0);
    }

    #[test]
    fn impossible_ways_say_what_to_choose() {
        let s = schedule(r#"{"steps_offset": 1}"#);
        for (n, part) in [(0, "choose 1 to 999"), (1000, "choose 1 to 999"), (999, "choose 998 steps")] {
            let message = s.dpm_solver_steps(n, 0.0, FinalAlpha::FromConfig).unwrap_err().to_string();
            assert!(message.contains(part), "{n}: {message}");
        }
        for eta in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(s.dpm_solver_steps(4, eta, FinalAlpha::FromConfig), Err(Error::Eta { .. })));
        }
    }

    #[test]
    fn every_step_of_usual_settings_is_finite() {
        for spacing in ["leading", "trailing", "linspace"] {
            let s = schedule(&format!(
                r#"{{"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": true,
                    "prediction_type": "v_prediction", "timestep_spacing": "{spacing}"}}"#
            ));
            for (n, eta) in [1, 2, 3, 61, 499, 999].into_iter().flat_map(|n| [(n, 0.0), (n, 0.3), (n, 1.0)]) {
                for end in [FinalAlpha::FromConfig, FinalAlpha::First] {
                    for step in s.dpm_solver_steps(n, eta, end).unwrap() {
                        let sum = step.next_from_x0 + step.next_from_eps + step.next_from_noise + step.next_from_change;
                        assert!(sum.is_finite() && sum.abs() < 100.0, "{spacing} {n} {eta}: {step:?}");
                    }
                }
            }
        }
    }
}
