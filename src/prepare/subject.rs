//! The subject of a picture: given by a mask or a box, or found.

use super::{Error, Mask, Rect, Result, saliency};
use crate::picture::Picture;

/// Where the knowledge of a subject comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A mask that the user gave.
    Mask,
    /// The picture's alpha channel.
    Alpha,
    /// A box that the user gave.
    Box,
    /// Found by [`saliency`].
    Saliency,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mask => "from the mask",
            Self::Alpha => "from the picture's alpha channel",
            Self::Box => "from the given box",
            Self::Saliency => "found",
        })
    }
}

/// What is known about the subject beforehand; the first of mask, alpha and box counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// A mask of the picture's size.
    pub mask: Option<&'a Mask>,
    /// The picture's alpha channel. Ignored if it is opaque everywhere, or nowhere as much as half.
    pub alpha: Option<&'a Mask>,
    /// A box inside of the picture.
    pub bounds: Option<Rect>,
}

/// The subject of a picture.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where it comes from.
    pub origin: Origin,
    /// The box around it, in pixels of the picture.
    pub bounds: Rect,
    /// Its centre of mass, in pixels of the picture.
    pub centre: (f64, f64),
    /// 0 to 1; 1 for one that was given.
    pub confidence: f64,
    /// Its shape: covers the whole picture, possibly at a lower resolution.
    pub mask: Mask,
}

impl Hints<'_> {
    /// Refuses hints that do not fit `picture`, also those that do not count.
    ///
    /// # Errors
    /// [`Error::MaskSize`], [`Error::BoxOutside`], [`Error::EmptyBox`].
    pub fn check(&self, picture: &Picture) -> Result<()> {
        let (width, height) = (picture.width(), picture.height());
        for mask in [self.mask, self.alpha].into_iter().flatten() {
            if (mask.width(), mask.height()) != (width, height) {
                let (found_width, found_height) = (mask.width(), mask.height());
                return Err(Error::MaskSize { found_width, found_height, width, height });
            }
        }
        self.bounds.map_or(Ok(()), |rect| rect.check_inside(width, height))
    }
}

impl Subject {
    /// The subject of `picture`, or `None` if none is given and nothing stands out.
    ///
    /// # Errors
    /// Those of [`Hints::check`], and [`Error::EmptyMask`].
    pub fn find(picture: &Picture, hints: &Hints) -> Result<Option<Self>> {
        let (width, height) = (picture.width(), picture.height());
        hints.check(picture)?;
        let given = |origin: Origin, mask: &Mask| {
            let (bounds, centre) = mask.extent()?;
            Some(Self { origin, bounds, centre, confidence: 1.0, mask: mask.clone() })
        };
        if let Some(mask) = hints.mask {
            return given(Origin::Mask, mask).ok_or(Error::EmptyMask).map(Some);
        }
        let alpha = hints.alpha.filter(|alpha| !alpha.is_all_white());
        if let Some(subject) = alpha.and_then(|alpha| given(Origin::Alpha, alpha)) {
            return Ok(Some(subject));
        }
        if let Some(rect) = hints.bounds {
            return Ok(given(Origin::Box, &Mask::from_rect(width, height, rect)));
        }
        Ok(saliency::find(picture)?.and_then(|found| Self::from_salient(found, width, height)))
    }

    /// What was found in a smaller copy of a picture of `width` × `height`.
    fn from_salient(found: saliency::Salient, width: u32, height: u32) -> Option<Self> {
        let confidence = found.evidence.confidence();
        let mask = Mask::from_image(found.mask);
        let (small, centre) = mask.extent()?;
        let across = f64::from(width) / f64::from(mask.width());
        let down = f64::from(height) / f64::from(mask.height());
        let span = |start: u32, length: u32, scale: f64, limit: u32| {
            let first = ((f64::from(start) * scale).round() as u32).min(limit.saturating_sub(1));
            let end = (f64::from(start.saturating_add(length)) * scale).round() as u32;
            (first, end.min(limit).saturating_sub(first).max(1))
        };
        let (x, columns) = span(small.x, small.width, across, width);
        let (y, rows) = span(small.y, small.height, down, height);
        let bounds = Rect { x, y, width: columns, height: rows };
        let centre = (centre.0 * across, centre.1 * down);
        Some(Self { origin: Origin::Saliency, bounds, centre, confidence, mask })
    }
}
