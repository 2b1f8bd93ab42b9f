//! A profile and its changes as tables for the terminal.

use i2vgen::lab::{
    Ceilings, Limit,
    profile::{
        self, Change, Diff, Dispatch, Group, MemoryCount, Node, Phase, PhaseMemory, Profile, Verdict, groups, kind, sum,
    },
};

use crate::cli::{
    output,
    units::{self, percent, scaled, seconds},
};

/// How much is shown.
#[derive(Clone, Copy)]
pub struct Shown {
    /// Rows of the table of single dispatches and of changes; 0 is all.
    pub top: usize,
    /// Levels of the tree of layers.
    pub depth: usize,
}

/// Everything about a profile.
pub fn report(profile: &Profile, shown: Shown) -> String {
    let mut text = profile::title(profile) + "\n\n";
    text += &profile::phase_table(profile).to_text();
    text.push('\n');
    for line in profile::words(profile) {
        text += &format!("- {line}\n");
    }
    for phase in &profile.phases {
        text += &phase_tables(&profile.ceilings, phase, shown);
    }
    text
}

/// What phases take of the device's memory.
pub fn memory(found: &MemoryCount) -> String {
    let head =
        ["phase", "planned", "counted", "weights", "intermediates", "exchanged", "kept", "other", "while loading"];
    let row = |phase: &PhaseMemory| {
        let p = &phase.planned;
        let parts = [p.weights, p.intermediates, p.externals, p.kept, p.other, p.upload];
        let bytes = [phase.planned_bytes, phase.counted_bytes].into_iter().chain(parts).map(units::bytes);
        std::iter::once(p.name.to_string()).chain(bytes).collect()
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(found.phases.iter().map(row)).collect();
    let [planned, counted] = [found.peak_planned_bytes, found.peak_counted_bytes].map(units::bytes);
    format!(
        "{}\n\n{}\npeak device memory {planned} planned, {counted} counted; nothing was run\n",
        found.title(),
        output::table(&rows)
    )
}

const NUMBERS: [&str; 9] = ["count", "time", "share", "FLOP", "bytes", "FLOP/s", "B/s", "of roof", "limit"];

fn phase_tables(ceilings: &Ceilings, phase: &Phase, shown: Shown) -> String {
    let all = sum(&phase.dispatches, ceilings);
    let by = |key: fn(&Dispatch) -> String| groups(&phase.dispatches, ceilings, key);
    let mut text = String::new();
    let mut table = |title: &str, groups: &[Group]| {
        text += &format!("\n{}, {title}\n", phase.kind.name());
        let head = std::iter::once("").chain(NUMBERS).map(str::to_owned).collect();
        let rows = groups.iter().chain([&all]).map(|group| row(group, all.seconds()));
        text += &output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    };
    table("by operator", &by(|d| d.kernel.clone()));
    table("by variant", &by(Dispatch::kernel_variant));
    table("by kind of layer", &by(|d| kind(&d.label).to_owned()));
    let mut rows = Vec::new();
    layers(&Node::new("", &phase.dispatches, ceilings), shown.depth, 0, &mut rows);
    table("by layer of the model", &rows);
    text + &slowest(phase, ceilings, &all, shown.top)
}

/// The parts of the model down to this depth, in the order in which they run.
fn layers(node: &Node, depth: usize, indent: usize, rows: &mut Vec<Group>) {
    for child in &node.children {
        let mut row = child.group.clone();
        row.name.insert_str(0, &" ".repeat(indent));
        rows.push(row);
        if depth > 1 {
            layers(child, depth - 1, indent + 2, rows);
        }
    }
}

fn row(group: &Group, total: f64) -> Vec<String> {
    let missing = if group.missing > 0 { format!(" ({} untimed)", group.missing) } else { String::new() };
    let mut cells = vec![group.name.clone(), format!("{}{missing}", group.count)];
    cells.extend(numbers(group, total));
    cells
}

/// Time and what follows from it; nothing where there is no time.
fn numbers(group: &Group, total: f64) -> Vec<String> {
    let time = group.seconds();
    let timed = |text: String| if time > 0.0 { text } else { "unavailable".into() };
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    vec![
        timed(seconds(time)),
        or_dash((time > 0.0 && total > 0.0).then(|| percent(time / total))),
        scaled(group.cost.flops, "FLOP"),
        scaled(group.cost.bytes, "B"),
        or_dash(group.flops().map(|rate| scaled(rate, "FLOP/s"))),
        or_dash(group.bytes().map(|rate| scaled(rate, "B/s"))),
        or_dash(group.share().map(percent)),
        match group.limit() {
            Limit::Arithmetic => "arithmetic".into(),
            Limit::Memory => "memory".into(),
        },
    ]
}

/// The longest dispatches.
fn slowest(phase: &Phase, ceilings: &Ceilings, all: &Group, top: usize) -> String {
    let mut dispatches: Vec<&Dispatch> = phase.dispatches.iter().collect();
    dispatches.sort_by(|a, b| b.seconds().unwrap_or(0.0).total_cmp(&a.seconds().unwrap_or(0.0)));
    let shown = if top == 0 { dispatches.len() } else { top.min(dispatches.len()) };
    let head = ["", "kernel", "piece"].into_iter().chain(NUMBERS.into_iter().skip(1)).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = vec![head];
    for d in dispatches.into_iter().take(shown) {
        let [piece, pieces] = d.piece;
        let mut cells = vec![d.label.clone(), d.kernel_variant(), format!("{}/{pieces}", piece + 1)];
        cells.extend(numbers(&sum([d], ceilings), all.seconds()));
        rows.push(cells);
    }
    format!("\n{}, the {shown} longest dispatches\n{}", phase.kind.name(), output::table(&rows))
}

/// What became faster or slower.
pub fn diff(diff: &Diff, Shown { top, .. }: Shown) -> String {
    let mut text = String::from("\nchanges\n");
    for note in &diff.notes {
        text += &format!("- {note}\n");
    }
    for phase in &diff.phases {
        let head = ["", "before", "after", "ratio", "p", "verdict"].map(str::to_owned).to_vec();
        let whole = |title: &str| format!("\n{}, {title}\n", phase.kind.name());
        text += &whole("changes of the whole");
        text += &output::table(&[head.clone(), change(&phase.whole)]);
        for (name, changes) in &phase.tables {
            let told: Vec<&Change> = match *name {
                "operation" => changes.iter().filter(|c| c.verdict != Verdict::NoDifference).collect(),
                _ => changes.iter().collect(),
            };
            let shown = if top == 0 { told.len() } else { told.len().min(top) };
            if shown > 0 {
                text += &whole(&format!("changes by {name}"));
                let rows = std::iter::once(head.clone()).chain(told.into_iter().take(shown).map(change));
                text += &output::table(&rows.collect::<Vec<_>>());
            }
        }
    }
    text
}

fn change(change: &Change) -> Vec<String> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let [before, after] = change.seconds.map(|time| or_dash(time.map(seconds)));
    vec![
        change.name.clone(),
        before,
        after,
        or_dash(change.ratio.map(|ratio| format!("{ratio:.3}"))),
        or_dash(change.p.map(|p| format!("{p:.3}"))),
        change.verdict.words().to_owned(),
    ]
}
