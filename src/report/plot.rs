//! Plots as SVG: lines and points over linear or logarithmic axes.

use std::fmt::Write as _;

use super::ticks::{Range, Scale};

/// A plot.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, in order.
    pub series: Vec<Series>,
}

/// An axis; it extends as far as the points do.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// Its quantity and unit.
    pub title: String,
    /// Its scale.
    pub scale: Scale,
}

/// Points that belong together.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The name in the legend; a series without one is not in it.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// The points, in the order in which a line joins them.
    pub points: Vec<Point>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// A line, with a dot at each point.
    #[default]
    Line,
    /// Dots alone.
    Dots,
    /// A line alone in a quiet colour: a limit of what is shown, not one of the things.
    Limit,
}

impl Mark {
    /// The class of its colour at a place in the plot.
    fn colour(self, place: usize) -> usize {
        match self {
            Self::Limit => COLOURS - 1,
            _ => place % COLOURS,
        }
    }
}

/// A point.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// What it is, for those who point at it.
    pub label: String,
    /// What belongs to it elsewhere on a page.
    pub key: Option<String>,
}

/// Width and height of the drawing.
const SIZE: [f64; 2] = [460.0, 300.0];
/// Room for the vertical axis and its title, above, to the right, and for the horizontal axis with its title.
const LEFT: f64 = 58.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Room for a character of the legend, on average, and for its mark.
const CHARACTER: f64 = 6.2;
const KEY: f64 = 26.0;
/// Height of a line of the legend.
const LEGEND_LINE: f64 = 18.0;
/// Colours that the page's style has.
const COLOURS: usize = 8;

impl Plot {
    /// The plot as an `<svg>` element. Colours are classes of the page's style: `axis`, `grid`, and `s0` to `s7` for series.
    pub fn to_svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Range::of(points().map(|point| point.x), self.x.scale);
        let y = Range::of(points().map(|point| point.y), self.y.scale);
        let (legend, legend_height) = self.legend();
        let [width, height] = [SIZE[0], SIZE[1] + legend_height];
        let mut svg = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.title)
        );
        self.draw_axes(&mut svg, &x, &y);
        for (at, series) in self.series.iter().enumerate() {
            draw_series(&mut svg, series, series.mark.colour(at), &x, &y);
        }
        svg + &legend + "</svg>"
    }

    fn draw_axes(&self, svg: &mut String, x: &Range, y: &Range) {
        let (bottom, right) = (SIZE[1] - BOTTOM, SIZE[0] - RIGHT);
        for (value, name) in x.ticks() {
            let Some(at) = x.share(value).map(across) else { continue };
            let _ = write!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
            let _ = write!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", bottom + 16.0);
        }
        for (value, name) in y.ticks() {
            let Some(at) = y.share(value).map(down) else { continue };
            let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
            let _ = write!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>", LEFT - 6.0, at + 4.0);
        }
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>");
        let (middle, half) = ((LEFT + right) / 2.0, (TOP + bottom) / 2.0);
        let (x_title, y_title) = (escape(&self.x.title), escape(&self.y.title));
        let low = bottom + 34.0;
        let _ = write!(svg, "<text class=\"title\" x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{x_title}</text>");
        let _ = write!(
            svg,
            "<text class=\"title\" transform=\"translate(13 {half}) rotate(-90)\" text-anchor=\"middle\">{y_title}</text>"
        );
    }

    /// The legend and its height: names in as many lines as they need.
    fn legend(&self) -> (String, f64) {
        let named = self.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
        let (mut svg, mut x, mut line) = (String::new(), LEFT, 0.0);
        for (at, series) in named {
            let width = KEY + CHARACTER * series.name.chars().count() as f64 + 10.0;
            if x > LEFT && x + width > SIZE[0] {
                (x, line) = (LEFT, line + 1.0);
            }
            let y = SIZE[1] + 8.0 + line * LEGEND_LINE;
            let mark = match series.mark {
                Mark::Dots => format!("<circle cx=\"{}\" cy=\"{y}\" r=\"4\"/>", x + 9.0),
                Mark::Line | Mark::Limit => format!("<path d=\"M{x} {y}h18\"/>"),
            };
            let name = escape(&series.name);
            let _ = write!(svg, "<g class=\"s{}\">{mark}</g>", series.mark.colour(at));
            let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{name}</text>", x + KEY - 2.0, y + 4.0);
            x += width;
        }
        let lines = if svg.is_empty() { 0.0 } else { line + 1.0 };
        (svg, lines * LEGEND_LINE)
    }
}

fn draw_series(svg: &mut String, series: &Series, colour: usize, x: &Range, y: &Range) {
    let place = |point: &Point| Some((across(x.share(point.x)?), down(y.share(point.y)?)));
    let _ = write!(svg, "<g class=\"s{colour}\">");
    if series.mark != Mark::Dots {
        let places: Vec<_> = series.points.iter().filter_map(place).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        if path.len() > 1 {
            let _ = write!(svg, "<path d=\"M{}\"/>", path.join("L"));
        }
    }
    let dots = series.points.iter().filter(|_| series.mark != Mark::Limit);
    for (point, (x, y)) in dots.filter_map(|point| place(point).map(|place| (point, place))) {
        let key = point.key.as_ref().map_or(String::new(), |key| format!(" data-key=\"{}\"", escape(key)));
        let label = escape(&point.label);
        let _ = write!(svg, "<circle{key} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{label}</title></circle>");
    }
    svg.push_str("</g>");
}

fn across(share: f64) -> f64 {
    LEFT + share * (SIZE[0] - LEFT - RIGHT)
}

fn down(share: f64) -> f64 {
    TOP + (1.0 - share) * (SIZE[1] - TOP - BOTTOM)
}

/// Text for HTML, also between quotes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, label: format!("<{x}>"), key: Some("\"k\"".into()) }
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let plot = Plot {
            title: "a & b".into(),
            x: Axis { title: "FLOP per byte".into(), scale: Scale::Log },
            y: Axis { title: "<y>".into(), scale: Scale::Linear },
            series: vec![
                Series { name: "roof".into(), mark: Mark::Limit, points: vec![point(1.0, 0.0), point(100.0, 10.0)] },
                Series { name: String::new(), mark: Mark::Dots, points: vec![point(10.0, 5.0), point(0.0, 5.0)] },
            ],
        };
        let svg = plot.to_svg();
        // The middle of both axes; zero has no logarithm.
        let middle = format!("cx=\"{:.1}\" cy=\"{:.1}\"", across(0.5), down(0.5));
        assert!(svg.contains(&middle) && svg.matches("<circle").count() == 1, "{svg}");
        assert!(svg.contains("data-key=\"&quot;k&quot;\"") && svg.contains("<title>&lt;10&gt;</title>"), "{svg}");
        assert!(svg.contains("aria-label=\"a &amp; b\"") && svg.contains("&lt;y&gt;") && svg.contains("roof"));
        assert_eq!(svg.matches("class=\"s7\"").count(), 2, "a line and its name");
        assert_eq!(svg.matches("class=\"s1\"").count(), 1, "a series without a name is not in the legend");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
    }

    #[test]
    fn nothing_to_show_is_still_a_plot() {
        assert!(Plot::default().to_svg().contains("class=\"axis\""));
        let odd = Series { points: vec![point(f64::NAN, 1.0), point(2.0, 3.0)], ..Series::default() };
        let svg = Plot { series: vec![odd], ..Plot::default() }.to_svg();
        assert!(!svg.contains("NaN\" cy") && svg.matches("<circle").count() == 1, "{svg}");
    }
}
