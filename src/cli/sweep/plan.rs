//! Which clips a sweep is of.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use i2vgen::{picture::Picture, video::Target};
use serde_json::{Map, Value, json};

use super::{
    grid::Grid,
    names::{Kept, readable},
    record::{Origin, Record},
};
use crate::cli::{
    Error,
    batch::{self, Job, List, Usual},
    generate::{Recipe, Settings},
    source::{PictureMark, Source},
};

/// A picture with its prompt, as somebody gave it.
pub struct Row {
    /// Its line in the list; 1 for a single picture.
    line: usize,
    fields: Map<String, Value>,
}

/// Where the pictures come from, and what is made of them.
pub struct Input {
    path: PathBuf,
    /// Is it a list?
    is_list: bool,
    rows: Vec<Row>,
}

/// A clip of the sweep; its job has the same place in the plan's list.
pub struct Entry {
    /// Number of its setting.
    pub setting: usize,
    /// Number of its picture.
    pub row: usize,
    pub seed: u64,
    pub origin: Origin,
    /// Where its measures are kept.
    pub record: PathBuf,
}

/// All clips of a sweep.
pub struct Plan {
    pub list: List,
    pub entries: Vec<Entry>,
    /// Each picture with its prompt, in words.
    pub rows: Vec<String>,
}

/// What decides the clips beside pictures and settings.
pub struct Frame<'a> {
    /// Seeds that were given, or how many to take from each row's on.
    pub seeds: Seeds,
    /// Folder of the clips.
    pub clips: &'a Path,
    /// The ending of their names.
    pub format: &'a str,
    pub model: &'a str,
    pub usual: &'a Usual,
}

/// Which seeds each setting is made with.
pub enum Seeds {
    /// These.
    Given(Vec<u64>),
    /// So many from that of the row on; 0 where it has none.
    FromRow(u64),
}

impl Input {
    /// Reads a list, or takes a picture alone.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_list = matches!(ending.as_str(), "jsonl" | "ndjson" | "json");
        let rows = match is_list {
            true => batch::lines(path, |text, line| {
                let mut fields = batch::fields(text)?;
                // Names of clips are the sweep's matter.
                fields.remove("output");
                Ok(Row { line, fields })
            })?,
            false => {
                let name = path.file_name().and_then(|name| name.to_str());
                let name = name.ok_or_else(|| {
                    Error::message(format!("{} is no file name that can be written: rename it", path.display()))
                })?;
                let fields = [("picture".to_owned(), json!(name))].into_iter().collect();
                vec![Row { line: 1, fields }]
            }
        };
        Ok(Self { path: path.to_owned(), is_list, rows })
    }

    /// How many pictures.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The clips of all pictures with all settings.
    pub fn plan(&self, grid: &Grid, frame: &Frame<'_>) -> Result<Plan, Error> {
        let mut marks: HashMap<PathBuf, PictureMark> = HashMap::new();
        let mut taken: HashMap<PathBuf, String> = HashMap::new();
        let kept = Kept::read(frame.clips);
        let axes: Vec<&str> = grid.axes.iter().map(|axis| axis.name).collect();
        let (mut jobs, mut entries, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (row_number, row) in self.rows.iter().enumerate() {
            for (setting_number, setting) in grid.settings.iter().enumerate() {
                let place = self.place(row, &setting.label);
                let at = |error: Error| batch::at(&self.path, &place, &error);
                for seed in frame.seeds.of(row).map_err(at)? {
                    let mut fields = row.fields.clone();
                    fields.extend(setting.fields.clone());
                    fields.insert("seed".into(), json!(seed));
                    let pictures = self.path.parent().unwrap_or(Path::new(""));
                    let mut job = Job::new(fields, row.line, pictures, frame.clips, frame.usual).map_err(at)?;
                    let mark = match marks.get(&job.picture) {
                        Some(mark) => mark.clone(),
                        None => Source::open(Some(&job.picture), None).map_err(at)?.mark,
                    };
                    marks.insert(job.picture.clone(), mark.clone());
                    if setting_number == 0 && rows.len() == row_number {
                        let prompt = job.settings.prompt.clone().unwrap_or_default();
                        rows.push(format!("{}: {prompt}", mark.file));
                    }
                    let origin = Origin::new(frame.model, &mark, in_force(&job).map_err(at)?);
                    let stem = job.picture.file_stem().unwrap_or("clip".as_ref()).to_string_lossy();
                    let name = kept.name(&origin.hash(), || readable(&stem, setting, &axes, seed));
                    let path = frame.clips.join(format!("{name}.{}", frame.format));
                    if let Some(other) = taken.insert(path.clone(), place.clone()) {
                        let problem = format!("it is the same as {other}: picture, prompt, seed and settings");
                        return Err(at(Error::message(problem)));
                    }
                    job.target = Target::parse(&path)?;
                    job.place = place.clone();
                    // A sweep says itself which combinations mean nothing.
                    job.said = Settings::default();
                    let record = path.with_extension("json");
                    entries.push(Entry { setting: setting_number, row: row_number, seed, origin, record });
                    jobs.push(job);
                }
            }
        }
        Ok(Plan { list: List::of(&self.path, jobs), entries, rows })
    }

    fn place(&self, row: &Row, label: &str) -> String {
        let line = self.is_list.then(|| format!("line {}", row.line));
        let words: Vec<&str> =
            line.as_deref().into_iter().chain(Some(label).filter(|label| !label.is_empty())).collect();
        if words.is_empty() { "its clip".into() } else { words.join(", ") }
    }
}

impl Seeds {
    fn of(&self, row: &Row) -> Result<Vec<u64>, Error> {
        match self {
            Self::Given(seeds) => Ok(seeds.clone()),
            Self::FromRow(count) => {
                let first = match row.fields.get("seed") {
                    None | Some(Value::Null) => 0,
                    Some(value) => value
                        .as_u64()
                        .ok_or_else(|| Error::message(format!("`seed`: {value} is no whole number from 0 on")))?,
                };
                let last = first.checked_add(count.saturating_sub(1));
                let last = last.ok_or_else(|| Error::message(format!("{count} seeds from {first} on exceed 2^64")))?;
                Ok((first..=last).collect())
            }
        }
    }

    /// How many for each row.
    pub fn count(&self) -> usize {
        match self {
            Self::Given(seeds) => seeds.len(),
            Self::FromRow(count) => usize::try_from(*count).unwrap_or(usize::MAX),
        }
    }
}

/// Everything that decides a job's clip beside its picture, whether somebody said it or not.
fn in_force(job: &Job) -> Result<Value, Error> {
    // Any picture will do: none of this depends on it.
    let picture = Picture::from_rgb8(8, 8, vec![0; 192])?;
    let Recipe { request: r, fps, enlarge, quality, dtype, preparation, .. } = job.recipe(picture)?;
    Ok(json!({
        "prompt": r.prompt, "negative_prompt": r.negative(), "width": r.width, "height": r.height, "frames": r.frames,
        "steps": r.steps, "cfg_scale": r.guidance.scale, "cfg_frames": r.guidance.frames, "cfg_steps": r.guidance.steps,
        "anchoring": r.anchoring, "sampler": r.sampler, "reuse_deep": r.reuse_deep, "eta": r.eta, "scheduler": r.scheduler, "target_fps": r.target_fps, "clip_skip": r.clip_skip, "seeds": r.seeds,
        "rng": r.rng, "compat": r.compat, "cfg_passes": r.passes, "fps": fps, "output_scale": enlarge.scale,
        "output_filter": enlarge.filter, "quality": quality, "dtype": dtype, "preparation": preparation,
    }))
}

impl Plan {
    /// Is a clip there, with its measures?
    pub fn is_done(&self, index: usize, job: &Job, identity: bool) -> bool {
        let kept = self.entries.get(index).and_then(|entry| Record::find(&entry.record, &entry.origin, identity));
        kept.is_some() && job.is_done()
    }
}
