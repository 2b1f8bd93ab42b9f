//! Settings against each other: means over clips, and differences of pairs, with how sure they are.

use std::collections::BTreeMap;

use super::{Measure, Measures, bootstrap, plane::mean};

/// A clip that was made with one of several settings.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Which setting.
    pub setting: usize,
    /// Of what: clips of different settings with the same item are compared with each other.
    pub item: usize,
    /// What is drawn as a whole when the mean's interval is estimated: the picture, of which there may be several items.
    pub unit: usize,
    /// What it is like.
    pub measures: &'a Measures,
}

/// A mean, and the ends of its interval of 95 % where there is more than one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean over units of the means over their clips.
    pub mean: f64,
    /// The interval.
    pub interval: Option<[f64; 2]>,
}

impl Estimate {
    /// Of values with their units; `None` without values.
    pub fn of(values: impl Iterator<Item = (usize, f64)>) -> Option<Self> {
        let mut units: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        values.for_each(|(unit, value)| units.entry(unit).or_default().push(value));
        let means: Vec<f64> = units.values().map(|values| mean(values.iter().copied())).collect();
        (!means.is_empty()).then(|| Self { mean: mean(means.iter().copied()), interval: bootstrap(&means) })
    }

    /// Does the interval leave out 0?
    pub fn excludes_zero(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 0.0 || high < 0.0)
    }
}

/// The clips of one setting.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many.
    pub clips: usize,
    /// Their means.
    pub means: BTreeMap<Measure, Estimate>,
}

/// The clips of one setting against those of another one, item by item.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// How many pairs.
    pub pairs: usize,
    /// What the setting adds to each measure.
    pub means: BTreeMap<Measure, Estimate>,
    /// Share of the pairs in which the clip goes in the other's direction, within 60 degrees.
    pub same_direction: Option<Estimate>,
    /// How far the clip goes along the other's motion, as a share of it.
    pub displacement: Option<Estimate>,
}

/// The cosine of 60 degrees.
const SAME_DIRECTION: f64 = 0.5;

/// The means of a setting.
pub fn summarise(samples: &[Sample<'_>], setting: usize) -> Summary {
    let own: Vec<&Sample<'_>> = samples.iter().filter(|sample| sample.setting == setting).collect();
    let of = |measure: &Measure| {
        let values = own.iter().filter_map(|s| Some((s.unit, *s.measures.mean.get(measure)?)));
        Some((*measure, Estimate::of(values)?))
    };
    Summary { clips: own.len(), means: Measure::ALL.iter().filter_map(of).collect() }
}

/// A setting against `base`.
pub fn compare(samples: &[Sample<'_>], setting: usize, base: usize) -> Difference {
    let of = |wanted: usize| samples.iter().filter(move |sample| sample.setting == wanted);
    let bases: BTreeMap<usize, &Sample<'_>> = of(base).map(|sample| (sample.item, sample)).collect();
    let pairs: Vec<(&Sample<'_>, &Sample<'_>)> =
        of(setting).filter_map(|sample| Some((sample, *bases.get(&sample.item)?))).collect();
    let difference = |measure: &Measure| {
        let values = pairs.iter().filter_map(|(own, base)| {
            Some((own.unit, own.measures.mean.get(measure)? - base.measures.mean.get(measure)?))
        });
        Some((*measure, Estimate::of(values)?))
    };
    let agreements: Vec<_> = pairs
        .iter()
        .filter_map(|(own, base)| Some((own.unit, own.measures.path.agreement(&base.measures.path)?)))
        .collect();
    let same = |direction: f64| if direction >= SAME_DIRECTION { 1.0 } else { 0.0 };
    Difference {
        pairs: pairs.len(),
        means: Measure::ALL.iter().filter_map(difference).collect(),
        same_direction: Estimate::of(agreements.iter().map(|(unit, found)| (*unit, same(found.direction)))),
        displacement: Estimate::of(agreements.iter().map(|(unit, found)| (*unit, found.displacement))),
    }
}

/// The mean of each frame's values over the clips of a setting, frame by frame.
pub fn by_frame(samples: &[Sample<'_>], setting: usize, measure: Measure) -> Vec<(usize, f64)> {
    let clips: Vec<&Measures> = samples.iter().filter(|s| s.setting == setting).map(|s| s.measures).collect();
    let frames = clips.iter().map(|clip| clip.frames.len()).max().unwrap_or(0);
    let at = |frame: usize| {
        let values: Vec<f64> = clips.iter().filter_map(|clip| clip.frames.get(frame)?.get(&measure).copied()).collect();
        (!values.is_empty()).then(|| (frame, mean(values.into_iter())))
    };
    (0..frames).filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Path, Values};

    fn clip(psnr: f64) -> Measures {
        let values = Values::from([(Measure::Psnr, psnr)]);
        Measures {
            frames: vec![Values::new(), values.clone()],
            mean: values,
            path: Path::default(),
            own_first_frame: false,
        }
    }

    #[test]
    fn pairs_are_compared_item_by_item() {
        // Items differ much, the setting adds 1 to each: only the pairs show it.
        let clips: Vec<Measures> = (0..8).map(|item| clip(20.0 + 3.0 * f64::from(item))).collect();
        let better: Vec<Measures> = (0..8).map(|item| clip(21.0 + 3.0 * f64::from(item))).collect();
        let sample = |setting: usize, item: usize, measures| Sample { setting, item, unit: item / 2, measures };
        let mut samples: Vec<Sample<'_>> = clips.iter().enumerate().map(|(i, m)| sample(0, i, m)).collect();
        samples.extend(better.iter().enumerate().skip(1).map(|(i, m)| sample(1, i, m)));
        let difference = compare(&samples, 1, 0);
        let found = difference.means[&Measure::Psnr];
        assert_eq!((difference.pairs, found.mean, found.interval), (7, 1.0, Some([1.0, 1.0])));
        assert!(found.excludes_zero());
        assert!(!Estimate { mean: 1.0, interval: Some([-0.1, 2.0]) }.excludes_zero());
        let summary = summarise(&samples, 0);
        assert_eq!((summary.clips, summary.means[&Measure::Psnr].mean), (8, 30.5));
        // Four units of two clips each.
        assert!(summary.means[&Measure::Psnr].interval.is_some_and(|[low, high]| low < 28.0 && high > 33.0));
        assert_eq!(by_frame(&samples, 1, Measure::Psnr), [(1, 33.0)]);
        let one = summarise(&samples[..1], 0);
        assert_eq!(one.means[&Measure::Psnr].interval, None, "one clip has no interval");
        assert_eq!(compare(&samples[..8], 1, 0).pairs, 0);
    }
}
