//! A sweep's results as text.

use i2vgen::{
    metrics::{Difference, Estimate, Measure, compare},
    report::{Cell, Table},
};

use super::results::Results;
use crate::cli::{output, units};

/// What was made, in a line.
pub fn head(results: &Results<'_>) -> String {
    let (found, all) = (results.found.len(), results.plan.entries.len());
    let rows = units::counted(results.plan.rows.len(), "picture");
    let settings = units::counted(results.grid.settings.len(), "setting");
    let missing = if found < all { format!(", {} missing", all - found) } else { String::new() };
    format!("{settings}, {rows}, {}{missing}", units::counted(found, "clip"))
}

/// The table of settings with means alone: it should fit on a screen.
pub fn settings(results: &Results<'_>) -> String {
    let mut table: Table = results.settings();
    for cell in table.rows.iter_mut().flat_map(|row| &mut row.cells) {
        if let Cell::Interval([mean, ..], digits) = cell {
            *cell = Cell::Number(*mean, *digits);
        }
    }
    table.to_text()
}

/// Everything: means, differences with their intervals, clips, and what the measures mean.
pub fn whole(results: &Results<'_>, command: &str) -> String {
    let mut text = format!("{command}\n{}\n\n{}\n", head(results), settings(results));
    if results.grid.settings.len() > 1 {
        text += &differences(results);
    }
    text += &format!("clips\n\n{}\n", results.clips().to_text());
    let rows: Vec<Vec<String>> =
        results.measures().iter().map(|m| vec![m.title().to_owned(), m.about().to_owned()]).collect();
    let width = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    rows.iter().for_each(|row| text += &format!("{:<width$}  {}\n", row[0], row[1]));
    text
}

/// Each setting against the first one, measure by measure.
fn differences(results: &Results<'_>) -> String {
    let samples = results.samples();
    let name = |number: usize| results.grid.settings.get(number).map(|s| s.label.as_str()).unwrap_or_default();
    let mut text = format!(
        "differences to the first setting ({}); in brackets the interval of 95 %, * where it leaves out 0\n\n",
        name(0)
    );
    for number in 1..results.grid.settings.len() {
        let Difference { pairs, means, same_direction, displacement } = compare(&samples, number, 0);
        text += &format!("{} ({})\n", name(number), units::counted(pairs, "pair"));
        let change = |measure: &Measure| {
            let estimate = means.get(measure)?;
            let mark = if estimate.excludes_zero() { "*" } else { "" };
            Some(vec![format!("  {}", measure.title()), numbers(estimate, measure.digits(), true), mark.to_owned()])
        };
        let mut rows: Vec<Vec<String>> = results.measures().iter().filter_map(change).collect();
        let shares = [("  same direction", same_direction), ("  displacement", displacement)];
        rows.extend(shares.into_iter().filter_map(|(name, share)| Some(vec![name.into(), numbers(&share?, 3, false)])));
        text += &output::table(&rows);
        text.push('\n');
    }
    text
}

fn numbers(estimate: &Estimate, digits: usize, signed: bool) -> String {
    let number = |value: f64| if signed { format!("{value:+.digits$}") } else { format!("{value:.digits$}") };
    match estimate.interval {
        Some([low, high]) => format!("{} [{}, {}]", number(estimate.mean), number(low), number(high)),
        None => number(estimate.mean),
    }
}
