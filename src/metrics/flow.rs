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

use super::plane::{Plane, blur, resample, sample, shrink};
use super::tv_l1::{Unknown, level};

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

/// What a coarse level found, on a finer one: displacements grow with the size, changes of brightness do not.
fn refine(coarse: &Unknown, size: [u32; 2]) -> Unknown {
    let grow = [size[0] as f32 / coarse[0].width() as f32, size[1] as f32 / coarse[0].height() as f32];
    let mut fine = coarse.each_ref().map(|plane| resample(plane, size));
    for (plane, factor) in fine.iter_mut().zip(grow) {
        plane.iter_mut().for_each(|value| *value *= factor);
    }
    fine
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
