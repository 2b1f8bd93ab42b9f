//! Clips back out of files.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, Frame, ImageDecoder, ImageError, ImageResult};

use super::clip::Clip;
use super::decode;
use super::error::{Error, Result};
use super::frames::{Frames, MAX_BYTES};
use super::target::{Kind, Target};
use crate::picture::DROPPED;

/// A clip from a file, and what should be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedClip {
    /// The clip.
    pub clip: Clip,
    /// One clause for each thing that was changed or lost on the way.
    pub notes: Vec<String>,
}

/// Reads the frames of an mp4 (H.264), gif, webp or png file, or of a png sequence named by its pattern (`name-%03d.png`), which
/// begins with number 0 or 1 and ends before the first one that is not there. A still picture is a clip of one frame. A png sequence
/// has no rate: 8 frames per second are taken.
///
/// mp4: the matrix that the file marks (a `colr` box), else that which players assume for its size; video range.
///
/// # Errors
/// [`Error::Read`] if a file cannot be opened, [`Error::Unknown`] if it is of no such format, [`Error::Content`] for latents,
/// [`Error::Codec`] for video other than H.264, [`Error::Damaged`] if it ends early or contradicts itself, [`Error::TooLong`] if the frames
/// would not fit into 2 GiB.
pub fn open(path: &Path) -> Result<OpenedClip> {
    if let Some(sequence) = sequence(path) {
        return sequence_of(path, &sequence);
    }
    let read_error = |cause| Error::Read { path: path.to_owned(), cause };
    let mut file = BufReader::new(File::open(path).map_err(read_error)?);
    let mut start = Vec::new();
    file.by_ref().take(12).read_to_end(&mut start).map_err(read_error)?;
    file.rewind().map_err(read_error)?;
    match start.as_slice() {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            Ok(OpenedClip { clip: decode::read(path, &mut file)?, notes: Vec::new() })
        }
        [b'G', b'I', b'F', b'8', ..] => {
            let mut opened = animation(path, "gif", sized(path, "gif", GifDecoder::new(file))?.into_frames())?;
            opened.notes.push("a gif has few colours: their dither counts as a difference".to_owned());
            Ok(opened)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => {
            let decoder = sized(path, "webp", WebPDecoder::new(file))?;
            match decoder.has_animation() {
                true => animation(path, "webp", decoder.into_frames()),
                false => still(path, "webp", decoder),
            }
        }
        [0x89, b'P', b'N', b'G', ..] => {
            let decoder = sized(path, "png", PngDecoder::new(file))?;
            match decoder.is_apng() {
                Ok(true) => {
                    let frames = decoder.apng().map_err(|error| Error::picture(path, "png", &error))?;
                    animation(path, "png", frames.into_frames())
                }
                _ => still(path, "png", decoder),
            }
        }
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => {
            let hint = ": `i2vgen decode` makes a clip of them";
            Err(Error::Content { path: path.to_owned(), holds: "latents", asked: "pictures", hint })
        }
        _ => Err(Error::Unknown { path: path.to_owned() }),
    }
}

/// The files of a png sequence where `path` is its pattern, or else `path` itself.
pub fn frame_files(path: &Path) -> Vec<PathBuf> {
    sequence(path).map_or_else(|| vec![path.to_owned()], |sequence| files(&sequence).collect())
}

/// The first frame's file, where `path` is the pattern of a png sequence; else `path` itself.
pub fn first_file(path: &Path) -> PathBuf {
    sequence(path).map_or_else(|| path.to_owned(), |sequence| sequence.numbered(first_number(&sequence)))
}

/// Sequences begin with number 0 or 1.
fn first_number(sequence: &Target) -> usize {
    usize::from(!sequence.numbered(0).is_file())
}

/// Its files, until one is missing.
fn files(sequence: &Target) -> impl Iterator<Item = PathBuf> {
    sequence.there_from(first_number(sequence))
}

/// The sequence that a name with a frame number stands for, unless a file has this very name.
fn sequence(path: &Path) -> Option<Target> {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().contains('%')) && !path.is_file();
    named.then(|| Target::parse(path).ok()).flatten().filter(|target| target.kind() == Kind::PngSequence)
}

fn sequence_of(path: &Path, sequence: &Target) -> Result<OpenedClip> {
    let mut frames = Frames::new(path);
    let mut notes = Vec::new();
    for file in files(sequence) {
        let mut one = open(&file)?;
        if one.clip.frames.len() > 1 {
            return Err(Error::Damaged {
                path: file,
                format: "png",
                problem: "a frame of a sequence is itself an animation".to_owned(),
            });
        }
        notes.append(&mut one.notes);
        let Clip { width, height, frames: own, .. } = one.clip;
        for frame in own {
            frames.push(width, height, || frame)?;
        }
    }
    if frames.len() == 0 {
        let cause = std::io::Error::new(std::io::ErrorKind::NotFound, "no frame 0 or 1 of this sequence is there");
        return Err(Error::Read { path: path.to_owned(), cause });
    }
    notes.dedup();
    Ok(OpenedClip { clip: frames.into_clip(None)?, notes })
}

/// Reads a picture as a clip of one frame.
fn still(path: &Path, format: &'static str, decoder: impl ImageDecoder) -> Result<OpenedClip> {
    let picture = image::DynamicImage::from_decoder(decoder).map_err(|error| Error::picture(path, format, &error))?;
    let mut frames = Frames::new(path);
    let see_through = picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel[3] != u8::MAX);
    let rgb = picture.into_rgb8();
    frames.push(rgb.width(), rgb.height(), || rgb.into_raw())?;
    Ok(OpenedClip { clip: frames.into_clip(None)?, notes: see_through.then(transparency).into_iter().collect() })
}

/// A decoder of pictures that fit into the memory.
fn sized<D: ImageDecoder>(path: &Path, format: &'static str, decoder: ImageResult<D>) -> Result<D> {
    let decoder = decoder.map_err(|error| Error::picture(path, format, &error))?;
    let (width, height) = decoder.dimensions();
    // With alpha, as they are decoded.
    match u64::from(width) * u64::from(height) * 4 > MAX_BYTES as u64 {
        true => Err(Error::TooLong { path: path.to_owned(), frames: 0, width, height }),
        false => Ok(decoder),
    }
}

/// Reads the frames of an animation, each composed as a viewer shows it.
fn animation(path: &Path, format: &'static str, frames: image::Frames<'_>) -> Result<OpenedClip> {
    let fail = |error: ImageError| Error::picture(path, format, &error);
    let (mut taken, mut seconds, mut see_through) = (Frames::new(path), 0.0, false);
    for frame in frames {
        let frame: Frame = frame.map_err(fail)?;
        let (milliseconds, per) = frame.delay().numer_denom_ms();
        seconds += f64::from(milliseconds) / f64::from(per.max(1)) / 1000.0;
        let picture = frame.into_buffer();
        see_through |= picture.pixels().any(|pixel| pixel[3] != u8::MAX);
        let rgb = || picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        taken.push(picture.width(), picture.height(), rgb)?;
    }
    let fps = (seconds > 0.0).then(|| taken.len() as f64 / seconds);
    Ok(OpenedClip { clip: taken.into_clip(fps)?, notes: see_through.then(transparency).into_iter().collect() })
}

fn transparency() -> String {
    DROPPED.to_owned()
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
