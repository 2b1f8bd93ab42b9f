//! A profile in sentences: where the time goes, and what is far from what the device could do.

use super::{
    agreement::Agreement,
    group::{Group, groups, sum},
    record::{Clock, Dispatch, Phase, Profile},
    times::range,
    tree,
};
use crate::{
    gpu::Bytes,
    lab::{
        Limit,
        units::{counted, percent, scaled, seconds},
    },
};

/// What was profiled, in two lines, one for streamed weights, one for every override and one for tuned settings.
pub fn title(profile: &Profile) -> String {
    let checks = if profile.shader_checks == "on" {
        String::new()
    } else {
        format!(", shader checks {}", profile.shader_checks)
    };
    let tuned = profile.tuned.as_ref().map_or(String::new(), |what| format!("\ntuned settings at {what}"));
    let (clip, streaming) = (profile.setup.clip(), profile.setup.streaming_line());
    let overrides: String = profile.overrides.iter().map(|what| format!("\noverride: {what}")).collect();
    format!(
        "{clip}\non {} ({}, {}){checks}; ceilings: {}, {} with sums in f32{streaming}{overrides}{tuned}",
        profile.device.name,
        profile.device.backend,
        profile.device.driver,
        scaled(profile.ceilings.bytes, "B/s"),
        scaled(profile.ceilings.flops(), "FLOP/s"),
    )
}

/// One line per finding, phase by phase.
pub fn words(profile: &Profile) -> Vec<String> {
    let mut lines: Vec<String> = clock_words(profile).into_iter().collect();
    for phase in &profile.phases {
        lines.extend(phase_words(profile, phase).into_iter().map(|line| format!("{}: {line}", phase.kind.name())));
    }
    lines
}

/// What to know about the clock, if it is the host's.
pub fn clock_words(profile: &Profile) -> Option<String> {
    let why = if profile.device.timestamps { "as asked for" } else { "since the device has no timestamps" };
    (profile.clock == Clock::Host).then(|| {
        format!("dispatches are timed by the host's clock, {why}: each one is repeated, and an empty one is taken off; short ones are rough")
    })
}

/// The findings about one phase.
pub fn phase_words(profile: &Profile, phase: &Phase) -> Vec<String> {
    let ceilings = &profile.ceilings;
    let all = sum(&phase.dispatches, ceilings);
    let [least, most] = range(&phase.whole).unwrap_or_default();
    let streamed = match phase.streamed {
        0 => String::new(),
        bytes => format!(", {} of weights streamed", Bytes(bytes)),
    };
    let mut lines = vec![format!(
        "{} ({} to {} in {}), {} at {}, {} in {}{streamed}",
        seconds(phase.seconds()),
        seconds(least),
        seconds(most),
        counted(phase.whole.len(), "run"),
        scaled(all.cost.flops, "FLOP"),
        scaled(all.cost.flops / phase.seconds().max(1e-12), "FLOP/s"),
        counted(all.count, "dispatch"),
        counted(phase.submissions, "submission"),
    )];
    lines.push(Agreement::new(phase, ceilings, profile.clock).words());
    if all.missing > 0 {
        lines.push(format!(
            "{} of {} dispatches have no time: their timestamps are zero or run backwards",
            all.missing, all.count
        ));
    }
    let operators = groups(&phase.dispatches, ceilings, |d| d.kernel.clone());
    lines.extend(most_time(&all, &operators));
    let variants = groups(&phase.dispatches, ceilings, Dispatch::kernel_variant);
    lines.extend(far_from_the_roof(phase, &all, variants));
    let above: Vec<_> = operators.iter().filter(|g| g.share().is_some_and(|share| share > 1.05)).collect();
    if let Some(first) = above.first() {
        let share = percent(first.share().unwrap_or_default());
        lines.push(format!(
            "{} is at {share} of the roof, above what the device was measured to do: measure again when it is idle (i2vgen roofline)",
            first.name
        ));
    }
    let launches = all.count as f64 * ceilings.dispatch;
    if launches > 0.05 * phase.seconds() {
        let share = percent(launches / phase.seconds());
        lines.push(format!("starting {} takes {}, {share} of it", counted(all.count, "dispatch"), seconds(launches)));
    }
    if let Some([cold, warm]) = &phase.start {
        let told = |s: &super::Start| {
            let [load, compile, first] = [s.load, s.compile, s.first].map(seconds);
            format!("{} (weights {load}, pipelines {compile}, first run {first})", seconds(s.seconds()))
        };
        lines.push(format!("first result after {}; the second time after {}", told(cold), told(warm)));
    }
    lines
}

/// What nine tenths of the time are spent on.
fn most_time(all: &Group, operators: &[Group]) -> Option<String> {
    let total = all.seconds();
    let mut told = Vec::new();
    let mut seen = 0.0;
    for group in operators {
        if seen >= 0.9 * total || group.seconds() < 0.02 * total || group.seconds() <= 0.0 {
            break;
        }
        seen += group.seconds();
        let roof = group.share().map_or(String::new(), |share| format!(" at {} of the roof", percent(share)));
        told.push(format!("{} {}{roof}", group.name, percent(group.seconds() / total)));
    }
    (!told.is_empty()).then(|| format!("the time goes to {}", told.join(", ")))
}

/// The variants that lose most against the roof, and where in the model.
fn far_from_the_roof(phase: &Phase, all: &Group, mut variants: Vec<Group>) -> Vec<String> {
    variants.sort_by(|a, b| b.lost().total_cmp(&a.lost()));
    let worth = variants.iter().filter(|g| g.lost() > 0.05 * all.seconds() && g.share().is_some_and(|s| s < 0.9));
    let line = |group: &Group| {
        let limit = match group.limit() {
            Limit::Arithmetic => "arithmetic",
            Limit::Memory => "memory",
        };
        let of_group = phase.dispatches.iter().filter(|d| d.kernel_variant() == group.name);
        let blocks = groups(of_group, &crate::lab::Ceilings::default(), |d| tree::block(&d.label).to_owned());
        let block = blocks.first().map_or(String::new(), |b| {
            format!(", most of it in {} ({})", b.name, percent(b.seconds() / group.seconds().max(1e-12)))
        });
        format!(
            "{} takes {}; its roof, {limit}, would allow {}: {} of the time could go{block}",
            group.name,
            seconds(group.seconds()),
            seconds(group.least()),
            percent(group.lost() / all.seconds().max(1e-12)),
        )
    };
    worth.take(4).map(line).collect()
}

/// A group in one line.
pub(super) fn group_line(group: &Group, total: f64) -> String {
    let mut words = format!(
        "{} ({}), {}, {}, {}",
        seconds(group.seconds()),
        percent(group.seconds() / total.max(1e-12)),
        counted(group.count, "dispatch"),
        scaled(group.cost.flops, "FLOP"),
        scaled(group.cost.bytes, "B"),
    );
    if let Some((flops, bytes)) = group.flops().zip(group.bytes()) {
        words += &format!("; {}, {}", scaled(flops, "FLOP/s"), scaled(bytes, "B/s"));
    }
    if let Some(share) = group.share() {
        words += &format!(", {} of the roof", percent(share));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::profile;

    #[test]
    fn sentences_say_where_the_time_goes_and_what_is_far_from_the_roof() {
        let text = words(&profile(1.0)).join("\n");
        for part in [
            "denoising step: 30.5 s (30.5 s to 30.6 s in 6 runs)",
            "the time goes to linear 66.7 % at 24.9 % of the roof, conv2d 33.3 % at 49.9 % of the roof",
            "linear portable takes 20.0 s; its roof, memory, would allow 5.00 s: 50.0 % of the time could go, most of it in conv_out (100 %)",
            "first result after 43.0 s (weights 1.00 s, pipelines 2.00 s, first run 40.0 s); the second time after 32.5 s",
        ] {
            assert!(text.contains(part), "no '{part}' in\n{text}");
        }
        assert!(!text.contains("above what") && !text.contains("host's clock"), "{text}");
    }

    #[test]
    fn overrides_stand_in_the_title() {
        let forced =
            Profile { overrides: vec!["conv2d=register".into()], tuned: Some("2 shapes (ab)".into()), ..profile(1.0) };
        assert!(
            title(&forced).ends_with("\noverride: conv2d=register\ntuned settings at 2 shapes (ab)"),
            "{}",
            title(&forced)
        );
        assert!(!title(&profile(1.0)).contains("override"));
    }

    #[test]
    fn what_is_odd_is_told() {
        let mut fast = profile(0.2);
        fast.clock = Clock::Host;
        fast.phases[0].dispatches[1].times[0] = None;
        let text = words(&fast).join("\n");
        assert!(text.contains("linear is at 125 % of the roof") || text.contains("conv2d is at"), "{text}");
        assert!(text.contains("since the device has no timestamps"), "{text}");
    }
}
