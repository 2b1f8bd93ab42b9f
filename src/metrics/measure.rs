//! What can be measured, by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A measure of a clip. docs/metrics.md has the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// PSNR to the reference, in dB.
    Psnr,
    /// SSIM to the reference.
    Ssim,
    /// Cosine of the image encoder's embeddings of frame and reference.
    Identity,
    /// PSNR to the frame before, in dB.
    StepPsnr,
    /// SSIM to the frame before.
    StepSsim,
    /// Mean length of the optical flow, in pixels per frame.
    Motion,
    /// How steady the flow is over time, 0 to 1.
    Smoothness,
    /// Change of brightness that motion does not explain, in levels of 255.
    BrightnessFlicker,
    /// Change of colour that motion does not explain, in levels of 255.
    ColourFlicker,
    /// Share of the flow against the clip's own direction.
    Backward,
    /// Share of the changes of the distance to the reference that bring the clip back to it.
    Returning,
}

/// Which values are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Large ones.
    Higher,
    /// Small ones.
    Lower,
    /// That depends on what should be seen.
    Neither,
}

/// Values by measure; what a frame does not have is absent.
pub type Values = BTreeMap<Measure, f64>;

impl Measure {
    /// All, in the order of tables.
    pub const ALL: [Self; 11] = [
        Self::Psnr,
        Self::Ssim,
        Self::Identity,
        Self::StepPsnr,
        Self::StepSsim,
        Self::Motion,
        Self::Smoothness,
        Self::BrightnessFlicker,
        Self::ColourFlicker,
        Self::Backward,
        Self::Returning,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
            Self::Identity => "identity",
            Self::StepPsnr => "step_psnr",
            Self::StepSsim => "step_ssim",
            Self::Motion => "motion",
            Self::Smoothness => "smoothness",
            Self::BrightnessFlicker => "brightness_flicker",
            Self::ColourFlicker => "colour_flicker",
            Self::Backward => "backward",
            Self::Returning => "returning",
        }
    }

    /// The name over a column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::Ssim => "SSIM",
            Self::Identity => "identity",
            Self::StepPsnr => "step PSNR",
            Self::StepSsim => "step SSIM",
            Self::Motion => "motion",
            Self::Smoothness => "smoothness",
            Self::BrightnessFlicker => "flicker",
            Self::ColourFlicker => "colour flicker",
            Self::Backward => "backward",
            Self::Returning => "returning",
        }
    }

    /// The unit; empty for shares and cosines.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Psnr | Self::StepPsnr => "dB",
            Self::Motion => "px/frame",
            Self::BrightnessFlicker | Self::ColourFlicker => "levels",
            _ => "",
        }
    }

    /// What it tells, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Psnr => "likeness to the reference, pixel by pixel; falls with motion, too",
            Self::Ssim => "likeness of structure to the reference; falls with motion, too",
            Self::Identity => {
                "does the model's image encoder still see the same thing as in the reference? 1: the same"
            }
            Self::StepPsnr => "likeness to the frame before, pixel by pixel",
            Self::StepSsim => "likeness of structure to the frame before",
            Self::Motion => "how much moves: mean length of the optical flow",
            Self::Smoothness => "1: everything keeps its velocity from frame to frame; 0: it jerks or shakes",
            Self::BrightnessFlicker => "changes of brightness between frames that motion does not explain",
            Self::ColourFlicker => "changes of colour between frames that motion does not explain",
            Self::Backward => "share of the motion against the clip's own main direction; 0.5: it goes to and fro",
            Self::Returning => {
                "0: the clip moves away from the reference; 1: it comes back to it, as if played in reverse"
            }
        }
    }

    /// Digits after the point that mean something.
    pub fn digits(self) -> usize {
        match self {
            Self::Psnr | Self::StepPsnr => 2,
            Self::Identity => 4,
            _ => 3,
        }
    }

    /// Which values are good.
    pub fn better(self) -> Better {
        match self {
            Self::Psnr | Self::Ssim | Self::Identity | Self::StepPsnr | Self::StepSsim | Self::Smoothness => {
                Better::Higher
            }
            Self::BrightnessFlicker | Self::ColourFlicker | Self::Backward | Self::Returning => Better::Lower,
            Self::Motion => Better::Neither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        let mut seen = Vec::new();
        for measure in Measure::ALL {
            assert_eq!(serde_json::to_value(measure).unwrap(), measure.name());
            assert!(!measure.title().is_empty() && !measure.about().is_empty() && !seen.contains(&measure));
            seen.push(measure);
        }
        let values = Values::from([(Measure::StepPsnr, 30.5)]);
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"step_psnr":30.5}"#);
        assert_eq!(serde_json::from_str::<Values>(&text).unwrap(), values);
    }
}
