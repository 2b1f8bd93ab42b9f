//! A picture of each stage, to look at.

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect as Outline;

use super::rgb::{to_picture, to_rgb};
use super::{Rect, Result, Subject};
use crate::picture::{Filter, MIN_SIDE, Picture, resize};

/// What a stage's picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageName {
    /// The whole picture: all but the subject darkened, the subject's box yellow, the frame's white.
    Subject,
    /// The frame at working size.
    Crop,
    /// The edge map.
    EdgeMap,
    /// The frame, strengthened along the edges.
    Edges,
    /// The frame with its background blurred.
    Background,
}

impl StageName {
    /// A name for a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Crop => "crop",
            Self::EdgeMap => "edge-map",
            Self::Edges => "edges",
            Self::Background => "background",
        }
    }
}

/// One stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What it shows.
    pub name: StageName,
    /// The picture.
    pub picture: Picture,
}

/// The longer side of the picture that shows the subject.
const OVERVIEW: u32 = 640;

/// The picture of [`StageName::Subject`].
pub(super) fn overview(picture: &Picture, subject: Option<&Subject>, window: Option<Rect>) -> Result<Picture> {
    let size = (picture.width(), picture.height());
    let scale = (f64::from(OVERVIEW) / f64::from(size.0.max(size.1))).min(1.0);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(MIN_SIDE);
    let small = (side(size.0), side(size.1));
    let mut image: RgbImage = to_rgb(&resize(picture, small.0, small.1, Filter::Box)?);
    if let Some(subject) = subject {
        let mask = subject.mask.window(Rect::whole(size.0, size.1), size, small);
        for (pixel, mask) in image.pixels_mut().zip(mask.iter()) {
            if *mask == 0 {
                pixel.0 = pixel.0.map(|sample| sample / 2);
            }
        }
    }
    let mut outline = |rect: Rect, colour: [u8; 3]| {
        let place = |at: u32, full: u32, small: u32| (f64::from(at) * f64::from(small) / f64::from(full)) as u32;
        let (x, y) = (place(rect.x, size.0, small.0), place(rect.y, size.1, small.1));
        let width = place(rect.width, size.0, small.0).max(1);
        let height = place(rect.height, size.1, small.1).max(1);
        draw_hollow_rect_mut(&mut image, Outline::at(x as i32, y as i32).of_size(width, height), Rgb(colour));
    };
    if let Some(window) = window {
        outline(window, [255, 255, 255]);
    }
    if let Some(subject) = subject {
        outline(subject.bounds, [255, 220, 0]);
    }
    to_picture(image)
}
