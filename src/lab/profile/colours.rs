//! The colours of kernels on a page.

use super::{group::groups, record::Profile};

/// The colours of kernels on a page: the longest ones of all phases have one each, the rest has the last one in common.
pub(super) struct Colours(Vec<String>);

impl Colours {
    /// Colours of their own.
    const OWN: usize = 7;

    pub fn new(profile: &Profile) -> Self {
        let all = profile.phases.iter().flat_map(|phase| &phase.dispatches);
        let kernels = groups(all, &profile.ceilings, |d| d.kernel.clone());
        Self(kernels.into_iter().map(|group| group.name).take(Self::OWN).collect())
    }

    /// The number of a kernel's colour.
    pub fn of(&self, kernel: &str) -> usize {
        self.0.iter().position(|name| name == kernel).unwrap_or(Self::OWN)
    }

    /// The names of the colours.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.0.clone();
        if names.len() == Self::OWN {
            names.push("others".into());
        }
        names
    }
}
