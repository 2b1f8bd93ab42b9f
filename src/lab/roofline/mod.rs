//! What a device can do through wgpu, measured: bandwidth, multiply-adds, cooperative matrices, starting work.
//!
//! Microbenchmarks (`kernels/lab/`) are checked, run in several settings until they take long enough for the host's clock, and the fastest
//! run of the fastest setting counts: a ceiling is what the device can do, and other programs can only make it look slower.

mod arithmetic;
mod bandwidth;
mod bench;
mod error;
mod launch;
mod matrix;
mod micro;
mod samples;
mod store;

use serde::{Deserialize, Serialize};

pub use bench::Measurement;
pub use error::Error;
pub use samples::{Sample, microbenchmarks};
pub use store::Origin;

use super::ceilings::{Access, Ceilings, MatrixRate, Traffic};
use crate::gpu::{Capabilities, Device};

/// The ceilings of a device, and how they were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// The version of this program.
    pub version: String,
    /// The device.
    pub device: Capabilities,
    /// Its ceilings.
    pub ceilings: Ceilings,
    /// Every measurement with its spread.
    pub measurements: Vec<Measurement>,
    /// Cooperative matrices that the device offers and that were not measured, and why.
    pub not_measured: Vec<(String, String)>,
}

impl Roofline {
    /// Measures a device; takes some seconds. `tell` hears what comes next.
    ///
    /// # Errors
    /// A device that fails, or computes something wrong.
    pub fn measure(device: &Device, tell: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let mut measurements = Vec::new();
        tell("starting work");
        let launch = launch::measure(device)?;
        let idle = launch.round_trip.best;
        let mut ceilings = Ceilings {
            dispatch: launch.dispatch.median,
            submission: launch.submission.median,
            timed_pass: launch.timed_pass.as_ref().map(|m| m.median),
            timed_nothing: launch.timed_nothing.as_ref().map(|m| m.median),
            round_trip: launch.round_trip.median,
            ..Ceilings::default()
        };
        tell("memory");
        let traffic = bandwidth::measure(device, idle)?;
        ceilings.traffic = traffic.iter().map(|(traffic, _)| *traffic).collect();
        let copies = ceilings.traffic.iter().filter(|t| t.access == Access::Copy);
        ceilings.bytes = copies.max_by_key(|t| t.bytes).map_or(0.0, |t: &Traffic| t.rate);
        measurements.extend(traffic.into_iter().map(|(_, measurement)| measurement));
        tell("multiply-adds");
        let f32 = arithmetic::measure(device, "f32", idle)?;
        ceilings.f32 = f32.as_ref().map_or(0.0, |m| m.best);
        let f16 = if device.capabilities().f16 { arithmetic::measure(device, "f16", idle)? } else { None };
        ceilings.f16 = f16.as_ref().map(|m| m.best);
        measurements.extend([f32, f16].into_iter().flatten());
        let mut not_measured = Vec::new();
        for shape in &device.capabilities().matrices {
            tell("cooperative matrices");
            match matrix::measure(device, shape, idle)? {
                Ok(measured) => {
                    let (mnk, operands, sum) = (shape.mnk, shape.operands.clone(), shape.sum.clone());
                    ceilings.matrix.push(MatrixRate { mnk, operands, sum, flops: measured.best });
                    measurements.push(measured);
                }
                Err(reason) => not_measured.push((matrix::name(shape), reason)),
            }
        }
        measurements.extend([launch.dispatch, launch.submission, launch.round_trip]);
        measurements.extend(launch.timed_pass.into_iter().chain(launch.timed_nothing));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { version, device: device.capabilities().clone(), ceilings, measurements, not_measured })
    }
}
