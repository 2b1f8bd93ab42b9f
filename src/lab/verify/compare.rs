//! Comparing one stage with the reference.

use super::case::Tensor;

/// How far a stage is from the reference.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Stage {
    /// The reference's name of the tensor; with `forced.` in front where the step started from the reference's latents.
    pub name: String,
    /// Largest error relative to the rms of the reference; for 8-bit stages the largest difference in levels.
    pub worst: f64,
    /// Rms error relative to the rms of the reference; for 8-bit stages in levels.
    pub rms: f64,
    /// What `worst` may be.
    pub worst_allowed: f64,
    /// What `rms` may be, if that is limited too.
    pub rms_allowed: Option<f64>,
    /// PSNR in dB of 8-bit frames; none where nothing differs.
    pub psnr: Option<f64>,
    /// What the PSNR must reach, if that is asked for.
    pub psnr_needed: Option<f64>,
}

impl Stage {
    /// A stage with its worst and rms error, of which only the worst is limited.
    pub(super) fn new(name: &str, (worst, rms): (f64, f64), worst_allowed: f64) -> Self {
        Self { name: name.to_owned(), worst, rms, worst_allowed, rms_allowed: None, psnr: None, psnr_needed: None }
    }

    /// Does it hold?
    pub fn ok(&self) -> bool {
        let psnr = self.psnr_needed.is_none_or(|needed| self.psnr.is_none_or(|psnr| psnr >= needed));
        self.worst <= self.worst_allowed && self.rms_allowed.is_none_or(|allowed| self.rms <= allowed) && psnr
    }
}

/// Half a unit in the last place of float16, relative to the value; and of its smallest numbers.
const HALF_ULP: (f64, f64) = (1.0 / 2048.0, 1.0 / 33_554_432.0);

/// Worst and rms error relative to the rms of the reference. A value that is not a number is infinitely wrong. Of a reference that was
/// stored in float16 the rounding of each value is unknown: the worst error is that beyond it, the rms error has it.
pub(super) fn relative(reference: &Tensor, values: &[f32]) -> (f64, f64) {
    let (mut worst, rms) = absolute(reference, values);
    if reference.half && worst.is_finite() {
        let beyond = reference.values.iter().zip(values).map(|(&r, &v)| {
            let (r, v) = (f64::from(r), f64::from(v));
            (r - v).abs() - (r.abs() * HALF_ULP.0).max(HALF_ULP.1)
        });
        worst = beyond.fold(0.0, f64::max);
    }
    let scale = root_mean(reference.values.iter().map(|&v| f64::from(v))).max(1e-30);
    (worst / scale, rms / scale)
}

/// Worst and rms error.
pub(super) fn absolute(reference: &Tensor, values: &[f32]) -> (f64, f64) {
    if reference.values.len() != values.len() {
        return (f64::INFINITY, f64::INFINITY);
    }
    let errors = || {
        reference.values.iter().zip(values).map(|(&r, &v)| {
            let error = (f64::from(r) - f64::from(v)).abs();
            if error.is_nan() { f64::INFINITY } else { error }
        })
    };
    (errors().fold(0.0, f64::max), root_mean(errors()))
}

fn root_mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    (values.map(|v| v * v).sum::<f64>() / count).sqrt()
}

/// PSNR of 8-bit values from their rms difference; none where nothing differs.
pub(super) fn psnr(rms: f64) -> Option<f64> {
    (rms > 0.0).then(|| 20.0 * (255.0 / rms).log10())
}
