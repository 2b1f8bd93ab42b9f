//! Optical flow: where each pixel of a frame has gone in the next one.
//!
//! The flow (u, v) from frame I to frame J minimises, with two channels c of 0 to 255,
//!
//! ```text
//! Σ |∇u| + |∇v| + μ |(u, v)| + Σc |∇w_c| + λ |J_c(x + u, y + v) − I_c(x, y) + β w_c|
//! ```
//!
//! Total variation lets the flow break at the edges of things, the absolute difference forgives what is uncovered, w takes slow changes
//! of brightness, so that flicker is not taken for motion, and the term with μ leaves at rest what nothing shows to move. Solved from coarse
//! to fine; on each level J is warped and made linear several times, and the minimum is approached by the first-order primal-dual
//! method, one channel after the other. Sources: C. Zach, T. Pock, H. Bischof, "A Duality Based Approach for Realtime
//! TV-L1 Optical Flow" (2007); A. Chambolle, T. Pock, "A First-Order Primal-Dual Algorithm for Convex Problems" (2011), section 6.3; the
//! preference for slow motion: Y. Weiss, E. Adelson (1998).

use super::plane::{Plane, blur, filled, resample, sample, shrink};

/// λ: weight of the brightness.
const DATA: f32 = 0.15;
/// β: how freely brightness changes without motion.
const CHANGE: f32 = 2.0;
/// μ times the shorter side in pixels: weight of the preference for rest. The edge of a thing of some share of the frame
/// grows with that side, its area with the square.
const REST: f32 = 4.0;
/// Steps of the two sides of the problem: their product times 8 must not exceed 1.
const STEP: f32 = 0.35;
/// How often the second frame is warped on each level.
const WARPS: usize = 5;
/// Steps of the solver after each.
const ITERATIONS: usize = 30;
/// Shortest side of the coarsest level, in pixels.
const COARSEST: u32 = 24;
/// Blur of the frames before everything, in pixels: against grain.
const GRAIN: f32 = 0.8;

/// Displacements in pixels, `[height, width]` each.
#[derive(Clone, Debug)]
pub struct Flow {
    /// To the right.
    pub x: Plane,
    /// Down.
    pub y: Plane,
}

impl Flow {
    /// The flow from frame `first` to `second`, which has the same size, from two channels of each.
    pub fn between(first: &[Plane; 2], second: &[Plane; 2]) -> Self {
        let both = |change: &dyn Fn(&Plane) -> Plane, frame: &[Plane; 2]| frame.each_ref().map(change);
        let calm = |plane: &Plane| blur(plane, GRAIN);
        let mut levels = vec![[both(&calm, first), both(&calm, second)]];
        while let Some([first, second]) = levels.last() {
            let size = [first[0].width().div_ceil(2), first[0].height().div_ceil(2)];
            if size[0].min(size[1]) < COARSEST {
                break;
            }
            let half = |plane: &Plane| shrink(plane, size);
            levels.push([both(&half, first), both(&half, second)]);
        }
        let zeros = |[width, height]: [u32; 2]| [(); 4].map(|()| Plane::new(width, height));
        let mut unknown: Option<Unknown> = None;
        for [first, second] in levels.iter().rev() {
            let size = [first[0].width(), first[0].height()];
            let start = unknown.map_or_else(|| zeros(size), |coarse| refine(&coarse, size));
            unknown = Some(level(first, second, start));
        }
        let [x, y, ..] = unknown.unwrap_or_else(|| zeros([first[0].width(), first[0].height()]));
        Self { x, y }
    }

    /// The displacement between pixels.
    pub fn at(&self, x: f32, y: f32) -> [f32; 2] {
        [sample(&self.x, x, y), sample(&self.y, x, y)]
    }

    /// All pixels: column, row, displacement.
    pub fn vectors(&self) -> impl Iterator<Item = (f32, f32, [f32; 2])> + '_ {
        let width = self.x.width() as usize;
        self.x
            .iter()
            .zip(self.y.iter())
            .enumerate()
            .map(move |(at, (&x, &y))| ((at % width) as f32, (at / width) as f32, [x, y]))
    }
}

/// u, v, and w of each channel.
type Unknown = [Plane; 4];

/// The dual of the gradient of each unknown: across and down.
type Dual = [[Vec<f32>; 2]; 4];

/// What a coarse level found, on a finer one: displacements grow with the size, changes of brightness do not.
fn refine(coarse: &Unknown, size: [u32; 2]) -> Unknown {
    let grow = [size[0] as f32 / coarse[0].width() as f32, size[1] as f32 / coarse[0].height() as f32];
    let mut fine = coarse.each_ref().map(|plane| resample(plane, size));
    for (plane, factor) in fine.iter_mut().zip(grow) {
        plane.iter_mut().for_each(|value| *value *= factor);
    }
    fine
}

/// Warps and solves.
fn level(first: &[Plane; 2], second: &[Plane; 2], mut unknown: Unknown) -> Unknown {
    let zeros = || vec![0.0; first[0].len()];
    let mut dual: Dual = [(); 4].map(|()| [zeros(), zeros()]);
    for _ in 0..WARPS {
        let [u, v, ..] = &unknown;
        let linear = [0, 1].map(|c| Linear::new(&first[c], &second[c], u, v));
        unknown = solve(&linear, unknown, &mut dual);
    }
    unknown
}

/// The difference of two frames as a linear function of the flow, at each pixel: `offset + gradient · (u, v)`.
struct Linear(Vec<([f32; 2], f32)>);

impl Linear {
    fn new(first: &Plane, second: &Plane, u: &Plane, v: &Plane) -> Self {
        let pixels = first.enumerate_pixels().zip(u.iter().zip(v.iter()));
        Self(
            pixels
                .map(|((x, y, before), (u, v))| {
                    let at = |dx: f32, dy: f32| sample(second, x as f32 + u + dx, y as f32 + v + dy);
                    let slope = |dx: f32, dy: f32| 0.5 * (at(dx, dy) - at(-dx, -dy));
                    let gradient = [slope(1.0, 0.0), slope(0.0, 1.0)];
                    (gradient, at(0.0, 0.0) - before.0[0] - gradient[0] * u - gradient[1] * v)
                })
                .collect(),
        )
    }
}

/// Comes closer to the minimum for linear differences, from `start` and where the dual was left.
fn solve(linear: &[Linear; 2], start: Unknown, dual: &mut Dual) -> Unknown {
    let (width, height) = start[0].dimensions();
    let w = width as usize;
    let rest = REST / width.min(height).max(1) as f32;
    let mut value = start.map(Plane::into_raw);
    let mut ahead = value.clone();
    let mut pulled = value.clone();
    for _ in 0..ITERATIONS {
        for (([across, down], ahead), (value, pulled)) in dual.iter_mut().zip(&ahead).zip(value.iter().zip(&mut pulled))
        {
            rise(across, down, ahead, w);
            fall(across, down, value, w, pulled);
        }
        let [u, v, changes @ ..] = &mut pulled;
        for (Linear(pixels), change) in linear.iter().zip(changes) {
            for ((&(gradient, offset), change), (u, v)) in pixels.iter().zip(change).zip(u.iter_mut().zip(v.iter_mut()))
            {
                fit([u, v, change], [gradient[0], gradient[1], CHANGE], offset);
            }
        }
        u.iter_mut().zip(v.iter_mut()).for_each(|(u, v)| calm(u, v, rest));
        for ((value, ahead), pulled) in value.iter_mut().zip(&mut ahead).zip(&pulled) {
            for ((value, ahead), &new) in value.iter_mut().zip(ahead).zip(pulled) {
                *ahead = 2.0 * new - *value;
                *value = new;
            }
        }
    }
    value.map(|samples| filled(width, height, samples.into_iter()))
}

/// A step of the dual: towards the gradient of `ahead`, no longer than 1.
fn rise(across: &mut [f32], down: &mut [f32], ahead: &[f32], width: usize) {
    let count = ahead.len();
    for at in 0..count {
        let right = if (at + 1) % width == 0 { 0.0 } else { ahead[at + 1] - ahead[at] };
        let below = if at + width >= count { 0.0 } else { ahead[at + width] - ahead[at] };
        let (p, q) = (across[at] + STEP * right, down[at] + STEP * below);
        let length = (p * p + q * q).sqrt().max(1.0);
        (across[at], down[at]) = (p / length, q / length);
    }
}

/// A step of an unknown along the dual's divergence.
fn fall(across: &[f32], down: &[f32], value: &[f32], width: usize, pulled: &mut [f32]) {
    for (at, (pulled, value)) in pulled.iter_mut().zip(value).enumerate() {
        let left = if at % width == 0 { 0.0 } else { across[at - 1] };
        let above = if at < width { 0.0 } else { down[at - width] };
        *pulled = value + STEP * (across[at] - left + down[at] - above);
    }
}

/// Moves (u, v, w) towards no difference, by as much as λ allows.
fn fit(unknown: [&mut f32; 3], gradient: [f32; 3], offset: f32) {
    let along: f32 = unknown.iter().zip(gradient).map(|(value, slope)| **value * slope).sum();
    let steep: f32 = gradient.iter().map(|slope| slope * slope).sum();
    let step = ((offset + along) / steep).clamp(-STEP * DATA, STEP * DATA);
    unknown.into_iter().zip(gradient).for_each(|(value, slope)| *value -= step * slope);
}

/// Moves (u, v) towards rest.
fn calm(u: &mut f32, v: &mut f32, rest: f32) {
    let length = (*u * *u + *v * *v).sqrt();
    let kept = 1.0 - (STEP * rest / length.max(STEP * rest)).min(1.0);
    *u *= kept;
    *v *= kept;
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::super::testing::texture;
    use super::*;

    const SIDE: u32 = 96;
    const MIDDLE: f32 = 47.5;

    /// Mean error of the flow's end points and mean length, over the places whose way stays inside of the frame.
    fn found(truth: impl Fn(f32, f32) -> [f32; 2]) -> (f64, f64) {
        // Where a pixel of the second frame was: the fixed point of p + v(p) = q.
        let origin = |x: f32, y: f32| {
            (0..60).fold((x, y), |(px, py), _| {
                let [dx, dy] = truth(px, py);
                (x - dx, y - dy)
            })
        };
        let first = Plane::from_fn(SIDE, SIDE, |x, y| Luma([texture(x as f32, y as f32)]));
        let second = Plane::from_fn(SIDE, SIDE, |x, y| {
            let (x, y) = origin(x as f32, y as f32);
            Luma([texture(x, y)])
        });
        let none = Plane::new(SIDE, SIDE);
        let flow = Flow::between(&[first.clone(), none.clone()], &[second, none]);
        let (mut error, mut length, mut count) = (0.0, 0.0, 0);
        for (x, y, v) in flow.vectors() {
            let expected = truth(x, y);
            if super::super::plane::holds(&first, x + expected[0], y + expected[1]) {
                error += f64::from((v[0] - expected[0]).hypot(v[1] - expected[1]));
                length += f64::from(v[0].hypot(v[1]));
                count += 1;
            }
        }
        (error / f64::from(count), length / f64::from(count))
    }

    #[test]
    fn translations_are_found_to_a_fraction_of_a_pixel() {
        for [dx, dy] in [[0.0f32, 0.0], [0.4, 0.0], [-0.3, 0.2], [2.2, 0.0], [0.0, -3.0], [4.0, 3.0], [-6.0, 2.0]] {
            let (error, length) = found(|_, _| [dx, dy]);
            let true_length = f64::from(dx.hypot(dy));
            assert!(error < 0.05 + 0.02 * true_length, "{dx} {dy}: error {error}");
            assert!((length - true_length).abs() < 0.02 + 0.02 * true_length, "{dx} {dy}: length {length}");
        }
    }

    #[test]
    fn zooms_and_rotations_are_found() {
        for rate in [-0.04f32, 0.02, 0.05] {
            let (error, _) = found(|x, y| [rate * (x - MIDDLE), rate * (y - MIDDLE)]);
            assert!(error < 0.15, "{rate}: {error}");
        }
        for degrees in [-2.0f32, 5.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let turn = move |x: f32, y: f32| {
                let (x, y) = (x - MIDDLE, y - MIDDLE);
                [x * cos - y * sin - x, x * sin + y * cos - y]
            };
            let (error, _) = found(turn);
            assert!(error < 0.15, "{degrees}: {error}");
        }
    }

    /// A thing of one colour over an even ground: its edge says where it goes, nothing says that the ground moves.
    #[test]
    fn a_plain_thing_moves_and_the_ground_rests() {
        for (side, way) in [(64u32, 2.2f32), (128, 4.4)] {
            let middle = side as f32 / 2.0;
            let scene = |dx: f32, light: f32| {
                Plane::from_fn(side, side, |x, y| {
                    let distance = (x as f32 - middle - dx).hypot(y as f32 - middle);
                    let cover = (0.5 + side as f32 * 0.17 - distance).clamp(0.0, 1.0);
                    Luma([cover * 60.0 + (1.0 - cover) * 130.0 + light])
                })
            };
            // Brighter as a whole: that is not motion.
            for light in [0.0, 4.0] {
                let none = Plane::new(side, side);
                let flow = Flow::between(&[scene(0.0, 0.0), none.clone()], &[scene(way, light), none]);
                let mean = |inside: fn(f32) -> bool, part: fn([f32; 2]) -> f32| {
                    let near = |x: f32, y: f32| (x - middle).hypot(y - middle) / side as f32;
                    let values: Vec<f32> =
                        flow.vectors().filter(|&(x, y, _)| inside(near(x, y))).map(|(.., v)| part(v)).collect();
                    values.iter().sum::<f32>() / values.len() as f32
                };
                let (thing, ground) = (mean(|d| d < 0.14, |v| v[0]), mean(|d| d > 0.28, |v| v[0].hypot(v[1])));
                // The minimum is approached: the middle follows the edge last.
                assert!((0.8..1.1).contains(&(thing / way)), "{side}, {light}: {thing} of {way}");
                assert!(ground < 0.1 * way, "{side}, {light}: {ground}");
            }
        }
    }
}
