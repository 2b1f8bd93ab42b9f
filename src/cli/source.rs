//! The picture that a clip begins with.

use std::{
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
};

use i2vgen::{
    fingerprint::fnv1a,
    picture::{self, Colour, Opened, Picture},
    pipeline::{Advice, Topic},
};

use serde::{Deserialize, Serialize};

use super::Error;

/// The path of a picture that comes through the standard input.
pub const STDIN: &str = "-";

/// Which picture it was: enough to tell two apart, not enough to see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureMark {
    /// File name without its folder.
    pub file: String,
    pub width: u32,
    pub height: u32,
    /// FNV-1a (64 bits) of the 8-bit RGB samples, then of the alpha channel if there is one, in hexadecimal.
    pub fingerprint: String,
}

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
    pub fn open(named: Option<&Path>, from: Option<(&Path, &PictureMark)>) -> Result<Self, Error> {
        let path = match (named, from) {
            (Some(path), _) => path.to_owned(),
            (None, Some((clip, picture))) => find(clip, &picture.file)?,
            (None, None) => {
                return Err(Error::message("no picture: name one, as in `i2vgen generate photo.png -p \"…\"`"));
            }
        };
        let opened = if path == Path::new(STDIN) { from_stdin()? } else { Picture::open(&path)? };
        let mut notes: Vec<String> = opened.notes.iter().map(|note| format!("{}: {note}", name(&path))).collect();
        let mark = mark(&path, &opened);
        if let Some((clip, _)) = from.filter(|(_, picture)| picture.fingerprint != mark.fingerprint) {
            notes.push(format!("{} is not the picture that {} was made from", name(&path), clip.display()));
        }
        Ok(Self { path, opened, mark, notes })
    }

    /// What to know of its transparency, if it is laid over no background.
    pub fn transparency(&self, background: Option<Colour>) -> Option<Advice> {
        let clause = self.opened.transparency().filter(|_| background.is_none())?;
        let finding = format!("{}: {clause}", name(&self.path));
        Some(Advice::new(Topic::Picture, finding, "--background white, or another colour, lays it over that"))
    }

    /// What to know of a background that was chosen for a picture that hides it.
    pub fn hides_background(&self, background: Option<Colour>) -> Option<Advice> {
        let hidden = background.is_some() && self.opened.alpha.is_none();
        let finding = || format!("nothing in {} is transparent, so --background has no effect", name(&self.path));
        hidden.then(|| Advice::new(Topic::Picture, finding(), "leave it out"))
    }
}

/// Refuses [`STDIN`] where something else than a picture is read, which is called `what`.
pub fn refuse_stdin(path: &Path, what: &str) -> Result<(), Error> {
    match path == Path::new(STDIN) {
        true => Err(Error::message(format!("-: only a picture can come through the standard input: name {what}"))),
        false => Ok(()),
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

/// With another alpha channel it is another picture: what it is laid over shows elsewhere, and a subject is looked for there.
fn mark(path: &Path, opened: &Opened) -> PictureMark {
    let Opened { picture, alpha, .. } = opened;
    let hash = fnv1a(picture.pixels().iter().chain(alpha.iter().flatten()).copied());
    PictureMark {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        width: picture.width(),
        height: picture.height(),
        fingerprint: format!("{hash:016x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_makes_another_picture_and_none_the_same() {
        let picture = || Picture::from_rgb8(8, 8, (0..192).collect()).unwrap();
        let marked = |alpha: Option<Vec<u8>>| {
            let opened = Opened { picture: picture(), alpha, notes: Vec::new() };
            mark(Path::new("a/b.png"), &opened)
        };
        let opaque = marked(None);
        assert_eq!((opaque.file.as_str(), opaque.width, opaque.height), ("b.png", 8, 8));
        assert_eq!(opaque.fingerprint, format!("{:016x}", fnv1a(0..192)));
        let one = marked(Some(vec![0; 64]));
        assert_ne!(one.fingerprint, opaque.fingerprint);
        assert_ne!(one.fingerprint, marked(Some(vec![1; 64])).fingerprint);
        assert_eq!(one, marked(Some(vec![0; 64])));
    }
}
