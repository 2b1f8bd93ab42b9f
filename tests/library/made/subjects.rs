//! Subjects: simple shapes, and things put together from several.

use super::canvas::{Canvas, Colour, Shape, ellipse, polygon};
use std::f64::consts::{PI, TAU};

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Disc,
    Block,
    Triangle,
    Star,
    Person,
    Car,
    Flower,
    Cat,
    Fish,
    House,
    Ball,
    // Only in the held-out set.
    Bottle,
    Tree,
    Bird,
    Boat,
    Mug,
    Robot,
    Mushroom,
    Butterfly,
}

/// Where a subject stands (its middle), and how large it is (half its longer side, roughly).
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub half: f64,
}

fn dimmed(colour: Colour, by: f64) -> Colour {
    colour.map(|c| (c * by).clamp(0.0, 1.0))
}

impl Place {
    fn ellipse(&self, x: f64, y: f64, a: f64, b: f64, angle: f64) -> Shape {
        ellipse(self.x + x * self.half, self.y + y * self.half, a * self.half, b * self.half, angle)
    }

    fn block(&self, left: f64, top: f64, right: f64, bottom: f64) -> Shape {
        self.polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)])
    }

    fn polygon(&self, points: &[(f64, f64)]) -> Shape {
        polygon(points.iter().map(|(x, y)| (self.x + x * self.half, self.y + y * self.half)).collect())
    }
}

impl Kind {
    /// Paints the subject in the colours `main` and `second`.
    pub fn paint(self, canvas: &mut Canvas, p: Place, main: Colour, second: Colour) {
        let dark = dimmed(main, 0.6);
        let (top, half) = (p.y, p.half);
        let shaded = move |colour: Colour| move |_: f64, y: f64| dimmed(colour, 1.0 - 0.12 * (y - top) / half);
        let parts: Vec<(Shape, Colour)> = match self {
            Self::Disc => vec![(p.ellipse(0.0, 0.0, 1.0, 1.0, 0.0), main)],
            Self::Block => vec![(p.polygon(&[(-0.9, -0.5), (0.7, -0.75), (0.95, 0.5), (-0.7, 0.7)]), main)],
            Self::Triangle => vec![(p.polygon(&[(0.0, -1.0), (0.95, 0.8), (-0.9, 0.7)]), main)],
            Self::Star => vec![(p.polygon(&star(5, 0.42)), main)],
            Self::Person => vec![
                (p.block(-0.2, 0.25, -0.03, 1.0), dark),
                (p.block(0.04, 0.25, 0.21, 1.0), dark),
                (p.polygon(&[(-0.28, -0.5), (0.28, -0.5), (0.24, 0.32), (-0.24, 0.32)]), main),
                (p.polygon(&[(-0.28, -0.48), (-0.5, 0.15), (-0.38, 0.2), (-0.2, -0.3)]), main),
                (p.polygon(&[(0.28, -0.48), (0.5, 0.15), (0.38, 0.2), (0.2, -0.3)]), main),
                (p.ellipse(0.0, -0.75, 0.2, 0.25, 0.0), second),
            ],
            Self::Car => vec![
                (p.polygon(&[(-0.5, -0.1), (-0.3, -0.45), (0.35, -0.45), (0.55, -0.1)]), second),
                (p.block(-1.0, -0.12, 1.0, 0.3), main),
                (p.ellipse(-0.55, 0.3, 0.2, 0.2, 0.0), dark),
                (p.ellipse(0.55, 0.3, 0.2, 0.2, 0.0), dark),
            ],
            Self::Flower => {
                let mut parts = vec![(p.block(-0.05, -0.2, 0.05, 1.0), dark)];
                for i in 0..6 {
                    let (sin, cos) = (f64::from(i) * TAU / 6.0).sin_cos();
                    parts.push((p.ellipse(0.3 * cos, -0.45 + 0.3 * sin, 0.27, 0.27, 0.0), main));
                }
                parts.push((p.ellipse(0.0, -0.45, 0.2, 0.2, 0.0), second));
                parts
            }
            Self::Cat => vec![
                (p.polygon(&[(-0.75, -0.1), (-0.65, -0.95), (-0.05, -0.5)]), main),
                (p.polygon(&[(0.75, -0.1), (0.65, -0.95), (0.05, -0.5)]), main),
                (p.ellipse(0.0, 0.15, 0.85, 0.75, 0.0), main),
                (p.ellipse(-0.33, 0.0, 0.13, 0.17, 0.0), second),
                (p.ellipse(0.33, 0.0, 0.13, 0.17, 0.0), second),
                (p.polygon(&[(-0.1, 0.3), (0.1, 0.3), (0.0, 0.42)]), dark),
            ],
            Self::Fish => vec![
                (p.polygon(&[(0.45, 0.0), (1.0, -0.45), (1.0, 0.45)]), dark),
                (p.ellipse(-0.2, 0.0, 0.8, 0.42, 0.0), main),
                (p.ellipse(-0.65, -0.1, 0.08, 0.08, 0.0), second),
            ],
            Self::House => vec![
                (p.block(-0.7, -0.2, 0.7, 0.9), main),
                (p.polygon(&[(-0.9, -0.2), (0.0, -0.95), (0.9, -0.2)]), second),
                (p.block(-0.15, 0.3, 0.15, 0.9), dark),
                (p.block(0.3, 0.1, 0.55, 0.4), second),
            ],
            Self::Ball => {
                let mut parts = vec![(p.ellipse(0.0, 0.0, 1.0, 1.0, 0.0), main)];
                for i in [-0.75, -0.25, 0.25, 0.75] {
                    let (round, stripe) = (p.ellipse(0.0, 0.0, 1.0, 1.0, 0.0), p.block(i - 0.12, -1.0, i + 0.12, 1.0));
                    parts.push((Box::new(move |x, y| round(x, y) && stripe(x, y)), second));
                }
                parts
            }
            Self::Bottle => vec![
                (p.block(-0.1, -1.0, 0.1, -0.4), dark),
                (p.polygon(&[(-0.1, -0.5), (0.1, -0.5), (0.3, -0.15), (-0.3, -0.15)]), main),
                (p.block(-0.3, -0.16, 0.3, 1.0), main),
                (p.block(-0.3, 0.15, 0.3, 0.65), second),
            ],
            Self::Tree => vec![
                (p.block(-0.1, 0.2, 0.1, 1.0), second),
                (p.ellipse(0.0, -0.5, 0.42, 0.48, 0.0), main),
                (p.ellipse(-0.35, -0.1, 0.4, 0.36, 0.0), main),
                (p.ellipse(0.35, -0.1, 0.4, 0.36, 0.0), main),
            ],
            Self::Bird => vec![
                (p.polygon(&[(0.3, 0.0), (1.0, 0.25), (0.9, 0.4), (0.2, 0.3)]), dark),
                (p.ellipse(0.0, 0.1, 0.6, 0.32, 0.25), main),
                (p.ellipse(-0.55, -0.25, 0.24, 0.22, 0.0), main),
                (p.polygon(&[(-0.75, -0.33), (-0.75, -0.17), (-1.0, -0.22)]), second),
                (p.polygon(&[(-0.15, 0.05), (0.4, 0.0), (0.25, -0.7)]), dark),
            ],
            Self::Boat => vec![
                (p.polygon(&[(-0.95, 0.35), (0.95, 0.35), (0.65, 0.85), (-0.7, 0.85)]), main),
                (p.block(-0.03, -0.95, 0.04, 0.36), dark),
                (p.polygon(&[(0.08, -0.9), (0.08, 0.22), (0.8, 0.22)]), second),
                (p.polygon(&[(-0.07, -0.75), (-0.07, 0.22), (-0.6, 0.22)]), second),
            ],
            Self::Mug => {
                let (outer, inner) = (p.ellipse(0.55, 0.0, 0.4, 0.45, 0.0), p.ellipse(0.55, 0.0, 0.24, 0.28, 0.0));
                let handle: Shape = Box::new(move |x, y| outer(x, y) && !inner(x, y));
                vec![(handle, dark), (p.block(-0.7, -0.75, 0.55, 0.75), main), (p.block(-0.7, -0.2, 0.55, 0.1), second)]
            }
            Self::Robot => vec![
                (p.block(-0.02, -1.0, 0.02, -0.8), dark),
                (p.block(-0.3, -0.82, 0.3, -0.35), second),
                (p.block(-0.45, -0.33, 0.45, 0.45), main),
                (p.block(-0.65, -0.3, -0.48, 0.3), dark),
                (p.block(0.48, -0.3, 0.65, 0.3), dark),
                (p.block(-0.3, 0.45, -0.08, 1.0), dark),
                (p.block(0.08, 0.45, 0.3, 1.0), dark),
            ],
            Self::Mushroom => {
                let cap = p.ellipse(0.0, 0.0, 0.95, 0.8, 0.0);
                let flat = p.y;
                vec![
                    (p.block(-0.25, -0.05, 0.25, 0.9), second),
                    (Box::new(move |x, y| y <= flat && cap(x, y)), main),
                    (p.ellipse(-0.4, -0.3, 0.14, 0.12, 0.0), second),
                    (p.ellipse(0.25, -0.45, 0.16, 0.13, 0.0), second),
                ]
            }
            Self::Butterfly => vec![
                (p.ellipse(-0.5, -0.3, 0.5, 0.35, 0.5), main),
                (p.ellipse(0.5, -0.3, 0.5, 0.35, PI - 0.5), main),
                (p.ellipse(-0.4, 0.4, 0.35, 0.3, -0.5), second),
                (p.ellipse(0.4, 0.4, 0.35, 0.3, 0.5), second),
                (p.ellipse(0.0, 0.0, 0.08, 0.7, 0.0), dark),
            ],
        };
        for (shape, colour) in &parts {
            canvas.paint(shape, (p.x, p.y), 1.05 * p.half, shaded(*colour));
        }
    }
}

/// The corners of a star whose inner ones are at `inner` of the radius.
fn star(rays: u32, inner: f64) -> Vec<(f64, f64)> {
    let corner = |i: u32| {
        let radius = if i.is_multiple_of(2) { 1.0 } else { inner };
        let angle = f64::from(i) * PI / f64::from(rays) - PI / 2.0;
        (radius * angle.cos(), radius * angle.sin())
    };
    (0..2 * rays).map(corner).collect()
}
