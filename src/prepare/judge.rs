//! Where a picture's numbers become findings.

use image::GrayImage;

use super::edges::Edges;
use super::frame::{self, Frame};
use super::weakness::{blockiness, clutter, sharpness};
use super::{Finding, Rect, Settings, Side, Subject};
use crate::picture::Picture;

/// Edges softer than this, in pixels of the clip, are reported.
const SOFT_EDGES: f64 = 2.0;
/// Blocks with steps higher than this, in levels, are reported.
const BLOCKS: f64 = 0.7;
/// A background with a larger share of edges is reported.
const CLUTTER: f64 = 0.08;
/// A subject closer to a side than this share of the picture touches it.
const RIM: f64 = 0.01;
/// A subject farther from the middle than this share of the picture is reported.
const OFF_CENTRE: f64 = 0.2;

/// Blocks of the compression, which only the picture as it is shows.
pub fn whole(picture: &Picture) -> Option<Finding> {
    let step = blockiness(picture);
    (step > BLOCKS).then_some(Finding::OverCompressed { step })
}

/// How the subject lies in a picture of `width` × `height`.
pub fn place(subject: &Subject, (width, height): (u32, u32)) -> Vec<Finding> {
    let bounds = subject.bounds;
    let near = |gap: u64, length: u32| gap as f64 <= f64::from(length) * RIM;
    let touched = [
        (Side::Left, near(u64::from(bounds.x), width)),
        (Side::Top, near(u64::from(bounds.y), height)),
        (Side::Right, near(u64::from(width).saturating_sub(bounds.right()), width)),
        (Side::Bottom, near(u64::from(height).saturating_sub(bounds.bottom()), height)),
    ];
    let mut findings = Vec::new();
    let sides: Vec<Side> = touched.into_iter().filter(|(_, touched)| *touched).map(|(side, _)| side).collect();
    if !sides.is_empty() {
        findings.push(Finding::SubjectAtRim { sides });
    }
    let (x, y) = bounds.centre();
    let (across, down) = ((x / f64::from(width) - 0.5).abs(), (y / f64::from(height) - 0.5).abs());
    if across.max(down) > OFF_CENTRE {
        findings.push(Finding::SubjectOffCentre { across, down });
    }
    findings
}

/// How the subject lies in `plain`, the frame that the reference would take, and whether `best` can hold it.
pub fn frames(bounds: Rect, plain: Rect, best: Option<&Frame>, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (fill, wanted) = (frame::share(bounds, plain), settings.fill);
    if fill < wanted {
        findings.push(Finding::SubjectSmall { fill, wanted });
    }
    let holds = |window: Rect| window.intersection(&bounds) == Some(bounds);
    match best {
        _ if holds(plain) => {}
        Some(best) if !holds(best.window) => findings.push(Finding::SubjectCut { fill: best.fill }),
        _ => findings.push(Finding::SubjectOutsideMiddle),
    }
    findings
}

/// Blur and clutter of the frame at working size, in `grey`; `shape` is the subject in it.
pub fn working(grey: &GrayImage, edges: &Edges, shape: Option<&GrayImage>, scale: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sharpness = sharpness(grey);
    let spread = sharpness.blur.map(|blur| blur / f64::from(scale.max(1)));
    if let Some(spread) = spread.filter(|&spread| spread > SOFT_EDGES) {
        findings.push(Finding::Blurred { spread, laplacian_variance: sharpness.laplacian_variance });
    }
    let share = clutter(edges, shape);
    if share > CLUTTER {
        findings.push(Finding::Cluttered { share });
    }
    findings
}
