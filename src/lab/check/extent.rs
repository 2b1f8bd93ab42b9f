//! How much of an op is run and compared: all of a small one, some units here and there of a large one.

use std::ops::Range;

use crate::{
    graph::Rate,
    kernel::Op,
    lab::{normals::mix, stand::cut},
};

/// How much work a check may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Operations of the CPU twin for one kind of inputs.
    pub twin: f64,
    /// Seconds that the device may be busy with one run of the whole op; beyond, it runs the compared units alone.
    pub device: f64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { twin: 2e8, device: 0.5 }
    }
}

/// Units that run on memory of their own, and those among them that are compared with the twin.
#[derive(Clone, Debug, PartialEq)]
pub struct Cover {
    /// The units that run.
    pub units: Range<usize>,
    /// The units that are compared.
    pub windows: Vec<Range<usize>>,
}

/// Elements of all tensors up to which inputs for a whole op are made.
const MAX_ELEMENTS: usize = 1 << 26;

/// Which units of an op run and which are compared. The first and the last are always among them; where the others lie depends on the seed.
pub fn covers(op: &dyn Op, effort: Effort, rate: Rate, seed: u64) -> Vec<Cover> {
    let windows = windows(op, effort.twin, seed);
    let all = 0..op.units();
    let elements: usize = op.bindings().iter().map(|b| b.elements()).sum();
    let whole = windows == [all.clone()] || (rate.seconds(op.cost()) <= effort.device && elements <= MAX_ELEMENTS);
    match whole {
        true => vec![Cover { units: all, windows }],
        false => windows.into_iter().map(|units| Cover { windows: vec![units.clone()], units }).collect(),
    }
}

fn windows(op: &dyn Op, twin: f64, seed: u64) -> Vec<Range<usize>> {
    let (units, cost) = (op.units(), op.cost());
    let of_unit = cost.flops.max(cost.bytes) / units.max(1) as f64;
    if of_unit * units as f64 <= twin {
        return cut(&(0..units), 1);
    }
    // Two units at least, so that they can be split; four places, or two where a unit is much work.
    let places = if of_unit * 8.0 <= twin { 4 } else { 2 };
    let length = ((twin / of_unit / places as f64) as usize).max(2).min(units);
    let random = (0..places - 2).map(|i| mix(seed.wrapping_add(i as u64)) as usize % (units - length + 1));
    let mut starts: Vec<usize> = [0, units - length].into_iter().chain(random).collect();
    starts.sort_unstable();
    let mut windows: Vec<Range<usize>> = Vec::new();
    for start in starts {
        match windows.last_mut() {
            Some(last) if last.end >= start => last.end = start + length,
            _ => windows.push(start..start + length),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Dtype, Gemm, Linear};

    fn covers_of(rows: usize, twin: f64, device: f64) -> Vec<Cover> {
        let op = Linear(Gemm::plain(rows, 64, 64, Dtype::F32)); // 8192 operations per row
        covers(&op, Effort { twin, device }, Rate { flops: 1e9, bytes: 1e9 }, 1)
    }

    #[test]
    fn a_small_op_is_compared_as_a_whole() {
        assert_eq!(covers_of(100, 1e6, 0.0), [Cover { units: 0..100, windows: cut(&(0..100), 1) }]);
    }

    #[test]
    fn of_a_large_op_the_ends_are_compared() {
        let covers = covers_of(10_000, 1e6, 0.0);
        assert!((3..=4).contains(&covers.len()), "{covers:?}");
        assert_eq!((covers[0].units.start, covers.last().unwrap().units.end), (0, 10_000));
        assert!(covers.iter().all(|c| c.windows == [c.units.clone()] && c.units.len() >= 30));
        // The device has the time for all of it.
        let covers = covers_of(10_000, 1e6, 10.0);
        assert_eq!((covers.len(), covers[0].units.clone()), (1, 0..10_000));
        assert!(covers[0].windows.len() >= 3);
        // Where a unit is much work, two of them at both ends.
        let units: Vec<_> = covers_of(10_000, 1e4, 0.0).into_iter().map(|c| c.units).collect();
        assert_eq!(units, [0..2, 9998..10_000]);
    }
}
