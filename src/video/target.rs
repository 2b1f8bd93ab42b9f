//! Where a clip goes: the path, and the format that its ending names.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::pattern::Pattern;
use crate::staged;

/// The formats, chosen by the file's ending (case does not matter), which is also their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `.mp4`: H.264 video.
    Mp4,
    /// `.gif`: animation of 256 colours.
    Gif,
    /// `.webp`: animation, lossy at high quality.
    WebP,
    /// `.png` with a frame number in the name: one lossless picture per frame.
    #[serde(rename = "png")]
    PngSequence,
    /// `.safetensors`: the latents in place of the pictures.
    #[serde(rename = "safetensors")]
    Latents,
}

impl Kind {
    /// The ending of a name that is made of `stem`: `.mp4`, or `-%03d.png`.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Mp4 => ".mp4",
            Self::Gif => ".gif",
            Self::WebP => ".webp",
            Self::PngSequence => "-%03d.png",
            Self::Latents => ".safetensors",
        }
    }
}

/// An output that has been understood: a path, or the standard output, and its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: PathBuf,
    kind: Kind,
    pattern: Option<Pattern>,
    stdout: bool,
}

impl Target {
    /// The standard output, for a clip of this format; its path is `-`.
    ///
    /// # Errors
    /// [`Error::SeveralFiles`] for a png sequence.
    pub fn stdout(kind: Kind) -> Result<Self> {
        match kind {
            Kind::PngSequence => Err(Error::SeveralFiles),
            _ => Ok(Self { path: "-".into(), kind, pattern: None, stdout: true }),
        }
    }

    /// Chooses the format from the ending of `path`. Touches no file.
    ///
    /// A plain `.png` is an error: one picture cannot hold a clip that every viewer plays.
    ///
    /// # Errors
    /// [`Error::Extension`] for a missing or unknown ending, [`Error::Pattern`] for a `.png` without exactly one
    /// frame number.
    pub fn parse(path: &Path) -> Result<Self> {
        let Some(extension) = path.extension() else {
            return Err(Error::Extension { path: path.to_owned(), found: "the name has no ending".to_owned() });
        };
        let extension = extension.to_string_lossy();
        let kind = match extension.to_ascii_lowercase().as_str() {
            "mp4" => Kind::Mp4,
            "gif" => Kind::Gif,
            "webp" => Kind::WebP,
            "png" => Kind::PngSequence,
            "safetensors" => Kind::Latents,
            _ => {
                return Err(Error::Extension { path: path.to_owned(), found: format!("unknown ending .{extension}") });
            }
        };
        let pattern = match kind {
            Kind::PngSequence => Some(Pattern::parse(path)?),
            _ => None,
        };
        Ok(Self { path: path.to_owned(), kind, pattern, stdout: false })
    }

    /// Is it the standard output?
    pub fn is_stdout(&self) -> bool {
        self.stdout
    }

    /// The format.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path as given (for a png sequence: with its pattern).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of frame `frame`, counted from 0. Only a png sequence has one file per frame, numbered from 1 as
    /// ffmpeg does; every other target has one file for all frames.
    pub fn file(&self, frame: usize) -> PathBuf {
        self.numbered(frame.saturating_add(1))
    }

    /// The file with a number in its name, if it is a png sequence.
    pub(super) fn numbered(&self, number: usize) -> PathBuf {
        match &self.pattern {
            Some(pattern) => self.path.with_file_name(pattern.name(number)),
            None => self.path.clone(),
        }
    }

    /// The files of a clip of `frames` frames, in order: one, or those of a png sequence; none of the standard output.
    pub fn files(&self, frames: usize) -> Vec<PathBuf> {
        let count = match &self.pattern {
            Some(_) => frames,
            None => usize::from(!self.stdout),
        };
        (0..count).map(|frame| self.file(frame)).collect()
    }

    /// Files that go on where the png sequence of a clip of `frames` frames ends, as those of a longer one that had the same name.
    pub fn left_over(&self, frames: usize) -> Vec<PathBuf> {
        self.there_from(frames.saturating_add(1)).collect()
    }

    /// The files of a png sequence from a number on, until one is missing.
    pub(super) fn there_from(&self, number: usize) -> impl Iterator<Item = PathBuf> {
        let numbered = (number..).map(|number| self.numbered(number));
        numbered.take_while(|file| self.pattern.is_some() && file.is_file())
    }

    /// Are all files of a clip of `frames` frames there?
    pub fn is_there(&self, frames: usize) -> bool {
        let count = if self.pattern.is_some() { frames.max(1) } else { 1 };
        (0..count).all(|frame| self.file(frame).is_file())
    }

    /// The target of clip `index` (from 0) when several clips are made in one run.
    ///
    /// The first keeps the name, the others are counted from 2: `cat.mp4`, `cat-2.mp4`, `cat-3.mp4`. In a png
    /// sequence the clip's number stands before the frame's, so that a listing keeps the clips apart:
    /// `cat-%03d.png`, `cat-2-%03d.png`. The standard output has one name.
    pub fn for_index(&self, index: usize) -> Self {
        if index == 0 || self.stdout {
            return self.clone();
        }
        let number = index.saturating_add(1);
        let pattern = self.pattern.as_ref().map(|p| p.for_clip(number));
        let name: OsString = match &pattern {
            Some(pattern) => pattern.to_string().into(),
            None => {
                let mut name = self.path.file_stem().unwrap_or_default().to_owned();
                name.push(format!("-{number}"));
                if let Some(extension) = self.path.extension() {
                    name.push(".");
                    name.push(extension);
                }
                name
            }
        };
        Self { path: self.path.with_file_name(name), kind: self.kind, pattern, stdout: false }
    }

    /// The first index from which on nothing has the names of `count` clips in a row.
    pub fn first_free(&self, count: usize) -> usize {
        let taken = |index: &usize| self.for_index(*index).file(0).exists();
        let mut first = 0_usize;
        while let Some(last) = (first..first.saturating_add(count)).rev().find(taken) {
            first = last + 1;
        }
        first
    }

    /// Checks that the output can be written, to be called before a long generation: see [`staged::check`]. The standard output must not be
    /// a terminal.
    pub fn check(&self) -> Result<()> {
        if self.stdout {
            return if stdout().is_terminal() { Err(Error::Terminal) } else { Ok(()) };
        }
        // A pattern's folder is that of all its files.
        Ok(staged::check(&self.file(0))?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn parse(path: &str) -> Result<Target> {
        Target::parse(Path::new(path))
    }

    #[test]
    fn the_ending_chooses_the_format() {
        for (path, kind) in [
            ("a/cat.mp4", Kind::Mp4),
            ("cat.GIF", Kind::Gif),
            ("cat.v2.webp", Kind::WebP),
            ("cat-%03d.png", Kind::PngSequence),
            ("cat.safetensors", Kind::Latents),
        ] {
            assert_eq!(parse(path).unwrap().kind(), kind, "{path}");
        }
        for (path, word) in [
            ("cat.avi", ".avi"),
            ("cat", "no ending"),
            (".mp4", "no ending"),
            ("", "no ending"),
            ("cat.png", "cat-%03d.png"),
        ] {
            let message = parse(path).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn several_clips_are_numbered_from_two() {
        let name = |path, index| parse(path).unwrap().for_index(index).path().to_str().unwrap().to_owned();
        assert_eq!(name("a/cat.mp4", 0), "a/cat.mp4");
        assert_eq!(name("a/cat.mp4", 1), "a/cat-2.mp4");
        assert_eq!(name("cat.v2.gif", 2), "cat.v2-3.gif");
        assert_eq!(name("a/cat-%03d.png", 1), "a/cat-2-%03d.png");
        let second = parse("a/cat-%03d.png").unwrap().for_index(1);
        assert_eq!(second.file(0), Path::new("a/cat-2-001.png"));
        assert_eq!(second.files(2), ["a/cat-2-001.png", "a/cat-2-002.png"].map(PathBuf::from));
        assert_eq!(parse("cat.mp4").unwrap().files(9), [PathBuf::from("cat.mp4")]);
    }

    #[test]
    fn names_that_are_taken_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let target = Target::parse(&root.path().join("cat.mp4")).unwrap();
        assert_eq!(target.first_free(3), 0);
        fs::write(root.path().join("cat-2.mp4"), "x").unwrap();
        assert_eq!((target.first_free(1), target.first_free(2)), (0, 2));
        fs::write(root.path().join("cat.mp4"), "x").unwrap();
        assert_eq!((target.first_free(1), target.first_free(2)), (2, 2));
    }

    #[test]
    fn check_names_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        let check = |path: PathBuf| Target::parse(&path).unwrap().check();

        check(root.path().join("cat.mp4")).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "check leaves nothing");
        for (path, word) in [
            (root.path().join("absent/cat.mp4"), "does not exist"),
            (file.join("cat.mp4"), "not a folder"),
            (file.join("below/cat.mp4"), "cannot be used"),
        ] {
            let message = check(path).unwrap_err().to_string();
            assert!(message.contains(word) && message.contains("cat.mp4"), "{message}");
        }
        let frames = Target::parse(&root.path().join("cat-%d.png")).unwrap();
        for number in 1..=2 {
            assert!(!frames.is_there(2));
            fs::write(frames.file(number - 1), "x").unwrap();
        }
        assert!(frames.is_there(2) && !frames.is_there(3));
        fs::create_dir(root.path().join("taken.gif")).unwrap();
        let taken = check(root.path().join("taken.gif"));
        assert!(!Target::parse(&root.path().join("taken.gif")).unwrap().is_there(1));
        assert!(matches!(taken, Err(Error::File(staged::Error::IsFolder { .. }))));
    }
}
