//! What guides a denoising, and which steps of it run all of the UNet.

use super::{Error, Request};
use crate::sampler::{Anchoring, Schedule, Step, is_guided};

/// What guides a denoising.
#[derive(Clone, Debug)]
pub struct Course {
    /// The steps.
    pub steps: Vec<Step>,
    /// Their guidance scales, `[steps][frames]`.
    pub guidance: Vec<Vec<f32>>,
    /// Whether and how frames are pulled back to the picture.
    pub anchoring: Option<Anchoring>,
    /// Every so manyth step runs all of the UNet; see `reusing`.
    pub reuse_deep: usize,
}

impl Course {
    /// The course of a request on this schedule, its overrides included.
    pub fn new(request: &Request, schedule: &Schedule) -> Result<Self, Error> {
        Ok(Self {
            steps: schedule.steps(&request.sampling())?,
            guidance: request.guidance_table()?,
            anchoring: request.anchoring,
            reuse_deep: request.reuse_deep,
        })
    }

    /// Is any frame guided in step number `index`?
    pub(super) fn guided(&self, index: usize) -> bool {
        self.guidance.get(index).is_none_or(|scales| is_guided(scales))
    }

    /// Does step number `index` reuse the deep features of the one before?
    pub(super) fn reuses(&self, index: usize) -> bool {
        reusing(&self.guidance, self.reuse_deep).get(index).copied().unwrap_or(false)
    }
}

/// Which steps reuse deep features: of steps in a row with guidance, or without, the first runs all of the UNet, then every `every`-th.
/// The features of guided steps are of another batch than those of others.
fn reusing(guidance: &[Vec<f32>], every: usize) -> Vec<bool> {
    let kinds: Vec<bool> = guidance.iter().map(|scales| is_guided(scales)).collect();
    let rows = kinds.chunk_by(|a, b| a == b);
    rows.flat_map(|row| (0..row.len()).map(|i| i % every.max(1) > 0)).collect()
}

/// Steps of a request by what they run: whole evaluations of the UNet, and those of its outermost layers alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Steps with guidance, two evaluations each: `[whole, outer]`.
    pub guided: [usize; 2],
    /// Steps without: `[whole, outer]`.
    pub unguided: [usize; 2],
}

impl StepCounts {
    /// Counts the steps of a table of guidance scales.
    pub fn new(guidance: &[Vec<f32>], reuse_deep: usize) -> Self {
        let mut counts = Self::default();
        for (scales, reuses) in guidance.iter().zip(reusing(guidance, reuse_deep)) {
            let kind = if is_guided(scales) { &mut counts.guided } else { &mut counts.unguided };
            kind[usize::from(reuses)] += 1;
        }
        counts
    }

    /// How many steps are guided, and how many are not.
    pub fn by_guidance(&self) -> [usize; 2] {
        [self.guided.iter().sum(), self.unguided.iter().sum()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scales: &[f32]) -> Vec<Vec<f32>> {
        scales.iter().map(|&scale| vec![scale; 2]).collect()
    }

    #[test]
    fn every_so_manyth_step_of_a_kind_is_whole() {
        let guided = table(&[9.0; 7]);
        let whole = |every| reusing(&guided, every).iter().map(|&reuses| u8::from(!reuses)).collect::<Vec<_>>();
        assert_eq!(whole(1), [1; 7]);
        assert_eq!(whole(2), [1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(whole(3), [1, 0, 0, 1, 0, 0, 1]);
        assert_eq!(whole(99), [1, 0, 0, 0, 0, 0, 0]);
        // Steps of one kind do not reuse what the other kind left.
        let mixed = table(&[1.0, 1.0, 9.0, 9.0, 9.0, 1.0]);
        assert_eq!(reusing(&mixed, 2), [false, true, false, true, false, false]);
        let counts = StepCounts::new(&mixed, 2);
        assert_eq!(counts, StepCounts { guided: [2, 1], unguided: [2, 1] });
        assert_eq!(counts.by_guidance(), [3, 3]);
    }
}
