//! Activations that kernels fuse. The WGSL is `kernels/shared/activation.wgsl`.

/// An elementwise activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`
    #[default]
    None,
    /// `x / (1 + exp(-x))`
    Silu,
    /// `x · (1 + erf(x / √2)) / 2`, the exact one
    Gelu,
    /// `x / (1 + exp(-1.702 x))`
    QuickGelu,
}

impl Activation {
    /// The constant of the WGSL.
    pub(super) const fn code(self) -> u32 {
        match self {
            Activation::None => 0,
            Activation::Silu => 1,
            Activation::Gelu => 2,
            Activation::QuickGelu => 3,
        }
    }

    /// The WGSL's function of vec4 without its `4`; `none` has none.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Activation::None => "none",
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
            Activation::QuickGelu => "quick_gelu",
        }
    }

    /// The activation of one value.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Activation::None => x,
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Gelu => gelu(x),
            Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
        }
    }
}

/// The exact GELU.
pub(super) fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

/// The error function by its Taylor series up to 3, by the continued fraction of erfc above; error below 1e-13.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    let value = if a < 3.0 {
        let (mut term, mut sum) = (a, a);
        for n in 1..100 {
            term *= -a * a / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let fraction = (1..60).rev().fold(a, |acc, n| a + f64::from(n) / 2.0 / acc);
        1.0 - (-a * a).exp() / (std::f64::consts::PI.sqrt() * fraction)
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::erf;

    #[test]
    fn erf_has_its_known_values() {
        for (x, y) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (-2.0, -0.995_322_265_018_952_7),
        ] {
            assert!((erf(x) - y).abs() < 1e-13, "erf({x})");
        }
        assert!((erf(2.999_999) - erf(3.000_001)).abs() < 1e-9);
    }
}
