//! What is weak about a picture, in words.

use std::fmt::{Display, Formatter, Result};

use super::Stages;

/// A side of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where x is 0.
    Left,
    /// Where y is 0.
    Top,
    /// Where x is greatest.
    Right,
    /// Where y is greatest.
    Bottom,
}

/// A weakness of the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// The frame has fewer pixels than the clip and is enlarged.
    TooSmall {
        /// Width and height of the frame in pixels of the picture.
        frame: (u32, u32),
        /// Width and height of the clip.
        clip: (u32, u32),
    },
    /// Its edges are soft at the clip's size: as if blurred by a Gaussian of `spread` pixels.
    Blurred {
        /// Standard deviation in pixels.
        spread: f64,
        /// Variance of the Laplacian, in squared levels.
        laplacian_variance: f64,
    },
    /// Blocks of 8×8 pixels show: steps between them are `step` levels higher than elsewhere.
    OverCompressed {
        /// In levels of 256.
        step: f64,
    },
    /// This share of the background lies on edges.
    Cluttered {
        /// From 0 to 1.
        share: f64,
    },
    /// The subject fills this share of the frame that the reference would take, less than `wanted`.
    SubjectSmall {
        /// From 0 to 1.
        fill: f64,
        /// What would be enough, from 0 to 1.
        wanted: f64,
    },
    /// The subject touches sides of the picture: a part of it may be missing.
    SubjectAtRim {
        /// The sides.
        sides: Vec<Side>,
    },
    /// The subject is far from the middle of the picture: by this share of its width and height.
    SubjectOffCentre {
        /// Of the width.
        across: f64,
        /// Of the height.
        down: f64,
    },
    /// The frame that the reference would take, the middle of the picture, cuts a part of the subject off.
    SubjectOutsideMiddle,
    /// The subject does not fit into any frame of the clip's aspect.
    SubjectCut {
        /// Its size as a share of the frame's, above 1.
        fill: f64,
    },
    /// The crop cannot be made smaller: it would have to be enlarged more than allowed.
    FillNotReached {
        /// The share of the frame that is reached.
        fill: f64,
        /// What would be enough, from 0 to 1.
        wanted: f64,
        /// How much the crop would be enlarged.
        enlargement: f64,
    },
    /// Nothing stands out with enough confidence; `None` if nothing stands out at all.
    NoSubject {
        /// From 0 to 1.
        confidence: Option<f64>,
        /// What would be enough, from 0 to 1.
        wanted: f64,
    },
    /// A subject is given, and preparation is off.
    SubjectUnused,
    /// At the clip's aspect, the frame would be shorter than a picture may be.
    NoFrame,
}

impl Finding {
    /// The stages that help against it: what [`super::Mode::Auto`] goes by.
    pub fn calls_for(&self) -> Stages {
        let none = Stages::default();
        match self {
            Self::SubjectSmall { .. } | Self::SubjectOffCentre { .. } | Self::SubjectOutsideMiddle => {
                Stages { crop: true, ..none }
            }
            Self::TooSmall { .. } | Self::Blurred { .. } => Stages { edges: true, ..none },
            Self::Cluttered { .. } => Stages { background: true, ..none },
            _ => none,
        }
    }
}

/// A share in whole percent.
pub(super) fn percent(share: f64) -> f64 {
    (share * 100.0).round()
}

impl Display for Side {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Top => "upper",
            Self::Right => "right",
            Self::Bottom => "lower",
        })
    }
}

impl Finding {
    /// What is weak, and what it does to the clip.
    pub fn problem(&self) -> String {
        match self {
            Self::TooSmall { frame, clip } => {
                format!("too small: the frame has {}x{} pixels for a clip of {}x{}", frame.0, frame.1, clip.0, clip.1)
            }
            Self::Blurred { spread, laplacian_variance } => format!(
                "blurred: edges are {spread:.1} pixels soft at the clip's size (variance of the Laplacian \
                 {laplacian_variance:.0})"
            ),
            Self::OverCompressed { step } => {
                format!("over-compressed: steps of {step:.1} levels between blocks of 8x8 pixels")
            }
            Self::Cluttered { share } => {
                format!("cluttered: {} % of the background is edges, which will jitter", percent(*share))
            }
            Self::SubjectSmall { fill, wanted } => format!(
                "small subject: it fills {} % of the frame, less than {} %; it will move in one patch only",
                percent(*fill),
                percent(*wanted)
            ),
            Self::SubjectAtRim { sides } => {
                let names: Vec<String> = sides.iter().map(Side::to_string).collect();
                format!("the subject touches the {} rim: what is cut off cannot move in", names.join(" and the "))
            }
            Self::SubjectOffCentre { across, down } => format!(
                "the subject is off the centre by {} % of the width and {} % of the height",
                percent(*across),
                percent(*down)
            ),
            Self::SubjectOutsideMiddle => {
                "at the clip's aspect, the middle of the picture cuts a part of the subject off".to_owned()
            }
            Self::SubjectCut { fill } => {
                format!("the subject is {} % as large as the frame: a part of it is cut off", percent(*fill))
            }
            Self::FillNotReached { fill, wanted, enlargement } => format!(
                "the subject fills only {} % of the frame, not {} %: a smaller crop would have to be enlarged more than \
                 {enlargement} times",
                percent(*fill),
                percent(*wanted)
            ),
            Self::NoSubject { confidence: Some(confidence), wanted } => {
                format!("no clear subject: confidence {confidence:.2}, wanted {wanted:.2}")
            }
            Self::NoSubject { confidence: None, .. } => "no subject: nothing stands out".to_owned(),
            Self::SubjectUnused => "a subject is given, but preparation is off".to_owned(),
            Self::NoFrame => "too small to be cut to the clip's aspect".to_owned(),
        }
    }

    /// What to do about it, where somebody can do something that preparation cannot.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::TooSmall { .. } => Some("a larger picture keeps its detail"),
            Self::Blurred { .. } => Some("take a sharper picture"),
            Self::OverCompressed { .. } => Some("take one of higher quality"),
            Self::Cluttered { .. } => Some("take a calmer one"),
            Self::SubjectAtRim { .. } => Some("take a picture that shows all of it"),
            Self::SubjectCut { .. } => Some("choose another aspect"),
            Self::FillNotReached { .. } | Self::NoFrame => Some("take a larger picture"),
            Self::NoSubject { .. } => Some("mark it by a mask or a box"),
            Self::SubjectUnused => Some("turn it on"),
            Self::SubjectSmall { .. } | Self::SubjectOffCentre { .. } | Self::SubjectOutsideMiddle => None,
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.problem())?;
        self.remedy().iter().try_for_each(|remedy| write!(f, "; {remedy}"))
    }
}
