//! Where is the subject? Found without a model, from colour and contrast.
//!
//! On a copy whose longer side has `WORKING_SIDE` pixels: a median filter takes grain and fine texture away; `rarity`
//! says which colours do not occur along the border, `barrier` what is walled off from it; where both agree is the
//! seed of two palettes, of the subject and of the rest, whose ratio (`posterior`) completes the subject where one of
//! the two failed; `segment` takes the part that stands out most, at several thresholds, of which the one with the
//! sharpest outline wins; `confidence` judges whether it is a thing at all.

mod barrier;
mod confidence;
mod lab;
mod palette;
mod posterior;
mod rarity;
mod segment;

use image::GrayImage;
use imageproc::filter::median_filter;

use super::Result;
use super::rgb::to_rgb;
use crate::picture::{Filter, MIN_SIDE, Picture, resize};
pub use confidence::Evidence;

/// The longer side of the copy that is searched, in pixels.
const WORKING_SIDE: u32 = 200;

/// Saliency is cut at each of these; the subject is the cut with the best outline.
const THRESHOLDS: [f32; 6] = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

/// What was found, at working resolution.
#[derive(Clone, Debug)]
pub struct Salient {
    /// 255 where the subject is.
    pub mask: GrayImage,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// The most salient thing in `picture`, or `None` if nothing stands out at all.
///
/// # Errors
/// [`super::Error::Picture`] never for a picture that is one already.
pub fn find(picture: &Picture) -> Result<Option<Salient>> {
    let (width, height) = working_size(picture);
    let filter = if width < picture.width() { Filter::Box } else { Filter::Bilinear };
    let small = to_rgb(&resize(picture, width, height, filter)?);
    let calm = median_filter(&small, 2, 2);
    let lab = lab::to_lab(&calm);
    let bins: Vec<u32> = lab.iter().map(|&colour| palette::bin(colour)).collect();
    let (columns, rows) = (width as usize, height as usize);
    let rarity = rarity::rarity(&bins, columns, rows);
    let barrier = barrier::barrier(&lab, columns, rows, |at| rarity[at] < 0.5);
    let saliency = posterior::posterior(&rarity, &barrier, &bins, width, height);
    let candidates = THRESHOLDS.iter().filter_map(|&threshold| {
        let found = segment::segment(&saliency, width, height, threshold)?;
        let evidence = confidence::weigh(&found, &lab, &bins);
        Some(Salient { mask: found.mask, evidence })
    });
    Ok(candidates.max_by(|a, b| a.evidence.rank().total_cmp(&b.evidence.rank())))
}

/// The size of the copy: the longer side is [`WORKING_SIDE`], no side is shorter than [`MIN_SIDE`].
fn working_size(picture: &Picture) -> (u32, u32) {
    let scale = f64::from(WORKING_SIDE) / f64::from(picture.width().max(picture.height()));
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(MIN_SIDE);
    (side(picture.width()), side(picture.height()))
}
