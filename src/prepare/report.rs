//! What was found and what was done to a picture, in words.

use std::fmt::{Display, Formatter, Result};

use super::finding::percent;
use super::{Finding, Origin, Rect, Stages};

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// [`super::Mode::Off`].
    Off,
    /// There is no subject that is certain enough.
    NoSubject,
    /// No frame of the clip's aspect fits into the picture.
    NoFrame,
    /// No weakness calls for it.
    NothingToDo,
    /// The blocks of an over-compressed picture would be strengthened, too.
    Blocks,
}

/// Something that was done, or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The subject that everything else went by.
    Subject {
        /// Who says so.
        origin: Origin,
        /// Its box.
        bounds: Rect,
        /// Its centre in pixels, x and y.
        centre: (f64, f64),
        /// From 0 to 1.
        confidence: f64,
    },
    /// The stages that [`super::Mode::Auto`] chose, for what was found to be weak.
    Chosen {
        /// The stages.
        stages: Stages,
    },
    /// The frame was cut out around the subject: its share of the frame before and after.
    Cropped {
        /// The frame, in pixels of the picture.
        window: Rect,
        /// From 0 to 1.
        before: f64,
        /// From 0 to 1.
        after: f64,
    },
    /// The frame was brought to the working size.
    Resized {
        /// Width and height before.
        from: (u32, u32),
        /// Width and height after.
        to: (u32, u32),
    },
    /// This share of the frame was strengthened along edges.
    EdgesStrengthened {
        /// How strongly: [`super::Settings::edge_amount`].
        amount: f64,
        /// From 0 to 1.
        share: f64,
    },
    /// The background was blurred; both in pixels of the working size.
    BackgroundBlurred {
        /// Standard deviation of the blur.
        spread: f64,
        /// Width of the transition from the subject.
        feather: f64,
    },
    /// These stages were asked or called for, and did not run.
    LeftOut {
        /// The stages.
        stages: Stages,
        /// Why.
        why: Why,
    },
    /// The picture goes to the model as it is.
    LeftAlone {
        /// Why.
        why: Why,
    },
}

/// The findings and the actions, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What is weak; empty for a good picture.
    pub findings: Vec<Finding>,
    /// What was done.
    pub actions: Vec<Action>,
}

impl Report {
    /// The stages that the findings call for.
    pub fn calls_for(&self) -> Stages {
        self.findings.iter().fold(Stages::default(), |all, finding| all.or(finding.calls_for()))
    }

    /// Was the frame cut out around the subject, not out of the middle?
    pub fn is_cropped(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Cropped { .. }))
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Off => "preparation is off",
            Self::NoSubject => "without a certain subject, changing it could do harm",
            Self::NoFrame => "no frame of the clip's aspect fits into it",
            Self::NothingToDo => "nothing is weak that preparation could help",
            Self::Blocks => "the blocks of the compression would be strengthened, too",
        })
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Subject { origin, bounds, centre, confidence } => write!(
                f,
                "subject {origin}: {bounds}, centre of mass {:.0},{:.0}, confidence {confidence:.2}",
                centre.0, centre.1
            ),
            Self::Chosen { stages } => write!(f, "for what is weak, auto chose {stages}"),
            Self::Cropped { window, before, after } => {
                write!(f, "cropped to {window}: the subject ")?;
                match (percent(*before), percent(*after)) {
                    (before, after) if before != after => {
                        write!(f, "fills {after} % of the frame instead of {before} %")
                    }
                    (_, after) if after > 100.0 => f.write_str("is larger than the frame, as before"),
                    (_, after) => write!(f, "fills {after} % of the frame, as before"),
                }
            }
            Self::Resized { from, to } => {
                write!(f, "resized from {}x{} to {}x{}", from.0, from.1, to.0, to.1)
            }
            Self::EdgesStrengthened { amount, share } => {
                write!(f, "edges strengthened by {amount} on {:.1} % of the frame", share * 100.0)
            }
            Self::BackgroundBlurred { spread, feather } => {
                write!(f, "background blurred by {spread:.1} pixels, feathered over {feather:.1}")
            }
            Self::LeftOut { stages, why } => write!(f, "left out {stages}: {why}"),
            Self::LeftAlone { why } => write!(f, "the picture is left alone: {why}"),
        }
    }
}

impl Display for Report {
    /// A line per finding, then a line per action.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for finding in &self.findings {
            writeln!(f, "weak: {finding}")?;
        }
        for action in &self.actions {
            writeln!(f, "done: {action}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_stays_is_told_so() {
        let told = |before, after| Action::Cropped { window: Rect::whole(64, 64), before, after }.to_string();
        assert!(told(0.2, 0.6).ends_with("the subject fills 60 % of the frame instead of 20 %"));
        assert!(told(0.6, 0.601).ends_with("the subject fills 60 % of the frame, as before"));
        assert!(told(12.0, 12.0).ends_with("the subject is larger than the frame, as before"));
    }
}
