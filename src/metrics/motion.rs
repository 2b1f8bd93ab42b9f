//! What the flows of a clip say about its motion: how much, how steady, and whether it turns back.

use super::flow::Flow;
use super::plane::{Plane, blur, holds, mean, sample};

/// Below this mean length in pixels per frame nothing moves: how steady it is, or where it goes, cannot be told.
pub const STILL: f64 = 0.02;
/// Spread over which the main direction of a place is taken, as a share of the frame's shorter side.
const NEIGHBOURHOOD: f32 = 0.06;

/// The mean length of the flow, in its pixels per frame.
pub fn motion(flow: &Flow) -> f64 {
    mean(flow.vectors().map(|(_, _, v)| length(v)))
}

/// A share of something: how much, of how much.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// The part.
    pub part: f64,
    /// All of it.
    pub all: f64,
}

impl Share {
    /// The share, if there is enough of the whole.
    pub fn value(self, least: f64) -> Option<f64> {
        (self.all > least).then(|| self.part / self.all)
    }

    /// Both together.
    pub fn sum(shares: impl Iterator<Item = Self>) -> Self {
        shares.fold(Self::default(), |a, b| Self { part: a.part + b.part, all: a.all + b.all })
    }
}

/// How much of the velocity is kept from one flow to the next, followed along the motion:
///
/// `1 − Σ |v₂(p + v₁(p)) − v₁(p)| / Σ (|v₂(p + v₁(p))| + |v₁(p)|)`
///
/// as a share of the denominator, which is given per pixel. 1 for any motion at constant velocity, 0 where things stop, start or turn
/// back at once. Places that leave the frame do not count.
pub fn steadiness(first: &Flow, second: &Flow) -> Share {
    let count = first.x.len().max(1) as f64;
    let shares = first.vectors().filter_map(|(x, y, before)| {
        let (x, y) = (x + before[0], y + before[1]);
        holds(&first.x, x, y).then(|| {
            let after = second.at(x, y);
            let all = length(before) + length(after);
            let changed = length([after[0] - before[0], after[1] - before[1]]);
            Share { part: (all - changed) / count, all: all / count }
        })
    });
    Share::sum(shares)
}

/// For each flow the share that goes against the clip's main direction at its place: `Σ max(0, −v · d) / Σ |v|`, where d is the unit vector
/// of the sum of all flows, blurred. Motion to and fro has no main direction: about half of it is backward.
pub fn backward(flows: &[Flow]) -> Vec<Share> {
    let Some(first) = flows.first() else { return Vec::new() };
    let (width, height) = first.x.dimensions();
    let sum = |part: fn(&Flow) -> &Plane| {
        let mut sum = Plane::new(width, height);
        for flow in flows {
            sum.iter_mut().zip(part(flow).iter()).for_each(|(sum, value)| *sum += value);
        }
        blur(&sum, (NEIGHBOURHOOD * width.min(height) as f32).max(1.0))
    };
    let main = Flow { x: sum(|flow| &flow.x), y: sum(|flow| &flow.y) };
    let count = first.x.len().max(1) as f64;
    let share = |flow: &Flow| {
        Share::sum(flow.vectors().zip(main.vectors()).map(|((_, _, v), (_, _, d))| {
            let along = f64::from(v[0] * d[0] + v[1] * d[1]) / length(d).max(1e-9);
            Share { part: (-along).max(0.0) / count, all: length(v) / count }
        }))
    };
    flows.iter().map(share).collect()
}

/// How many cells of a [`Path`] lie side by side.
const CELLS: usize = 16;

/// Where a clip moves what, coarsely: the sum of its flows in `CELLS`² cells, in shares of the frame's shorter side, row by row,
/// to the right and down. Two clips of one picture can be compared by it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Path(Vec<[f32; 2]>);

/// How the motion of a clip relates to that of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Cosine between the two: 1 for the same direction everywhere, −1 for the opposite one.
    pub direction: f64,
    /// How far this clip moves along the other's motion, as a share of it.
    pub displacement: f64,
}

impl Path {
    /// The path of a clip from its flows.
    pub fn new(flows: &[Flow]) -> Self {
        let Some(first) = flows.first() else { return Self::default() };
        let (width, height) = first.x.dimensions();
        let short = width.min(height).max(1) as f32;
        let mut cells = vec![[0.0f32; 2]; CELLS * CELLS];
        let cell = |at: usize, side: u32| ((at as f32 + 0.5) * side as f32 / CELLS as f32) - 0.5;
        for flow in flows {
            // Blurred to the size of a cell, so that each stands for its surroundings.
            let spread = 0.3 * short / CELLS as f32;
            let [x, y] = [&flow.x, &flow.y].map(|plane| blur(plane, spread.max(0.3)));
            for (index, sum) in cells.iter_mut().enumerate() {
                let (column, row) = (cell(index % CELLS, width), cell(index / CELLS, height));
                sum[0] += sample(&x, column, row) / short;
                sum[1] += sample(&y, column, row) / short;
            }
        }
        // Digits beyond the flow's own precision only make files longer.
        Self(cells.into_iter().map(|v| v.map(|part| (part * 1e4).round() / 1e4)).collect())
    }

    /// How this clip's motion relates to `other`'s; nothing if one of them does not move.
    pub fn agreement(&self, other: &Self) -> Option<Agreement> {
        let dot = |a: &Self, b: &Self| -> f64 {
            a.0.iter().zip(&b.0).map(|(a, b)| f64::from(a[0] * b[0] + a[1] * b[1])).sum()
        };
        let (own, theirs, both) = (dot(self, self), dot(other, other), dot(self, other));
        let moves = |square: f64| square > 1e-6;
        (self.0.len() == other.0.len() && moves(own) && moves(theirs))
            .then(|| Agreement { direction: both / (own * theirs).sqrt(), displacement: both / theirs })
    }
}

fn length(v: [f32; 2]) -> f64 {
    f64::from(v[0]).hypot(f64::from(v[1]))
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// A flow that is given everywhere.
    fn flow(v: impl Fn(f32, f32) -> [f32; 2]) -> Flow {
        let plane = |part: usize| Plane::from_fn(48, 40, |x, y| Luma([v(x as f32 - 23.5, y as f32 - 19.5)[part]]));
        Flow { x: plane(0), y: plane(1) }
    }

    fn turning(degrees: f32) -> Flow {
        let (sin, cos) = degrees.to_radians().sin_cos();
        flow(move |x, y| [x * cos - y * sin - x, x * sin + y * cos - y])
    }

    #[test]
    fn steadiness_is_that_of_the_velocity() {
        let value = |a: &Flow, b: &Flow| steadiness(a, b).value(STILL).unwrap();
        let right = flow(|_, _| [2.0, 0.0]);
        assert!((value(&right, &right) - 1.0).abs() < 1e-6);
        assert!(value(&right, &flow(|_, _| [-2.0, 0.0])).abs() < 1e-6, "turns back");
        assert!(value(&right, &flow(|_, _| [0.0, 0.0])).abs() < 1e-6, "stops");
        assert!((value(&right, &flow(|_, _| [1.0, 0.0])) - 2.0 / 3.0).abs() < 1e-6, "half the speed");
        // Velocities turn with what turns: by 5 of 180 degrees, 1 − sin(2.5°).
        assert!((value(&turning(5.0), &turning(5.0)) - 0.956).abs() < 0.003);
        assert!(value(&turning(5.0), &turning(-5.0)) < 0.06);
        assert_eq!(steadiness(&flow(|_, _| [0.0; 2]), &flow(|_, _| [0.0; 2])).value(STILL), None);
    }

    #[test]
    fn what_goes_against_the_main_direction_is_backward() {
        let share = |flows: &[Flow]| Share::sum(backward(flows).into_iter()).value(STILL).unwrap();
        let right = |speed: f32| flow(move |_, _| [speed, 0.0]);
        assert!(share(&[right(1.0), right(2.0), right(1.0)]) < 1e-6);
        assert!((share(&[right(1.0), right(1.0), right(1.0), right(-1.0)]) - 0.25).abs() < 1e-6);
        assert!((share(&[right(1.0), right(-1.0), right(1.1), right(-1.0)]) - 0.488).abs() < 0.001);
        assert!(share(&[turning(5.0), turning(5.0)]) < 0.01, "a turn has a direction at each place");
        assert!((share(&[turning(5.0), turning(5.0), turning(-5.0)]) - 1.0 / 3.0).abs() < 0.03);
        // Across is neither.
        assert!(share(&[right(1.0), right(1.0), flow(|_, _| [0.0, 1.0])]) < 0.12);
        assert!(backward(&[]).is_empty());
    }

    #[test]
    fn paths_tell_direction_and_displacement() {
        let path = |flows: &[Flow]| Path::new(flows);
        let right = |speed: f32| flow(move |_, _| [speed, 0.0]);
        let base = path(&[right(2.0), right(2.0)]);
        let slower = path(&[right(1.0), right(2.0)]).agreement(&base).unwrap();
        assert!((slower.direction - 1.0).abs() < 1e-3 && (slower.displacement - 0.75).abs() < 1e-3, "{slower:?}");
        let back = path(&[right(-2.0), right(-2.0)]).agreement(&base).unwrap();
        assert!((back.direction + 1.0).abs() < 1e-3 && (back.displacement + 1.0).abs() < 1e-3);
        let across = path(&[flow(|_, _| [0.0, 3.0])]).agreement(&base).unwrap();
        assert!(across.direction.abs() < 1e-3);
        let turn = path(&[turning(5.0)]);
        assert!(turn.agreement(&path(&[turning(6.0)])).unwrap().direction > 0.99);
        assert!(turn.agreement(&path(&[turning(-5.0)])).unwrap().direction < -0.98);
        assert_eq!(path(&[right(0.0)]).agreement(&base), None);
        assert_eq!(Path::default().agreement(&base), None);
    }
}
