//! Measures as tables.

use i2vgen::{
    metrics::{Better, Measure, Measures, Values},
    report::{Cell, Column, Row, Table},
};

/// The column of a measure.
pub fn column(measure: Measure) -> Column {
    let good = match measure.better() {
        Better::Higher => "; more is better",
        Better::Lower => "; less is better",
        Better::Neither => "",
    };
    let about = format!("{}{good}", measure.about());
    Column { unit: measure.unit().into(), about, ..Column::new(measure.name(), measure.title()) }
}

/// The values of every frame, then those of the clip. Measures that no frame has are left out.
pub fn frame_table(measures: &Measures) -> Table {
    let has = |measure: &Measure| measures.frames.iter().any(|values| values.contains_key(measure));
    let shown: Vec<Measure> = Measure::ALL.into_iter().filter(has).collect();
    let row = |name: String, values: &Values| {
        let cells = shown.iter().map(|m| values.get(m).map_or(Cell::Empty, |value| Cell::Number(*value, m.digits())));
        Row { key: None, cells: std::iter::once(Cell::Text(name)).chain(cells).collect() }
    };
    let frames = measures.frames.iter().enumerate().map(|(index, values)| row(index.to_string(), values));
    Table {
        rows: frames.chain([row("clip".into(), &measures.mean)]).collect(),
        columns: std::iter::once(Column::new("frame", "frame")).chain(shown.iter().map(|m| column(*m))).collect(),
    }
}
