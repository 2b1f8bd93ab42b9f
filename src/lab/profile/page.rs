//! A profile as one page: words, a flame chart of the model, the roofline, tables that can be sorted.

use std::collections::BTreeMap;

use super::{
    colours::Colours,
    diff::{Change, Diff},
    group::{Group, groups, sum},
    record::{Clock, Dispatch, Phase, Profile},
    roofs, tables, tree,
    tree::Node,
    words,
};
use crate::{
    lab::units::{counted, seconds},
    report::{Cell, Column, Content, Flame, FlameBox, Page, Row, Section, Table},
};

/// The page of a profile, with what changed if there is something to compare with.
pub fn page(profile: &Profile, diff: Option<&Diff>, command: String) -> Page {
    let overview = tables::phases(profile);
    let about = "The untimed whole beside the sum of its dispatches, each timed in a pass of its own; the last columns are a whole clip.";
    let mut sections = vec![Section {
        title: "Where the time goes".into(),
        about: words::clock_words(profile).into_iter().chain([about.to_owned()]).collect(),
        content: vec![Content::Table(overview)],
    }];
    let about = "Boxes are as wide as their time, in the order in which they run; below each lies what it is made of, last the kernels. \
                 A click on a box looks into it, a second one goes back; a click on a kernel marks it everywhere.";
    let colours = Colours::new(profile);
    for (i, phase) in profile.phases.iter().enumerate() {
        let mut lines = words::phase_words(profile, phase);
        // How to use it is told once.
        lines.extend((i == 0).then(|| about.to_owned()));
        let content = vec![Content::Flame(flame(profile, phase, &colours))];
        sections.push(Section { title: capital(phase.kind.name()), about: lines, content });
    }
    sections.push(roofs::section(profile, &colours));
    if let Some(diff) = diff {
        sections.push(changes(diff));
    }
    sections.extend(profile.phases.iter().map(|phase| phase_section(profile, phase)));
    sections.push(Section {
        title: "How it was measured".into(),
        about: vec![],
        content: vec![Content::Terms(terms(profile))],
    });
    let about = words::title(profile).lines().map(str::to_owned).collect();
    Page { title: format!("Profile of {}", profile.setup.model), about, command, sections }
}

/// A name as a heading.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn flame(profile: &Profile, phase: &Phase, colours: &Colours) -> Flame {
    let path = |d: &Dispatch| {
        let mut path: Vec<String> = tree::parts(&d.label).into_iter().map(str::to_owned).collect();
        path.push(d.kernel_variant());
        path
    };
    let root = Node::by(phase.kind.name(), &phase.dispatches, &profile.ceilings, path);
    let total = root.group.seconds();
    let title = format!("{} in {}", seconds(total), counted(root.group.count, "dispatch"));
    Flame { title, root: flame_box(&root, "", total, colours), legend: colours.names() }
}

fn flame_box(node: &Node, above: &str, total: f64, colours: &Colours) -> FlameBox {
    let group = &node.group;
    let path = if above.is_empty() { group.name.clone() } else { format!("{above}.{}", group.name) };
    let leaf = node.children.is_empty();
    let kernel = group.name.split(' ').next().unwrap_or_default();
    let about = if leaf { format!("{above}: {}", group.name) } else { path.clone() };
    // The phase is no part of the model's paths.
    let inner = if total > 0.0 && group.seconds() == total { "" } else { &path };
    FlameBox {
        name: group.name.clone(),
        about: format!("{about}\n{}", words::group_line(group, total)),
        size: group.seconds(),
        colour: leaf.then(|| colours.of(kernel)),
        key: leaf.then(|| kernel.to_owned()),
        parts: node.children.iter().map(|child| flame_box(child, inner, total, colours)).collect(),
    }
}

fn phase_section(profile: &Profile, phase: &Phase) -> Section {
    let ceilings = &profile.ceilings;
    let total = sum(&phase.dispatches, ceilings).seconds();
    let by = |key: &dyn Fn(&Dispatch) -> String| groups(&phase.dispatches, ceilings, key);
    let table = |title: &str, groups: &[Group]| Content::Table(tables::groups(title, groups, total));
    let shapes: BTreeMap<String, String> =
        phase.dispatches.iter().map(|d| (tables::shape_key(d), d.kernel.clone())).collect();
    let mut by_shape = tables::groups("operator and shape", &by(&tables::shape_key), total);
    for row in &mut by_shape.rows {
        if let Some(Cell::Text(name)) = row.cells.first() {
            row.key = shapes.get(name).cloned();
        }
    }
    Section {
        title: format!("{}, in numbers", capital(phase.kind.name())),
        about: vec!["A click on a heading sorts.".into()],
        content: vec![
            table("operator", &by(&|d| d.kernel.clone())),
            table("variant", &by(&Dispatch::kernel_variant)),
            table("kind of layer", &by(&|d| tree::kind(&d.label).to_owned())),
            table("block", &by(&|d| tree::block(&d.label).to_owned())),
            Content::Table(by_shape),
            Content::Table(tables::dispatches(profile, [phase])),
        ],
    }
}

fn changes(diff: &Diff) -> Section {
    let mut content = Vec::new();
    for phase in &diff.phases {
        let title = |by: &str| format!("{}: {by}", phase.kind.name());
        content.push(Content::Table(change_table(&title("whole"), std::slice::from_ref(&phase.whole))));
        content.extend(phase.tables.iter().map(|(name, changes)| Content::Table(change_table(&title(name), changes))));
    }
    let mut about = vec![
        "Medians before and after. Faster and slower are told where a rank-sum test of the repetitions finds p < 0.01 and the change is at \
         least 1 %; drift of the device between the two runs looks like a change of everything."
            .to_owned(),
    ];
    about.extend(diff.notes.iter().cloned());
    Section { title: "What changed".into(), about, content }
}

fn change_table(title: &str, changes: &[Change]) -> Table {
    let column = |name: &str, title: &str, unit: &str| Column { unit: unit.into(), ..Column::new(name, title) };
    let number = |value: Option<f64>, digits| value.map_or(Cell::Empty, |v| Cell::Number(v, digits));
    let row = |change: &Change| {
        let [before, after] = change.seconds.map(|s| number(s.map(|s| s * 1e3), 3));
        let verdict = Cell::Text(change.verdict.words().into());
        let name = Cell::Text(change.name.clone());
        let key = change.name.split(' ').next().map(str::to_owned);
        Row { key, cells: vec![name, before, after, number(change.ratio, 3), number(change.p, 4), verdict] }
    };
    Table {
        columns: vec![
            Column::new("what", title),
            column("before", "before", "ms"),
            column("after", "after", "ms"),
            Column::new("ratio", "after / before"),
            Column::new("p", "p"),
            Column::new("verdict", "verdict"),
        ],
        rows: changes.iter().map(row).collect(),
    }
}

fn terms(profile: &Profile) -> Vec<(String, String)> {
    let clock = match profile.clock {
        Clock::Timestamps => {
            "Every dispatch has a pass of its own with a timestamp of the device before and after it. Timestamps that are zero or run \
             backwards are no times."
        }
        Clock::Host => {
            "Every dispatch is submitted again and again until it takes a millisecond, by the host's clock; what an empty submission takes \
             is taken off."
        }
    };
    let terms = [
        ("time", clock),
        (
            "whole",
            "The same run without timestamps, one pass per submission, by the host's clock; it alternates with the timed runs.",
        ),
        (
            "FLOP",
            "Floating-point operations of the operation's formula, two for a multiply-add; what a kernel computes beyond that does not count.",
        ),
        ("bytes", "Everything that the operation reads and writes, each byte once."),
        (
            "of roof",
            "The least time that the device needs for these operations and bytes, at the rates that were measured, divided by the time.",
        ),
        ("limit", "Which of the two takes longer at these rates."),
    ];
    terms.map(|(term, meaning)| (term.to_owned(), meaning.to_owned())).into()
}
