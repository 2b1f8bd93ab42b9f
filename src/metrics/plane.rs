//! Planes of float samples: brightness, colour differences, flow.

use image::{ImageBuffer, Luma};
use imageproc::filter::gaussian_blur_f32;

/// Samples `[height, width]`, rows from the top.
pub type Plane = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Brightness and colour differences of a picture.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Y = 0.299 R + 0.587 G + 0.114 B, 0 to 255 (ITU-R BT.601).
    pub luma: Plane,
    /// Cb = 0.564 (B − Y).
    pub blue: Plane,
    /// Cr = 0.713 (R − Y).
    pub red: Plane,
}

impl Planes {
    /// Of 8-bit RGB samples `[height, width, 3]`; what is missing of them is black.
    pub fn of_rgb8(width: u32, height: u32, rgb: &[u8]) -> Self {
        let make = |f: fn([f32; 3]) -> f32| {
            let pixels = rgb.chunks_exact(3).map(|p| f([f32::from(p[0]), f32::from(p[1]), f32::from(p[2])]));
            filled(width, height, pixels)
        };
        Self {
            luma: make(brightness),
            blue: make(|rgb| 0.564 * (rgb[2] - brightness(rgb))),
            red: make(|rgb| 0.713 * (rgb[0] - brightness(rgb))),
        }
    }

    /// Shrunk by the same factor until no side is longer than `longest`; as it is, if none is.
    pub fn at_most(&self, longest: u32) -> Self {
        let (width, height) = self.luma.dimensions();
        if width.max(height) <= longest {
            return self.clone();
        }
        let scale = f64::from(longest) / f64::from(width.max(height));
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let size = [side(width), side(height)];
        Self { luma: shrink(&self.luma, size), blue: shrink(&self.blue, size), red: shrink(&self.red, size) }
    }
}

fn brightness([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// A plane of the given samples; where they end, zeros.
pub fn filled(width: u32, height: u32, samples: impl Iterator<Item = f32>) -> Plane {
    let mut plane = Plane::new(width, height);
    plane.iter_mut().zip(samples).for_each(|(sample, value)| *sample = value);
    plane
}

/// The plane blurred by a Gaussian of `sigma` pixels; edges are repeated.
pub fn blur(plane: &Plane, sigma: f32) -> Plane {
    gaussian_blur_f32(plane, sigma.max(0.05))
}

/// The plane at a smaller size: blurred against aliasing, then sampled between its pixels.
pub fn shrink(plane: &Plane, [width, height]: [u32; 2]) -> Plane {
    let factor = plane.width() as f32 / width.max(1) as f32;
    // Half a pixel of the new size.
    let calm = blur(plane, 0.5 * (factor * factor - 1.0).max(0.0).sqrt());
    resample(&calm, [width, height])
}

/// The plane at another size, sampled between its pixels.
pub fn resample(plane: &Plane, [width, height]: [u32; 2]) -> Plane {
    let scale = [plane.width() as f32 / width.max(1) as f32, plane.height() as f32 / height.max(1) as f32];
    let at = |i: u32, scale: f32| (i as f32 + 0.5) * scale - 0.5;
    Plane::from_fn(width, height, |x, y| Luma([sample(plane, at(x, scale[0]), at(y, scale[1]))]))
}

/// The value between four pixels, weighted by distance; outside of the plane, that of its edge.
pub fn sample(plane: &Plane, x: f32, y: f32) -> f32 {
    let (width, height) = plane.dimensions();
    let place = |at: f32, side: u32| {
        let at = at.clamp(0.0, side.saturating_sub(1) as f32);
        let low = at.floor();
        (low as usize, (low as usize + 1).min(side.saturating_sub(1) as usize), at - low)
    };
    let ((left, right, across), (top, bottom, down)) = (place(x, width), place(y, height));
    let row = |y: usize| {
        let row = &plane.as_raw()[y * width as usize..];
        row[left] * (1.0 - across) + row[right] * across
    };
    row(top) * (1.0 - down) + row(bottom) * down
}

/// Does the place lie between the centres of the plane's pixels?
pub fn holds(plane: &Plane, x: f32, y: f32) -> bool {
    let within = |at: f32, side: u32| (0.0..=side.saturating_sub(1) as f32).contains(&at);
    within(x, plane.width()) && within(y, plane.height())
}

/// The mean of samples, 0 of none.
pub fn mean(samples: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = samples.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_those_of_the_standard() {
        let planes = Planes::of_rgb8(2, 1, &[255, 0, 0, 10, 10, 10]);
        let near = |plane: &Plane, x: u32, expected: f32| (plane.get_pixel(x, 0).0[0] - expected).abs() < 0.01;
        assert!(near(&planes.luma, 0, 76.245) && near(&planes.blue, 0, -43.0) && near(&planes.red, 0, 127.45));
        assert!(near(&planes.luma, 1, 10.0) && near(&planes.blue, 1, 0.0) && near(&planes.red, 1, 0.0));
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let ramp = Plane::from_fn(40, 20, |x, y| Luma([2.0 * x as f32 + 3.0 * y as f32]));
        assert!((sample(&ramp, 7.25, 3.5) - 25.0).abs() < 1e-4);
        assert_eq!(sample(&ramp, -5.0, 90.0), 57.0);
        assert!(holds(&ramp, 0.0, 19.0) && !holds(&ramp, -0.1, 3.0) && !holds(&ramp, 3.0, 19.5));
        let half = shrink(&ramp, [20, 10]);
        assert!((half.get_pixel(10, 5).0[0] - sample(&ramp, 20.5, 10.5)).abs() < 1e-3);
        let planes = Planes { luma: ramp.clone(), blue: ramp.clone(), red: ramp };
        assert_eq!(planes.at_most(10).luma.dimensions(), (10, 5));
        assert_eq!(planes.at_most(40).luma, planes.luma);
    }
}
