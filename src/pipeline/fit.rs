//! Making a request fit a device: guidance in two passes where one batch is too much, and what to ask for where nothing fits.

use std::fmt;

use serde::Serialize;

use super::{Advice, Error, Estimate, Networks, Passes, PlanTypes, Plans, Request, Shape, StepCounts, Topic};
use crate::{
    checkpoint::Configs,
    gpu::Bytes,
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

/// What would fit in place of a request that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Guidance in two passes.
    TwoPasses,
    /// The largest smaller clip of nearly the same aspect: width and height. Never fewer frames.
    Size([u32; 2]),
}

/// How a request fits a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The device's name.
    pub device: String,
    /// Its memory in bytes, where it tells.
    pub memory: Option<u64>,
    /// Bytes on the device in the largest phase; absent if its limits leave no plan.
    pub needed: Option<u64>,
    /// Does guidance run in two passes because one batch of two is too much?
    pub two_passes: bool,
    /// Bytes that one batch of two would need, then.
    pub one_batch: Option<u64>,
    /// What is too large, if the request does not fit.
    pub problem: Option<String>,
    /// What would fit instead.
    pub remedy: Option<Remedy>,
}

impl Planner<'_> {
    /// The plans of a request. With [`Passes::Auto`], two passes if one batch does not fit. An error says what would fit.
    pub fn plan(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        self.attempt(request, keep).map_err(|error| {
            let (reason, needed) = match error {
                // No size would help.
                Error::Graph(graph::Error::Fit { .. }) => return error,
                Error::TooLarge { reason, needed, .. } => (reason, needed),
                Error::Graph(error) => (error.to_string(), None),
                other => return other,
            };
            Error::TooLarge { reason, needed, remedy: self.remedy(request) }
        })
    }

    /// How a request fits the device: what [`Planner::plan`] would do, in numbers.
    ///
    /// # Errors
    /// Those of `plan` that have nothing to do with the device.
    pub fn fit(&self, request: &Request) -> Result<Fit, Error> {
        match self.plan(request, Keep::Nothing) {
            Ok(plans) => Ok(self.fit_of(request, &plans)),
            Err(Error::TooLarge { reason, needed, remedy }) => {
                Ok(Fit { needed, problem: Some(reason), remedy, ..self.unknown() })
            }
            Err(other) => Err(other),
        }
    }

    /// The same for a request that has plans.
    pub fn fit_of(&self, request: &Request, plans: &Plans) -> Fit {
        let two_passes = request.passes == Passes::Auto && plans.shape.guided && !plans.shape.one_batch;
        let whole = || self.plans(Shape { one_batch: true, ..plans.shape }, Keep::Nothing).ok();
        let one_batch = if two_passes { whole().map(|plans| peak(&plans)) } else { None };
        Fit { needed: Some(peak(plans)), two_passes, one_batch, ..self.unknown() }
    }

    /// Nothing but the device.
    fn unknown(&self) -> Fit {
        let device = &self.target.device;
        Fit {
            device: device.name.clone(),
            memory: device.memory,
            needed: None,
            two_passes: false,
            one_batch: None,
            problem: None,
            remedy: None,
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

    fn plans(&self, shape: Shape, keep: Keep) -> Result<Plans, Error> {
        Plans::new(self.networks, shape, self.types, self.target, keep)
    }

    /// Plans that respect the device's limits and, where that is known, its memory.
    fn fitting(&self, shape: Shape, keep: Keep) -> Result<Plans, Error> {
        let plans = self.plans(shape, keep)?;
        let (peak, device) = (peak(&plans), &self.target.device);
        match device.memory {
            Some(memory) if peak as f64 > memory as f64 * MEMORY_SHARE => {
                let [width, height] = shape.size;
                let reason = format!(
                    "{} frames of {width}x{height} need {} and device '{}' has {}, of which {:.0} % can be used",
                    shape.frames,
                    Bytes(peak),
                    device.name,
                    Bytes(memory),
                    MEMORY_SHARE * 100.0
                );
                Err(Error::TooLarge { reason, needed: Some(peak), remedy: None })
            }
            _ => Ok(plans),
        }
    }

    fn fits(&self, request: &Request) -> bool {
        self.attempt(request, Keep::Nothing).is_ok()
    }

    /// What would fit in place of a request that does not.
    fn remedy(&self, request: &Request) -> Option<Remedy> {
        let two_passes = Request { passes: Passes::Two, ..request.clone() };
        if request.passes == Passes::One && request.guided() && self.fits(&two_passes) {
            return Some(Remedy::TwoPasses);
        }
        let sizes = self.smaller_sizes(request);
        // What fits at a size fits at every smaller one.
        let fitting =
            sizes.partition_point(|&[width, height]| self.fits(&Request { width, height, ..request.clone() }));
        sizes.get(fitting.checked_sub(1)?).copied().map(Remedy::Size)
    }

    /// Sizes of nearly the same aspect, growing: the longer side in every multiple of the VAE's factor below its length.
    fn smaller_sizes(&self, request: &Request) -> Vec<[u32; 2]> {
        let factor = self.configs.vae.spatial_factor().max(1) as u32;
        let longer = request.width.max(request.height);
        let sizes = (1..longer.div_ceil(factor)).map(|step| {
            let share = f64::from(step * factor) / f64::from(longer);
            let side = |side: u32| ((f64::from(side) * share / f64::from(factor)).round() as u32).max(1) * factor;
            [side(request.width), side(request.height)]
        });
        sizes.collect()
    }
}

/// Bytes on the device in the largest phase of plans.
fn peak(plans: &Plans) -> u64 {
    // No phase's memory depends on how often it runs.
    Estimate::new(plans, StepCounts::default()).peak_bytes
}

impl Fit {
    /// The line to tell before a run.
    pub fn advice(&self) -> Advice {
        let Self { device, memory, needed, two_passes, one_batch, problem, remedy } = self;
        let needed = needed.map_or(String::new(), |bytes| Bytes(bytes).to_string());
        let of = match memory {
            Some(memory) => format!("{needed} of {} on '{device}'", Bytes(*memory)),
            None => format!("{needed} on '{device}', which does not tell how much it has"),
        };
        match (problem, remedy) {
            (Some(problem), Some(remedy)) => Advice::new(Topic::Memory, problem, format!("take {remedy}")),
            (Some(problem), None) => {
                Advice::new(Topic::Memory, problem, "no smaller size fits either: take another device (--device)")
            }
            (None, _) if *two_passes => {
                let limit = "one batch of two exceeds the device's limits".to_owned();
                let why = one_batch.map_or(limit, |bytes| format!("one batch of two would need {}", Bytes(bytes)));
                Advice::known(Topic::Memory, format!("{of}, with guidance in two passes: {why}"))
            }
            (None, _) => Advice::known(Topic::Memory, of),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoPasses => f.write_str("--cfg-passes two"),
            Self::Size([width, height]) => write!(f, "--width {width} --height {height}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gpu::Capabilities, graph::Rate, kernel::Dtype, pipeline::MAX_SECONDS};

    /// How a small request to the published model, changed, fits a device with so many bytes.
    fn fit(memory: Option<u64>, change: impl Fn(&mut Request)) -> Fit {
        let mut request = Request { width: 192, height: 128, frames: 4, ..Request::plain() };
        change(&mut request);
        let configs = Configs::published();
        let networks = Networks::new(&configs, request.compat);
        let device = Capabilities {
            name: "small".into(),
            f16: true,
            max_binding: 2 << 30,
            max_buffer: 4 << 30,
            memory,
            ..Capabilities::default()
        };
        let target = Target::new(device, Rate::default()).within(MAX_SECONDS);
        let types = PlanTypes { activation: Dtype::F16, weights: [Dtype::F16; 4] };
        let planner = Planner { configs: &configs, networks: &networks, types, target: &target };
        planner.fit(&request).unwrap()
    }

    /// The least memory of a device that holds so many bytes.
    fn just_enough(needed: Option<u64>) -> u64 {
        (needed.unwrap() as f64 / MEMORY_SHARE).ceil() as u64
    }

    #[test]
    fn two_passes_where_one_batch_is_too_much_then_the_nearest_smaller_size() {
        let whole = fit(None, |_| {});
        let passes = fit(None, |request| request.passes = Passes::Two);
        assert!(whole.needed > passes.needed && !whole.two_passes && whole.problem.is_none());
        assert!(whole.advice().finding.contains("does not tell how much it has"));

        let enough = just_enough(whole.needed);
        let fits = fit(Some(enough), |_| {});
        assert_eq!((fits.needed, fits.two_passes, fits.advice().change), (whole.needed, false, None));
        let tight = fit(Some(enough - (1 << 20)), |_| {});
        assert_eq!((tight.needed, tight.two_passes, tight.one_batch), (passes.needed, true, whole.needed));
        let line = tight.advice().to_string();
        assert!(line.starts_with("memory: ") && line.contains("two passes: one batch of two would need"), "{line}");
        let asked = fit(Some(enough - (1 << 20)), |request| request.passes = Passes::One);
        assert_eq!(asked.remedy, Some(Remedy::TwoPasses));
        assert!(asked.advice().to_string().ends_with("take --cfg-passes two"));

        // The aspect stays, the frames too, and the next size would be too much.
        let memory = just_enough(passes.needed) - (4 << 20);
        let short = fit(Some(memory), |_| {});
        let Some(Remedy::Size([width, height])) = short.remedy else { panic!("{short:?}") };
        assert_eq!(short.needed, passes.needed);
        assert!(height == (width * 128).div_ceil(192).next_multiple_of(8) || height == width * 128 / 192 / 8 * 8);
        let resized =
            |width, height| fit(Some(memory), move |request| (request.width, request.height) = (width, height));
        assert_eq!(resized(width, height).problem, None);
        let [wider, higher] = [width + 8, ((f64::from(width + 8) * 128.0 / 192.0 / 8.0).round() * 8.0) as u32];
        assert!(
            wider == 192 || resized(wider, higher).problem.is_some(),
            "{wider}x{higher} fits, {width}x{height} was proposed"
        );
        assert!(short.advice().to_string().ends_with(&format!("take --width {width} --height {height}")));
    }

    #[test]
    fn where_nothing_fits_nothing_is_proposed() {
        let none = fit(Some(1 << 30), |_| {});
        assert!(
            none.problem.as_ref().is_some_and(|problem| problem.contains("4 frames of 192x128 need"))
                && none.remedy.is_none()
        );
        assert!(none.advice().to_string().contains("take another device"));
    }
}
