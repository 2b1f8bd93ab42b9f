//! What is behind a subject, or fills a picture without one.

use super::canvas::{Canvas, Colour};
use super::random::{fractal, lattice, smooth};

#[derive(Clone, Copy, Debug)]
pub enum Background {
    Plain,
    Gradient,
    DiagonalGradient,
    Vignette,
    Stripes,
    Checks,
    Bricks,
    Clouds,
    Grass,
    Horizon,
    Speckle,
    Pebbles,
    Room,
    Ridges,
    Skyline,
    Sunset,
    Shore,
    Road,
    // Only in the held-out set.
    Wood,
    Dots,
    Hills,
    Plasma,
    Weave,
    Scales,
    Sea,
    Leaves,
    Street,
}

fn mixed(a: Colour, b: Colour, t: f64) -> Colour {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t.clamp(0.0, 1.0))
}

impl Background {
    /// A canvas filled between the colours `a` and `b`.
    pub fn canvas(self, width: u32, height: u32, a: Colour, b: Colour, seed: u64) -> Canvas {
        let (w, h) = (f64::from(width), f64::from(height));
        let unit = w.min(h) / 100.0;
        Canvas::new(width, height, move |x, y| mixed(a, b, self.level(x, y, w, h, unit, seed)))
    }

    /// How much of the second colour is at a point; `unit` is a hundredth of the short side.
    fn level(self, x: f64, y: f64, w: f64, h: f64, unit: f64, seed: u64) -> f64 {
        let odd = |t: f64| (t.floor() as i64).rem_euclid(2) as f64;
        match self {
            Self::Plain => 0.0,
            Self::Gradient => y / h,
            Self::DiagonalGradient => (x / w + y / h) / 2.0,
            Self::Vignette => ((x / w - 0.5).hypot(y / h - 0.5) * 1.4).powi(2),
            Self::Stripes => odd((x + 0.6 * y) / (5.0 * unit)),
            Self::Checks => (odd(x / (6.0 * unit)) - odd(y / (6.0 * unit))).abs(),
            Self::Bricks => {
                let row = (y / (7.0 * unit)).floor();
                let along = x / (14.0 * unit) + 0.5 * odd(row);
                let mortar = (y / (7.0 * unit)).fract() < 0.15 || along.fract() < 0.08;
                if mortar { 1.0 } else { 0.35 * lattice(seed, along.floor() as i64, row as i64) }
            }
            Self::Clouds => (fractal(seed, x / (40.0 * unit), y / (28.0 * unit), 4) - 0.25) * 2.0,
            Self::Grass => fractal(seed, x / (2.0 * unit), y / (8.0 * unit), 3),
            Self::Horizon => f64::from(y > 0.58 * h + 1.5 * unit * (smooth(seed, x / (30.0 * unit), 0.0) - 0.5)),
            Self::Speckle => lattice(seed, x as i64, y as i64),
            Self::Pebbles => scattered(x / (11.0 * unit), y / (11.0 * unit), 1.0, seed),
            Self::Room => {
                // A wall, a window in it, and a floor.
                let window = x > 0.68 * w && x < 0.9 * w && y > 0.08 * h && y < 0.4 * h;
                if window {
                    1.0
                } else if y > 0.8 * h {
                    0.5
                } else {
                    0.1 * x / w
                }
            }
            // Bands across the picture.
            Self::Ridges => {
                // A mountain range under a sky, a meadow before it.
                let peak = |at: f64| (at.sin() + 0.5 * (2.3 * at + 1.0).sin()) / 1.5;
                if y > 0.8 * h {
                    0.7
                } else if y > h * (0.5 - 0.12 * peak(x / (24.0 * unit))) {
                    1.0
                } else {
                    0.1 * y / h
                }
            }
            Self::Skyline => {
                // Blocks of different heights side by side, lit windows in them, water before them.
                let column = x / (13.0 * unit);
                let tall = 0.3 + 0.3 * lattice(seed, column.floor() as i64, 7);
                let window = lattice(seed + 1, (x / (3.0 * unit)) as i64, (y / (4.0 * unit)) as i64) > 0.9;
                if y > 0.78 * h {
                    0.25
                } else if y > h * (0.78 - tall) {
                    if window { 0.4 } else { 0.9 + 0.1 * lattice(seed + 2, column.floor() as i64, 0) }
                } else {
                    0.0
                }
            }
            Self::Sunset => {
                // A dark ground and a sky with a bright band above it.
                let edge = 0.7 * h + 3.0 * unit * (smooth(seed, x / (25.0 * unit), 0.0) - 0.5);
                if y > edge { 0.0 } else { (0.35 + 0.65 * (y / edge).powi(4)).min(1.0) }
            }
            Self::Shore => {
                // Sand, water and sky, the water's edge aslant.
                let water = h * (0.72 - 0.15 * x / w) + 2.0 * unit * (smooth(seed, x / (12.0 * unit), 3.0) - 0.5);
                if y < 0.38 * h {
                    0.1
                } else if y < water {
                    1.0
                } else {
                    0.3 + 0.1 * lattice(seed, x as i64, y as i64)
                }
            }
            Self::Road => {
                // Upright: a path between meadows, seen from above.
                let middle = w * (0.5 + 0.06 * (y / (30.0 * unit)).sin());
                if (x - middle).abs() < 0.14 * w {
                    1.0
                } else {
                    0.15 * fractal(seed, x / (5.0 * unit), y / (5.0 * unit), 3)
                }
            }
            Self::Wood => {
                let along = y / (4.0 * unit) + 2.5 * fractal(seed, x / (60.0 * unit), y / (12.0 * unit), 3);
                0.5 + 0.5 * (along * std::f64::consts::TAU / 2.0).sin()
            }
            Self::Dots => {
                let (u, v) = (x / (8.0 * unit), y / (8.0 * unit));
                f64::from((u.fract() - 0.5).hypot(v.fract() - 0.5) < 0.28)
            }
            Self::Hills => {
                let ridge = |level: f64, rough: f64, salt: u64| {
                    y > h * (level + rough * (fractal(seed + salt, x / (45.0 * unit), 0.0, 4) - 0.5))
                };
                if ridge(0.72, 0.14, 9) {
                    1.0
                } else if ridge(0.5, 0.2, 0) {
                    0.55
                } else {
                    0.15 * y / h
                }
            }
            Self::Plasma => {
                let wave = (x / (17.0 * unit)).sin() + (y / (23.0 * unit) + 1.0).sin();
                0.5 + 0.25 * (wave + (x + y).sin() * 0.0)
            }
            Self::Weave => 0.5 + 0.25 * ((x / (1.3 * unit)).sin() + (y / (1.3 * unit)).sin()),
            Self::Scales => {
                let row = (y / (6.0 * unit)).floor();
                let across = x / (12.0 * unit) + 0.5 * odd(row);
                let (u, v) = (across.fract() - 0.5, (y / (6.0 * unit)).fract());
                (2.0 * u).hypot(v).min(1.0)
            }
            Self::Sea => {
                if y < 0.4 * h {
                    0.3 * y / h
                } else {
                    0.6 + 0.4 * fractal(seed, x / (14.0 * unit), y / (3.0 * unit), 3)
                }
            }
            Self::Leaves => scattered(x / (8.0 * unit), y / (8.0 * unit), 2.2, seed),
            Self::Street => {
                // Houses in two shades, a road.
                let house = lattice(seed, (x / (22.0 * unit)) as i64, 0);
                if y > 0.75 * h {
                    1.0
                } else if y > h * (0.2 + 0.25 * house) {
                    0.3 + 0.3 * house
                } else {
                    0.0
                }
            }
        }
    }
}

/// One ellipse in each cell of a lattice, of random place, size, direction and shade; `slim` is its length over its
/// breadth.
fn scattered(u: f64, v: f64, slim: f64, seed: u64) -> f64 {
    let (column, row) = (u.floor() as i64, v.floor() as i64);
    let number = |salt: u64| lattice(seed + salt, column, row);
    let (dx, dy) = (u.fract() - 0.35 - 0.3 * number(1), v.fract() - 0.35 - 0.3 * number(2));
    let (sin, cos) = (number(3) * std::f64::consts::TAU).sin_cos();
    let away = (dx * cos + dy * sin).hypot(slim * (dy * cos - dx * sin));
    if away < 0.2 + 0.15 * number(4) { 0.6 + 0.4 * number(5) } else { 0.0 }
}
