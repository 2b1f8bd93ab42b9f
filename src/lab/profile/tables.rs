//! A profile as tables of numbers: for pages and files.

use super::{
    agreement::Agreement,
    group::{Group, sum},
    record::{Dispatch, Phase, Profile},
    times::range,
    tree,
};
use crate::{
    lab::Limit,
    report::{Cell, Column, Row, Table},
};

fn column(name: &str, title: &str, unit: &str) -> Column {
    Column { unit: unit.into(), ..Column::new(name, title) }
}

fn number(value: Option<f64>, digits: usize) -> Cell {
    value.map_or(Cell::Empty, |value| Cell::Number(value, digits))
}

/// A number of any size with three digits or more.
fn sized(value: Option<f64>) -> Cell {
    let digits = |value: f64| match value {
        v if v >= 100.0 => 1,
        v if v >= 1.0 => 2,
        v if v >= 0.01 => 4,
        v if v > 0.0 => 6,
        _ => 0,
    };
    number(value, value.map_or(0, digits))
}

fn words(limit: Limit) -> Cell {
    Cell::Text(match limit {
        Limit::Arithmetic => "arithmetic".into(),
        Limit::Memory => "memory".into(),
    })
}

/// Groups of dispatches; `total` is the time of all.
pub fn groups(title: &str, groups: &[Group], total: f64) -> Table {
    let row = |group: &Group| {
        let time = Some(group.seconds()).filter(|&seconds| seconds > 0.0);
        let cells = vec![
            Cell::Text(group.name.clone()),
            Cell::Number(group.count as f64, 0),
            sized(time.map(|s| s * 1e3)),
            number(time.filter(|_| total > 0.0).map(|s| s / total * 100.0), 1),
            sized(Some(group.cost.flops / 1e9)),
            sized(Some(group.cost.bytes / 1e6)),
            sized(group.flops().map(|v| v / 1e9)),
            sized(group.bytes().map(|v| v / 1e9)),
            number(group.share().map(|v| v * 100.0), 1),
            words(group.limit()),
        ];
        Row { key: group.name.split(' ').next().map(str::to_owned), cells }
    };
    Table {
        columns: vec![
            Column::new("what", title),
            Column::new("count", "count"),
            column("time", "time", "ms"),
            column("share", "share", "%"),
            column("flop", "work", "GFLOP"),
            column("bytes", "traffic", "MB"),
            column("flop_per_s", "rate", "GFLOP/s"),
            column("bytes_per_s", "rate", "GB/s"),
            column("of_roof", "of roof", "%"),
            Column::new("limit", "limit"),
        ],
        rows: groups.iter().map(row).collect(),
    }
}

/// The phases, and what each of them is in a whole clip: a step runs as often as the clip has steps, a decoder once for every frame.
pub fn phases(profile: &Profile) -> Table {
    let in_clip = |phase: &Phase| phase.seconds() * phase.runs as f64;
    let clip: f64 = profile.phases.iter().map(in_clip).sum();
    let row = |phase: &Phase| {
        let all = sum(&phase.dispatches, &profile.ceilings);
        let agreement = Agreement::new(phase, &profile.ceilings, profile.clock);
        let cells = vec![
            Cell::Text(phase.kind.name().into()),
            sized(Some(phase.seconds() * 1e3)),
            sized(Some(agreement.sum * 1e3).filter(|&ms| ms > 0.0)),
            Cell::Text(agreement.verdict.words().into()),
            Cell::Number(all.count as f64, 0),
            sized(Some(all.cost.flops / 1e9)),
            sized(Some(all.cost.flops / phase.seconds() / 1e9).filter(|rate| rate.is_finite())),
            number(all.share().map(|v| v * 100.0), 1),
            Cell::Number(phase.runs as f64, 0),
            sized(Some(in_clip(phase))),
            number(Some(in_clip(phase) / clip * 100.0).filter(|share| share.is_finite()), 1),
        ];
        Row { key: None, cells }
    };
    Table {
        columns: vec![
            Column::new("phase", "phase"),
            column("whole", "whole", "ms"),
            column("sum", "sum of dispatches", "ms"),
            Column::new("agreement", "agreement"),
            Column::new("dispatches", "dispatches"),
            column("flop", "work", "GFLOP"),
            column("flop_per_s", "rate", "GFLOP/s"),
            column("of_roof", "of roof", "%"),
            Column::new("runs", "runs in a clip"),
            column("in_clip", "in a clip", "s"),
            column("share", "of these phases", "%"),
        ],
        rows: profile.phases.iter().map(row).collect(),
    }
}

/// Kernel and shape: equal operations of the model have it in common.
pub fn shape_key(d: &Dispatch) -> String {
    format!("{} {}", d.kernel, d.shape)
}

/// Every dispatch of these phases, in order. Times in seconds, rates per second; empty where there is no time.
pub fn dispatches<'a>(profile: &Profile, phases: impl IntoIterator<Item = &'a Phase>) -> Table {
    let mut rows = Vec::new();
    for phase in phases {
        for (i, d) in phase.dispatches.iter().enumerate() {
            let time = d.seconds();
            let ends = range(&d.times.iter().flatten().copied().collect::<Vec<_>>());
            let numbers: Vec<String> = d.numbers.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let text = |text: &str| Cell::Text(text.to_owned());
            let count = |value: usize| Cell::Number(value as f64, 0);
            let ms = |seconds: Option<f64>| sized(seconds.map(|s| s * 1e3));
            let cells = vec![
                text(phase.kind.name()),
                count(i),
                text(&d.label),
                text(tree::block(&d.label)),
                text(tree::kind(&d.label)),
                text(&d.kernel),
                text(&d.variant),
                text(&numbers.join(" ")),
                text(&d.shape.to_string()),
                count(d.piece[0] + 1),
                count(d.piece[1]),
                ms(time),
                ms(ends.map(|[least, _]| least)),
                ms(ends.map(|[_, most]| most)),
                sized(Some(d.cost.flops / 1e9)),
                sized(Some(d.cost.bytes / 1e6)),
                sized(time.map(|s| d.cost.flops / s / 1e9)),
                sized(time.map(|s| d.cost.bytes / s / 1e9)),
                number(time.and_then(|s| profile.ceilings.share(d.cost, s)).map(|v| v * 100.0), 1),
                words(profile.ceilings.limit(d.cost)),
            ];
            rows.push(Row { key: Some(d.kernel.clone()), cells });
        }
    }
    Table {
        columns: vec![
            Column::new("phase", "phase"),
            Column::new("index", "no."),
            Column::new("label", "dispatch"),
            Column::new("block", "block"),
            Column::new("layers", "layers"),
            Column::new("kernel", "kernel"),
            Column::new("variant", "variant"),
            Column::new("numbers", "setting"),
            Column::new("shape", "shape"),
            Column::new("piece", "piece"),
            Column::new("pieces", "of"),
            column("time_ms", "time", "ms"),
            column("least_ms", "least", "ms"),
            column("most_ms", "most", "ms"),
            column("gflop", "work", "GFLOP"),
            column("megabytes", "traffic", "MB"),
            column("gflop_per_s", "rate", "GFLOP/s"),
            column("gb_per_s", "rate", "GB/s"),
            column("percent_of_roof", "of roof", "%"),
            Column::new("limit", "limit"),
        ],
        rows,
    }
}

/// Every dispatch of a profile as lines of comma-separated values.
pub fn csv(profile: &Profile) -> String {
    dispatches(profile, &profile.phases).to_csv()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::{record::PhaseKind, sample::profile};

    #[test]
    fn what_has_no_time_has_empty_cells() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches[1].times = vec![None; 6];
        let text = csv(&profile);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let first = "denoising step,0,down_blocks.0.resnets.0.conv1,down_blocks.0,resnets,conv2d,portable,THREADS=64,\"{\"\"rows\"\":3}\",1,1,1002";
        assert!(lines[1].starts_with(first), "{}", lines[1]);
        assert!(lines[2].contains(",1,1,,,,0,0.00005,,,,memory"), "{}", lines[2]);
    }

    #[test]
    fn a_phase_counts_as_often_as_a_clip_runs_it() {
        let mut profile = profile(1.0);
        let mut other = profile.phases[0].clone();
        (other.kind, other.runs) = (PhaseKind::VaeDecode, 150);
        profile.phases.push(other);
        let table = phases(&profile);
        let cell = |row: usize, name: &str| {
            table.rows[row].cells[table.columns.iter().position(|c| c.name == name).unwrap()].text()
        };
        assert_eq!([cell(0, "share"), cell(1, "share"), cell(0, "in_clip")], ["25.0", "75.0", "1526.2"]);
        assert_eq!([cell(0, "whole"), cell(0, "sum"), cell(0, "agreement")], ["30525.0", "30075.0", "yes"]);
    }

    #[test]
    fn shares_are_those_of_the_total() {
        let profile = profile(1.0);
        let found = super::super::group::groups(&profile.phases[0].dispatches, &profile.ceilings, |d| d.kernel.clone());
        let table = groups("operator", &found, 30.075);
        assert_eq!(table.rows[0].cells[3].text(), "66.7");
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
    }
}
