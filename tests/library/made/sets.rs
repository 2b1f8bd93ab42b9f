//! The two sets: one that the method was made with, one that was measured after it was finished.

use super::backgrounds::Background::{self, *};
use super::canvas::Colour;
use super::random::Random;
use super::subjects::Kind::{self, *};
use super::subjects::Place;
use i2vgen::picture::Picture;
use i2vgen::prepare::Rect;

/// A made picture, and the box of its subject.
pub struct Case {
    pub name: String,
    pub picture: Picture,
    pub truth: Option<Rect>,
}

/// Size of the picture; background; subject, its place and half its size (of the short side); contrast; grain.
type With = ([u32; 2], Background, Kind, [f64; 3], f64, f64);
/// Size of the picture; background; contrast of its two colours; grain.
type Without = ([u32; 2], Background, f64, f64);

const DEVELOPMENT: [With; 44] = [
    ([640, 480], Plain, Disc, [0.5, 0.5, 0.25], 0.8, 0.0),
    ([640, 480], Gradient, Person, [0.5, 0.5, 0.35], 0.6, 0.01),
    ([480, 640], DiagonalGradient, Star, [0.4, 0.6, 0.3], 0.5, 0.02),
    ([600, 600], Vignette, Cat, [0.52, 0.48, 0.28], 0.5, 0.01),
    ([800, 450], Stripes, Car, [0.6, 0.6, 0.35], 0.7, 0.0),
    ([640, 480], Checks, Disc, [0.4, 0.5, 0.22], 0.8, 0.01),
    ([640, 480], Bricks, Person, [0.3, 0.5, 0.4], 0.7, 0.01),
    ([800, 450], Clouds, Fish, [0.6, 0.4, 0.3], 0.6, 0.01),
    ([640, 480], Grass, Cat, [0.5, 0.55, 0.3], 0.6, 0.01),
    ([800, 500], Horizon, House, [0.55, 0.55, 0.3], 0.6, 0.01),
    ([500, 500], Speckle, Star, [0.5, 0.5, 0.3], 0.7, 0.0),
    ([300, 200], Gradient, Fish, [0.5, 0.5, 0.3], 0.6, 0.02),
    ([900, 300], Gradient, Car, [0.7, 0.5, 0.4], 0.6, 0.01),
    ([300, 900], Gradient, Flower, [0.5, 0.6, 0.6], 0.6, 0.01),
    ([640, 480], Plain, Triangle, [0.2, 0.25, 0.12], 0.5, 0.02),
    ([640, 480], Plain, Block, [0.75, 0.7, 0.1], 0.4, 0.02),
    ([640, 480], Gradient, House, [0.5, 0.52, 0.47], 0.6, 0.01),
    ([640, 480], Gradient, Person, [0.5, 0.72, 0.42], 0.6, 0.01), // cut by the lower rim
    ([640, 480], Clouds, Disc, [0.85, 0.5, 0.25], 0.7, 0.01),     // touches the right rim
    ([512, 512], Vignette, Flower, [0.5, 0.5, 0.4], 0.5, 0.02),
    ([640, 400], DiagonalGradient, Fish, [0.4, 0.5, 0.3], 0.3, 0.01), // faint
    ([640, 400], Gradient, Block, [0.6, 0.5, 0.25], 0.22, 0.01),      // fainter
    ([640, 480], Speckle, Person, [0.6, 0.5, 0.4], 0.8, 0.05),
    ([1024, 768], Grass, Flower, [0.4, 0.5, 0.35], 0.7, 0.03),
    ([720, 540], Bricks, Cat, [0.65, 0.55, 0.25], 0.7, 0.02),
    ([720, 540], Horizon, Person, [0.3, 0.6, 0.25], 0.7, 0.02),
    ([640, 480], Pebbles, Cat, [0.5, 0.5, 0.3], 0.6, 0.01),
    ([640, 480], Pebbles, Ball, [0.6, 0.45, 0.25], 0.5, 0.01),
    ([640, 480], Room, Person, [0.35, 0.55, 0.38], 0.5, 0.01),
    ([800, 450], Room, Cat, [0.5, 0.7, 0.22], 0.5, 0.02),
    ([640, 480], Vignette, Ball, [0.45, 0.5, 0.25], 0.35, 0.01),
    ([640, 480], Gradient, Person, [0.5, 0.5, 0.35], 0.14, 0.01),
    ([640, 480], Clouds, House, [0.5, 0.55, 0.3], 0.3, 0.01),
    ([640, 480], Gradient, Ball, [0.5, 0.5, 0.25], 0.15, 0.04),
    ([300, 225], Gradient, Cat, [0.4, 0.5, 0.3], 0.3, 0.08),
    ([640, 480], Grass, Fish, [0.5, 0.5, 0.3], 0.3, 0.02),
    ([640, 480], Bricks, Ball, [0.3, 0.4, 0.2], 0.35, 0.02),
    ([500, 800], Clouds, Person, [0.5, 0.6, 0.6], 0.35, 0.02),
    // Before bands.
    ([640, 480], Ridges, Person, [0.4, 0.62, 0.3], 0.6, 0.01),
    ([800, 450], Skyline, Car, [0.55, 0.75, 0.25], 0.6, 0.01),
    ([640, 480], Sunset, Cat, [0.5, 0.6, 0.3], 0.6, 0.01),
    ([800, 500], Shore, Ball, [0.35, 0.6, 0.22], 0.6, 0.01),
    ([480, 640], Road, Car, [0.5, 0.5, 0.3], 0.6, 0.01),
    ([720, 540], Ridges, House, [0.6, 0.6, 0.28], 0.6, 0.02),
];

const DEVELOPMENT_EMPTY: [Without; 26] = [
    ([640, 480], Plain, 0.0, 0.02),
    ([640, 480], Gradient, 0.8, 0.01),
    ([640, 480], DiagonalGradient, 0.6, 0.0),
    ([600, 600], Vignette, 0.7, 0.01),
    ([640, 480], Speckle, 1.0, 0.05),
    ([640, 480], Plain, 0.0, 0.25),
    ([640, 480], Checks, 0.8, 0.01),
    ([640, 480], Bricks, 0.7, 0.01),
    ([800, 450], Clouds, 0.7, 0.01),
    ([450, 800], Clouds, 0.4, 0.0),
    ([800, 450], Horizon, 0.6, 0.01),
    ([640, 480], Grass, 0.6, 0.01),
    ([640, 480], Pebbles, 0.6, 0.01),
    ([500, 500], Clouds, 1.0, 0.0),
    ([1000, 600], Clouds, 0.5, 0.03),
    ([600, 450], Vignette, 0.4, 0.03),
    ([640, 480], Ridges, 0.6, 0.01),
    ([900, 500], Ridges, 0.4, 0.02),
    ([500, 700], Ridges, 0.8, 0.01),
    ([800, 450], Skyline, 0.6, 0.01),
    ([640, 640], Skyline, 0.5, 0.01),
    ([640, 480], Sunset, 0.7, 0.01),
    ([900, 450], Sunset, 0.6, 0.02),
    ([640, 480], Shore, 0.6, 0.01),
    ([800, 500], Shore, 0.4, 0.01),
    ([480, 640], Road, 0.6, 0.01),
];

const HELD_OUT: [With; 28] = [
    ([640, 480], Wood, Bottle, [0.5, 0.5, 0.38], 0.7, 0.01),
    ([640, 480], Dots, Robot, [0.45, 0.5, 0.36], 0.7, 0.01),
    ([800, 450], Sea, Boat, [0.6, 0.45, 0.3], 0.6, 0.01),
    ([800, 500], Hills, Tree, [0.35, 0.55, 0.3], 0.7, 0.01),
    ([600, 600], Plasma, Mug, [0.5, 0.5, 0.3], 0.6, 0.01),
    ([640, 480], Weave, Bird, [0.5, 0.45, 0.3], 0.7, 0.01),
    ([640, 480], Scales, Mushroom, [0.55, 0.5, 0.3], 0.7, 0.01),
    ([480, 640], Plasma, Butterfly, [0.5, 0.4, 0.4], 0.6, 0.02),
    ([640, 480], Gradient, Robot, [0.3, 0.55, 0.3], 0.5, 0.01),
    ([900, 400], Hills, Bird, [0.7, 0.3, 0.2], 0.6, 0.01),
    ([640, 480], Clouds, Bird, [0.35, 0.4, 0.25], 0.6, 0.01),
    ([640, 480], Vignette, Bottle, [0.5, 0.5, 0.4], 0.4, 0.02),
    ([400, 300], Wood, Mug, [0.5, 0.5, 0.3], 0.6, 0.02),
    ([1200, 900], Grass, Mushroom, [0.45, 0.55, 0.25], 0.7, 0.02),
    ([640, 480], Plain, Butterfly, [0.7, 0.3, 0.12], 0.5, 0.01),
    ([640, 480], Plain, Boat, [0.25, 0.7, 0.15], 0.4, 0.02),
    ([640, 480], DiagonalGradient, Tree, [0.5, 0.65, 0.4], 0.5, 0.01), // touches the lower rim
    ([640, 480], Plasma, Robot, [0.12, 0.5, 0.3], 0.6, 0.01),          // touches the left rim
    ([640, 480], Gradient, Mug, [0.5, 0.5, 0.48], 0.5, 0.01),
    ([640, 480], DiagonalGradient, Mushroom, [0.5, 0.5, 0.3], 0.3, 0.01),
    ([640, 480], Gradient, Butterfly, [0.55, 0.5, 0.3], 0.22, 0.01),
    ([500, 700], Bricks, Bottle, [0.5, 0.5, 0.5], 0.7, 0.01),
    ([640, 480], Speckle, Boat, [0.5, 0.5, 0.3], 0.8, 0.03),
    ([640, 480], Stripes, Tree, [0.45, 0.5, 0.35], 0.7, 0.01),
    ([640, 480], Leaves, Bird, [0.5, 0.5, 0.32], 0.6, 0.01),
    ([800, 450], Street, Robot, [0.4, 0.6, 0.32], 0.6, 0.01),
    ([640, 480], Hills, Mushroom, [0.5, 0.6, 0.3], 0.35, 0.02),
    ([640, 480], Wood, Boat, [0.55, 0.5, 0.3], 0.35, 0.02),
];

const HELD_OUT_EMPTY: [Without; 12] = [
    ([640, 480], Plasma, 0.6, 0.01),
    ([640, 480], Wood, 0.6, 0.01),
    ([640, 480], Dots, 0.7, 0.01),
    ([640, 480], Weave, 0.6, 0.02),
    ([640, 480], Scales, 0.7, 0.01),
    ([800, 450], Sea, 0.6, 0.01),
    ([800, 500], Hills, 0.6, 0.01),
    ([640, 640], Clouds, 0.9, 0.02),
    ([640, 480], Stripes, 0.7, 0.02),
    ([500, 700], Gradient, 1.0, 0.03),
    ([640, 480], Leaves, 0.6, 0.01),
    ([800, 450], Street, 0.6, 0.01),
];

/// The set that the method was made with.
pub fn development() -> Vec<Case> {
    set(&DEVELOPMENT, &DEVELOPMENT_EMPTY, 1000, "").collect()
}

/// Other kinds of subjects and backgrounds, other seeds.
pub fn held_out() -> Vec<Case> {
    set(&HELD_OUT, &HELD_OUT_EMPTY, 77_000, "").collect()
}

/// The first picture of [`development`] whose name begins like this.
pub fn named(name: &str) -> Case {
    set(&DEVELOPMENT, &DEVELOPMENT_EMPTY, 1000, name).next().unwrap()
}

/// The pictures whose names begin with `name`.
fn set<'a>(with: &'a [With], without: &'a [Without], seed: u64, name: &'a str) -> impl Iterator<Item = Case> + 'a {
    let subjects = with.iter().zip(seed..).map(move |(row, seed)| {
        let title = format!("{:?} on {:?} {}x{}", row.2, row.1, row.0[0], row.0[1]);
        title.starts_with(name).then(|| with_subject(title, row, seed))
    });
    let empty = without.iter().zip(seed + 500..).map(move |(row, seed)| {
        let title = format!("{:?} {}x{} grain {}", row.1, row.0[0], row.0[1], row.3);
        title.starts_with(name).then(|| without_subject(title, row, seed))
    });
    subjects.chain(empty).flatten()
}

fn with_subject(
    name: String,
    &([width, height], background, kind, [x, y, half], contrast, grain): &With,
    seed: u64,
) -> Case {
    let mut random = Random::new(seed);
    let first = random_colour(&mut random);
    let second = away_from(&mut random, &[first], 0.15, 0.45);
    let main = away_from(&mut random, &[first, second], contrast, contrast + 0.2);
    let other = away_from(&mut random, &[first, second], contrast, 2.0);
    let mut canvas = background.canvas(width, height, first, second, seed);
    let place = Place { x: x * f64::from(width), y: y * f64::from(height), half: half * f64::from(width.min(height)) };
    kind.paint(&mut canvas, place, main, other);
    canvas.grain(&mut random, grain);
    let (picture, truth) = canvas.finish();
    Case { name, picture, truth }
}

fn without_subject(name: String, &([width, height], background, contrast, grain): &Without, seed: u64) -> Case {
    let mut random = Random::new(seed);
    let first = random_colour(&mut random);
    let second = away_from(&mut random, &[first], contrast, contrast + 0.3);
    let mut canvas = background.canvas(width, height, first, second, seed);
    canvas.grain(&mut random, grain);
    let (picture, _) = canvas.finish();
    Case { name, picture, truth: None }
}

fn random_colour(random: &mut Random) -> Colour {
    std::array::from_fn(|_| random.within(0.05, 0.95))
}

/// A random colour at least `least` and at most `most` from each of `others` (in RGB, full scale 1); the demand is
/// eased until one is found.
fn away_from(random: &mut Random, others: &[Colour], mut least: f64, mut most: f64) -> Colour {
    let distance = |a: &Colour, b: &Colour| (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f64>().sqrt();
    loop {
        for _ in 0..200 {
            let colour = random_colour(random);
            let nearest = others.iter().map(|other| distance(&colour, other)).fold(f64::MAX, f64::min);
            if nearest >= least && nearest <= most {
                return colour;
            }
        }
        least *= 0.95;
        most *= 1.05;
    }
}
