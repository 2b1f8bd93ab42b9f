//! A page: one HTML file that needs nothing else.

use std::sync::LazyLock;

use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::{Cell, Error, Film, Plot, Table};

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is about, in paragraphs.
    pub about: Vec<String>,
    /// The command that made it; may be empty.
    pub command: String,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it shows, in paragraphs.
    pub about: Vec<String>,
    /// What it shows.
    pub content: Vec<Content>,
}

/// What a page can show.
#[derive(Clone, Debug)]
pub enum Content {
    /// A table, which can be sorted by its columns.
    Table(Table),
    /// Plots side by side.
    Plots(Vec<Plot>),
    /// Clips side by side, under a heading; all on a page run at the same time.
    Films(String, Vec<Film>),
    /// Terms and what they mean.
    Terms(Vec<(String, String)>),
}

/// Longest side on the screen to which small clips are enlarged, in pixels.
const FILM_SIDE: u32 = 192;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    // A file that does not parse is reported when it is used; a test uses it.
    let _ = templates.add_template("page.html", include_str!("page.html"));
    templates
});

impl Page {
    /// The page as HTML. Everything that is not markup of this room is escaped.
    ///
    /// # Errors
    /// [`Error::Page`] if the template does not expand.
    pub fn to_html(&self) -> Result<String, Error> {
        let fail = |error: minijinja::Error| Error::Page(format!("{error:#}").replace('\n', " "));
        let sections: Vec<Value> = self.sections.iter().map(section).collect();
        let films = self.sections.iter().flat_map(|s| &s.content).filter_map(|content| match content {
            Content::Films(_, films) => films.iter().map(|film| film.frames).max(),
            _ => None,
        });
        let values = context! {
            title => self.title, about => self.about, command => self.command, sections => sections,
            frames => films.max().unwrap_or(0),
            style => Value::from_safe_string(include_str!("page.css").to_owned()),
            script => Value::from_safe_string(include_str!("page.js").to_owned()),
        };
        TEMPLATES.get_template("page.html").and_then(|page| page.render(values)).map_err(fail)
    }
}

fn section(section: &Section) -> Value {
    let content: Vec<Value> = section.content.iter().map(content).collect();
    context! { title => section.title, about => section.about, content => content }
}

fn content(content: &Content) -> Value {
    match content {
        Content::Table(table) => context! { table => table_of(table) },
        Content::Plots(plots) => {
            let plots: Vec<Value> = plots
                .iter()
                .map(|plot| context! { title => plot.title, svg => Value::from_safe_string(plot.to_svg()) })
                .collect();
            context! { plots => plots }
        }
        Content::Films(title, films) => {
            let films: Vec<FilmView> = films.iter().map(FilmView::of).collect();
            context! { films => films, heading => title }
        }
        Content::Terms(terms) => context! { terms => terms },
    }
}

fn table_of(table: &Table) -> Value {
    let numbers = |at: usize| table.rows.iter().any(|row| row.cells.get(at).is_some_and(|cell| cell.value().is_some()));
    let columns: Vec<Value> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, c)| context! { title => c.title, unit => c.unit, about => c.about, number => numbers(at) })
        .collect();
    let cell = |cell: &Cell| {
        let (main, more) = match cell {
            // The interval in small print after the mean.
            Cell::Interval([mean, low, high], digits) => {
                let text = |value: &f64| Cell::Number(*value, *digits).text();
                (text(mean), format!("{} … {}", text(low), text(high)))
            }
            other => (other.text(), String::new()),
        };
        context! { main => main, more => more, value => cell.value() }
    };
    let rows: Vec<Value> = table
        .rows
        .iter()
        .map(|row| context! { key => row.key, cells => row.cells.iter().map(cell).collect::<Vec<_>>() })
        .collect();
    context! { columns => columns, rows => rows }
}

/// What the template needs of a film.
#[derive(Serialize)]
struct FilmView<'a> {
    key: Option<&'a str>,
    caption: &'a str,
    about: &'a str,
    /// Base64, which has nothing to escape.
    uri: Value,
    width: u32,
    height: u32,
    frames: usize,
    seconds: f64,
}

impl<'a> FilmView<'a> {
    fn of(film: &'a Film) -> Self {
        // Small clips are enlarged by a whole factor.
        let factor = (FILM_SIDE / film.width.max(film.height).max(1)).max(1);
        Self {
            key: film.key.as_deref(),
            caption: &film.caption,
            about: &film.about,
            uri: Value::from_safe_string(film.uri.clone()),
            width: film.width * factor,
            height: film.height * factor,
            frames: film.frames,
            seconds: film.seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{Column, Point, Row, Series},
        video::Clip,
    };

    const EVIL: &str = "</title><script>alert('x\"')</script>&";

    fn page() -> Page {
        let clip = Clip { width: 24, height: 16, fps: 4.0, frames: vec![vec![90; 24 * 16 * 3]; 6] };
        let film = Film { key: Some(EVIL.into()), about: EVIL.into(), ..Film::new(&clip, 192, EVIL).unwrap() };
        let column = Column { unit: EVIL.into(), about: EVIL.into(), ..Column::new(EVIL, EVIL) };
        let row = |cell: Cell| Row { key: Some(EVIL.into()), cells: vec![cell] };
        let table = Table {
            columns: vec![column],
            rows: vec![row(Cell::Text(EVIL.into())), row(Cell::Interval([0.5, 0.25, 0.75], 2)), row(Cell::Empty)],
        };
        let point = Point { x: 1.0, y: 2.0, label: EVIL.into(), key: Some(EVIL.into()) };
        let series = Series { name: EVIL.into(), points: vec![point], ..Series::default() };
        let plot = Plot { title: EVIL.into(), series: vec![series], ..Plot::default() };
        let content = vec![
            Content::Table(table),
            Content::Plots(vec![plot]),
            Content::Films(EVIL.into(), vec![film]),
            Content::Terms(vec![(EVIL.into(), EVIL.into())]),
        ];
        let section = Section { title: EVIL.into(), about: vec![EVIL.into()], content };
        Page { title: EVIL.into(), about: vec![EVIL.into()], command: EVIL.into(), sections: vec![section] }
    }

    #[test]
    fn everything_from_outside_is_escaped() {
        let html = page().to_html().unwrap();
        assert!(!html.contains("<script>alert") && !html.contains("alert('x\"')"));
        assert_eq!(html.matches("<script>").count(), 1, "the page's own");
        assert!(html.matches("&lt;script&gt;").count() >= 14, "{}", html.matches("&lt;script&gt;").count());
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let html = page().to_html().unwrap();
        for word in ["http://", "https://", "<link", "src=", "@import", "url(//"] {
            assert!(!html.contains(word), "{word}");
        }
        assert!(html.contains("data:image/webp;base64,") && html.contains("steps(6, jump-none)"), "{html}");
        assert!(html.contains("width:192px") && html.contains("height:128px") && html.contains("0.25 … 0.75"));
        assert!(html.contains("prefers-color-scheme: dark"));
    }
}
