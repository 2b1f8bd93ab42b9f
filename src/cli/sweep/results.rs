//! What a sweep found: its clips with their measures, as tables.

use i2vgen::{
    metrics::{Difference, Estimate, Measure, Sample, Summary, compare, summarise},
    report::{Cell, Column, Row, Table},
};

use super::{
    grid::Grid,
    plan::{Entry, Plan},
    record::Record,
};
use crate::cli::metrics::column;

/// A clip that is there.
pub struct Found<'a> {
    /// Its place in the plan.
    pub index: usize,
    pub entry: &'a Entry,
    pub record: Record,
}

/// Everything that was found.
pub struct Results<'a> {
    pub grid: &'a Grid,
    pub plan: &'a Plan,
    pub found: Vec<Found<'a>>,
    /// Seeds of each picture.
    seeds: usize,
}

impl<'a> Results<'a> {
    /// What is there of a plan.
    pub fn read(grid: &'a Grid, plan: &'a Plan, seeds: usize, identity: bool) -> Self {
        let entries = plan.entries.iter().zip(&plan.list.jobs).enumerate();
        let found = entries.filter_map(|(index, (entry, job))| {
            let record = Record::find(&entry.record, &entry.origin, identity)?;
            job.is_done().then_some(Found { index, entry, record })
        });
        Self { grid, plan, found: found.collect(), seeds }
    }

    /// The clips for comparisons: of several pictures, each with its seeds counts as one; of a single one, each seed.
    pub fn samples(&self) -> Vec<Sample<'_>> {
        let several = self.plan.rows.len() > 1;
        let seeds = self.seeds.max(1);
        // The entries of a picture are ordered by setting, then by seed.
        let found = self.found.iter().map(|found| (found, found.index % seeds));
        let sample = found.map(|(found, number)| Sample {
            setting: found.entry.setting,
            item: found.entry.row * seeds + number,
            unit: if several { found.entry.row } else { number },
            measures: &found.record.measures,
        });
        sample.collect()
    }

    /// The measures that any clip has.
    pub fn measures(&self) -> Vec<Measure> {
        let has = |m: &Measure| self.found.iter().any(|found| found.record.measures.mean.contains_key(m));
        Measure::ALL.into_iter().filter(has).collect()
    }

    /// One row for each setting.
    pub fn settings(&self) -> Table {
        let samples = self.samples();
        let measures = self.measures();
        let rows = self.grid.settings.iter().enumerate().map(|(number, setting)| {
            let Summary { clips, means } = summarise(&samples, number);
            let means = measures.iter().map(|m| estimate(means.get(m), m.digits()));
            let choices = setting.choices.iter().map(|choice| choice_cell(&choice.label, choice.number));
            let own: Vec<&Record> =
                self.found.iter().filter(|found| found.entry.setting == number).map(|found| &found.record).collect();
            let cells = choices.chain([Cell::Number(clips as f64, 0)]).chain(means).chain(cost(&own)).collect();
            Row { key: Some(setting_key(number)), cells }
        });
        let columns = self.axes().chain([Column::new("clips", "clips")]).chain(measures.iter().map(|m| column(*m)));
        let columns = columns.chain(cost_columns());
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    /// One row for each setting but the first, which the others are held against.
    pub fn differences(&self) -> Table {
        let samples = self.samples();
        let measures = self.measures();
        let rows = self.grid.settings.iter().enumerate().skip(1).map(|(number, setting)| {
            let Difference { pairs, means, same_direction, displacement } = compare(&samples, number, 0);
            let means = measures.iter().map(|m| estimate(means.get(m), m.digits()));
            let paths = [same_direction, displacement].map(|found| estimate(found.as_ref(), 3));
            let choices = setting.choices.iter().map(|choice| choice_cell(&choice.label, choice.number));
            let cells = choices.chain([Cell::Number(pairs as f64, 0)]).chain(paths).chain(means).collect();
            Row { key: Some(setting_key(number)), cells }
        });
        let about = |column: Column, about: &str| Column { about: about.into(), ..column };
        let paths = [
            about(
                Column::new("same_direction", "same direction"),
                "share of the clips that move in the first's direction, within 60 degrees",
            ),
            about(
                Column::new("displacement", "displacement"),
                "how far the clips move along the first's motion, as a share of it",
            ),
        ];
        let changes = measures.iter().map(|m| Column { title: format!("Δ {}", m.title()), ..column(*m) });
        let columns = self.axes().chain([Column::new("pairs", "pairs")]).chain(paths).chain(changes);
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    /// One row for each clip.
    pub fn clips(&self) -> Table {
        let measures = self.measures();
        let rows = self.found.iter().map(|found| {
            let setting = self.grid.settings.get(found.entry.setting);
            let choices = setting.iter().flat_map(|setting| &setting.choices);
            let choices = choices.map(|choice| choice_cell(&choice.label, choice.number));
            let own = &found.record.measures.mean;
            let values = measures.iter().map(|m| own.get(m).map_or(Cell::Empty, |v| Cell::Number(*v, m.digits())));
            let file = self.plan.list.jobs.get(found.index).map(|job| job.target.path());
            let file = file.and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy().into_owned();
            let row = self.plan.rows.get(found.entry.row).cloned().unwrap_or_default();
            let head = [Cell::Text(row), Cell::Text(found.entry.seed.to_string())];
            let cells = head.into_iter().chain(choices).chain(values);
            let cells = cells.chain(cost(&[&found.record])).chain([Cell::Text(file)]).collect();
            Row { key: Some(clip_key(found.index)), cells }
        });
        let head = [Column::new("picture", "picture and prompt"), Column::new("seed", "seed")].into_iter();
        let columns = head.chain(self.axes()).chain(measures.iter().map(|m| column(*m))).chain(cost_columns());
        let columns = columns.chain([Column::new("file", "file")]);
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    fn axes(&self) -> impl Iterator<Item = Column> + '_ {
        self.grid.axes.iter().map(|axis| Column::new(axis.name.replace('-', "_"), axis.name))
    }
}

fn cost_columns() -> [Column; 2] {
    let column = |name: &str, title: &str, unit: &str, about: &str| Column {
        unit: unit.into(),
        about: about.into(),
        ..Column::new(name, title)
    };
    [
        column(
            "seconds",
            "time",
            "s",
            "generation of a clip, without encoding and measuring; the first one also compiles",
        ),
        column("memory_gib", "memory", "GiB", "largest phase of a generation on the device, as planned"),
    ]
}

/// Time and memory of clips, on average.
fn cost(records: &[&Record]) -> [Cell; 2] {
    if records.is_empty() {
        return [Cell::Empty, Cell::Empty];
    }
    let mean =
        |value: fn(&Record) -> f64| records.iter().map(|record| value(record)).sum::<f64>() / records.len() as f64;
    let gibibytes = mean(|record| record.device_bytes as f64 / f64::from(1 << 30));
    // A small model needs less than a hundredth.
    [Cell::Number(mean(|record| record.seconds), 1), Cell::Number(gibibytes, if gibibytes < 0.1 { 4 } else { 2 })]
}

/// What belongs to a setting on a page.
pub fn setting_key(number: usize) -> String {
    format!("s{number}")
}

/// What belongs to a clip on a page.
pub fn clip_key(index: usize) -> String {
    format!("c{index}")
}

fn estimate(found: Option<&Estimate>, digits: usize) -> Cell {
    match found {
        None => Cell::Empty,
        Some(Estimate { mean, interval: Some([low, high]) }) => Cell::Interval([*mean, *low, *high], digits),
        Some(Estimate { mean, interval: None }) => Cell::Number(*mean, digits),
    }
}

fn choice_cell(label: &str, number: Option<f64>) -> Cell {
    match number {
        // As many digits as were typed.
        Some(number) => Cell::Number(number, label.split_once('.').map_or(0, |(_, digits)| digits.len())),
        None => Cell::Text(label.to_owned()),
    }
}
