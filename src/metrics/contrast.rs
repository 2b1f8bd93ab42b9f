//! The two channels in which a clip shows its edges best, for the flow: things may differ from their ground in colour alone.

use super::plane::{Plane, Planes, filled};

/// Weights of red, green and blue.
type Weights = [f32; 3];

/// The frames as `w · (R, G, B)` for the two w that give the largest sums of squared gradients over all frames: the first eigenvectors of
/// Σ ∇c ∇cᵀ, scaled to Σ |w| = 1, so that grey edges keep their height.
pub fn contrast(frames: &[Planes]) -> Vec<[Plane; 2]> {
    let mut matrix = gradients(frames);
    let weights = [(); 2].map(|()| {
        let (vector, value) = strongest(&matrix);
        // What is left is across to it.
        for (row, a) in matrix.iter_mut().zip(vector) {
            row.iter_mut().zip(vector).for_each(|(cell, b)| *cell -= value * a * b);
        }
        let size = vector.iter().map(|v| v.abs()).sum::<f64>().max(1e-9);
        vector.map(|v| (v / size) as f32)
    });
    let project = |planes: &Planes, w: Weights| {
        let values = colours(planes).map(|rgb| rgb[0] * w[0] + rgb[1] * w[1] + rgb[2] * w[2]);
        filled(planes.luma.width(), planes.luma.height(), values)
    };
    frames.iter().map(|planes| weights.map(|w| project(planes, w))).collect()
}

/// Red, green and blue of each pixel, from brightness and colour differences.
fn colours(planes: &Planes) -> impl Iterator<Item = [f32; 3]> + '_ {
    planes.luma.iter().zip(planes.blue.iter().zip(planes.red.iter())).map(|(luma, (blue, red))| {
        let (red, blue) = (luma + red / 0.713, luma + blue / 0.564);
        [red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue]
    })
}

/// Σ ∇c ∇cᵀ over all pixels and frames.
fn gradients(frames: &[Planes]) -> [[f64; 3]; 3] {
    let mut sum = [[0.0; 3]; 3];
    for planes in frames {
        let width = planes.luma.width() as usize;
        let colours: Vec<[f32; 3]> = colours(planes).collect();
        let mut add = |a: &[f32; 3], b: &[f32; 3]| {
            let slope: [f64; 3] = std::array::from_fn(|c| f64::from(b[c] - a[c]));
            for (row, first) in sum.iter_mut().zip(slope) {
                row.iter_mut().zip(slope).for_each(|(cell, second)| *cell += first * second);
            }
        };
        for row in colours.chunks(width.max(1)) {
            row.iter().zip(row.iter().skip(1)).for_each(|(a, b)| add(a, b));
        }
        colours.iter().zip(colours.iter().skip(width)).for_each(|(a, b)| add(a, b));
    }
    sum
}

/// The first eigenvector, of length 1, and eigenvalue of a symmetric matrix without negative ones, by powers of it; zeros if there is none.
fn strongest(matrix: &[[f64; 3]; 3]) -> ([f64; 3], f64) {
    let diagonal = |i: &usize| matrix[*i][*i];
    let start = (0..3).max_by(|a, b| diagonal(a).total_cmp(&diagonal(b))).unwrap_or(0);
    let (mut vector, mut value) = (matrix[start], 0.0);
    for _ in 0..100 {
        let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        // Less than one level in one pixel of a clip is no edge.
        if length < 1e-3 {
            return ([0.0; 3], 0.0);
        }
        let unit = vector.map(|v| v / length);
        vector = std::array::from_fn(|i| matrix[i].iter().zip(unit).map(|(a, b)| a * b).sum());
        value = vector.iter().zip(unit).map(|(a, b)| a * b).sum();
    }
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-9);
    (vector.map(|v| v / length), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_follow_the_edges() {
        let frame = |a: [u8; 3], b: [u8; 3]| {
            let rgb: Vec<u8> = (0..64).flat_map(|at| if at % 8 < 4 { a } else { b }).collect();
            Planes::of_rgb8(8, 8, &rgb)
        };
        let step = |channel: usize, a, b| {
            let plane = &contrast(&[frame(a, b)])[0][channel];
            (plane.get_pixel(5, 3).0[0] - plane.get_pixel(2, 3).0[0]).abs()
        };
        assert!((step(0, [50; 3], [90; 3]) - 40.0).abs() < 0.1, "grey edges keep their height");
        assert!(step(1, [50; 3], [90; 3]) < 0.1, "the second channel has nothing left");
        // As bright as each other: the brightness has no edge.
        let (red, green) = ([150, 60, 60], [60, 106, 60]);
        assert!(step(0, red, green) > 60.0, "{}", step(0, red, green));
        assert_eq!(step(0, [7; 3], [7; 3]), 0.0);
        // A step of brightness in one half, one of colour in the other.
        let rgb: Vec<u8> = (0..64)
            .flat_map(|at| match (at / 8 < 4, at % 8 < 4) {
                (true, true) => [40; 3],
                (true, false) => [140; 3],
                (false, true) => red,
                (false, false) => green,
            })
            .collect();
        let both = &contrast(&[Planes::of_rgb8(8, 8, &rgb)])[0];
        let seen = |y: u32| {
            both.iter().map(|p| (p.get_pixel(5, y).0[0] - p.get_pixel(2, y).0[0]).abs()).fold(0.0f32, f32::max)
        };
        assert!(seen(1) > 60.0 && seen(6) > 30.0, "{} {}", seen(1), seen(6));
    }
}
