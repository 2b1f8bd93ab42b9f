//! Is what was found a thing, or the brightest part of a cloud?

use image::{GrayImage, Luma};
use imageproc::distance_transform::euclidean_squared_distance_transform;
use imageproc::map::map_pixels;

use super::lab::{Lab, distance};
use super::palette::Palette;
use super::segment::Segment;

/// What speaks for a subject; every number from 0 to 1 except `step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// How different its colours are from those of the rest: 1 - Bhattacharyya's coefficient of the palettes.
    pub separation: f32,
    /// The mean colour step across its outline, in L*a*b* units.
    pub step: f32,
    /// How much of the colour change around the outline happens at the outline: 1 for an edge, less for a slope.
    pub sharpness: f32,
    /// Its share of all that stands out.
    pub focus: f32,
    /// Its share of the picture.
    pub area: f32,
    /// Its share of its own box.
    pub solidity: f32,
    /// The square of its greatest depth over its area: 0.3 for a disc, next to nothing for a line.
    pub compactness: f32,
    /// Its share of the rim of the picture.
    pub rim: f32,
    /// How much of a band across the picture it is: the lesser of its lengths along two opposite sides, over its mean length between
    /// them. 1 for hills or a sky, next to nothing for a thing that only touches both sides.
    pub band: f32,
}

/// Near and far distance from the outline, in working pixels.
const NEAR: f32 = 2.5;
const FAR: f32 = 8.0;
/// A colour step that leaves no doubt.
const CLEAR_STEP: f32 = 40.0;

impl Evidence {
    /// How good a cut this is among several: its outline follows edges, its colours are its own, and it holds much.
    pub fn rank(&self) -> f32 {
        let edge = (self.step / CLEAR_STEP).min(1.0) * self.sharpness.powi(2);
        edge * self.separation * self.area.powf(0.25) * self.is_no_band()
    }

    /// 1 for what ends before at least one of two opposite sides, 0 for a band across the picture.
    fn is_no_band(&self) -> f32 {
        rise(0.5 - self.band, 0.0, 0.3)
    }

    /// 0 to 1: the product of one term per number.
    pub fn confidence(&self) -> f64 {
        let terms = [
            rise(self.separation, 0.2, 0.7),
            rise(self.step, 3.0, 10.0),
            rise(self.sharpness, 0.45, 0.8),
            rise(self.focus, 0.35, 0.7),
            rise(self.area, 0.002, 0.01) * rise(0.9 - self.area, 0.0, 0.2),
            rise(self.solidity, 0.1, 0.3),
            rise(self.compactness, 0.01, 0.03),
            rise(0.45 - self.rim, 0.0, 0.15),
            self.is_no_band(),
        ];
        f64::from(terms.iter().product::<f32>())
    }
}

/// From 0 at `low` to 1 at `high`.
fn rise(value: f32, low: f32, high: f32) -> f32 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// The evidence for `found`.
pub fn weigh(found: &Segment, lab: &[Lab], bins: &[u32]) -> Evidence {
    let inside: Vec<bool> = found.mask.iter().map(|&value| value > 0).collect();
    let palette = |of: bool| {
        Palette::new(bins.iter().zip(&inside).map(|(&bin, &inside)| (bin, f32::from(u8::from(inside == of)))))
    };
    let area = inside.iter().filter(|&&inside| inside).count() as f32;
    let (step, sharpness) = outline(&found.mask, lab);
    Evidence {
        separation: 1.0 - palette(true).overlap(&palette(false)),
        step,
        sharpness,
        focus: found.focus,
        area: area / inside.len().max(1) as f32,
        solidity: area / box_area(&found.mask).max(1.0),
        compactness: deepest(&found.mask) / area.max(1.0),
        rim: rim(&found.mask),
        band: band(&found.mask),
    }
}

/// The square of the greatest distance of a pixel inside to one outside.
fn deepest(mask: &GrayImage) -> f32 {
    let depth = euclidean_squared_distance_transform(&inverse(mask));
    depth.iter().fold(0.0, |most: f64, &depth| if depth.is_finite() { most.max(depth) } else { most }) as f32
}

/// The share of the picture's outermost pixels that are inside.
fn rim(mask: &GrayImage) -> f32 {
    let (width, height) = mask.dimensions();
    let outermost = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let rim = mask.enumerate_pixels().filter(|(x, y, _)| outermost(*x, *y));
    let (count, inside) = rim
        .fold((0.0_f32, 0.0), |(count, inside), (_, _, value)| (count + 1.0, inside + f32::from(value.0[0]) / 255.0));
    inside / count.max(1.0)
}

/// [`Evidence::band`], from left to right or from top to bottom, whichever is more.
fn band(mask: &GrayImage) -> f32 {
    let (width, height) = mask.dimensions();
    let inside = |x: u32, y: u32| f32::from(mask.get_pixel(x, y).0[0]) / 255.0;
    let column = |x: u32| (0..height).map(|y| inside(x, y)).sum::<f32>();
    let row = |y: u32| (0..width).map(|x| inside(x, y)).sum::<f32>();
    let area: f32 = (0..height).map(row).sum();
    let across = column(0).min(column(width.saturating_sub(1))) / (area / width as f32).max(f32::MIN_POSITIVE);
    let down = row(0).min(row(height.saturating_sub(1))) / (area / height as f32).max(f32::MIN_POSITIVE);
    across.max(down)
}

fn inverse(mask: &GrayImage) -> GrayImage {
    map_pixels(mask, |value| Luma([255 - value.0[0]]))
}

fn box_area(mask: &GrayImage) -> f32 {
    let points = mask.enumerate_pixels().filter(|(_, _, value)| value.0[0] > 0);
    let extent = points.fold(None, |extent: Option<[u32; 4]>, (x, y, _)| {
        let [left, top, right, bottom] = extent.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
    });
    extent.map_or(0.0, |[left, top, right, bottom]| ((right - left + 1) * (bottom - top + 1)) as f32)
}

/// The mean colour step across the outline within [`NEAR`] on both sides, and its ratio to the step within [`FAR`].
fn outline(mask: &GrayImage, lab: &[Lab]) -> (f32, f32) {
    let (width, height) = mask.dimensions();
    let away = euclidean_squared_distance_transform(mask);
    let depth = euclidean_squared_distance_transform(&inverse(mask));
    // Positive outside, negative inside.
    let signed = |x: u32, y: u32| (away.get_pixel(x, y).0[0].sqrt() - depth.get_pixel(x, y).0[0].sqrt()) as f32;
    let colour = |x: f32, y: f32| -> Option<Lab> {
        let (x, y) = (x.round(), y.round());
        let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
        if inside { lab.get(y as usize * width as usize + x as usize).copied() } else { None }
    };
    let (mut near, mut far, mut count) = (0.0, 0.0, 0.0);
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            if mask.get_pixel(x, y).0[0] == 0 || signed(x, y) < -1.0 {
                continue;
            }
            let (dx, dy) = (signed(x + 1, y) - signed(x - 1, y), signed(x, y + 1) - signed(x, y - 1));
            let length = dx.hypot(dy).max(f32::MIN_POSITIVE);
            let at = |reach: f32| colour(x as f32 + dx / length * reach, y as f32 + dy / length * reach);
            let step = |reach: f32| Some(distance(at(reach)?, at(-reach)?));
            if let (Some(close), Some(wide)) = (step(NEAR), step(FAR)) {
                near += close;
                far += wide;
                count += 1.0;
            }
        }
    }
    if count == 0.0 { (0.0, 0.0) } else { (near / count, (near / far.max(f32::MIN_POSITIVE)).min(1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_told_from_things_that_touch_two_sides() {
        let of = |inside: &dyn Fn(f32, f32) -> bool| {
            band(&GrayImage::from_fn(80, 60, |x, y| Luma([if inside(x as f32, y as f32) { 255 } else { 0 }])))
        };
        assert_eq!(of(&|_, y| y > 20.0 && y < 35.0), 1.0);
        assert!(of(&|x, y| y > 40.0 + 8.0 * (x / 9.0).sin()) > 0.7);
        // Upright, and at two sides of three.
        assert_eq!(of(&|x, _| x > 20.0 && x < 30.0), 1.0);
        assert_eq!(of(&|_, y| y < 20.0), 1.0);
        // A disc from rim to rim, a thing at one side.
        assert!(of(&|x, y| (x - 39.5).hypot(y - 29.5) < 30.0) < 0.25);
        assert_eq!(of(&|x, y| x < 30.0 && y > 20.0), 0.0);
    }
}
