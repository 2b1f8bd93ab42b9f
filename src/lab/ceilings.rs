//! What a device can do, as measured, and what share of it an operation reaches.

use serde::{Deserialize, Serialize};

use crate::kernel::Cost;

/// The measured limits of a device: everything is a rate per second or a time in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Bytes read plus bytes written by a copy that is far larger than the caches.
    pub bytes: f64,
    /// f32 operations of a loop of multiply-adds in registers, 2 each.
    pub f32: f64,
    /// The same in f16, if shaders have it.
    pub f16: Option<f64>,
    /// Operations of a loop of cooperative-matrix multiply-adds in registers, by shape and types, if the device has them.
    pub matrix: Vec<MatrixRate>,
    /// Seconds that one more dispatch in a pass takes, doing nothing.
    pub dispatch: f64,
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

impl Ceilings {
    /// The highest rate at which this device multiplies and adds with sums in f32, whatever the means.
    pub fn flops(&self) -> f64 {
        self.matrix.iter().filter(|m| m.sum == "f32").map(|m| m.flops).fold(self.f32, f64::max)
    }

    /// The least time that this much work can take (Williams et al., *Roofline*, 2009): the longer one of arithmetic at `flops` per
    /// second and traffic at the copy's rate.
    pub fn seconds(&self, cost: Cost, flops: f64) -> f64 {
        let share = |work: f64, rate: f64| if rate > 0.0 { work / rate } else { 0.0 };
        share(cost.flops, flops).max(share(cost.bytes, self.bytes))
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
        assert_eq!(ceilings.seconds(traffic, ceilings.flops()), 10.0);
        assert_eq!(ceilings.share(traffic, 20.0), Some(0.5));
        let arithmetic = Cost { flops: 4000.0, bytes: 1.0 };
        assert_eq!(ceilings.share(arithmetic, 10.0), Some(1.0));
        assert_eq!(Ceilings::default().share(arithmetic, 10.0), None);
    }
}
