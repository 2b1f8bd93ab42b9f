//! The minimum of the flow's energy (see [`super::flow`]) on one level of the pyramid.

use super::plane::{Plane, filled, sample};

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

/// u, v, and w of each channel.
pub type Unknown = [Plane; 4];

/// The dual of the gradient of each unknown: across and down.
type Dual = [[Vec<f32>; 2]; 4];

/// Warps and solves.
pub fn level(first: &[Plane; 2], second: &[Plane; 2], mut unknown: Unknown) -> Unknown {
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
