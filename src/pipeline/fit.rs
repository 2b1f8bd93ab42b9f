//! Making a request fit a device: guidance in two passes where one batch is too much, and what to ask for where nothing fits.

use super::{Error, Estimate, Networks, Passes, PlanTypes, Plans, Request, Shape};
use crate::{
    checkpoint::Configs,
    graph::{self, Keep, Target},
};

/// Share of a device's memory that a generation may plan for; the rest is the system's, the driver's and for staging.
const MEMORY_SHARE: f64 = 0.9;

/// Everything that plans depend on beside the request.
#[derive(Clone, Copy, Debug)]
pub struct Planner<'a> {
    /// The configurations of the checkpoint.
    pub configs: &'a Configs,
    /// Its networks.
    pub networks: &'a Networks,
    /// Storage types.
    pub types: PlanTypes,
    /// The device.
    pub target: &'a Target,
}

impl Planner<'_> {
    /// The plans of a request. With [`Passes::Auto`], two passes if one batch does not fit. An error says what would fit.
    pub fn plan(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        match self.attempt(request, keep) {
            // No size would help.
            Err(error @ Error::Graph(graph::Error::Fit { .. })) => Err(error),
            Err(error @ (Error::Graph(_) | Error::TooLarge(_))) => Err(match self.smaller(request) {
                Some([width, height]) => {
                    Error::TooLarge(format!("{error}; {width}x{height} would fit (--width, --height)"))
                }
                None => error,
            }),
            result => result,
        }
    }

    fn attempt(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        let shape = Shape::new(self.configs, request);
        let one = self.fitting(shape, keep);
        if one.is_ok() || request.passes != Passes::Auto || !shape.guided {
            return one;
        }
        self.fitting(Shape { one_batch: false, ..shape }, keep)
    }

    /// Plans that respect the device's limits and, where that is known, its memory.
    fn fitting(&self, shape: Shape, keep: Keep) -> Result<Plans, Error> {
        let plans = Plans::new(self.networks, shape, self.types, self.target, keep)?;
        let peak = Estimate::new(&plans, [1, 1]).peak_bytes;
        match self.target.device.memory {
            Some(memory) if peak as f64 > memory as f64 * MEMORY_SHARE => {
                let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
                let [width, height] = shape.size;
                Err(Error::TooLarge(format!(
                    "{} frames of {width}x{height} need {:.2} GiB and device '{}' has {:.2} GiB, of which {:.0} % can be used",
                    shape.frames,
                    gib(peak),
                    self.target.device.name,
                    gib(memory),
                    MEMORY_SHARE * 100.0
                )))
            }
            _ => Ok(plans),
        }
    }

    /// The largest size of the same aspect, in steps of an eighth, that fits.
    fn smaller(&self, request: &Request) -> Option<[u32; 2]> {
        let factor = self.configs.vae.spatial_factor() as u32;
        let scaled = |side: u32, eighths: u32| (side * eighths / 8 / factor * factor).max(factor);
        let sizes = (1..8).rev().map(|eighths| [scaled(request.width, eighths), scaled(request.height, eighths)]);
        sizes.into_iter().find(|&[width, height]| {
            let request = Request { width, height, ..request.clone() };
            self.attempt(&request, Keep::Nothing).is_ok()
        })
    }
}
