//! Dispatches that have something in common, as one row of a table.

use std::collections::BTreeMap;

use super::{record::Dispatch, times::median};
use crate::{
    kernel::Cost,
    lab::{Ceilings, Limit},
};

/// The sum of some dispatches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many they are.
    pub count: usize,
    /// How many of them no clock could time: they are in [`cost`](Self::cost) alone.
    pub missing: usize,
    /// Seconds in each repetition.
    pub times: Vec<f64>,
    /// The work of all.
    pub cost: Cost,
    /// The work of those that were timed.
    pub timed: Cost,
    /// Least seconds for the timed work with arithmetic as the nearer limit of the dispatch, and with memory.
    least: [f64; 2],
}

impl Group {
    /// An empty one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a dispatch. A repetition in which its clock failed counts as its median.
    pub fn add(&mut self, dispatch: &Dispatch, ceilings: &Ceilings) {
        self.count += 1;
        self.cost += dispatch.cost;
        let Some(usual) = dispatch.seconds() else {
            self.missing += 1;
            return;
        };
        self.times.resize(self.times.len().max(dispatch.times.len()), 0.0);
        for (sum, time) in self.times.iter_mut().zip(&dispatch.times) {
            *sum += time.unwrap_or(usual);
        }
        self.timed += dispatch.cost;
        let least = ceilings.seconds(dispatch.cost, ceilings.flops());
        match ceilings.limit(dispatch.cost) {
            Limit::Arithmetic => self.least[0] += least,
            Limit::Memory => self.least[1] += least,
        }
    }

    /// Seconds of one run: the median of the repetitions.
    pub fn seconds(&self) -> f64 {
        median(self.times.iter().copied()).unwrap_or(0.0)
    }

    /// The least time that the work can take: every dispatch at the roof.
    pub fn least(&self) -> f64 {
        self.least.iter().sum()
    }

    /// Seconds above that.
    pub fn lost(&self) -> f64 {
        (self.seconds() - self.least()).max(0.0)
    }

    /// The share of the roofline that it reaches.
    pub fn share(&self) -> Option<f64> {
        let (least, seconds) = (self.least(), self.seconds());
        (least > 0.0 && seconds > 0.0).then(|| least / seconds)
    }

    /// What most of its least time is spent on.
    pub fn limit(&self) -> Limit {
        if self.least[0] > self.least[1] { Limit::Arithmetic } else { Limit::Memory }
    }

    /// Operations per second.
    pub fn flops(&self) -> Option<f64> {
        self.per_second(self.timed.flops)
    }

    /// Bytes per second.
    pub fn bytes(&self) -> Option<f64> {
        self.per_second(self.timed.bytes)
    }

    fn per_second(&self, work: f64) -> Option<f64> {
        let seconds = self.seconds();
        (seconds > 0.0).then(|| work / seconds)
    }
}

/// Groups by what `key` says, the longest first.
pub fn groups<'a>(
    dispatches: impl IntoIterator<Item = &'a Dispatch>,
    ceilings: &Ceilings,
    key: impl Fn(&Dispatch) -> String,
) -> Vec<Group> {
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for dispatch in dispatches {
        let name = key(dispatch);
        found.entry(name.clone()).or_insert_with(|| Group::new(name)).add(dispatch, ceilings);
    }
    let mut groups: Vec<Group> = found.into_values().collect();
    groups.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()));
    groups
}

/// All of it.
pub fn sum<'a>(dispatches: impl IntoIterator<Item = &'a Dispatch>, ceilings: &Ceilings) -> Group {
    let mut all = Group::new("all");
    dispatches.into_iter().for_each(|dispatch| all.add(dispatch, ceilings));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::dispatch;

    fn ceilings() -> Ceilings {
        Ceilings { bytes: 10.0, f32: 100.0, ..Ceilings::default() }
    }

    #[test]
    fn repetitions_are_summed_and_what_was_not_timed_is_counted() {
        let dispatches = [
            dispatch("a.0.b", "linear", [1000.0, 10.0], &[Some(20.0), None, Some(22.0)]),
            dispatch("a.0.c", "linear", [0.0, 50.0], &[Some(9.0), Some(11.0), Some(10.0)]),
            dispatch("a.1.b", "linear", [1.0, 1.0], &[None, None, None]),
        ];
        let all = sum(&dispatches, &ceilings());
        assert_eq!((all.count, all.missing, all.times.clone()), (3, 1, vec![29.0, 32.0, 32.0]));
        assert_eq!((all.seconds(), all.least(), all.limit()), (32.0, 15.0, Limit::Arithmetic));
        assert_eq!((all.cost.flops, all.timed.flops, all.flops()), (1001.0, 1000.0, Some(1000.0 / 32.0)));
        assert_eq!(all.share(), Some(15.0 / 32.0));
        let by_label = groups(&dispatches, &ceilings(), |d| d.label.clone());
        let names: Vec<&str> = by_label.iter().map(|g| g.name.as_str()).collect();
        assert_eq!(names, ["a.0.b", "a.0.c", "a.1.b"]);
        assert_eq!((by_label[2].share(), by_label[2].flops()), (None, None));
    }
}
