//! How a picture is prepared, as far as somebody says.

use std::path::PathBuf;

use clap::Args;
use i2vgen::{
    picture::{Colour, Opened, Picture},
    pipeline::{Advice, Topic},
    prepare::{self, Hints, Mask, Mode, Preparation, Rect, Stages, prepare},
};
use serde::{Deserialize, Serialize};

use crate::cli::Error;

/// Options by the names of their flags; what is absent was not said.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrepareOptions {
    /// What to do to the picture: auto does what helps against its weaknesses, and nothing without a clear subject; off; or some
    /// of crop (to the subject), edges (strengthen them), background (blur it), joined by commas
    #[arg(long, value_name = "auto|off|STAGES", help_heading = "Picture")]
    pub prepare: Option<Mode>,
    /// The subject, white on black (or opaque on transparent), in a picture of the same size [default: the picture's alpha
    /// channel, if it has one]
    #[arg(long, value_name = "FILE", help_heading = "Picture")]
    pub mask: Option<PathBuf>,
    /// Lay a transparent picture over this colour: a name such as white or teal, or #rgb or #rrggbb, in quotes or without the #
    /// [default: transparency is dropped, as in diffusers, and what is under it shows]
    #[arg(long, value_name = "COLOUR", help_heading = "Picture")]
    pub background: Option<Colour>,
    /// A box around the subject in pixels, from the left and the top [default: searched for]
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true, help_heading = "Picture")]
    pub subject: Option<Rect>,
    /// Least share of the frame's width or height that the subject fills after the crop, 0.1 to 0.95 [default: 0.6]
    #[arg(long, value_name = "SHARE", help_heading = "Picture")]
    pub subject_fill: Option<f64>,
    /// How much of the detail along edges is added, 0 (nothing) to 4; 1 doubles it [default: 0.5]
    #[arg(long, value_name = "AMOUNT", help_heading = "Picture")]
    pub edge_amount: Option<f64>,
    /// Spread of the background's blur as a share of the clip's short side, 0 to 0.1 [default: 0.008]
    #[arg(long, value_name = "SHARE", help_heading = "Picture")]
    pub background_blur: Option<f64>,
}

impl PrepareOptions {
    /// These options; those that are absent come from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            prepare: self.prepare.or(other.prepare),
            mask: self.mask.or(other.mask),
            background: self.background.or(other.background),
            subject: self.subject.or(other.subject),
            subject_fill: self.subject_fill.or(other.subject_fill),
            edge_amount: self.edge_amount.or(other.edge_amount),
            background_blur: self.background_blur.or(other.background_blur),
        }
    }

    /// One line for each of these options that does nothing in this mode, or beside another one.
    pub fn unused(&self, mode: Mode) -> Vec<Advice> {
        let runs = match mode {
            Mode::Off => Stages::default(),
            Mode::Auto => Stages { crop: true, edges: true, background: true },
            Mode::Only(stages) => stages,
        };
        let options = [
            ("--subject-fill", "crop", self.subject_fill.is_some() && !runs.crop),
            ("--edge-amount", "edges", self.edge_amount.is_some() && !runs.edges),
            ("--background-blur", "background", self.background_blur.is_some() && !runs.background),
        ];
        let without = |(flag, stage, _): (&str, &str, bool)| {
            let finding = format!("{flag} has no effect with --prepare {mode}");
            Advice::new(Topic::Picture, finding, format!("leave it out, or take --prepare {stage} or auto"))
        };
        let mut lines: Vec<Advice> = options.into_iter().filter(|(.., idle)| *idle).map(without).collect();
        if self.mask.is_some() && self.subject.is_some() {
            let finding = "--subject has no effect beside --mask, which counts more";
            lines.push(Advice::new(Topic::Picture, finding, "leave one of them out"));
        }
        lines
    }

    /// The same with the mode that is in force in a clip: off, if nobody chose one.
    pub fn decided(self) -> Self {
        Self { prepare: Some(self.prepare.unwrap_or_default()), ..self }
    }

    /// The library's settings; `usual` is the mode that nobody chose.
    pub fn settings(&self, usual: Mode) -> prepare::Settings {
        let default = prepare::Settings::default();
        prepare::Settings {
            mode: self.prepare.unwrap_or(usual),
            fill: self.subject_fill.unwrap_or(default.fill),
            edge_amount: self.edge_amount.unwrap_or(default.edge_amount),
            background_blur: self.background_blur.unwrap_or(default.background_blur),
            ..default
        }
    }

    /// What preparation finds in a picture and does to it; where it is off, what it would do.
    pub fn examine(&self, opened: &Opened, width: u32, height: u32) -> Result<Preparation, Error> {
        let asked = self.prepare.filter(|mode| *mode != Mode::Off);
        let options = Self { prepare: Some(asked.unwrap_or(Mode::Auto)), ..self.clone() };
        options.apply(opened, width, height, Mode::Auto)
    }

    /// A picture that has been opened, over the background if one was chosen.
    pub fn over_background(&self, opened: &Opened) -> Picture {
        self.background.map_or_else(|| opened.picture.clone(), |colour| opened.over(colour))
    }

    /// Prepares a picture that has been opened for a clip of `width` × `height`; `usual` is the mode that nobody chose.
    pub fn apply(&self, opened: &Opened, width: u32, height: u32, usual: Mode) -> Result<Preparation, Error> {
        let settings = self.settings(usual);
        let picture = &self.over_background(opened);
        let read = |path: &PathBuf| -> Result<Mask, Error> { Ok(Mask::from_opened(&Picture::open(path)?)?) };
        let mask = self.mask.as_ref().map(read).transpose()?;
        let alpha = opened.alpha.as_ref();
        let alpha =
            alpha.map(|alpha| Mask::from_grey8(picture.width(), picture.height(), alpha.clone())).transpose()?;
        let hints = Hints { mask: mask.as_ref(), alpha: alpha.as_ref(), bounds: self.subject };
        Ok(prepare(picture, width, height, &hints, &settings)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Every field, by going through JSON: one that `or` forgot would be lost.
    #[test]
    fn what_is_absent_comes_from_the_other() {
        let full = json!({
            "prepare": "crop,edges", "mask": "mask.png", "background": "teal", "subject": "1,2,30,40", "subject_fill": 0.5, "edge_amount": 1.0,
            "background_blur": 0.01,
        });
        let options: PrepareOptions = serde_json::from_value(full.clone()).unwrap();
        let json = |options: &PrepareOptions| serde_json::to_value(options).unwrap();
        assert_eq!(json(&options), full);
        assert_eq!(json(&PrepareOptions::default().or(options.clone())), full);
        let other = PrepareOptions { edge_amount: Some(2.0), ..PrepareOptions::default() };
        assert_eq!(options.clone().or(other), options);
        let absent = json(&PrepareOptions::default());
        assert!(absent.as_object().unwrap().values().all(Value::is_null));
    }

    #[test]
    fn options_of_stages_that_do_not_run_are_told() {
        let options = PrepareOptions {
            subject_fill: Some(0.5),
            edge_amount: Some(1.0),
            mask: Some("mask.png".into()),
            subject: Some(Rect::whole(9, 9)),
            ..PrepareOptions::default()
        };
        let told = |mode: &str| {
            let lines = options.unused(mode.parse().unwrap());
            lines.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let both = "picture: --subject has no effect beside --mask, which counts more; leave one of them out";
        assert_eq!(told("auto"), [both]);
        let off = told("off");
        assert!(off.len() == 3 && off[0].starts_with("picture: --subject-fill has no effect with --prepare off; "));
        assert!(
            told("crop")[0].contains("--edge-amount has no effect with --prepare crop; ") && told("crop").len() == 2
        );
    }

    #[test]
    fn what_is_said_reaches_the_settings() {
        let options = PrepareOptions { subject_fill: Some(0.8), edge_amount: Some(0.0), ..PrepareOptions::default() };
        let settings = options.settings(Mode::Auto);
        assert_eq!((settings.mode, settings.fill, settings.edge_amount), (Mode::Auto, 0.8, 0.0));
        assert_eq!(settings.background_blur, prepare::Settings::default().background_blur);
    }
}
