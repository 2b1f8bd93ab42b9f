//! The picture that a clip begins with.

use std::path::{Path, PathBuf};

use i2vgen::{
    fingerprint::fnv1a,
    picture::{Opened, Picture},
};

use super::parameters::{Parameters, PictureMark};
use crate::cli::Error;

/// An opened picture.
pub struct Source {
    pub path: PathBuf,
    pub opened: Opened,
    pub mark: PictureMark,
    /// What the user should know about it.
    pub notes: Vec<String>,
}

impl Source {
    /// Opens the named picture, or finds the one of an earlier clip: in the current folder, or beside the clip.
    pub fn open(named: Option<&Path>, from: Option<(&Path, &Parameters)>) -> Result<Self, Error> {
        let path = match (named, from) {
            (Some(path), _) => path.to_owned(),
            (None, Some((clip, parameters))) => find(clip, &parameters.picture.file)?,
            (None, None) => {
                return Err(Error::message("no picture: name one, as in `i2vgen generate photo.png -p \"…\"`"));
            }
        };
        let opened = Picture::open(&path)?;
        let mut notes: Vec<String> = opened.notes.iter().map(|note| format!("{}: {note}", path.display())).collect();
        let mark = mark(&path, &opened.picture);
        if let Some((clip, _)) = from.filter(|(_, parameters)| parameters.picture.fingerprint != mark.fingerprint) {
            notes.push(format!("{} is not the picture that {} was made from", path.display(), clip.display()));
        }
        Ok(Self { path, opened, mark, notes })
    }
}

fn find(clip: &Path, file: &str) -> Result<PathBuf, Error> {
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
