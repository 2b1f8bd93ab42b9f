//! What some elements of an output have to be: plain loops in f64.

use i2vgen::lab::mix;

use crate::problem::Problem;

/// Elements that are computed in f64.
const SAMPLES: u64 = 64;

/// An element of an output.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// Where it lies.
    pub at: usize,
    /// What it is.
    pub value: f64,
}

/// Some elements of the output, the first and the last one among them.
pub fn elements(problem: &Problem, first: &[f32], others: &[Vec<f32>], seed: u64) -> Vec<Element> {
    let count = problem.rows() * problem.columns();
    let at = |i: u64| match i {
        0 => 0,
        1 => count - 1,
        _ => (mix(mix(seed) ^ i) % count as u64) as usize,
    };
    let value = |at: usize| element(problem, first, others, at / problem.columns(), at % problem.columns());
    (0..SAMPLES).map(at).map(|at| Element { at, value: value(at) }).collect()
}

/// The square root of the mean square.
pub fn rms(elements: &[Element]) -> f64 {
    (elements.iter().map(|e| e.value * e.value).sum::<f64>() / elements.len().max(1) as f64).sqrt()
}

fn element(problem: &Problem, first: &[f32], others: &[Vec<f32>], row: usize, column: usize) -> f64 {
    match *problem {
        Problem::Matmul { inner, .. } => dot(&first[row * inner..][..inner], &others[0][column * inner..][..inner]),
        Problem::Conv { frames, size: [h, w], channels: [c, _], kernel: [kt, kh, kw] } => {
            let (frame, y, x) = (row / (h * w), row / w % h, row % w);
            let mut sum = 0.0;
            for (t, i, j) in (0..kt).flat_map(|t| (0..kh).flat_map(move |i| (0..kw).map(move |j| (t, i, j)))) {
                let inside = [(frame + t, kt, frames), (y + i, kh, h), (x + j, kw, w)]
                    .map(|(at, kernel, size)| at.checked_sub(kernel / 2).filter(|&at| at < size));
                let [Some(frame), Some(y), Some(x)] = inside else { continue };
                let pixel = &first[((frame * h + y) * w + x) * c..][..c];
                let weight = |channel: usize| others[0][(((column * c + channel) * kt + t) * kh + i) * kw + j];
                sum += pixel.iter().enumerate().map(|(i, &v)| f64::from(v) * f64::from(weight(i))).sum::<f64>();
            }
            sum
        }
        Problem::Attention { width, keys, .. } => {
            let all = problem.columns();
            let head = column / width * width;
            let query = &first[row * all + head..][..width];
            let scores: Vec<f64> = (0..keys)
                .map(|key| dot(query, &others[0][key * all + head..][..width]) / (width as f64).sqrt())
                .collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights = scores.iter().map(|score| (score - most).exp());
            let weighted = weights.clone().enumerate().map(|(key, w)| w * f64::from(others[1][key * all + column]));
            weighted.sum::<f64>() / weights.sum::<f64>()
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_by_hand() {
        let problem = Problem::Matmul { rows: 2, inner: 2, columns: 2 };
        let all =
            [0, 1].map(|row| [0, 1].map(|n| element(&problem, &[1., 2., 3., 4.], &[vec![5., 6., 7., 8.]], row, n)));
        assert_eq!(all, [[17.0, 23.0], [39.0, 53.0]]);
    }

    #[test]
    fn beyond_the_edges_are_zeros() {
        let problem = Problem::Conv { frames: 1, size: [2, 2], channels: [1, 1], kernel: [1, 3, 3] };
        let weight = [vec![1., 2., 3., 4., 5., 6., 7., 8., 9.]];
        assert_eq!(element(&problem, &[1., 10., 100., 1000.], &weight, 0, 0), 5.0 + 60.0 + 800.0 + 9000.0);
        let problem = Problem::Conv { frames: 2, size: [1, 1], channels: [2, 1], kernel: [3, 1, 1] };
        // Weights [C, kt]: the second frame reads the first one through tap 0, itself through tap 1.
        assert_eq!(element(&problem, &[1., 2., 3., 4.], &[vec![1., 2., 3., 4., 5., 6.]], 1, 0), 1. + 8. + 6. + 20.);
    }

    #[test]
    fn attention_of_equal_keys_is_the_mean() {
        let problem = Problem::Attention { heads: 2, width: 1, queries: 1, keys: 2 };
        let others = [vec![1., 0., 1., 8.], vec![3., 1., 5., 2.]];
        assert_eq!(element(&problem, &[7., 0.], &others, 0, 0), 4.0);
        assert_eq!(element(&problem, &[7., 0.], &others, 0, 1), 1.5);
    }
}
