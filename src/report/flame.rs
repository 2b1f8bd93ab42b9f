//! A flame chart: boxes as wide as their share, each above the parts that it is made of.

/// A flame chart.
#[derive(Clone, Debug, Default)]
pub struct Flame {
    /// What it shows.
    pub title: String,
    /// The whole; a click on a box makes it as wide as the chart.
    pub root: FlameBox,
    /// Names of the colours, in the order of their numbers; the rest has none.
    pub legend: Vec<String>,
}

/// A box.
#[derive(Clone, Debug, Default)]
pub struct FlameBox {
    /// The name, as far as there is room for it.
    pub name: String,
    /// What it says, for those who point at it.
    pub about: String,
    /// Its size in any unit; parts that are smaller together leave room at the end.
    pub size: f64,
    /// Its colour, a number of the legend; without one it is grey.
    pub colour: Option<usize>,
    /// What belongs to it elsewhere on a page.
    pub key: Option<String>,
    /// Its parts, side by side.
    pub parts: Vec<FlameBox>,
}

/// A box with its place: the share of the chart's width where it begins and ends, and its line.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub part: &'a FlameBox,
    pub start: f64,
    pub end: f64,
    pub line: usize,
}

impl Flame {
    /// Every box with its place, whole before parts.
    pub(super) fn placed(&self) -> Vec<Placed<'_>> {
        let mut placed = Vec::new();
        place(&self.root, [0.0, 1.0], 0, &mut placed);
        placed
    }
}

fn place<'a>(part: &'a FlameBox, [start, end]: [f64; 2], line: usize, placed: &mut Vec<Placed<'a>>) {
    placed.push(Placed { part, start, end, line });
    let size = |part: &FlameBox| if part.size.is_finite() { part.size.max(0.0) } else { 0.0 };
    // Medians of parts may be more than that of the whole.
    let whole = size(part).max(part.parts.iter().map(size).sum());
    let mut at = start;
    for inner in &part.parts {
        let width = if whole > 0.0 { (end - start) * size(inner) / whole } else { 0.0 };
        if width > 0.0 {
            place(inner, [at, at + width], line + 1, placed);
        }
        at += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, size: f64, parts: Vec<FlameBox>) -> FlameBox {
        FlameBox { name: name.into(), size, parts, ..FlameBox::default() }
    }

    #[test]
    fn parts_lie_under_their_whole_in_proportion() {
        let inner = part("b", 2.0, vec![part("c", 1.5, vec![]), part("d", 1.5, vec![])]);
        let root = part("a", 8.0, vec![part("none", 0.0, vec![]), inner, part("e", 4.0, vec![])]);
        let flame = Flame { root, ..Flame::default() };
        let places: Vec<_> = flame.placed().iter().map(|p| (p.part.name.clone(), p.start, p.end, p.line)).collect();
        let expected = [
            ("a", 0.0, 1.0, 0),
            ("b", 0.0, 0.25, 1),
            ("c", 0.0, 0.125, 2),
            ("d", 0.125, 0.25, 2),
            ("e", 0.25, 0.75, 1),
        ];
        assert_eq!(places, expected.map(|(name, start, end, line)| (name.to_owned(), start, end, line)));
    }

    #[test]
    fn sizes_that_are_no_numbers_take_no_room() {
        let root = part("a", f64::NAN, vec![part("b", f64::INFINITY, vec![]), part("c", 1.0, vec![])]);
        let flame = Flame { root, ..Flame::default() };
        assert_eq!(flame.placed().iter().map(|p| p.part.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(Flame::default().placed().len(), 1);
    }
}
