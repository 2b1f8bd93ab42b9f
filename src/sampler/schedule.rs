//! The timesteps to visit, and DDIM's step at each of them.
//!
//! Source: `DDIMScheduler` of diffusers 0.35.2; Song et al., *Denoising Diffusion Implicit Models*, 2021, eq. 12 and 16.

use super::alphas::alphas_cumprod;
use super::config::{PredictionType, SchedulerConfig, TimestepSpacing};
use super::error::{Error, Result};
use super::overrides::SchedulerOverrides;
use super::sampling::{FinalAlpha, Sampler, Sampling};

/// One step, as the numbers that a sample `x`, the network's output `m` and fresh noise `z` are mixed with:
///
/// ```text
/// x0  = x0_from_sample · x + x0_from_model · m           clipped to ±clip, if there is one
/// eps = eps_from_sample · x + eps_from_model · m          (from the unclipped x0)
/// x'  = next_from_x0 · x0 + next_from_eps · eps + next_from_noise · z + next_from_change · (x0 − x0 of the step before)
/// ```
///
/// Without the last term this is `DDIMScheduler.step` with `use_clipped_model_output=False`; [`Schedule::dpm_solver_steps`] has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What the network is told.
    pub timestep: u32,
    /// alpha_bar at `timestep`.
    pub alpha: f32,
    /// alpha_bar that the sample has after the step.
    pub alpha_prev: f32,
    /// x0 = `x0_from_sample` · sample + `x0_from_model` · model output.
    pub x0_from_sample: f32,
    /// See `x0_from_sample`.
    pub x0_from_model: f32,
    /// The noise estimate = `eps_from_sample` · sample + `eps_from_model` · model output.
    pub eps_from_sample: f32,
    /// See `eps_from_sample`.
    pub eps_from_model: f32,
    /// Bound of the clean estimate, if it is clipped.
    pub clip: Option<f32>,
    /// The next sample = `next_from_x0` · x0 + `next_from_eps` · noise estimate + `next_from_noise` · fresh noise.
    pub next_from_x0: f32,
    /// See `next_from_x0`.
    pub next_from_eps: f32,
    /// DDIM: sigma = eta · sqrt((1 − a') / (1 − a) · (1 − a / a')). 0 on a last step to alpha_bar 1.
    pub next_from_noise: f32,
    /// How much of the clean estimate's change since the step before goes into the next sample; 0 in steps of first order.
    pub next_from_change: f32,
}

/// The table of alpha_bar and everything needed to walk on it.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// alpha_bar per training timestep: the share of the clean sample's variance, float32 as diffusers computes it.
    pub alphas_cumprod: Vec<f32>,
    config: SchedulerConfig,
}

impl Schedule {
    /// Computes the table from the betas of `config`.
    ///
    /// # Errors
    /// Settings that leave no finite table (zero-SNR rescaling of a table that does not decrease).
    pub fn new(config: &SchedulerConfig) -> Result<Self> {
        let alphas_cumprod = alphas_cumprod(config);
        if alphas_cumprod.is_empty() || !alphas_cumprod.iter().all(|a| (0.0..=1.0).contains(a)) {
            return Err(Error::Unsupported {
                field: "rescale_betas_zero_snr",
                found: config.rescale_betas_zero_snr.to_string(),
                advice: "these betas give no alpha_bar between 0 and 1; correct the betas",
            });
        }
        Ok(Self { alphas_cumprod, config: config.clone() })
    }

    /// The settings.
    pub fn config(&self) -> &SchedulerConfig {
        &self.config
    }

    /// The same schedule with other settings in place of its own.
    ///
    /// # Errors
    /// Those of [`SchedulerOverrides::apply`] and [`Schedule::new`].
    pub fn with(&self, overrides: &SchedulerOverrides) -> Result<Self> {
        Self::new(&overrides.apply(&self.config)?)
    }

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

    /// The `n` timesteps to visit, noisiest first. DPM-Solver++ divides the schedule of the `leading` and `linspace` spacings by `n` + 1
    /// and leaves the last timestep out: from the last but one it goes to the end.
    ///
    /// # Errors
    /// `eta` outside of 0..=1; `n` is 0 or more than the schedule can be divided into, or the spacing asks for a timestep that the table
    /// does not have (`leading` with a `steps_offset` and `n` near the table's length).
    pub fn timesteps(&self, sampler: Sampler, n: usize, eta: f64) -> Result<Vec<u32>> {
        if !(0.0..=1.0).contains(&eta) {
            return Err(Error::Eta { eta });
        }
        let train = self.alphas_cumprod.len();
        let most = train - self.left_out(sampler);
        if n == 0 || n > most {
            return Err(Error::StepCount { steps: n, train, most });
        }
        let spaced = |n: usize| self.spaced(n, self.left_out(sampler));
        let all = spaced(n);
        let last = train - 1;
        match all.iter().copied().max() {
            Some(timestep) if timestep > last as u64 => {
                let fits = |m: &usize| spaced(*m).iter().all(|t| *t <= last as u64);
                let advice = match (1..n).rev().find(fits) {
                    Some(m) => format!("choose {m} steps"),
                    None => "choose a smaller steps_offset".into(),
                };
                Err(Error::OutsideTable {
                    steps: n,
                    timestep,
                    last,
                    spacing: self.config.timestep_spacing.name(),
                    offset: self.config.steps_offset,
                    advice,
                })
            }
            _ => Ok(all.into_iter().map(|t| t as u32).collect()),
        }
    }

    /// The `n` DDIM steps from noise to sample. `eta` 0 is deterministic DDIM, 1 has the variance of DDPM.
    ///
    /// # Errors
    /// Those of [`Schedule::timesteps`]; a step whose formula divides by zero (epsilon
    /// prediction where alpha_bar is 0, any prediction where it is 1).
    pub fn ddim_steps(&self, n: usize, eta: f64, final_alpha: FinalAlpha) -> Result<Vec<Step>> {
        let timesteps = self.timesteps(Sampler::Ddim, n, eta)?;
        let stride = self.alphas_cumprod.len() / n;
        let end = self.end(final_alpha);
        let at = |t: usize| self.alphas_cumprod.get(t).copied().unwrap_or(end);
        timesteps
            .into_iter()
            .map(|timestep| {
                let t = timestep as usize;
                let alpha_prev = t.checked_sub(stride).map_or(end, at);
                self.step(timestep, at(t), alpha_prev, eta as f32)
            })
            .collect()
    }

    /// alpha_bar after the last step.
    pub(super) fn end(&self, final_alpha: FinalAlpha) -> f32 {
        match final_alpha {
            FinalAlpha::FromConfig if self.config.set_alpha_to_one => 1.0,
            FinalAlpha::FromConfig | FinalAlpha::First => self.alphas_cumprod.first().copied().unwrap_or(1.0),
        }
    }

    pub(super) fn step(&self, timestep: u32, alpha: f32, alpha_prev: f32, eta: f32) -> Result<Step> {
        let prediction = self.config.prediction_type;
        let degenerate =
            |advice| Error::Degenerate { timestep, alpha, alpha_prev, prediction: prediction.name(), advice };
        if alpha >= 1.0 {
            return Err(degenerate("the first betas are too small, correct them"));
        }
        if alpha_prev <= 0.0 {
            return Err(degenerate("the table reaches 0 too early, correct the betas"));
        }
        // In float32 and in the reference's order: near alpha_bar 1 its rounding is larger than what float64 would add.
        let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let (x0, eps) = match prediction {
            PredictionType::Epsilon if alpha <= 0.0 => {
                return Err(degenerate("a schedule that ends in pure noise needs v_prediction or sample"));
            }
            PredictionType::Epsilon => ([1.0 / signal, -noise / signal], [0.0, 1.0]),
            PredictionType::Sample => ([0.0, 1.0], [1.0 / noise, -signal / noise]),
            PredictionType::VPrediction => ([signal, -noise], [noise, signal]),
        };
        let variance = (1.0 - alpha_prev) / (1.0 - alpha) * (1.0 - alpha / alpha_prev);
        let sigma = eta * variance.max(0.0).sqrt();
        let direction = (1.0 - alpha_prev - sigma * sigma).max(0.0).sqrt();
        let clip = self.config.clip_sample_range as f32;
        Ok(Step {
            timestep,
            alpha,
            alpha_prev,
            x0_from_sample: x0[0],
            x0_from_model: x0[1],
            eps_from_sample: eps[0],
            eps_from_model: eps[1],
            clip: self.config.clip_sample.then_some(clip),
            next_from_x0: alpha_prev.sqrt(),
            next_from_eps: direction,
            next_from_noise: sigma,
            next_from_change: 0.0,
        })
    }

    /// How many timesteps at the end of its spacing a sampler leaves out.
    fn left_out(&self, sampler: Sampler) -> usize {
        let counted_down = self.config.timestep_spacing == TimestepSpacing::Trailing;
        usize::from(sampler == Sampler::DpmSolver && !counted_down)
    }

    /// The timesteps of `n` steps and of those `left_out` (1 to the table's length together), before they are checked against the table.
    fn spaced(&self, n: usize, left_out: usize) -> Vec<u64> {
        let train = self.alphas_cumprod.len();
        let (n, left_out) = (n + left_out, left_out as u64);
        let (n64, offset) = (n as u64, self.config.steps_offset as u64);
        match self.config.timestep_spacing {
            TimestepSpacing::Leading => {
                let stride = (train / n) as u64;
                (left_out..n64).rev().map(|i| i * stride + offset).collect()
            }
            TimestepSpacing::Trailing => {
                // The difference that NumPy's arange adds, rounding included. Where that rounding makes diffusers append
                // an (n + 1)-th timestep of -1 (n = 61 of 1000), there are n here.
                let end = train as f64;
                let stride = (end - end / n as f64) - end;
                let at = |i: u64| (end + i as f64 * stride).round_ties_even();
                (0..n64).map(|i| (at(i) as u64).saturating_sub(1)).collect()
            }
            TimestepSpacing::Linspace => {
                let stride = (train - 1) as f64 / n.saturating_sub(1).max(1) as f64;
                let at = |i: u64| (i as f64 * stride).round_ties_even() as u64;
                (left_out..n64).rev().map(at).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(fields: &str) -> Schedule {
        Schedule::new(&SchedulerConfig::from_json(fields).unwrap()).unwrap()
    }

    const SD: &str = r#""beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012"#;
    const ZERO_SNR_COSINE: &str = r#"{"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": true}"#;

    #[test]
    fn timesteps_equal_the_reference() {
        for (spacing, n, want) in [
            ("leading", 4, vec![751, 501, 251, 1]),
            ("leading", 7, vec![853, 711, 569, 427, 285, 143, 1]),
            ("trailing", 1, vec![999]),
            ("trailing", 7, vec![999, 856, 713, 570, 428, 285, 142]),
            ("linspace", 1, vec![0]),
            ("linspace", 7, vec![999, 832, 666, 500, 333, 166, 0]),
        ] {
            let s = schedule(&format!(r#"{{"timestep_spacing": "{spacing}", "steps_offset": 1}}"#));
            assert_eq!(s.timesteps(Sampler::Ddim, n, 0.0).unwrap(), want, "{spacing} {n}");
        }
    }

    #[test]
    fn impossible_counts_say_what_to_choose() {
        let s = schedule(r#"{"steps_offset": 1}"#);
        for (n, part) in [(0, "choose 1 to 1000"), (1001, "choose 1 to 1000"), (1000, "choose 999 steps")] {
            let message = s.timesteps(Sampler::Ddim, n, 0.0).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(s.timesteps(Sampler::Ddim, 999, 0.0).unwrap()[0], 999);
        let far = schedule(r#"{"steps_offset": 1000}"#).timesteps(Sampler::Ddim, 1, 0.0).unwrap_err().to_string();
        assert!(far.contains("smaller steps_offset"), "{far}");
    }

    /// `DDIMScheduler.step` in diffusers with x = -1.25, m = 0.75, z = 0.5, eta = 0.3, set_alpha_to_one false.
    #[test]
    fn steps_equal_the_reference() {
        for (prediction, clip, want) in [
            ("epsilon", false, [(-3.601431, -2.461704), (-1.282052, -1.257042)]),
            ("epsilon", true, [(-1.0, -0.328925), (-1.0, -0.975110)]),
            ("sample", false, [(0.75, -0.371336), (0.75, -0.627109)]),
            ("v_prediction", false, [(-1.294106, -1.353297), (-1.279894, -1.256373)]),
            ("v_prediction", true, [(-1.0, -1.112174), (-1.0, -0.976598)]),
        ] {
            let s = schedule(&format!(
                r#"{{{SD}, "prediction_type": "{prediction}", "clip_sample": {clip}, "set_alpha_to_one": false,
                    "steps_offset": 1}}"#
            ));
            let steps = s.ddim_steps(4, 0.3, FinalAlpha::FromConfig).unwrap();
            assert_eq!(steps, s.ddim_steps(4, 0.3, FinalAlpha::First).unwrap());
            for (step, (x0_want, next_want)) in [&steps[1], &steps[3]].into_iter().zip(want) {
                let (x, m, z) = (-1.25, 0.75, 0.5);
                let x0 = step.x0_from_sample * x + step.x0_from_model * m;
                let x0 = step.clip.map_or(x0, |c| x0.clamp(-c, c));
                let eps = step.eps_from_sample * x + step.eps_from_model * m;
                let next = step.next_from_x0 * x0 + step.next_from_eps * eps + step.next_from_noise * z;
                assert!((x0 - x0_want).abs() < 2e-6, "{prediction} {clip} {}: {x0}", step.timestep);
                assert!((next - next_want).abs() < 2e-6, "{prediction} {clip} {}: {next}", step.timestep);
            }
        }
    }

    #[test]
    fn the_last_step_ends_at_the_chosen_alpha() {
        let s =
            schedule(r#"{"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "steps_offset": 1}"#);
        let last = s.ddim_steps(4, 1.0, FinalAlpha::FromConfig).unwrap()[3];
        assert_eq!((last.timestep, last.alpha_prev), (1, 1.0));
        assert_eq!((last.next_from_x0, last.next_from_eps, last.next_from_noise), (1.0, 0.0, 0.0));
        let vgen = s.ddim_steps(4, 0.0, FinalAlpha::First).unwrap()[3];
        assert_eq!(vgen.alpha_prev, s.alphas_cumprod[0]);
        assert!(vgen.next_from_eps > 0.0);
    }

    #[test]
    fn eta_and_zero_divisions_are_refused() {
        let s = schedule(ZERO_SNR_COSINE);
        for eta in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(s.ddim_steps(4, eta, FinalAlpha::FromConfig), Err(Error::Eta { .. })));
        }
        let zero = schedule(
            r#"{"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": true, "timestep_spacing": "trailing"}"#,
        );
        let message = zero.ddim_steps(4, 0.0, FinalAlpha::FromConfig).unwrap_err().to_string();
        assert!(message.contains("timestep 999") && message.contains("v_prediction"), "{message}");
        let flat = schedule(r#"{"beta_start": 0, "beta_end": 0}"#);
        assert!(flat.ddim_steps(4, 0.0, FinalAlpha::FromConfig).is_err());
        let flat = r#"{"beta_start": 0, "beta_end": 0, "rescale_betas_zero_snr": true}"#;
        assert!(Schedule::new(&SchedulerConfig::from_json(flat).unwrap()).is_err());
    }

    #[test]
    fn every_step_of_usual_settings_is_finite() {
        for spacing in ["leading", "trailing", "linspace"] {
            let s = schedule(&format!(
                r#"{{"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": true,
                    "prediction_type": "v_prediction", "timestep_spacing": "{spacing}"}}"#
            ));
            for n in [1, 2, 3, 61, 999, 1000] {
                for step in s.ddim_steps(n, 1.0, FinalAlpha::FromConfig).unwrap() {
                    let sum = step.next_from_x0 + step.next_from_eps + step.next_from_noise;
                    assert!(sum.is_finite(), "{spacing} {n}: {step:?}");
                }
            }
        }
    }
}
