//! The stages in their order.

use image::RgbImage;

use super::edges::{Edges, edges, strengthen};
use super::rgb::{cut, grey, grey_to_picture, to_picture, to_rgb};
use super::stage::overview;
use super::{Action, Finding, Hints, Mode, Rect, Report, Result, Settings, Stage, StageName, Stages, Subject, Why};
use super::{background, frame, judge};
use crate::picture::{Filter, Picture, check_size, resize};

/// A prepared picture.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// What goes to [`crate::picture::prepare`]: the working size, or the picture itself where it was left alone.
    pub picture: Picture,
    /// The subject, also one that was not certain enough.
    pub subject: Option<Subject>,
    /// The part of the original that `picture` shows; `None` where it was left alone.
    pub window: Option<Rect>,
    /// A picture of each stage that ran.
    pub stages: Vec<Stage>,
    /// What is weak, and what was done.
    pub report: Report,
}

/// Prepares `picture` for a clip of `width` × `height` pixels.
///
/// # Errors
/// [`super::Error::Setting`] for settings out of range, the errors of [`Subject::find`] for hints that do not fit the
/// picture, [`super::Error::Picture`] for a clip size that no picture may have.
pub fn prepare(picture: &Picture, width: u32, height: u32, hints: &Hints, settings: &Settings) -> Result<Preparation> {
    settings.check()?;
    check_size("the clip", width, height)?;
    if settings.mode == Mode::Off {
        hints.check(picture)?;
        let given = hints.mask.is_some() || hints.bounds.is_some();
        let findings = given.then_some(Finding::SubjectUnused).into_iter().collect();
        let report = Report { findings, actions: vec![Action::LeftAlone { why: Why::Off }] };
        return Ok(Preparation { picture: picture.clone(), subject: None, window: None, stages: Vec::new(), report });
    }
    let subject = Subject::find(picture, hints)?;
    let certain = subject.as_ref().filter(|subject| subject.confidence >= settings.confidence);
    let mut work = Work { picture, clip: (width, height), settings, report: Report::default(), stages: Vec::new() };
    work.tell_subject(subject.as_ref(), certain);
    let (prepared, window) = match work.run(certain)? {
        Done::Prepared(prepared, window) => (prepared, Some(window)),
        Done::LeftAlone(why) => {
            work.report.actions.push(Action::LeftAlone { why });
            (picture.clone(), None)
        }
    };
    let mut stages = vec![Stage { name: StageName::Subject, picture: overview(picture, subject.as_ref(), window)? }];
    stages.append(&mut work.stages);
    Ok(Preparation { picture: prepared, subject, window, stages, report: work.report })
}

/// What became of a picture.
enum Done {
    /// The picture after all stages, and the window that it shows.
    Prepared(Picture, Rect),
    LeftAlone(Why),
}

/// A preparation on its way.
struct Work<'a> {
    picture: &'a Picture,
    clip: (u32, u32),
    settings: &'a Settings,
    report: Report,
    stages: Vec<Stage>,
}

impl Work<'_> {
    fn find(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.report.findings.extend(findings);
    }

    fn show(&mut self, name: StageName, picture: Picture) {
        self.stages.push(Stage { name, picture });
    }

    fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    fn tell_subject(&mut self, found: Option<&Subject>, certain: Option<&Subject>) {
        let Some(subject) = certain else {
            let confidence = found.map(|subject| subject.confidence);
            return self.find([Finding::NoSubject { confidence, wanted: self.settings.confidence }]);
        };
        let Subject { origin, bounds, centre, confidence, .. } = *subject;
        self.report.actions.push(Action::Subject { origin, bounds, centre, confidence });
        self.find(judge::place(subject, self.size()));
    }

    fn run(&mut self, certain: Option<&Subject>) -> Result<Done> {
        self.find(judge::whole(self.picture));
        let Some(plain) = frame::centred(self.size(), self.clip) else {
            self.find([Finding::NoFrame]);
            return Ok(Done::LeftAlone(Why::NoFrame));
        };
        let window = certain.map_or(plain, |subject| self.window(subject, plain));
        let (frame, scaled) = self.working_frame(window)?;
        let shape = certain.map(|subject| subject.mask.window(window, self.size(), frame.dimensions()));
        let found = edges(&frame);
        self.find(judge::working(&grey(&frame), &found, shape.as_ref(), self.settings.scale));

        let stages = self.choose(certain.is_some(), window != plain);
        if stages == Stages::default() {
            return Ok(Done::LeftAlone(if certain.is_some() { Why::NothingToDo } else { Why::NoSubject }));
        }
        if let Some(subject) = certain.filter(|_| window != plain) {
            let (before, after) = (frame::share(subject.bounds, plain), frame::share(subject.bounds, window));
            self.report.actions.push(Action::Cropped { window, before, after });
        }
        let (from, to) = ((window.width, window.height), frame.dimensions());
        if from != to {
            self.report.actions.push(Action::Resized { from, to });
        }
        self.show(StageName::Crop, scaled);
        let mut out = frame;
        if stages.edges {
            out = self.strengthen(&out, &found)?;
        }
        if let Some(shape) = shape.filter(|_| stages.background) {
            let short = f64::from(out.width().min(out.height()));
            let (spread, feather) = (self.settings.background_blur * short, self.settings.feather * short);
            out = background::soften(&out, &shape, spread, feather);
            self.report.actions.push(Action::BackgroundBlurred { spread, feather });
            self.show(StageName::Background, to_picture(out.clone())?);
        }
        Ok(Done::Prepared(to_picture(out)?, window))
    }

    /// The window: around the subject if it is to be cropped to it, else `plain`, the middle of the picture.
    fn window(&mut self, subject: &Subject, plain: Rect) -> Rect {
        let Settings { mode, fill: wanted, enlargement, .. } = *self.settings;
        let best = frame::around(subject.bounds, self.size(), self.clip, wanted, enlargement);
        self.find(judge::frames(subject.bounds, plain, best.as_ref(), self.settings));
        let crop = match mode {
            Mode::Off => false,
            Mode::Auto => self.report.calls_for().crop,
            Mode::Only(stages) => stages.crop,
        };
        let Some(best) = best.filter(|_| crop) else { return plain };
        if best.held_back {
            self.find([Finding::FillNotReached { fill: best.fill, wanted, enlargement }]);
        }
        best.window
    }

    /// The window's pixels at the working size: means of pixels where it shrinks, interpolated where it grows.
    fn working_frame(&mut self, window: Rect) -> Result<(RgbImage, Picture)> {
        let scale = self.settings.scale;
        let to = (self.clip.0.saturating_mul(scale), self.clip.1.saturating_mul(scale));
        let filter = if window.width >= to.0 { Filter::Box } else { Filter::Bilinear };
        let scaled = resize(&cut(self.picture, window)?, to.0, to.1, filter)?;
        if window.width < self.clip.0 {
            self.find([Finding::TooSmall { frame: (window.width, window.height), clip: self.clip }]);
        }
        Ok((to_rgb(&scaled), scaled))
    }

    /// The stages that run, after everything has been found; `moved` if the window is not the middle of the picture.
    fn choose(&mut self, certain: bool, moved: bool) -> Stages {
        match self.settings.mode {
            Mode::Auto if certain => {
                let called = self.report.calls_for();
                let blocks = self.report.findings.iter().any(|f| matches!(f, Finding::OverCompressed { .. }));
                let stages = Stages { crop: moved, edges: called.edges && !blocks, ..called };
                if stages != Stages::default() {
                    self.report.actions.push(Action::Chosen { stages });
                }
                if called.edges && blocks {
                    let stages = Stages { edges: true, ..Stages::default() };
                    self.report.actions.push(Action::LeftOut { stages, why: Why::Blocks });
                }
                stages
            }
            Mode::Only(stages) if certain => stages,
            Mode::Only(stages) => {
                let missing = Stages { edges: false, ..stages };
                if missing != Stages::default() {
                    self.report.actions.push(Action::LeftOut { stages: missing, why: Why::NoSubject });
                }
                Stages { edges: stages.edges, ..Stages::default() }
            }
            Mode::Auto | Mode::Off => Stages::default(),
        }
    }

    /// Strengthens the frame along `found`, and shows the map and what it did.
    fn strengthen(&mut self, frame: &RgbImage, found: &Edges) -> Result<RgbImage> {
        let amount = self.settings.edge_amount;
        let out = strengthen(frame, found, amount);
        let share = found.map.iter().filter(|&&edge| edge > 0).count() as f64 / found.map.len().max(1) as f64;
        self.report.actions.push(Action::EdgesStrengthened { amount, share });
        self.show(StageName::EdgeMap, grey_to_picture(&found.map)?);
        self.show(StageName::Edges, to_picture(out.clone())?);
        Ok(out)
    }
}
