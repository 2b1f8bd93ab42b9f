//! Between this project's pictures and the `image` crate's.

use image::{GrayImage, Luma, RgbImage};
use imageproc::map::map_pixels;

use super::{Rect, Result};
use crate::picture::Picture;

/// A copy as an `RgbImage`.
pub fn to_rgb(picture: &Picture) -> RgbImage {
    // The length fits: every picture has been checked for it.
    RgbImage::from_raw(picture.width(), picture.height(), picture.pixels().to_vec()).unwrap_or_default()
}

/// As a picture.
pub fn to_picture(image: RgbImage) -> Result<Picture> {
    let (width, height) = image.dimensions();
    Ok(Picture::from_rgb8(width, height, image.into_raw())?)
}

/// A grey image as a picture with three equal channels.
pub fn grey_to_picture(image: &GrayImage) -> Result<Picture> {
    let (width, height) = image.dimensions();
    Ok(Picture::from_rgb8(width, height, image.iter().flat_map(|&grey| [grey; 3]).collect())?)
}

/// The brightness `(299 R + 587 G + 114 B) / 1000` (ITU-R BT.601) of each pixel.
pub fn grey(image: &RgbImage) -> GrayImage {
    map_pixels(image, |pixel| Luma([brightness(pixel.0)]))
}

/// As [`grey`], of a picture.
pub fn to_grey(picture: &Picture) -> GrayImage {
    let values = picture.pixels().chunks_exact(3).map(|pixel| brightness([pixel[0], pixel[1], pixel[2]]));
    GrayImage::from_raw(picture.width(), picture.height(), values.collect()).unwrap_or_default()
}

fn brightness([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
}

/// The pixels of `picture` inside of `window`, which lies within it.
pub fn cut(picture: &Picture, window: Rect) -> Result<Picture> {
    let stride = picture.width() as usize * 3;
    let rows = picture.pixels().chunks_exact(stride).skip(window.y as usize).take(window.height as usize);
    let columns = window.x as usize * 3..(window.x as usize + window.width as usize) * 3;
    let pixels = rows.filter_map(|row| row.get(columns.clone())).flatten().copied().collect();
    Ok(Picture::from_rgb8(window.width, window.height, pixels)?)
}
