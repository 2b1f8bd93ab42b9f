//! What to do to a picture, and how strongly.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, Result};

/// The three stages that the field notes recommend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Crop to the subject.
    pub crop: bool,
    /// Strengthen the picture along its edges.
    pub edges: bool,
    /// Blur what is not the subject.
    pub background: bool,
}

impl Stages {
    /// The stages that are in either.
    pub fn or(self, other: Self) -> Self {
        Self {
            crop: self.crop || other.crop,
            edges: self.edges || other.edges,
            background: self.background || other.background,
        }
    }

    /// The stages that are not in the other.
    pub fn without(self, other: Self) -> Self {
        Self {
            crop: self.crop && !other.crop,
            edges: self.edges && !other.edges,
            background: self.background && !other.background,
        }
    }
}

impl Display for Stages {
    /// The names joined by commas.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = [(self.crop, "crop"), (self.edges, "edges"), (self.background, "background")];
        let names: Vec<&str> = all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
        f.write_str(&names.join(","))
    }
}

/// Which stages run; in text and in JSON `auto`, `off`, or their names joined by commas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Mode {
    /// None: the picture goes to the model as it is.
    #[default]
    Off,
    /// Those that help against what is weak, if a subject is given or found with confidence; otherwise none.
    Auto,
    /// These. Without a subject, crop and background are left out; edges need none.
    Only(Stages),
}

impl FromStr for Mode {
    type Err = Error;

    /// `auto`, `off`, or stages joined by commas.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => return Ok(Self::Auto),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        let mut stages = Stages::default();
        for name in text.split(',').map(str::trim) {
            match name {
                "crop" => stages.crop = true,
                "edges" => stages.edges = true,
                "background" => stages.background = true,
                _ => return Err(Error::UnknownStage { found: name.to_owned() }),
            }
        }
        Ok(Self::Only(stages))
    }
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Only(stages) if *stages == Stages::default() => f.write_str("off"),
            Self::Only(stages) => stages.fmt(f),
        }
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

impl TryFrom<String> for Mode {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// How a picture is prepared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Which stages run.
    pub mode: Mode,
    /// The least share of the frame that the subject fills after the crop: the larger of its width's and its height's.
    pub fill: f64,
    /// How much of the detail along edges is added to the picture: 0 changes nothing, 1 doubles it.
    pub edge_amount: f64,
    /// Spread of the background's blur, as a share of the clip's short side.
    pub background_blur: f64,
    /// Width of the transition from subject to background, as a share of the clip's short side.
    pub feather: f64,
    /// The least confidence in a subject found automatically.
    pub confidence: f64,
    /// A crop is never so small that it has to be enlarged by more than this.
    pub enlargement: f64,
    /// The working size is the clip's times this. What is done along edges is a few working pixels wide: at 2, half of
    /// it is left when the picture is brought to the clip's size.
    pub scale: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            fill: 0.6,
            edge_amount: 0.5,
            background_blur: 0.008,
            feather: 0.04,
            confidence: 0.5,
            enlargement: 4.0,
            scale: 1,
        }
    }
}

impl Settings {
    /// Refuses settings outside of their ranges.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name and the range.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("fill", self.fill, 0.1, 0.95),
            ("edge_amount", self.edge_amount, 0.0, 4.0),
            ("background_blur", self.background_blur, 0.0, 0.1),
            ("feather", self.feather, 0.0, 0.25),
            ("confidence", self.confidence, 0.0, 1.0),
            ("enlargement", self.enlargement, 1.0, 64.0),
            ("scale", f64::from(self.scale), 1.0, 4.0),
        ];
        match ranges.into_iter().find(|(_, found, low, high)| !(low..=high).contains(&found)) {
            Some((name, found, low, high)) => Err(Error::Setting { name, found, low, high }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read() {
        assert_eq!("auto".parse::<Mode>().unwrap(), Mode::Auto);
        assert_eq!("off".parse::<Mode>().unwrap(), Mode::Off);
        let stages = Stages { crop: true, edges: true, background: false };
        assert_eq!("crop, edges".parse::<Mode>().unwrap(), Mode::Only(stages));
        for text in ["auto", "off", "crop", "edges,background", "crop,edges,background"] {
            let json = serde_json::to_string(&text.parse::<Mode>().unwrap()).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Mode>(&json).unwrap().to_string(), text);
        }
        for unknown in ["", "crop,", "edge", "auto,crop"] {
            assert!(matches!(unknown.parse::<Mode>(), Err(Error::UnknownStage { .. })), "{unknown}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(Settings::default().check().is_ok());
        for (name, settings) in [
            ("fill", Settings { fill: 1.5, ..Settings::default() }),
            ("edge_amount", Settings { edge_amount: f64::NAN, ..Settings::default() }),
            ("scale", Settings { scale: 0, ..Settings::default() }),
        ] {
            assert!(settings.check().unwrap_err().to_string().contains(name));
        }
    }
}
