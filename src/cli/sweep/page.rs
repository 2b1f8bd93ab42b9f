//! A sweep's results as a page.

use i2vgen::{
    metrics::{Measure, Values, as_shown, by_frame, summarise},
    picture::Picture,
    report::{Axis, Content, Film, Mark, Page, Plot, Point, Scale, Section, Series},
    video::{self, Clip, Enlarge},
};

use super::{
    results::{Results, clip_key, setting_key},
    text,
};
use crate::cli::{Error, batch::Job};

/// Clips that are shown, and the longest side of their frames: the page must stay small enough to open.
const FILMS: usize = 96;
const SIDE: u32 = 192;
/// Lines in a plot that can still be told apart.
const LINES: usize = 8;
/// What is plotted over an option.
const OVER_OPTION: [Measure; 6] = [
    Measure::Identity,
    Measure::Ssim,
    Measure::Motion,
    Measure::Smoothness,
    Measure::BrightnessFlicker,
    Measure::Backward,
];
/// What is plotted over the frames.
const OVER_FRAMES: [Measure; 4] = [Measure::Identity, Measure::Psnr, Measure::Motion, Measure::BrightnessFlicker];

/// The page of a sweep.
pub fn page(results: &Results<'_>, title: String, command: String) -> Result<Page, Error> {
    let several = results.grid.settings.len() > 1;
    let mut sections = vec![Section {
        title: "Settings".into(),
        about: vec!["Means over the clips of each setting; in small print the interval of 95 % where there is more than one picture or seed. A click on a row marks its clips.".into()],
        content: vec![Content::Table(results.settings())],
    }];
    if several {
        sections.push(Section {
            title: "Differences to the first setting".into(),
            about: vec![format!(
                "Clip by clip against {}: the same picture, prompt and seed. An interval that leaves out 0 is a difference.",
                results.grid.settings.first().map(|s| s.label.as_str()).unwrap_or_default()
            )],
            content: vec![Content::Table(results.differences())],
        });
    }
    sections.push(films(results)?);
    let plots = [vec![liveliness(results)], over_options(results)].concat();
    sections.push(Section { title: "Plots".into(), about: Vec::new(), content: vec![Content::Plots(plots)] });
    sections.push(frames(results));
    sections.push(Section {
        title: "Clips in numbers".into(),
        about: Vec::new(),
        content: vec![Content::Table(results.clips())],
    });
    let term = |measure: &Measure| {
        let unit = if measure.unit().is_empty() { String::new() } else { format!(" [{}]", measure.unit()) };
        (format!("{}{unit}", measure.title()), measure.about().to_owned())
    };
    let terms = results.measures().iter().map(term).collect();
    sections.push(Section { title: "Measures".into(), about: Vec::new(), content: vec![Content::Terms(terms)] });
    Ok(Page { title, about: vec![text::head(results)], command, sections })
}

/// A plot of each measure over each option of numbers; the values of the other options are lines.
fn over_options(results: &Results<'_>) -> Vec<Plot> {
    let samples = results.samples();
    let has = results.measures();
    let mut plots = Vec::new();
    for (at, axis) in results.grid.axes.iter().enumerate().filter(|(_, axis)| axis.is_numeric()) {
        for measure in OVER_OPTION.into_iter().filter(|measure| has.contains(measure)) {
            let mut series: Vec<Series> = Vec::new();
            for (number, setting) in results.grid.settings.iter().enumerate() {
                let Some(x) = setting.choices.get(at).and_then(|choice| choice.number) else { continue };
                let Some(found) = summarise(&samples, number).means.get(&measure).copied() else { continue };
                let others =
                    results.grid.axes.iter().zip(&setting.choices).enumerate().filter(|(other, _)| *other != at);
                let name: Vec<String> = others.map(|(_, (axis, c))| format!("{} {}", axis.name, c.label)).collect();
                let label = format!("{}: {:.*}", setting.label, measure.digits(), found.mean);
                let point = Point { x, y: found.mean, label, key: Some(setting_key(number)) };
                let name = name.join(", ");
                match series.iter_mut().find(|series| series.name == name) {
                    Some(series) => series.points.push(point),
                    None => series.push(Series { name, mark: Mark::Line, points: vec![point] }),
                }
            }
            if series.len() > LINES {
                series = vec![means(series)];
            }
            series.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.x.total_cmp(&b.x)));
            plots.push(Plot {
                title: format!("{} over {}", measure.title(), axis.name),
                x: Axis { title: axis.name.into(), scale: Scale::Linear },
                y: Axis { title: with_unit(measure), scale: Scale::Linear },
                series,
            });
        }
    }
    plots
}

/// One line in place of many: the mean at each place.
fn means(series: Vec<Series>) -> Series {
    let points: Vec<Point> = series.into_iter().flat_map(|series| series.points).collect();
    let mut places: Vec<f64> = points.iter().map(|point| point.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let mean = |x: f64| {
        let values: Vec<f64> = points.iter().filter(|point| point.x == x).map(|point| point.y).collect();
        let y = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Point { x, y, label: format!("{x}: mean of {}", values.len()), key: None }
    };
    Series {
        name: "mean over the other options".into(),
        mark: Mark::Line,
        points: places.into_iter().map(mean).collect(),
    }
}

/// Every clip: how much it moves, and how well it keeps what it shows.
fn liveliness(results: &Results<'_>) -> Plot {
    let kept = if results.measures().contains(&Measure::Identity) { Measure::Identity } else { Measure::Ssim };
    let dot = |values: &Values, label: String, key: String| {
        Some(Point { x: *values.get(&Measure::Motion)?, y: *values.get(&kept)?, label, key: Some(key) })
    };
    let settings = results.grid.settings.iter().enumerate();
    let series: Vec<Series> = settings
        .map(|(number, setting)| {
            let clips = results.found.iter().filter(|found| found.entry.setting == number);
            let points = clips.filter_map(|found| {
                let row = results.plan.rows.get(found.entry.row).map(String::as_str).unwrap_or_default();
                let label = format!("{} ({row}, seed {})", setting.label, found.entry.seed);
                dot(&found.record.measures.mean, label, keys(number, found.index))
            });
            let name = if results.grid.settings.len() <= LINES { setting.label.clone() } else { String::new() };
            Series { name, mark: Mark::Dots, points: points.collect() }
        })
        .collect();
    Plot {
        title: format!("{} against motion, a dot for each clip", kept.title()),
        x: Axis { title: with_unit(Measure::Motion), scale: Scale::Linear },
        y: Axis { title: with_unit(kept), scale: Scale::Linear },
        series,
    }
}

/// The clips of the first pictures, all settings side by side.
fn films(results: &Results<'_>) -> Result<Section, Error> {
    let each = (results.plan.entries.len() / results.plan.rows.len().max(1)).max(1);
    let shown = (FILMS / each).clamp(1, results.plan.rows.len().max(1));
    let (mut content, mut about) = (Vec::new(), Vec::new());
    for (row, name) in results.plan.rows.iter().enumerate().take(shown) {
        let clips = results.found.iter().filter(|found| found.entry.row == row).take(FILMS);
        let mut films = Vec::new();
        for found in clips {
            let Some(job) = results.plan.list.jobs.get(found.index) else { continue };
            let clip = match video::open(job.target.path()) {
                Ok(opened) => opened.clip,
                // Somebody has changed it: the others can be shown.
                Err(error) => {
                    about.push(error.to_string());
                    continue;
                }
            };
            if films.is_empty() {
                films.push(picture(job, &clip)?);
            }
            let label = results.grid.settings.get(found.entry.setting).map(|s| s.label.clone()).unwrap_or_default();
            let values = &found.record.measures.mean;
            let numbers: Vec<String> = Measure::ALL
                .iter()
                .filter_map(|m| Some(format!("{} {:.*}", m.title(), m.digits(), values.get(m)?)))
                .collect();
            let several = each > results.grid.settings.len();
            let caption = match (label.is_empty(), several) {
                (true, _) => format!("seed {}", found.entry.seed),
                (false, true) => format!("{label}, seed {}", found.entry.seed),
                (false, false) => label,
            };
            let mut film = Film::new(&clip, SIDE, caption)?;
            film.key = Some(keys(found.entry.setting, found.index));
            film.about = numbers.join(", ");
            films.push(film);
        }
        content.push(Content::Films(name.clone(), films));
    }
    let all = results.plan.rows.len();
    if shown < all {
        about.push(format!("Those of the first {shown} of {all} pictures; the others are in the folder of the clips."));
    }
    Ok(Section { title: "Clips".into(), about, content })
}

/// The picture as the clip would show it.
fn picture(job: &Job, clip: &Clip) -> Result<Film, Error> {
    let picture = job.settings.preparation.over_background(&Picture::open(&job.picture)?);
    let once = Enlarge { scale: 1, filter: video::Filter::default() };
    let shown = as_shown(&picture, clip.width, clip.height, once)?;
    let still = Clip { frames: vec![shown], ..Clip { frames: Vec::new(), ..*clip } };
    Ok(Film::new(&still, SIDE, "the picture")?)
}

/// The measures of each frame.
fn frames(results: &Results<'_>) -> Section {
    let samples = results.samples();
    let has = results.measures();
    let settings: Vec<_> = results.grid.settings.iter().enumerate().take(LINES).collect();
    let plot = |measure: Measure| Plot {
        title: format!("{} over the frames", measure.title()),
        x: Axis { title: "frame".into(), scale: Scale::Linear },
        y: Axis { title: with_unit(measure), scale: Scale::Linear },
        series: settings
            .iter()
            .map(|(number, setting)| Series {
                name: setting.label.clone(),
                mark: Mark::Line,
                points: by_frame(&samples, *number, measure)
                    .into_iter()
                    .map(|(frame, y)| Point {
                        x: frame as f64,
                        y,
                        label: format!("{}, frame {frame}: {y:.*}", setting.label, measure.digits()),
                        key: Some(setting_key(*number)),
                    })
                    .collect(),
            })
            .collect(),
    };
    let plots = OVER_FRAMES.into_iter().filter(|measure| has.contains(measure)).map(plot).collect();
    let about = match results.grid.settings.len() > LINES {
        true => vec![format!("The first {LINES} settings.")],
        false => Vec::new(),
    };
    Section { title: "Frame by frame".into(), about, content: vec![Content::Plots(plots)] }
}

fn keys(setting: usize, clip: usize) -> String {
    format!("{} {}", setting_key(setting), clip_key(clip))
}

fn with_unit(measure: Measure) -> String {
    if measure.unit().is_empty() {
        measure.title().to_owned()
    } else {
        format!("{} [{}]", measure.title(), measure.unit())
    }
}
