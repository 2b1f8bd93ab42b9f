//! What a device can do, as measured, and what share of it an operation reaches.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::Cost;

/// The measured limits of a device: everything is a rate per second or a time in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Bytes read plus bytes written by a copy that is far larger than the caches.
    pub bytes: f64,
    /// The same of copies and reads of several sizes, from small ones, which stay in the caches.
    #[serde(default)]
    pub traffic: Vec<Traffic>,
    /// f32 operations of a loop of multiply-adds in registers, 2 each.
    pub f32: f64,
    /// The same in f16, if shaders have it.
    pub f16: Option<f64>,
    /// Operations of a loop of cooperative-matrix multiply-adds in registers, by shape and types, if the device has them.
    pub matrix: Vec<MatrixRate>,
    /// Seconds that one more dispatch in a pass takes, doing nothing.
    pub dispatch: f64,
    /// Seconds that one more submission takes, beyond what is in it.
    #[serde(default)]
    pub submission: f64,
    /// Seconds that one more pass with two timestamps takes, beyond the dispatch in it, if the device has timestamps.
    #[serde(default)]
    pub timed_pass: Option<f64>,
    /// Seconds that timestamps tell for a dispatch that does nothing: the way into a pass and out of it is between them.
    #[serde(default)]
    pub timed_nothing: Option<f64>,
    /// Seconds from the submission of a dispatch that does nothing until the host knows of its end.
    #[serde(default)]
    pub round_trip: f64,
}

/// How fast memory is at one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// What was done.
    pub access: Access,
    /// Different bytes that were touched.
    pub bytes: u64,
    /// Bytes per second.
    pub rate: f64,
}

/// A way to use memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// As much is written as read.
    Copy,
    /// Next to nothing is written.
    Read,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copy => "copy",
            Self::Read => "read",
        })
    }
}

/// The rate of one cooperative-matrix shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixRate {
    /// Rows, columns, inner dimension.
    pub mnk: [u32; 3],
    /// Type of the operands.
    pub operands: String,
    /// Type of the sum.
    pub sum: String,
    /// Operations per second.
    pub flops: f64,
}

/// Which limit is the nearer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// The multiply-adds.
    Arithmetic,
    /// The bytes.
    Memory,
}

impl Ceilings {
    /// The highest rate at which this device multiplies and adds with sums in f32, whatever the means.
    pub fn flops(&self) -> f64 {
        self.matrix.iter().filter(|m| m.sum == "f32").map(|m| m.flops).fold(self.f32, f64::max)
    }

    /// The highest rate at which so many different bytes can be touched: that of the fastest copy or read of as many or more, since what
    /// fits in a cache may come from there. Beyond the largest one that was measured it stays the same.
    pub fn bandwidth(&self, bytes: f64) -> f64 {
        let largest = self.traffic.iter().map(|t| t.bytes).max().unwrap_or(0) as f64;
        // A read touches half of what a copy of the same buffers does.
        let bytes = bytes.min(largest / 2.0);
        self.traffic.iter().filter(|t| t.bytes as f64 >= bytes).map(|t| t.rate).fold(self.bytes, f64::max)
    }

    /// The least time that this much work can take (Williams et al., *Roofline*, 2009): the longer one of arithmetic at `flops` per
    /// second and traffic at [`bandwidth`](Self::bandwidth).
    pub fn seconds(&self, cost: Cost, flops: f64) -> f64 {
        let [arithmetic, memory] = self.parts(cost, flops);
        arithmetic.max(memory)
    }

    /// Which limit work meets first, with the highest of all rates as that of arithmetic.
    pub fn limit(&self, cost: Cost) -> Limit {
        let [arithmetic, memory] = self.parts(cost, self.flops());
        if arithmetic > memory { Limit::Arithmetic } else { Limit::Memory }
    }

    fn parts(&self, cost: Cost, flops: f64) -> [f64; 2] {
        let share = |work: f64, rate: f64| if rate > 0.0 { work / rate } else { 0.0 };
        [share(cost.flops, flops), share(cost.bytes, self.bandwidth(cost.bytes))]
    }

    /// The share of the roofline that work reaches which took so long, with the highest of all rates as the roof; above 1 something is
    /// wrong: with the time, the cost or the ceilings. `None` where there is nothing to divide by.
    pub fn share(&self, cost: Cost, seconds: f64) -> Option<f64> {
        let least = self.seconds(cost, self.flops());
        (least > 0.0 && seconds > 0.0).then(|| least / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roof_is_the_lower_of_arithmetic_and_traffic() {
        let matrix = MatrixRate { mnk: [8; 3], operands: "f16".into(), sum: "f32".into(), flops: 400.0 };
        let ceilings = Ceilings { bytes: 10.0, f32: 100.0, matrix: vec![matrix], ..Ceilings::default() };
        assert_eq!(ceilings.flops(), 400.0);
        let traffic = Cost { flops: 400.0, bytes: 100.0 };
        assert_eq!((ceilings.seconds(traffic, ceilings.flops()), ceilings.limit(traffic)), (10.0, Limit::Memory));
        assert_eq!(ceilings.share(traffic, 20.0), Some(0.5));
        let arithmetic = Cost { flops: 4000.0, bytes: 1.0 };
        assert_eq!((ceilings.share(arithmetic, 10.0), ceilings.limit(arithmetic)), (Some(1.0), Limit::Arithmetic));
        assert_eq!(Ceilings::default().share(arithmetic, 10.0), None);
    }

    #[test]
    fn what_fits_in_a_cache_may_come_from_there() {
        let traffic = |access, bytes, rate| Traffic { access, bytes, rate };
        let measured = vec![
            traffic(Access::Copy, 1 << 20, 100.0),
            traffic(Access::Copy, 1 << 28, 10.0),
            traffic(Access::Read, 1 << 19, 80.0),
            traffic(Access::Read, 1 << 27, 12.0),
        ];
        let ceilings = Ceilings { bytes: 10.0, traffic: measured, ..Ceilings::default() };
        for (bytes, rate) in [(1000.0, 100.0), (1048576.0, 100.0), (1048577.0, 12.0), (1e8, 12.0), (1e12, 12.0)] {
            assert_eq!(ceilings.bandwidth(bytes), rate, "{bytes}");
        }
        assert_eq!(Ceilings { bytes: 10.0, ..Ceilings::default() }.bandwidth(1e6), 10.0);
    }
}
