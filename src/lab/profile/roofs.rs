//! The roofline of a profile: how much every operation could do and what it does, over its operations per byte.

use std::collections::BTreeMap;

use super::{
    colours::Colours,
    group::{groups, sum},
    record::{Phase, Profile},
    tables::shape_key,
    words::group_line,
};
use crate::{
    lab::{Ceilings, units::scaled},
    report::{Axis, Content, Mark, Plot, Point, Scale, Section, Series},
};

/// A plot for every phase.
pub fn section(profile: &Profile, colours: &Colours) -> Section {
    let ceilings = &profile.ceilings;
    let mut about = vec![format!(
        "Lines are what this device was measured to do: {} from far memory, up to {} from its caches, {} of multiply-adds with sums in f32. \
         Each dot is an operation of one shape; its distance below the lines is what could be gained.",
        scaled(ceilings.bytes, "B/s"),
        scaled(ceilings.bandwidth(0.0), "B/s"),
        scaled(ceilings.flops(), "FLOP/s"),
    )];
    if ceilings.flops() > ceilings.f32 {
        about.push(format!("Without cooperative matrices it multiplies and adds {}.", scaled(ceilings.f32, "FLOP/s")));
    }
    let plots = profile.phases.iter().map(|phase| plot(ceilings, phase, colours)).collect();
    Section { title: "Roofline".into(), about, content: vec![Content::Plots(plots)] }
}

fn plot(ceilings: &Ceilings, phase: &Phase, colours: &Colours) -> Plot {
    let dots = dots(ceilings, phase, colours);
    let intensities = || dots.iter().flat_map(|series| &series.points).map(|point| point.x);
    let ends = [intensities().fold(f64::INFINITY, f64::min), intensities().fold(0.0, f64::max)];
    let mut series = dots;
    series.extend(roofs(ceilings, ends));
    let axis = |title: &str| Axis { title: title.into(), scale: Scale::Log };
    Plot { title: phase.kind.name().into(), x: axis("FLOP per byte"), y: axis("FLOP/s"), series }
}

/// The points of each operator; those without a colour of their own are one series.
fn dots(ceilings: &Ceilings, phase: &Phase, colours: &Colours) -> Vec<Series> {
    let total = sum(&phase.dispatches, ceilings).seconds();
    let kernels: BTreeMap<String, &str> = phase.dispatches.iter().map(|d| (shape_key(d), d.kernel.as_str())).collect();
    let dotted = |name| Series { name, mark: Mark::Dots, points: Vec::new() };
    let mut series: Vec<Series> = colours.names().into_iter().map(dotted).collect();
    for group in groups(&phase.dispatches, ceilings, shape_key) {
        let kernel = kernels.get(&group.name).copied().unwrap_or_default();
        let Some(y) = group.flops().filter(|&flops| flops > 0.0) else { continue };
        let x = group.timed.flops / group.timed.bytes;
        let label = format!("{}\n{}", group.name, group_line(&group, total));
        if let Some(own) = series.get_mut(colours.of(kernel)).filter(|_| x.is_finite()) {
            own.points.push(Point { x, y, label, key: Some(kernel.to_owned()) });
        }
    }
    // Their places are their colours: those without points stay, without a name.
    series.iter_mut().filter(|series| series.points.is_empty()).for_each(|series| series.name.clear());
    series
}

/// The lines between these operations per byte; none where there are no points.
fn roofs(ceilings: &Ceilings, [low, high]: [f64; 2]) -> Vec<Series> {
    if !(low > 0.0 && high >= low && low.is_finite()) {
        return Vec::new();
    }
    let [low, high] = [low / 2.0, high * 2.0];
    let line = |name: String, bytes: f64, flops: f64| {
        let ridge = (flops / bytes).clamp(low, high);
        let point = |x: f64| Point { x, y: (x * bytes).min(flops), ..Point::default() };
        Series { name, mark: Mark::Limit, points: [low, ridge, high].map(point).into() }
    };
    let (far, near, flops) = (ceilings.bytes, ceilings.bandwidth(0.0), ceilings.flops());
    let mut lines = vec![line("roof, far memory".into(), far, flops)];
    if near > far * 1.05 {
        lines.push(line("roof, caches".into(), near, flops));
    }
    if flops > ceilings.f32 * 1.05 {
        lines.push(line("without matrices".into(), near, ceilings.f32));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::profile;

    #[test]
    fn dots_lie_below_the_roof() {
        let profile = profile(1.0);
        let plot = plot(&profile.ceilings, &profile.phases[0], &Colours::new(&profile));
        let names: Vec<&str> = plot.series.iter().map(|s| s.name.as_str()).collect();
        // The longer one, linear, has no operations: a logarithmic axis has no place for it.
        assert_eq!(names, ["", "conv2d", "roof, far memory"]);
        let (roof, dot) = (&plot.series[2].points, &plot.series[1].points[0]);
        assert_eq!((dot.x, dot.key.as_deref()), (50.0, Some("conv2d")));
        assert!(dot.y < 100.0 && roof.iter().map(|p| p.y).fold(0.0, f64::max) == 100.0);
        assert_eq!((roof[0].x, roof[2].x), (25.0, 100.0));
    }

    #[test]
    fn without_times_there_are_only_axes() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches.iter_mut().for_each(|d| d.times = vec![None]);
        let series = plot(&profile.ceilings, &profile.phases[0], &Colours::new(&profile)).series;
        assert!(series.iter().all(|s| s.points.is_empty() && s.name.is_empty()), "{series:?}");
    }
}
