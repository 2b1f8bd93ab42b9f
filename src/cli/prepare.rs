//! `i2vgen prepare`: what preparation does to a picture, stage by stage, to look at.

mod options;

use std::path::PathBuf;

use clap::Args;
use i2vgen::{
    checkpoint::Defaults,
    picture::Picture,
    pipeline::check_side,
    prepare::{self, Mode, Preparation},
    staged::Staged,
};

pub use options::PrepareOptions;

use super::{
    Error,
    options::ModelOption,
    output,
    source::{Source, stem},
    units,
};

/// Pixels of a latent: all checkpoints of this architecture have a VAE with three halvings.
const FACTOR: u32 = 8;
/// Pictures in a row of the contact sheet, and the longer side of each.
const COLUMNS: u32 = 3;
const CELL: u32 = 480;

/// Prepare a picture and look at it: every stage as a picture, a contact sheet, and what is weak in words
///
/// The subject comes from --mask, the picture's alpha channel, --subject, or a search for what stands out, in this order. Nothing
/// is invented: a crop never reaches outside of the picture. No device is needed.
#[derive(Args)]
pub struct Prepare {
    /// Picture to prepare: PNG, JPEG, WebP, BMP, GIF or TIFF; - reads it from the standard input
    picture: PathBuf,
    /// Folder for the pictures; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Width of the clip in pixels [default: the model's, else 512]
    #[arg(short = 'W', long, value_name = "PIXELS")]
    width: Option<u32>,
    /// Height of the clip in pixels [default: the model's, else 512]
    #[arg(short = 'H', long, value_name = "PIXELS")]
    height: Option<u32>,
    #[command(flatten)]
    model: ModelOption,
    #[command(flatten)]
    options: PrepareOptions,
}

impl Prepare {
    pub fn run(self) -> Result<(), Error> {
        let source = Source::open(Some(&self.picture), None)?;
        source.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        if let Some(line) = source.transparency(self.options.background) {
            output::tell(&format!("note: {}", line.words()));
        }
        let unused = self.options.unused(self.options.prepare.unwrap_or(Mode::Auto));
        for line in unused.into_iter().chain(source.hides_background(self.options.background)) {
            output::tell(&format!("note: {line}"));
        }
        let (width, height) = self.size()?;
        check_side("--width", width, FACTOR)?;
        check_side("--height", height, FACTOR)?;
        let done = self.options.apply(&source.opened, width, height, Mode::Auto)?;
        let files = self.write(&done)?;
        if let Some(note) = self.left(&files) {
            output::tell(&format!("note: {note}"));
        }
        let mut text = done.report.to_string();
        for file in files {
            text += &format!("{}\n", file.display());
        }
        output::print(&text)
    }

    /// The clip's size.
    fn size(&self) -> Result<(u32, u32), Error> {
        let defaults = Defaults::read(&self.model.files())?.unwrap_or_default();
        let side = |given: Option<u32>, usual: Option<u32>| given.or(usual).unwrap_or(512);
        Ok((side(self.width, defaults.width), side(self.height, defaults.height)))
    }

    /// Writes the stages in their order, then the contact sheet, all of them or none; returns their names. Nothing if no stage ran.
    fn write(&self, done: &Preparation) -> Result<Vec<PathBuf>, Error> {
        if done.stages.is_empty() {
            return Ok(Vec::new());
        }
        let stages: Vec<&Picture> = done.stages.iter().map(|stage| &stage.picture).collect();
        let sheet = prepare::contact_sheet(&stages, COLUMNS, CELL)?;
        let names = (1..).zip(&done.stages).map(|(number, stage)| format!("{number}-{}", stage.name.name()));
        let pictures = names.zip(stages).chain([("sheet".to_owned(), &sheet)]);
        let pictures: Vec<(PathBuf, &Picture)> = pictures.map(|(name, picture)| (self.file(&name), picture)).collect();
        let read = [Some(self.picture.as_path()), self.options.mask.as_deref()].into_iter().flatten();
        output::spare(read, pictures.iter().map(|(path, _)| path.clone()), "folder")?;
        output::make_folder(&self.output)?;
        let mut staged = Staged::default();
        for (path, picture) in pictures {
            staged.add(path, &picture.to_png()?)?;
        }
        Ok(staged.commit()?)
    }

    /// What to know of pictures that another preparation of this one left in the folder.
    fn left(&self, written: &[PathBuf]) -> Option<String> {
        let is_stage = |name: &str| {
            let rest = name.strip_prefix(stem(&self.picture).to_str()?)?.strip_prefix('-')?.strip_suffix(".png")?;
            Some(rest == "sheet" || rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let entries = std::fs::read_dir(&self.output).into_iter().flatten().flatten();
        let names =
            entries.filter(|entry| !written.contains(&entry.path())).filter_map(|e| e.file_name().into_string().ok());
        let mut left: Vec<String> = names.filter(|name| is_stage(name) == Some(true)).collect();
        left.sort_unstable();
        let told =
            || format!("{} of an earlier preparation stay: {}", units::counted(left.len(), "picture"), left.join(", "));
        (!left.is_empty()).then(told)
    }

    /// `photo-NAME.png` in the folder.
    fn file(&self, name: &str) -> PathBuf {
        let mut file = stem(&self.picture).as_os_str().to_owned();
        file.push(format!("-{name}.png"));
        self.output.join(file)
    }
}
