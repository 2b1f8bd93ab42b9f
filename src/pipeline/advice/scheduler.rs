//! Scheduler settings that are not the checkpoint's.

use super::{Advice, Topic};
use crate::{
    pipeline::Request,
    sampler::{Effect, SchedulerConfig},
};

/// One warning for each setting of a request that contradicts the checkpoint's `own`.
pub fn scheduler(request: &Request, own: &SchedulerConfig) -> Vec<Advice> {
    let overridden = request.scheduler.overridden(own, request.compat.final_alpha());
    let advice = overridden.iter().map(|setting| match setting.effect {
        Effect::Untrained(_) | Effect::None(_) => {
            Advice::new(Topic::Scheduler, setting.to_string(), format!("leave {} out", setting.flag))
        }
        Effect::Sampling(_) => Advice::known(Topic::Scheduler, setting.to_string()),
    });
    advice.collect()
}
