//! What each stage may differ by.

use super::case::{Case, Tensor};
use crate::kernel::Dtype;

/// Float32 against float32: sums in another order. The reference's own float64 run is up to 2e-5 of the rms away from its
/// float32 run before the loop; guidance multiplies that by up to ten, and the steps carry it on.
const F32: f64 = 2e-4;
/// The guided prediction along the chain: guidance multiplies what the steps before have left. The reference itself, run on another
/// processor with and without AVX2, is 3.2e-4 and 2.6e-4 away from its recording there (guidance 9, fourth of four steps).
const F32_GUIDED: f64 = 4e-4;
/// Rms error of stages that the reference stores in float16, whose rounding is in it: an ulp is up to 9.8e-4 of a value, and the rms
/// of a rounding is 0.29 ulp. Their worst error is that beyond the rounding, and limited as for float32.
const STORED_HALF_RMS: f64 = 4e-4;
/// Float16 where the case does not record what the reference itself loses.
const F16: f64 = 0.05;
/// Our float16 run rounds in other places than the reference's: allowed is this multiple of what the reference loses.
const F16_FACTOR: f64 = 3.0;
/// What the float16 clip's PSNR may lack to the reference's own float16 clip, in dB.
const F16_PSNR: f64 = 3.0;

/// The PSNR that is asked for where the case does not record the reference's own: differences that nobody sees.
const F16_PSNR_UNKNOWN: f64 = 40.0;

/// Worst error and, where that is limited too, rms error that a stage may have, relative to the reference's rms.
pub(super) fn allowed(case: &Case, stage: &str, reference: &Tensor, activation: Dtype) -> (f64, Option<f64>) {
    match activation {
        Dtype::F16 => (half(case, stage), None),
        _ if reference.half => (F32, Some(STORED_HALF_RMS)),
        _ if stage.starts_with("step.") && stage.ends_with(".noise_pred") => (F32_GUIDED, None),
        _ => (F32, None),
    }
}

/// Float16: a multiple of what the reference itself loses at this stage, or at the first step and in the final latents where a step is
/// not recorded. Along the chain every step adds its own rounding, which guidance carries on: what is allowed grows with the steps.
fn half(case: &Case, stage: &str) -> f64 {
    let known = |name: &str| case.half_deviation(name);
    let base = stage.trim_start_matches("forced.");
    let step: Option<f64> = base.strip_prefix("step.").and_then(|rest| rest.get(..3)?.parse().ok());
    let of_steps = || Some(known("step.000.noise_pred")?.max(known("final_latents")?));
    let own = known(base).or_else(|| step.and_then(|_| of_steps()));
    let steps = if stage == base { step.unwrap_or(0.0) + 1.0 } else { 1.0 };
    own.map_or(F16, |d| (F16_FACTOR * d).max(F16)) * steps
}

/// What 8-bit frames may differ by in levels, and the PSNR that they need.
pub(super) fn frames(case: &Case, activation: Dtype) -> (f64, Option<f64>) {
    match activation {
        // Single pixels may be off by more when the sum over all is as good as the reference's own.
        Dtype::F16 => (255.0, Some(case.half_psnr().map_or(F16_PSNR_UNKNOWN, |psnr| psnr - F16_PSNR))),
        _ => (1.0, None),
    }
}
