//! Several pictures on one sheet.

use image::imageops::replace;
use image::{Rgb, RgbImage};

use super::Result;
use super::rgb::{to_picture, to_rgb};
use crate::picture::{Filter, MIN_SIDE, Picture, check_size, resize};

/// Pixels between the pictures.
const MARGIN: u32 = 12;

/// `pictures` in rows of `columns`, from the left and the top, each shrunk or enlarged until its longer side has `cell`
/// pixels.
///
/// # Errors
/// [`super::Error::Picture`] if the sheet would be too small or too large for a picture.
pub fn contact_sheet(pictures: &[&Picture], columns: u32, cell: u32) -> Result<Picture> {
    let sizes: Vec<(u32, u32)> = pictures.iter().map(|picture| fitted(picture, cell)).collect();
    let widest = sizes.iter().map(|size| size.0).max().unwrap_or(0);
    let highest = sizes.iter().map(|size| size.1).max().unwrap_or(0);
    let count = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let length = |count: u32, side: u32| count.saturating_mul(side.saturating_add(MARGIN)).saturating_add(MARGIN);
    let (width, height) = (length(columns, widest), length(rows, highest));
    check_size("the contact sheet", width, height)?;
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([48; 3]));
    for (at, (picture, size)) in (0_u32..).zip(pictures.iter().zip(sizes)) {
        let small = to_rgb(&resize(picture, size.0, size.1, Filter::Bilinear)?);
        let place = |index: u32, side: u32, full: u32| {
            i64::from(MARGIN) + i64::from(index) * i64::from(full + MARGIN) + i64::from((full - side) / 2)
        };
        replace(&mut sheet, &small, place(at % columns, size.0, widest), place(at / columns, size.1, highest));
    }
    to_picture(sheet)
}

/// The size of `picture` with a longer side of `cell` pixels, no side shorter than [`MIN_SIDE`].
fn fitted(picture: &Picture, cell: u32) -> (u32, u32) {
    let longer = f64::from(picture.width().max(picture.height()));
    let side = |side: u32| ((f64::from(side) * f64::from(cell) / longer).round() as u32).max(MIN_SIDE);
    (side(picture.width()), side(picture.height()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_rows() {
        let wide = Picture::from_rgb8(16, 8, vec![200; 16 * 8 * 3]).unwrap();
        let sheet = contact_sheet(&[&wide, &wide, &wide], 2, 32).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (2 * 44 + 12, 2 * 28 + 12));
        let at = |x: usize, y: usize| sheet.pixels()[(y * 100 + x) * 3];
        assert_eq!([at(12, 12), at(87, 12), at(12, 55), at(60, 50), at(50, 20)], [200, 200, 200, 48, 48]);
        assert!(contact_sheet(&[&wide], 1, u32::MAX).is_err());
    }
}
