//! Making a request fit a device: what saves memory is used where it must be, and what to ask for where nothing fits.

use std::fmt;

use serde::Serialize;

use super::{
    Advice, Error, MemoryPolicy, Networks, Passes, PlanTypes, Plans, Request, Savings, Shape, Streaming, Topic,
    VaeTile,
    fitting::{Fitting, lesser},
};
use crate::{
    checkpoint::Configs,
    gpu::Bytes,
    graph::{Keep, Target},
};

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
    /// How much memory may be taken.
    pub memory: MemoryPolicy,
}

/// What would fit in place of a request that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Guidance in two passes.
    TwoPasses,
    /// A VAE decode in tiles.
    Tiles,
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
    /// What the user allows, if anything was said.
    pub limit: Option<u64>,
    /// Bytes on the device in the largest phase, the least where nothing fits; absent if the device's limits leave no plan.
    pub needed: Option<u64>,
    /// What is done to save memory that was not asked for.
    pub savings: Savings,
    /// Bytes that would be needed without that; absent if the device's limits leave no plan.
    pub unsaved: Option<u64>,
    /// How the UNet's weights are divided, if some are streamed.
    pub streaming: Option<Streaming>,
    /// What is too large, if the request does not fit.
    pub problem: Option<String>,
    /// What would fit instead.
    pub remedy: Option<Remedy>,
}

impl Planner<'_> {
    /// The plans of a request: of those that fit, the ones that cost least time. What saves memory, in this order: guidance in two passes
    /// (with [`Passes::Auto`]), a decode in tiles (with [`VaeTile::Auto`]), streamed weights, of which as many are kept as fit. An error says
    /// what would fit.
    pub fn plan(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        self.attempt(request, keep).map_err(|error| {
            let (reason, needed) = match error {
                other if !other.is_of_size() => return other,
                Error::TooLarge { reason, needed, .. } => (reason, needed),
                other => (other.to_string(), None),
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
        let shape = Shape::new(self.configs, request);
        let savings = plans.savings().beyond(Savings::asked(&shape, self.memory));
        let unsaved = if savings.is_none() { None } else { self.plans(shape, Keep::Nothing).ok() };
        let unsaved = unsaved.map(|plans| if self.memory.offload { plans.streamed() } else { plans }.peak_bytes());
        Fit { needed: Some(plans.peak_bytes()), savings, unsaved, streaming: plans.streaming(), ..self.unknown() }
    }

    /// Nothing but the device.
    fn unknown(&self) -> Fit {
        let device = &self.target.device;
        Fit {
            device: device.name.clone(),
            memory: [device.memory, device.free_memory].into_iter().flatten().min(),
            limit: self.memory.limit,
            needed: None,
            savings: Savings::default(),
            unsaved: None,
            streaming: None,
            problem: None,
            remedy: None,
        }
    }

    /// The first plans that fit; if none do, the error of those that need least.
    fn attempt(&self, request: &Request, keep: Keep) -> Result<Plans, Error> {
        let shape = Shape::new(self.configs, request);
        let free = request.passes == Passes::Auto && shape.guided;
        let shapes = [Some(shape), free.then_some(Shape { one_batch: false, ..shape })];
        let shapes: Vec<Shape> = shapes.into_iter().flatten().collect();
        // Whether weights are streamed changes no plan: each is made once, when it is needed.
        let mut made: Vec<Option<Plans>> = vec![None; shapes.len()];
        let mut impossible = vec![false; shapes.len()];
        let mut least: Option<Error> = None;
        for streamed in self.memory.rounds() {
            for (i, &shape) in shapes.iter().enumerate() {
                if impossible[i] {
                    continue;
                }
                let plans = made[i].clone().map_or_else(|| self.plans(shape, keep), Ok);
                let fitting = plans.and_then(|plans| {
                    made[i] = Some(plans.clone());
                    self.fitting(plans, streamed, request.vae_tile)
                });
                match fitting {
                    Ok(plans) => return Ok(plans),
                    // Another way would only hide what is wrong with this one.
                    Err(error) if !error.is_of_size() => return Err(error),
                    Err(error) => least = Some(lesser(least, error)),
                }
                impossible[i] = made[i].is_none();
            }
        }
        Err(least.unwrap_or(Error::Cancelled))
    }

    fn plans(&self, shape: Shape, keep: Keep) -> Result<Plans, Error> {
        Plans::new(self.networks, shape, self.types, self.target, keep)
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
        let tiles = Request { vae_tile: VaeTile::Auto, ..request.clone() };
        if request.vae_tile != VaeTile::Auto && self.fits(&tiles) {
            return Some(Remedy::Tiles);
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

impl Fit {
    /// The line to tell before a run.
    pub fn advice(&self) -> Advice {
        let Self { device, memory, limit, needed, savings, unsaved, streaming, problem, remedy } = self;
        let needed = needed.map_or(String::new(), |bytes| Bytes(bytes).to_string());
        let of = match (limit, memory) {
            (Some(limit), _) => format!("{needed} of {} that --max-memory allows on '{device}'", Bytes(*limit)),
            (None, Some(memory)) => format!("{needed} of {} on '{device}'", Bytes(*memory)),
            (None, None) => format!("{needed} on '{device}', which does not tell how much it has"),
        };
        let divided = streaming.map_or(String::new(), |streaming| format!("; {streaming}"));
        match (problem, remedy) {
            (Some(problem), Some(remedy)) => Advice::new(Topic::Memory, problem, format!("take {remedy}")),
            (Some(problem), None) => {
                Advice::new(Topic::Memory, problem, "no smaller size fits either: take another device (--device)")
            }
            (None, _) if !savings.is_none() => {
                let limit = "more than the device's limits".to_owned();
                let without = unsaved.map_or(limit, |bytes| Bytes(bytes).to_string());
                Advice::known(Topic::Memory, format!("{of}, with {savings}: without, it would be {without}{divided}"))
            }
            (None, _) => Advice::known(Topic::Memory, of + &divided),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoPasses => f.write_str("--cfg-passes two"),
            Self::Tiles => f.write_str("--vae-tile auto"),
            Self::Size([width, height]) => write!(f, "--width {width} --height {height}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::Capabilities,
        graph::Rate,
        kernel::Dtype,
        pipeline::{MAX_SECONDS, memory::MEMORY_SHARE},
    };

    /// How a small request to the published model, changed, fits a device with so many bytes.
    fn fit(memory: Option<u64>, change: impl Fn(&mut Request)) -> Fit {
        // Streamed weights have a test of their own.
        fit_with(MemoryPolicy { resident: true, ..MemoryPolicy::default() }, memory, change)
    }

    fn fit_with(policy: MemoryPolicy, memory: Option<u64>, change: impl Fn(&mut Request)) -> Fit {
        let mut request = Request { width: 384, height: 256, frames: 16, ..Request::plain() };
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
        let planner = Planner { configs: &configs, networks: &networks, types, target: &target, memory: policy };
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
        assert!(whole.needed > passes.needed && whole.savings.is_none() && whole.problem.is_none());
        assert!(whole.advice().finding.contains("does not tell how much it has"));

        let enough = just_enough(whole.needed);
        let fits = fit(Some(enough), |_| {});
        assert_eq!((fits.needed, fits.savings.is_none(), fits.advice().change), (whole.needed, true, None));
        let tight = fit(Some(enough - (1 << 20)), |_| {});
        assert_eq!((tight.needed, tight.savings.two_passes, tight.unsaved), (passes.needed, true, whole.needed));
        let line = tight.advice().to_string();
        assert!(
            line.starts_with("memory: ") && line.contains("two passes (--cfg-passes two): without, it would be"),
            "{line}"
        );
        let asked = fit(Some(enough - (1 << 20)), |request| request.passes = Passes::One);
        assert_eq!(asked.remedy, Some(Remedy::TwoPasses));
        assert!(asked.advice().to_string().ends_with("take --cfg-passes two"));

        // The aspect stays, the frames too, and the next size would be too much.
        let memory = just_enough(passes.needed) - (4 << 20);
        let short = fit(Some(memory), |_| {});
        let Some(Remedy::Size([width, height])) = short.remedy else { panic!("{short:?}") };
        assert_eq!(short.needed, passes.needed);
        assert!(height == (width * 256).div_ceil(384).next_multiple_of(8) || height == width * 256 / 384 / 8 * 8);
        let resized =
            |width, height| fit(Some(memory), move |request| (request.width, request.height) = (width, height));
        assert_eq!(resized(width, height).problem, None);
        let [wider, higher] = [width + 8, ((f64::from(width + 8) * 256.0 / 384.0 / 8.0).round() * 8.0) as u32];
        assert!(
            wider == 384 || resized(wider, higher).problem.is_some(),
            "{wider}x{higher} fits, {width}x{height} was proposed"
        );
        assert!(short.advice().to_string().ends_with(&format!("take --width {width} --height {height}")));
    }

    #[test]
    fn weights_are_streamed_where_two_passes_do_not_save_enough() {
        let policy = MemoryPolicy::default();
        let streamed = fit_with(MemoryPolicy { offload: true, ..policy }, None, |_| {});
        let passes = fit(None, |request| request.passes = Passes::Two);
        assert!(streamed.needed < passes.needed && streamed.savings.is_none(), "{streamed:?}");
        // Just too little for two passes: one batch is enough then, and as many weights stay as fit.
        let limit = |limit| MemoryPolicy { limit, ..policy };
        let almost = passes.needed.map(|bytes| bytes - 1);
        let tight = fit_with(limit(almost), None, |_| {});
        assert_eq!(tight.savings, Savings { offload: true, ..Savings::default() });
        assert!(tight.needed > streamed.needed && tight.needed <= almost, "{tight:?}");
        let (some, all) = (tight.streaming.unwrap(), streamed.streaming.unwrap());
        assert!(some.kept_bytes > 1 << 30 && some.streamed_bytes < all.streamed_bytes && all.kept_bytes == 0);
        let line = tight.advice().to_string();
        assert!(line.contains("with streamed weights (--offload): without, it would be"), "{line}");
        assert!(line.ends_with(&some.to_string()) && line.contains(" pass in every evaluation"), "{line}");
        // Who wants none to stay gets that, whatever the limit.
        let offload = fit_with(MemoryPolicy { offload: true, ..limit(almost) }, None, |_| {});
        assert_eq!((offload.needed, offload.streaming), (streamed.needed, streamed.streaming));

        let least = fit_with(limit(Some(1)), None, |_| {});
        assert!(least.problem.is_some_and(|problem| problem.contains("is the least that works")));
        assert_eq!((least.remedy, least.streaming), (None, None));
        let both = fit_with(limit(least.needed), None, |_| {});
        assert!(both.needed <= least.needed && both.savings.two_passes && both.savings.offload, "{both:?}");
        assert!(fit_with(limit(least.needed.map(|bytes| bytes - 1)), None, |_| {}).problem.is_some());
    }

    /// The plans of a limit never exceed it, and a larger one never streams more.
    #[test]
    fn a_larger_limit_never_streams_more() {
        let mut before = u64::MAX;
        for mebibytes in (600..3600).step_by(150) {
            let limit = mebibytes << 20;
            let policy = MemoryPolicy { limit: Some(limit), ..MemoryPolicy::default() };
            let fit = fit_with(policy, None, |request| request.passes = Passes::One);
            assert!(fit.problem.is_none() && fit.needed <= Some(limit), "{fit:?}");
            let streamed = fit.streaming.map_or(0, |streaming| streaming.streamed_bytes);
            assert!(streamed <= before, "{mebibytes} MiB: {streamed} bytes, {before} with less");
            before = streamed;
        }
        assert_eq!(before, 0);
    }

    #[test]
    fn where_nothing_fits_nothing_is_proposed() {
        let none = fit(Some(1 << 30), |_| {});
        assert!(
            none.problem.as_ref().is_some_and(|problem| problem.contains("16 frames of 384x256 need"))
                && none.remedy.is_none()
        );
        assert!(none.advice().to_string().contains("take another device"));
    }
}
