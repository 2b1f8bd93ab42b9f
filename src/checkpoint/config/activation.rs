//! The activation of the CLIP encoders' MLPs.

use serde::Deserialize;

/// `hidden_act` of a CLIP encoder; any other name is refused where the configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// x · Φ(x) with the exact normal distribution function Φ.
    Gelu,
    /// x · sigmoid(1.702 x), of the original CLIP.
    QuickGelu,
    /// x · sigmoid(x).
    #[serde(alias = "swish")]
    Silu,
}
