//! A picture under construction, and where its subject was painted.

use super::random::Random;
use i2vgen::picture::Picture;
use i2vgen::prepare::Rect;

pub type Colour = [f64; 3];

/// Whether a point is inside.
pub type Shape = Box<dyn Fn(f64, f64) -> bool>;

pub struct Canvas {
    pub width: u32,
    pub height: u32,
    pixels: Vec<Colour>,
    subject: Vec<bool>,
}

impl Canvas {
    /// Colours in 0..1 at pixel centres.
    pub fn new(width: u32, height: u32, colour: impl Fn(f64, f64) -> Colour) -> Self {
        let points = (0..height).flat_map(|y| (0..width).map(move |x| (f64::from(x) + 0.5, f64::from(y) + 0.5)));
        let pixels: Vec<_> = points.map(|(x, y)| colour(x, y)).collect();
        let subject = vec![false; pixels.len()];
        Self { width, height, pixels, subject }
    }

    /// Paints a part of the subject, its rim smoothed over 3×3 points per pixel; it lies within `reach` of `middle`.
    pub fn paint(&mut self, shape: &Shape, middle: (f64, f64), reach: f64, colour: impl Fn(f64, f64) -> Colour) {
        let range = |middle: f64, limit: u32| (middle - reach).max(0.0) as u32..limit.min((middle + reach) as u32 + 1);
        for y in range(middle.1, self.height) {
            for x in range(middle.0, self.width) {
                let third = |i: u32| (f64::from(i) + 0.5) / 3.0;
                let inside = (0..9).filter(|i| shape(f64::from(x) + third(i % 3), f64::from(y) + third(i / 3))).count();
                if inside == 0 {
                    continue;
                }
                let share = inside as f64 / 9.0;
                let at = (y * self.width + x) as usize;
                let new = colour(f64::from(x) + 0.5, f64::from(y) + 0.5);
                self.pixels[at] = std::array::from_fn(|c| self.pixels[at][c] * (1.0 - share) + new[c] * share);
                self.subject[at] |= share > 0.5;
            }
        }
    }

    /// Adds normal noise of `spread` (of full scale) to every sample.
    pub fn grain(&mut self, random: &mut Random, spread: f64) {
        for pixel in &mut self.pixels {
            for sample in pixel {
                *sample += spread * random.normal();
            }
        }
    }

    /// The picture, and the box around all that was painted.
    pub fn finish(self) -> (Picture, Option<Rect>) {
        let samples = self.pixels.iter().flatten().map(|sample| (sample.clamp(0.0, 1.0) * 255.0).round() as u8);
        let picture = Picture::from_rgb8(self.width, self.height, samples.collect()).unwrap();
        let inside = self.subject.iter().enumerate().filter(|(_, inside)| **inside);
        let points: Vec<_> = inside.map(|(at, _)| (at as u32 % self.width, at as u32 / self.width)).collect();
        let left = points.iter().map(|p| p.0).min();
        let bounds = left.map(|left| {
            let (top, right, bottom) = points
                .iter()
                .fold((u32::MAX, 0, 0), |(top, right, bottom), &(x, y)| (top.min(y), right.max(x), bottom.max(y)));
            Rect { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
        });
        (picture, bounds)
    }
}

/// An ellipse with half axes `a` and `b`, turned by `angle`.
pub fn ellipse(x: f64, y: f64, a: f64, b: f64, angle: f64) -> Shape {
    let (sin, cos) = angle.sin_cos();
    Box::new(move |px, py| {
        let (dx, dy) = (px - x, py - y);
        ((dx * cos + dy * sin) / a).powi(2) + ((dy * cos - dx * sin) / b).powi(2) <= 1.0
    })
}

/// A polygon, by the even-odd rule.
pub fn polygon(points: Vec<(f64, f64)>) -> Shape {
    Box::new(move |px, py| {
        let mut inside = false;
        for (i, &(x0, y0)) in points.iter().enumerate() {
            let (x1, y1) = points[(i + 1) % points.len()];
            if (y0 > py) != (y1 > py) && px < (x1 - x0) * (py - y0) / (y1 - y0) + x0 {
                inside = !inside;
            }
        }
        inside
    })
}
