//! The clip that is measured, and what it is compared with.

use std::path::{Path, PathBuf};

use i2vgen::{
    metrics::{Reference, as_shown, at_own_size},
    picture::Picture,
    prepare::Mode,
    video::{self, Clip, Enlarge, Filter, OpenedClip},
};

use crate::cli::{
    Error,
    generate::Parameters,
    source::{STDIN, Source, picture_of, refuse_stdin},
};

/// A clip with what it says about itself.
pub struct Subject {
    path: PathBuf,
    /// At its own size.
    pub clip: Clip,
    parameters: Option<Parameters>,
    enlarge: Enlarge,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// What a clip is compared with.
pub enum Against {
    FirstFrame,
    Picture(PathBuf, Vec<u8>),
    Clip(PathBuf, Vec<Vec<u8>>),
}

/// The first frame of a png sequence that says that it was made otherwise than the one before.
fn mixed(path: &Path) -> Option<String> {
    let files = Some(video::frame_files(path)).filter(|files| files.len() > 1)?;
    let made: Vec<_> = files.iter().map(|file| video::read_parameters(file).ok()).collect();
    let other = (1..files.len()).find(|&frame| made[frame] != made[frame - 1])?;
    let (one, other) = (files[other - 1].display(), files[other].display());
    Some(format!("{one} and {other} say that they are of two clips"))
}

impl Subject {
    /// Opens a clip. One that was written enlarged is measured at its own size.
    pub fn open(path: &Path) -> Result<Self, Error> {
        refuse_stdin(path, "a clip")?;
        let OpenedClip { clip, notes } = video::open(path)?;
        let name = path.display();
        if clip.frames.len() < 2 {
            let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
            let what = match is_png && path.is_file() {
                true => "one picture is no clip; png frames are named by their pattern, as in name-%03d.png",
                false => "it has one frame; motion is measured between two, so make it with --frames 2 or more",
            };
            return Err(Error::message(format!("{name}: {what}")));
        }
        let mut notes: Vec<String> = notes.iter().map(|note| format!("{name}: {note}")).collect();
        let parameters = parameters(path);
        let once = Enlarge { scale: 1, filter: Filter::default() };
        let enlarge = parameters.as_ref().map_or(once, |p| Enlarge { scale: p.output_scale, filter: p.output_filter });
        let own = parameters.as_ref().map(|p| enlarge.size(p.width, p.height));
        let (clip, enlarge) = match own {
            Some(size) if enlarge.scale > 1 && size == [clip.width, clip.height] => {
                notes.push(format!("{name} was enlarged {} times: it is measured at its own size", enlarge.scale));
                (at_own_size(clip, enlarge.scale)?, enlarge)
            }
            _ => (clip, once),
        };
        notes.extend(mixed(path));
        Ok(Self { path: path.to_owned(), clip, parameters, enlarge, notes })
    }

    /// What the clip is compared with, as it shows it.
    pub fn compared_with(&mut self, reference: Option<&Path>) -> Result<Against, Error> {
        let Some(path) = reference else {
            self.notes.extend(self.own_picture());
            return Ok(Against::FirstFrame);
        };
        if path == Path::new(STDIN) {
            return self.picture(path, self.source(path)?);
        }
        match video::open(path) {
            Ok(opened) if opened.clip.frames.len() > 1 => self.other_clip(path, opened),
            // A still picture of a format that clips have, or a video of one frame.
            Ok(opened) => match self.source(path) {
                Ok(source) => self.picture(path, source),
                Err(_) => self.only_frame(path, opened),
            },
            Err(video::Error::Unknown { .. }) => self.picture(path, self.source(path)?),
            Err(error) => Err(error.into()),
        }
    }

    fn other_clip(&mut self, path: &Path, opened: OpenedClip) -> Result<Against, Error> {
        let (own, other) = (self.clip.frames.len(), opened.clip.frames.len());
        let name = path.display();
        if own != other {
            return Err(Error::message(format!(
                "--reference {name}: it has {other} frames, {} has {own}: they are compared one by one",
                self.path.display()
            )));
        }
        let clip = self.at_own_size(path, opened)?;
        let (width, height) = (clip.width, clip.height);
        if (width, height) == (self.clip.width, self.clip.height) {
            return Ok(Against::Clip(path.to_owned(), clip.frames));
        }
        self.notes.push(format!("{name} has frames of {width}x{height}: they are cropped and resized to the clip's"));
        let frames = clip.frames.into_iter().map(|frame| self.shown(&Picture::from_rgb8(width, height, frame)?));
        Ok(Against::Clip(path.to_owned(), frames.collect::<Result<_, _>>()?))
    }

    fn only_frame(&mut self, path: &Path, opened: OpenedClip) -> Result<Against, Error> {
        let clip = self.at_own_size(path, opened)?;
        let frame = clip.frames.into_iter().next().unwrap_or_default();
        let picture = Picture::from_rgb8(clip.width, clip.height, frame)?;
        Ok(Against::Picture(path.to_owned(), self.shown(&picture)?))
    }

    /// Another clip as it was before it was enlarged; its notes become ours.
    fn at_own_size(&mut self, path: &Path, OpenedClip { clip, notes }: OpenedClip) -> Result<Clip, Error> {
        self.notes.extend(notes.iter().map(|note| format!("{}: {note}", path.display())));
        Ok(at_own_size(clip, parameters(path).map_or(1, |p| p.output_scale))?)
    }

    fn source(&self, path: &Path) -> Result<Source, Error> {
        let from = self.parameters.as_ref().map(|parameters| (self.path.as_path(), &parameters.picture));
        Source::open(Some(path), from)
    }

    /// The picture as it was prepared for the clip, if it is the clip's.
    fn picture(&mut self, path: &Path, source: Source) -> Result<Against, Error> {
        let own = self.parameters.as_ref().filter(|p| p.picture.fingerprint == source.mark.fingerprint);
        // A picture that is not the clip's is used as it is, laid over nothing.
        let background = own.and_then(|p| p.preparation.background);
        self.notes.extend(source.transparency(background).map(|line| line.words()));
        let prepared = match own {
            Some(p) => p.preparation.apply(&source.opened, p.width, p.height, Mode::Off)?.picture,
            None => source.opened.picture,
        };
        self.notes.extend(source.notes);
        Ok(Against::Picture(path.to_owned(), self.shown(&prepared)?))
    }

    fn shown(&self, picture: &Picture) -> Result<Vec<u8>, Error> {
        Ok(as_shown(picture, self.clip.width, self.clip.height, self.enlarge)?)
    }

    /// How to compare with the picture that the clip was made from.
    fn own_picture(&self) -> Option<String> {
        let file = &self.parameters.as_ref()?.picture.file;
        let name = self.path.display();
        if file == STDIN {
            return Some(format!("{name} was made from a picture of the standard input: --reference compares with it"));
        }
        Some(match picture_of(&self.path, file) {
            Some(path) => {
                let path = path.display();
                format!("{name} was made from '{file}', which is here: --reference {path} compares with it")
            }
            None => format!("{name} was made from '{file}': --reference compares with it"),
        })
    }

    /// What to know if identity was measured by another model than the clip's.
    pub fn other_model(&self, name: &str) -> Option<String> {
        let own = &self.parameters.as_ref()?.model;
        (own != name).then(|| format!("identity is that of the model '{name}', the clip was made with '{own}'"))
    }
}

impl Against {
    /// For measuring.
    pub fn reference(&self) -> Reference<'_> {
        match self {
            Self::FirstFrame => Reference::FirstFrame,
            Self::Picture(_, picture) => Reference::Picture(picture),
            Self::Clip(_, frames) => Reference::Clip(frames),
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::FirstFrame => "its own first frame".into(),
            Self::Picture(path, _) => format!("the picture {}", path.display()),
            Self::Clip(path, _) => format!("the clip {}, frame by frame", path.display()),
        }
    }

    /// For programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FirstFrame => "first frame",
            Self::Picture(..) => "picture",
            Self::Clip(..) => "clip",
        }
    }
}

/// What a clip of this program's says about itself; of a png sequence, what its first frame says.
fn parameters(path: &Path) -> Option<Parameters> {
    let first = video::Target::parse(path).map(|target| target.file(0)).ok().filter(|_| !path.is_file());
    Parameters::read(first.as_deref().unwrap_or(path)).ok()
}
