//! What a trace tells, in words.

use std::{path::Path, time::Duration};

use i2vgen::lab::trace::{Chain, Checked, Listed, Traced};

use crate::cli::{
    output,
    units::{self, counted},
};

/// The operation that is to blame, if there is one.
pub fn culprit(traced: &Traced) -> Option<&Checked> {
    let chained = traced.chains.iter().find_map(|chain| chain.culprit.as_ref()).map(|(checked, _)| checked);
    traced.departed.as_ref().or(chained)
}

/// The command that checks this kernel alone, in the same variant and shape, on the same device.
pub fn reproduce(checked: &Checked, device: &[String]) -> String {
    let words =
        ["i2vgen", "kernels", "check", checked.kernel, "--shape", &checked.shape, "--variant", &checked.variant];
    output::command(words.into_iter().chain(device.iter().map(String::as_str)))
}

/// The operations of plans.
pub fn listing(all: &[Listed]) -> String {
    let mut text = String::new();
    let width = all.iter().map(|op| op.name.chars().count()).max().unwrap_or(0);
    let mut phase = "";
    for op in all {
        if op.phase != phase {
            phase = op.phase;
            text += &format!("{phase}\n");
        }
        let shapes: Vec<String> = op.shapes.iter().map(|shape| format!("{shape:?}")).collect();
        let pieces = if op.pieces > 1 { format!("  in {} pieces", op.pieces) } else { String::new() };
        text += &format!(
            "{:>6}  {:<width$}  {} {}  {}{pieces}\n",
            op.index,
            op.name,
            op.kernel,
            op.variant,
            shapes.join(" ")
        );
    }
    text
}

/// Everything that was found.
pub fn text(traced: &Traced, dump: Option<&Path>, device: &[String], time: Duration) -> String {
    let mut text = String::new();
    let mut line = |words: String| text += &(words + "\n");
    for chain in &traced.chains {
        line(chain_line(chain));
        if let Some((checked, left)) = &chain.culprit {
            line(format!(
                "{} makes the difference: up to there on the twins, the end is off by {left:.1e}",
                checked.name
            ));
            told(checked, &mut line);
        }
    }
    if let Some(checked) = &traced.departed {
        line(format!("{} departs from its twin, as operation {} of {}", checked.name, checked.index, checked.of));
        told(checked, &mut line);
    }
    for unsteady in &traced.unsteady {
        let first = unsteady.operation.as_ref();
        let first = first.map_or(String::new(), |(name, index)| format!(", first after operation {index}, {name}"));
        line(format!(
            "{}: every operation is right alone, but without waiting for each other bits come out{first}",
            unsteady.run
        ));
        line("a fault of synchronisation in the driver, or a kernel that reads what nobody has written".to_owned());
    }
    if let Some(checked) = culprit(traced) {
        line(format!("reproduce with: {}", reproduce(checked, device)));
    }
    if let Some(nearest) = &traced.nearest {
        let (error, tolerance, name) = (nearest.finding.error(), nearest.tolerance, &nearest.name);
        line(format!("nearest to its tolerance of those that hold: {name}, {error:.1e} of {tolerance:.1e}"));
    }
    for (reason, count, first) in skipped(traced) {
        line(format!("{} not compared, {first} for one: {reason}", counted(count, "operation")));
    }
    if let (Some(path), (tensors @ 1.., bytes)) = (dump, traced.dumped) {
        line(format!("{}: {}, {}", path.display(), counted(tensors, "tensor"), units::bytes(bytes)));
    }
    let verdict = match (traced.compared, traced.ok()) {
        (0, _) => String::new(),
        (compared, true) => format!("all {compared} compared operations hold; "),
        (compared, false) => format!("FAILED, after {}; ", counted(compared, "compared operation")),
    };
    let twins = if traced.on_twins > 0 {
        format!("{} on the twins, ", counted(traced.on_twins, "operation"))
    } else {
        String::new()
    };
    let on = if traced.twin_seconds > 0.0 {
        format!("{} in the twins", units::time(Duration::from_secs_f64(traced.twin_seconds)))
    } else {
        "no twin ran".into()
    };
    line(format!(
        "{verdict}{} in {}, {twins}{}, {on}",
        counted(traced.operations, "operation"),
        runs(&traced.runs),
        units::time(time),
    ));
    text
}

fn runs(runs: &[String]) -> String {
    match runs {
        [] => "no run".into(),
        [one] => one.clone(),
        [first, .., last] => format!("{}, {first} to {last}", counted(runs.len(), "run")),
    }
}

fn chain_line(chain: &Chain) -> String {
    let largest = chain
        .largest
        .as_ref()
        .map_or(String::new(), |(name, error)| format!(", on the way up to {error:.1e} at {name}"));
    format!("{}: off by {:.1e} at the end, allowed {:.1e}{largest}", chain.run, chain.error, chain.allowed)
}

fn told(checked: &Checked, line: &mut impl FnMut(String)) {
    let pieces = if checked.pieces > 1 { format!(", in {} pieces", checked.pieces) } else { String::new() };
    line(format!("  {} {}, {}{pieces}", checked.kernel, checked.variant, checked.shape));
    checked.finding.faults.iter().for_each(|fault| line(format!("  {fault}")));
    if let Some(worst) = &checked.finding.worst {
        let (output, index) = (&worst.output, &worst.index);
        line(format!(
            "  worst at {output}{index:?}: {} where the twin has {}, {:.1e} of the rms; tolerance {:.1e} ({})",
            worst.found, worst.expected, worst.error, checked.tolerance, checked.reason
        ));
    }
}

/// Reasons why operations were not compared, each with their number and the first one.
fn skipped(traced: &Traced) -> Vec<(&'static str, usize, &str)> {
    let mut all: Vec<(&'static str, usize, &str)> = Vec::new();
    for skipped in &traced.skipped {
        match all.iter_mut().find(|(reason, ..)| *reason == skipped.reason) {
            Some((_, count, _)) => *count += 1,
            None => all.push((skipped.reason, 1, &skipped.name)),
        }
    }
    all
}
