//! The picture that a clip begins with.

use std::{
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
};

use i2vgen::{
    fingerprint::fnv1a,
    picture::{self, Opened, Picture},
    pipeline::{Advice, Topic},
};

use super::parameters::{Parameters, PictureMark};
use crate::cli::{Error, prepare::PrepareOptions};

/// The path of a picture that comes through the standard input.
pub const STDIN: &str = "-";

/// An opened picture.
pub struct Source {
    /// [`STDIN`] if it was read from there.
    pub path: PathBuf,
    pub opened: Opened,
    pub mark: PictureMark,
    /// What the user should know about it.
    pub notes: Vec<String>,
}

impl Source {
    /// Opens the named picture, which may be [`STDIN`], or finds the one of an earlier clip: in the current folder, or beside the clip.
    pub fn open(named: Option<&Path>, from: Option<(&Path, &Parameters)>) -> Result<Self, Error> {
        let path = match (named, from) {
            (Some(path), _) => path.to_owned(),
            (None, Some((clip, parameters))) => find(clip, &parameters.picture.file)?,
            (None, None) => {
                return Err(Error::message("no picture: name one, as in `i2vgen generate photo.png -p \"…\"`"));
            }
        };
        let opened = if path == Path::new(STDIN) { from_stdin()? } else { Picture::open(&path)? };
        let mut notes: Vec<String> = opened.notes.iter().map(|note| format!("{}: {note}", name(&path))).collect();
        let mark = mark(&path, &opened.picture);
        if let Some((clip, _)) = from.filter(|(_, parameters)| parameters.picture.fingerprint != mark.fingerprint) {
            notes.push(format!("{} is not the picture that {} was made from", name(&path), clip.display()));
        }
        Ok(Self { path, opened, mark, notes })
    }

    /// What to know of its transparency, if nobody has chosen what it is laid over.
    pub fn transparency(&self, options: &PrepareOptions) -> Option<Advice> {
        let clause = self.opened.transparency().filter(|_| options.background.is_none())?;
        let finding = format!("{}: {clause}", name(&self.path));
        Some(Advice::new(Topic::Picture, finding, "--background white, or another colour, lays it over that"))
    }

    /// What to know of a background that was chosen for a picture that hides it.
    pub fn hides_background(&self, options: &PrepareOptions) -> Option<Advice> {
        let hidden = options.background.is_some() && self.opened.alpha.is_none();
        let finding = || format!("nothing in {} is transparent, so --background has no effect", name(&self.path));
        hidden.then(|| Advice::new(Topic::Picture, finding(), "leave it out"))
    }
}

/// The beginning of the names of files that are made from a picture.
pub fn stem(picture: &Path) -> &Path {
    let stem = picture.file_stem().filter(|_| picture != Path::new(STDIN));
    Path::new(stem.unwrap_or_else(|| "clip".as_ref()))
}

/// A picture's path in messages.
fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { "standard input".into() } else { path.display().to_string() }
}

fn from_stdin() -> Result<Opened, Error> {
    let example = "pipe a picture into it, as in `i2vgen generate - -p \"…\" < photo.png`";
    if stdin().is_terminal() {
        return Err(Error::message(format!("the standard input is a terminal: {example}")));
    }
    match Picture::read(stdin().lock(), name(Path::new(STDIN)).as_ref()) {
        Err(picture::Error::Empty { .. }) => Err(Error::message(format!("the standard input is empty: {example}"))),
        read => Ok(read?),
    }
}

fn find(clip: &Path, file: &str) -> Result<PathBuf, Error> {
    if file == STDIN {
        let clip = clip.display();
        return Err(Error::message(format!(
            "{clip} was made from a picture of the standard input: name a file, or - again"
        )));
    }
    picture_of(clip, file).ok_or_else(|| {
        Error::message(format!("{} was made from a picture '{file}', which is not here: name it, too", clip.display()))
    })
}

/// The picture `file` that a clip was made from, if it lies in the current folder or beside the clip.
pub fn picture_of(clip: &Path, file: &str) -> Option<PathBuf> {
    // Only the name counts: a clip from elsewhere must not choose a folder.
    let name = Path::new(file).file_name().unwrap_or_default();
    let beside = clip.with_file_name(name);
    [PathBuf::from(name), beside].into_iter().find(|path| path.is_file())
}

fn mark(path: &Path, picture: &Picture) -> PictureMark {
    let hash = fnv1a(picture.pixels().iter().copied());
    PictureMark {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        width: picture.width(),
        height: picture.height(),
        fingerprint: format!("{hash:016x}"),
    }
}
