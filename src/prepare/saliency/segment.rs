//! From a map of saliency to the one thing that stands out.

use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};
use imageproc::morphology::{close, open};
use imageproc::region_labelling::{Connectivity, connected_components};

/// Parts with less than this share of the largest part's saliency are left out.
const LEAST_PART: f32 = 0.04;
/// Parts farther apart than this share of the short side do not belong together.
const PART_GAP: f32 = 0.04;

/// A segmented subject.
pub struct Segment {
    /// 255 where the subject is, holes filled.
    pub mask: GrayImage,
    /// The subject's share of the saliency above the threshold: 1 if nothing else stands out.
    pub focus: f32,
}

/// The part of `saliency` (0 to 1, `[height · width]`) above `threshold` with the largest sum, and the parts close to
/// it.
///
/// Saliency counts less away from the middle, by the distance in widths and heights: most pictures are of what is
/// there. `None` if nothing is above it.
pub fn segment(saliency: &[f32], width: u32, height: u32, threshold: f32) -> Option<Segment> {
    let above = GrayImage::from_fn(width, height, |x, y| {
        let value = saliency.get(y as usize * width as usize + x as usize).copied().unwrap_or(0.0);
        Luma([if value > threshold { 255 } else { 0 }])
    });
    let tidy = close(&open(&above, Norm::LInf, 1), Norm::LInf, 1);
    let labels = connected_components(&tidy, Connectivity::Eight, Luma([0]));
    let count = labels.iter().copied().max().unwrap_or(0) as usize;
    let mut mass = vec![0.0_f32; count + 1];
    for ((x, y, label), &value) in labels.enumerate_pixels().zip(saliency) {
        if label.0[0] > 0 {
            let off = |at: u32, length: u32| (at as f32 + 0.5) / length as f32 - 0.5;
            let away = off(x, width).hypot(off(y, height));
            mass[label.0[0] as usize] += value * (1.0 - away);
        }
    }
    let main = (1..=count).max_by(|&a, &b| mass[a].total_cmp(&mass[b]))?;
    let gap = (width.min(height) as f32 * PART_GAP).round().clamp(1.0, 255.0) as u8;
    let mut kept: Vec<bool> = (0..=count).map(|label| label == main).collect();
    // A part may be close only to another part.
    loop {
        let chosen = GrayImage::from_fn(width, height, |x, y| marked(kept[labels.get_pixel(x, y).0[0] as usize]));
        let distance = distance_transform(&chosen, Norm::LInf);
        let mut grown = kept.clone();
        for (&label, &away) in labels.iter().zip(distance.iter()) {
            let label = label as usize;
            grown[label] |= label > 0 && away <= gap && mass[label] >= LEAST_PART * mass[main];
        }
        if grown == kept {
            let total: f32 = mass.iter().sum();
            let sum: f32 = mass.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(mass, _)| mass).sum();
            return Some(Segment { mask: filled(&chosen), focus: sum / total.max(f32::MIN_POSITIVE) });
        }
        kept = grown;
    }
}

fn marked(inside: bool) -> Luma<u8> {
    Luma([if inside { 255 } else { 0 }])
}

/// `mask` with its holes filled: what cannot be reached from the border belongs to it.
fn filled(mask: &GrayImage) -> GrayImage {
    let (width, height) = mask.dimensions();
    let inverse = GrayImage::from_fn(width, height, |x, y| marked(mask.get_pixel(x, y).0[0] == 0));
    let labels = connected_components(&inverse, Connectivity::Four, Luma([0]));
    let count = labels.iter().copied().max().unwrap_or(0) as usize;
    let mut outside = vec![false; count + 1];
    for (x, y, label) in labels.enumerate_pixels() {
        let rim = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
        outside[label.0[0] as usize] |= rim && label.0[0] > 0;
    }
    GrayImage::from_fn(width, height, |x, y| marked(!outside[labels.get_pixel(x, y).0[0] as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[&str]) -> (Vec<f32>, u32, u32) {
        let values = rows.iter().flat_map(|row| row.chars().map(|c| if c == '#' { 0.9 } else { 0.1 }));
        (values.collect(), rows[0].len() as u32, rows.len() as u32)
    }

    #[test]
    fn the_largest_part_is_taken_without_its_holes() {
        let (saliency, width, height) = map(&[
            "........................",
            "........................",
            "..#########.............",
            "..#########.............",
            "..#########.........###.",
            "..###...###.........###.",
            "..###...###.........###.",
            "..#########.............",
            "..#########.............",
            "..#########.............",
            "........................",
            "........................",
        ]);
        let found = segment(&saliency, width, height, 0.5).unwrap();
        let count = found.mask.iter().filter(|&&value| value > 0).count();
        assert_eq!(count, 9 * 8);
        assert!(found.focus > 0.8 && found.focus < 0.9, "{}", found.focus);
        assert!(segment(&[0.1; 64], 8, 8, 0.5).is_none());
    }
}
