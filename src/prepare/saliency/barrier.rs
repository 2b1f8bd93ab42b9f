//! The minimum barrier distance to the border: how far colours must swing on the best way out of the picture.

use super::lab::Lab;

/// Sweeps over the picture; three are enough (the paper's figure 3), the fourth is for winding ways.
const SWEEPS: usize = 4;

/// `Σ over L, a, b` of the least `max − min` of a channel along any path from a border seed, `[height · width]`, in
/// L*a*b* units.
///
/// `seed(at)` says whether a border pixel counts as background; without any seed the whole border does. Approximated by
/// raster sweeps (FastMBD). Source: J. Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS" (ICCV 2015).
pub fn barrier(lab: &[Lab], width: usize, height: usize, seed: impl Fn(usize) -> bool) -> Vec<f32> {
    let on_border = |at: usize| {
        let (x, y) = (at % width, at / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let any = (0..lab.len()).any(|at| on_border(at) && seed(at));
    let seeds: Vec<bool> = (0..lab.len()).map(|at| on_border(at) && (!any || seed(at))).collect();
    let mut sums = vec![0.0; lab.len()];
    for channel in 0..3 {
        let values: Vec<f32> = lab.iter().map(|colour| colour[channel]).collect();
        for (sum, distance) in sums.iter_mut().zip(Sweep::new(&values, &seeds, width).run()) {
            *sum += distance;
        }
    }
    sums
}

/// One channel's state: the best path so far to each pixel.
struct Sweep<'a> {
    values: &'a [f32],
    width: usize,
    distance: Vec<f32>,
    highest: Vec<f32>,
    lowest: Vec<f32>,
}

impl<'a> Sweep<'a> {
    fn new(values: &'a [f32], seeds: &[bool], width: usize) -> Self {
        let distance = seeds.iter().map(|&seed| if seed { 0.0 } else { f32::INFINITY }).collect();
        Self { values, width, distance, highest: values.to_vec(), lowest: values.to_vec() }
    }

    fn run(mut self) -> Vec<f32> {
        let (count, width) = (self.values.len(), self.width);
        for sweep in 0..SWEEPS {
            if sweep % 2 == 0 {
                for at in 0..count {
                    if at % width > 0 {
                        self.relax(at, at - 1);
                    }
                    if at >= width {
                        self.relax(at, at - width);
                    }
                }
            } else {
                for at in (0..count).rev() {
                    if at % width + 1 < width {
                        self.relax(at, at + 1);
                    }
                    if at + width < count {
                        self.relax(at, at + width);
                    }
                }
            }
        }
        self.distance
    }

    /// Takes the way through `from` if it is better.
    fn relax(&mut self, at: usize, from: usize) {
        let highest = self.highest[from].max(self.values[at]);
        let lowest = self.lowest[from].min(self.values[at]);
        // A pixel that nothing has reached leads nowhere.
        if self.distance[from].is_finite() && highest - lowest < self.distance[at] {
            self.distance[at] = highest - lowest;
            self.highest[at] = highest;
            self.lowest[at] = lowest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_costs_its_height_and_a_slope_nothing_sideways() {
        // Rows: background 10, a wall of 30 around a pixel of 20.
        let rows = [[10, 10, 10, 10, 10], [10, 30, 30, 30, 10], [10, 30, 20, 30, 10], [10, 30, 30, 30, 10], [10; 5]];
        let lab: Vec<Lab> = rows.iter().flatten().map(|&l| [l as f32, 0.0, 0.0]).collect();
        let found = barrier(&lab, 5, 5, |_| true);
        assert_eq!(found[12], 20.0);
        assert_eq!(found[6], 20.0);
        assert_eq!(found[4], 0.0);
        let slope: Vec<Lab> = (0..25).map(|at| [(at % 5 * 20) as f32, 0.0, 0.0]).collect();
        assert!(barrier(&slope, 5, 5, |_| true).iter().all(|&d| d == 0.0));
        // With the left column as the only seed, the slope has to be climbed.
        assert_eq!(barrier(&slope, 5, 5, |at| at % 5 == 0)[14], 80.0);
    }
}
