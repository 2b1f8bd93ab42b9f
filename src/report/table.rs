//! Tables: columns with names and units, rows of cells.

use serde_json::{Map, Value, json};

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows; each has a cell for every column.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// The name in files.
    pub name: String,
    /// The name over the column.
    pub title: String,
    /// The unit; may be empty.
    pub unit: String,
    /// What it says, for those who point at it; may be empty.
    pub about: String,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// What belongs to it elsewhere on a page: keys, with spaces between them.
    pub key: Option<String>,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// A number and the digits after its point that are shown.
    Number(f64, usize),
    /// A mean with the ends of its interval, and digits.
    Interval([f64; 3], usize),
}

impl Column {
    /// A column of words.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self { name: name.into(), title: title.into(), ..Self::default() }
    }

    /// Title and unit.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() { self.title.clone() } else { format!("{} [{}]", self.title, self.unit) }
    }
}

impl Cell {
    /// As people read it.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => "–".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number(value, digits) => number(*value, *digits),
            Self::Interval([mean, low, high], digits) => {
                let [mean, low, high] = [mean, low, high].map(|value| number(*value, *digits));
                format!("{mean} [{low}, {high}]")
            }
        }
    }

    /// What rows are sorted by, if it is a number.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Number(value, _) | Self::Interval([value, ..], _) => Some(*value),
            Self::Empty | Self::Text(_) => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => json!(text),
            Self::Number(value, _) => json!(value),
            Self::Interval([mean, low, high], _) => json!({ "mean": mean, "low": low, "high": high }),
        }
    }
}

/// Without the sign of a zero.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let zero = text.strip_prefix('-').filter(|rest| rest.chars().all(|c| matches!(c, '0' | '.')));
    zero.map_or(text.clone(), str::to_owned)
}

impl Table {
    /// Columns under each other, for a terminal; headings first.
    pub fn to_text(&self) -> String {
        let headings = self.columns.iter().map(Column::heading).collect();
        let rows = self.rows.iter().map(|row| row.cells.iter().map(Cell::text).collect());
        aligned(&std::iter::once(headings).chain(rows).collect::<Vec<_>>())
    }

    /// Comma-separated values (RFC 4180) with the columns' names in the first line. A column with intervals becomes three: `name`,
    /// `name_low`, `name_high`. Numbers have all their digits.
    pub fn to_csv(&self) -> String {
        let wide: Vec<bool> = (0..self.columns.len())
            .map(|at| self.rows.iter().any(|row| matches!(row.cells.get(at), Some(Cell::Interval(..)))))
            .collect();
        let names = self.columns.iter().zip(&wide).flat_map(|(column, wide)| {
            let ends = if *wide { &["", "_low", "_high"][..] } else { &[""] };
            ends.iter().map(|end| format!("{}{end}", column.name)).collect::<Vec<_>>()
        });
        let mut text = line(names);
        for row in &self.rows {
            let cells = row.cells.iter().zip(&wide).flat_map(|(cell, wide)| match (cell, wide) {
                (Cell::Interval(values, _), _) => values.iter().map(f64::to_string).collect(),
                (Cell::Number(value, _), true) => vec![value.to_string(), String::new(), String::new()],
                (Cell::Number(value, _), false) => vec![value.to_string()],
                (Cell::Text(text), _) => vec![text.clone()],
                (Cell::Empty, true) => vec![String::new(); 3],
                (Cell::Empty, false) => vec![String::new()],
            });
            text += &line(cells);
        }
        text
    }

    /// A list of objects with the columns' names as keys.
    pub fn to_json(&self) -> Value {
        let object = |row: &Row| -> Map<String, Value> {
            self.columns.iter().zip(&row.cells).map(|(column, cell)| (column.name.clone(), cell.json())).collect()
        };
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

/// Columns under each other: the first one flush left, the others flush right.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            match column {
                0 => line += &format!("{cell}{gap}"),
                _ => line += &format!("  {gap}{cell}"),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let cells = |row: &[&str]| row.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text = aligned(&[cells(&["phase", "bytes"]), cells(&["é", "1"]), cells(&["long name"])]);
        assert_eq!(text, "phase      bytes\né              1\nlong name\n");
    }

    #[test]
    fn a_table_as_text_csv_and_json() {
        let unit = Column { unit: "dB".into(), ..Column::new("psnr", "PSNR") };
        let table = Table {
            columns: vec![Column::new("what", "what"), unit, Column::new("n", "n")],
            rows: vec![
                Row { key: None, cells: vec![Cell::Text("a \"b\", c".into()), Cell::Number(30.125, 2), Cell::Empty] },
                Row {
                    key: None,
                    cells: vec![Cell::Empty, Cell::Interval([1.0, -0.001, 2.5], 2), Cell::Number(-0.0, 0)],
                },
            ],
        };
        assert_eq!(
            table.to_text(),
            "what              PSNR [dB]  n\na \"b\", c              30.12  –\n–         1.00 [0.00, 2.50]  0\n"
        );
        assert_eq!(
            table.to_csv(),
            "what,psnr,psnr_low,psnr_high,n\r\n\"a \"\"b\"\", c\",30.125,,,\r\n,1,-0.001,2.5,-0\r\n"
        );
        assert_eq!(
            table.to_json(),
            json!([
                { "what": "a \"b\", c", "psnr": 30.125, "n": null },
                { "what": null, "psnr": { "mean": 1.0, "low": -0.001, "high": 2.5 }, "n": -0.0 },
            ])
        );
    }
}
