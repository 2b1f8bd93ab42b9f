//! A mask of the subject: white on black.

use image::imageops::interpolate_bilinear;
use image::{GrayImage, Luma};

use super::{Error, Rect, Result};
use crate::picture::Opened;

/// From this value on, a pixel of a mask is the subject's.
const INSIDE: u8 = 128;

/// Grey values `[height, width]`: 128 and above is the subject, below is background.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask(GrayImage);

impl Mask {
    /// A mask from grey or alpha `values` `[height, width]`.
    ///
    /// # Errors
    /// [`Error::MaskSamples`] if there are not `width · height` of them.
    pub fn from_grey8(width: u32, height: u32, values: Vec<u8>) -> Result<Self> {
        let (expected, found) = (u64::from(width) * u64::from(height), values.len());
        let refuse = || Error::MaskSamples { width, height, expected, found };
        if found as u64 != expected {
            return Err(refuse());
        }
        GrayImage::from_raw(width, height, values).map(Self).ok_or_else(refuse)
    }

    /// A mask from a file: its alpha channel if something in it is transparent, else its brightness
    /// `(299 R + 587 G + 114 B) / 1000`.
    ///
    /// # Errors
    /// [`Error::MaskSamples`] never for what [`Picture::open`](crate::picture::Picture::open) gave.
    pub fn from_opened(opened: &Opened) -> Result<Self> {
        let picture = &opened.picture;
        match &opened.alpha {
            Some(alpha) => Self::from_grey8(picture.width(), picture.height(), alpha.clone()),
            None => Ok(Self(super::rgb::to_grey(picture))),
        }
    }

    /// A mask that is white inside of `rect`.
    pub(super) fn from_rect(width: u32, height: u32, rect: Rect) -> Self {
        Self(GrayImage::from_fn(width, height, |x, y| Luma([if rect.contains(x, y) { 255 } else { 0 }])))
    }

    /// A mask that has been computed.
    pub(super) fn from_image(image: GrayImage) -> Self {
        Self(image)
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// Whether every pixel is white, as the alpha channel of an opaque picture.
    pub(super) fn is_all_white(&self) -> bool {
        self.0.iter().all(|&value| value == u8::MAX)
    }

    /// The smallest box around the subject, and its centre of mass in pixels; `None` if nothing is marked.
    pub(super) fn extent(&self) -> Option<(Rect, (f64, f64))> {
        let mut count = 0_u64;
        let mut sums = [0_u64; 2];
        let [mut left, mut top, mut right, mut bottom] = [u32::MAX, u32::MAX, 0, 0];
        let width = self.width().max(1) as usize;
        for (y, row) in (0_u32..).zip(self.0.chunks_exact(width)) {
            let marked = (0_u32..).zip(row).filter(|(_, value)| **value >= INSIDE);
            for (x, _) in marked {
                (left, right) = (left.min(x), right.max(x));
                (top, bottom) = (top.min(y), bottom.max(y));
                count += 1;
                sums[0] += u64::from(x);
                sums[1] += u64::from(y);
            }
        }
        let mean = |sum: u64| sum as f64 / count as f64 + 0.5;
        let bounds =
            Rect { x: left, y: top, width: right.checked_sub(left)? + 1, height: bottom.checked_sub(top)? + 1 };
        Some((bounds, (mean(sums[0]), mean(sums[1]))))
    }

    /// The part of the mask that covers `window` of a picture of `width` × `height`, at the size `to`: 255 inside, 0
    /// outside.
    ///
    /// The mask covers the whole picture, at whatever resolution it has.
    pub(super) fn window(&self, window: Rect, (width, height): (u32, u32), to: (u32, u32)) -> GrayImage {
        let scale = |mask: u32, picture: u32| f64::from(mask) / f64::from(picture.max(1));
        let (across, down) = (scale(self.width(), width), scale(self.height(), height));
        let place = |at: u32, count: u32, start: u32, length: u32, scale: f64, limit: u32| {
            let pixel = f64::from(start) + (f64::from(at) + 0.5) * f64::from(length) / f64::from(count);
            (pixel * scale - 0.5).clamp(0.0, f64::from(limit.saturating_sub(1))) as f32
        };
        GrayImage::from_fn(to.0, to.1, |x, y| {
            let u = place(x, to.0, window.x, window.width, across, self.width());
            let v = place(y, to.1, window.y, window.height, down, self.height());
            let value = interpolate_bilinear(&self.0, u, v).map_or(0, |value| value.0[0]);
            Luma([if value >= INSIDE { 255 } else { 0 }])
        })
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({}x{})", self.width(), self.height())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extent_and_centre_of_a_box() {
        let rect = Rect { x: 3, y: 5, width: 4, height: 2 };
        let mask = Mask::from_rect(20, 10, rect);
        assert_eq!(mask.extent(), Some((rect, (5.0, 6.0))));
        assert_eq!(Mask::from_grey8(4, 2, vec![127; 8]).unwrap().extent(), None);
        assert!(matches!(Mask::from_grey8(4, 2, vec![0; 7]), Err(Error::MaskSamples { expected: 8, .. })));
    }

    #[test]
    fn a_window_keeps_its_place_at_any_resolution() {
        // The picture is 40x20, the mask half of that; the subject's box in the picture is 10..30 x 4..12.
        let mask = Mask::from_rect(20, 10, Rect { x: 5, y: 2, width: 10, height: 4 });
        let part = mask.window(Rect { x: 8, y: 0, width: 32, height: 20 }, (40, 20), (64, 40));
        let (bounds, _) = Mask::from_image(part).extent().unwrap();
        assert_eq!(bounds, Rect { x: 4, y: 8, width: 40, height: 16 });
    }
}
