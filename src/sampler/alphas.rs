//! The table of alpha_bar, in float32 as diffusers computes it.
//!
//! Source: `DDIMScheduler` of diffusers 0.35.2; Nichol and Dhariwal, *Improved Denoising Diffusion Probabilistic Models*,
//! 2021 (cosine schedule); Lin et al., *Common Diffusion Noise Schedules and Sample Steps are Flawed*, 2023, algorithm 1
//! (zero terminal SNR).

use std::f64::consts::FRAC_PI_2;

use super::config::{BetaSchedule, SchedulerConfig};

/// alpha_bar per training timestep: the running product of 1 − beta, rescaled if `config` asks for it.
///
/// Equal to diffusers' table to the last bit or two; after rescaling, the last few values (below 1e-4) carry the rounding
/// of torch's square root, which itself differs between processors, at up to 3e-5 of their size.
pub(super) fn alphas_cumprod(config: &SchedulerConfig) -> Vec<f32> {
    let alphas: Vec<f32> = betas(config).iter().map(|b| 1.0 - b).collect();
    if config.rescale_betas_zero_snr { cumprod(&zero_terminal_snr(&alphas)) } else { cumprod(&alphas) }
}

/// beta per training timestep, in float32.
fn betas(config: &SchedulerConfig) -> Vec<f32> {
    let n = config.num_train_timesteps;
    if let Some(betas) = &config.trained_betas {
        return betas.iter().map(|b| *b as f32).collect();
    }
    let (start, end) = (config.beta_start, config.beta_end);
    match config.beta_schedule {
        BetaSchedule::Linear => linspace(start as f32, end as f32, n),
        BetaSchedule::ScaledLinear => {
            let roots = linspace(start.sqrt() as f32, end.sqrt() as f32, n);
            roots.into_iter().map(|b| b * b).collect()
        }
        BetaSchedule::SquaredcosCapV2 => {
            let alpha_bar = |u: f64| ((u + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
            let at = |i: usize| alpha_bar(i as f64 / n as f64);
            (0..n).map(|i| (1.0 - at(i + 1) / at(i)).min(0.999) as f32).collect()
        }
    }
}

/// `n` evenly spaced numbers in float32, counted from the nearer end as `torch.linspace` does.
fn linspace(start: f32, end: f32, n: usize) -> Vec<f32> {
    let last = n.saturating_sub(1);
    let stride = (end - start) / last.max(1) as f32;
    (0..n)
        .map(|i| if i < n / 2 || n == 1 { start + stride * i as f32 } else { end - stride * (last - i) as f32 })
        .collect()
}

/// Running products, accumulated in float64 and stored in float32 (`torch.cumprod` on the CPU).
fn cumprod(factors: &[f32]) -> Vec<f32> {
    let mut product = 1.0;
    let step = |factor: &f32| {
        product *= f64::from(*factor);
        product as f32
    };
    factors.iter().map(step).collect()
}

/// Alphas whose running product has the same first value and ends in 0: sqrt(alpha_bar) is shifted and scaled.
fn zero_terminal_snr(alphas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = cumprod(alphas).iter().map(|a| a.sqrt()).collect();
    let (Some(first), Some(last)) = (roots.first(), roots.last()) else {
        return Vec::new();
    };
    let scale = first / (first - last);
    let mut before = 1.0;
    let rescaled = roots.iter().map(|root| {
        let root = (root - last) * scale;
        let alpha_bar = root * root;
        // diffusers goes through the betas, which rounds once more.
        let alpha = 1.0 - (1.0 - alpha_bar / before);
        before = alpha_bar;
        alpha
    });
    rescaled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(fields: &str) -> Vec<f32> {
        alphas_cumprod(&SchedulerConfig::from_json(fields).unwrap())
    }

    /// diffusers' tables at 0, 1, 21, 501, 961, 998, 999. Zero-SNR values depend on the rounding of torch's square root.
    #[test]
    fn tables_equal_the_reference() {
        for (fields, want, tolerance) in [
            (
                "{}",
                [0.999899983, 0.999780059, 0.99322027, 0.0770124719, 8.57309715e-5, 4.11819419e-5, 4.03583035e-5],
                1e-6,
            ),
            (
                r#"{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}"#,
                [0.999149978, 0.998296022, 0.980380654, 0.274998844, 0.00728172204, 0.00471669575, 0.00466009509],
                1e-6,
            ),
            (
                r#"{"beta_schedule": "squaredcos_cap_v2"}"#,
                [0.999958694, 0.99991256, 0.997971117, 0.49072668, 0.00350304414, 2.42876627e-6, 2.42873499e-9],
                1e-6,
            ),
            (
                r#"{"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": true}"#,
                [0.999958754, 0.99991262, 0.997971177, 0.490706325, 0.00349756051, 2.278e-6, 0.0],
                2e-4,
            ),
        ] {
            let table = table(fields);
            assert_eq!(table.len(), 1000);
            for (i, want) in [0, 1, 21, 501, 961, 998, 999].into_iter().zip(want) {
                let error = f64::from(table[i]) - want;
                assert!(error.abs() <= tolerance * want, "{fields} [{i}]: {} {want}", table[i]);
            }
        }
    }

    #[test]
    fn trained_betas_are_used_as_they_are() {
        let got = table(r#"{"num_train_timesteps": 2, "trained_betas": [0.25, 0.5]}"#);
        assert_eq!(got, [0.75, 0.375]);
    }
}
