//! How much a lossy format may lose.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::target::Kind;

/// The finest quantiser that the H.264 encoder takes, of 0 to 51.
const FINEST: f32 = 12.0;
/// And the coarsest.
const COARSEST: f32 = 51.0;

/// Quality of the frames in a lossy format, 1 (small files) to 100 (the best that the encoder does).
///
/// | format | what it is |
/// | --- | --- |
/// | mp4 | constant quantiser `51 - 39 (quality - 1) / 99`, rounded: 51 at 1, 16 at 90, 12 at 100 |
/// | webp | libwebp's quality factor |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct Quality(u8);

impl Quality {
    /// A quality from 1 to 100.
    ///
    /// # Errors
    /// [`Error::QualityRange`].
    pub fn new(percent: u8) -> Result<Self> {
        match percent {
            1..=100 => Ok(Self(percent)),
            _ => Err(Error::QualityRange { found: percent.to_string() }),
        }
    }

    /// Refuses a format in which it means nothing.
    ///
    /// # Errors
    /// [`Error::Quality`].
    pub fn check(self, kind: Kind) -> Result<()> {
        let reason = match kind {
            Kind::Mp4 | Kind::WebP => return Ok(()),
            Kind::Gif => "a gif always has the 256 colours that suit the clip best",
            Kind::PngSequence => "png loses nothing",
            Kind::Latents => "latents lose nothing",
        };
        Err(Error::Quality { reason })
    }

    /// The quantiser of H.264.
    pub(super) fn quantiser(self) -> u8 {
        (COARSEST - (COARSEST - FINEST) * (f32::from(self.0) - 1.0) / 99.0).round() as u8
    }

    /// The quality factor of libwebp.
    pub(super) fn factor(self) -> f32 {
        self.0.into()
    }
}

impl Default for Quality {
    /// 90: mp4 has then about 39 dB in RGB, of which halved chroma costs the most.
    fn default() -> Self {
        Self(90)
    }
}

impl TryFrom<u8> for Quality {
    type Error = Error;

    fn try_from(percent: u8) -> Result<Self> {
        Self::new(percent)
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

impl FromStr for Quality {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::QualityRange { found: text.to_owned() };
        text.parse().map_err(|_| wrong()).and_then(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiser_falls_with_the_quality() {
        let of = |percent| Quality::new(percent).unwrap().quantiser();
        assert_eq!([1, 50, 90, 100].map(of), [51, 32, 16, 12]);
        assert!((1..100).all(|percent| of(percent) >= of(percent + 1)));
        assert_eq!(Quality::default().quantiser(), 16);
    }

    #[test]
    fn what_is_no_quality_is_told() {
        for text in ["0", "101", "256", "-1", "best"] {
            let error = text.parse::<Quality>().unwrap_err().to_string();
            assert!(error.contains("1 ") && error.contains("100") && error.contains(text), "{error}");
        }
        assert!(serde_json::from_str::<Quality>("0").unwrap_err().to_string().contains("100"));
        let quality = Quality::new(7).unwrap();
        assert!(quality.check(Kind::Mp4).is_ok() && quality.check(Kind::WebP).is_ok());
        for kind in [Kind::Gif, Kind::PngSequence, Kind::Latents] {
            assert!(quality.check(kind).unwrap_err().to_string().contains(".webp"));
        }
    }
}
