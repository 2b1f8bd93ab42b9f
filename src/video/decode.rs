//! H.264 video back to frames.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::boxes;
use super::clip::Clip;
use super::demux::{Problem, Track};
use super::error::{Error, Result};
use super::frames::Frames;
use super::yuv::{Matrix, Planes, to_rgb};

/// Reads all frames of the H.264 track of an mp4 file.
pub(super) fn read(path: &Path, file: &mut BufReader<File>) -> Result<Clip> {
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), format: "mp4", problem };
    let io = |cause: std::io::Error| Error::damaged(path, "mp4", &cause);
    let moov = boxes::read_top_level(file, b"moov").map_err(io)?;
    let track = Track::find(&moov.ok_or_else(|| damaged("it ends before its index".to_owned()))?);
    let track = track.map_err(|problem| match problem {
        Problem::Codec(found) => Error::Codec { path: path.to_owned(), found },
        Problem::Damaged(problem) => damaged(problem.to_owned()),
    })?;

    // Frames may come out in another order than they go in: nothing is forced out before the end.
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let refused = |number: usize| {
        move |problem: openh264::Error| {
            let problem = problem.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            damaged(format!("frame {number} cannot be decoded: {problem}"))
        }
    };
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), config).map_err(refused(0))?;
    decoder.decode(&track.parameter_sets).map_err(refused(0))?;
    let mut frames = Frames::new(path);
    let mut take = |decoded: &DecodedYUV<'_>| {
        let planes = planes(decoded).ok_or_else(|| damaged("a frame has no whole planes".to_owned()))?;
        let (width, height) = (planes.width as u32, planes.height as u32);
        let (matrix, full) = track.colours.unwrap_or((Matrix::for_size(width, height), false));
        frames.push(width, height, || to_rgb(&planes, matrix, full))
    };
    file.rewind().map_err(io)?;
    for (sample, number) in track.samples.iter().zip(1..) {
        let bytes = track.read(file, sample).map_err(io)?;
        if let Some(decoded) = decoder.decode(&bytes).map_err(refused(number))? {
            take(&decoded)?;
        }
    }
    for decoded in &decoder.flush_remaining().map_err(refused(track.samples.len()))? {
        take(decoded)?;
    }
    let (found, expected) = (frames.len(), track.samples.len());
    if found != expected {
        return Err(damaged(format!("{found} of its {expected} frames can be decoded")));
    }
    frames.into_clip(track.fps)
}

/// The planes without the rows' padding.
fn planes(decoded: &DecodedYUV<'_>) -> Option<Planes> {
    // Chroma has half the size: an odd last row or column is left out.
    let (width, height) = (decoded.dimensions().0 / 2 * 2, decoded.dimensions().1 / 2 * 2);
    let strides = decoded.strides();
    let plane = |data: &[u8], stride: usize, width: usize, height: usize| {
        let rows: Vec<&[u8]> =
            data.chunks(stride.max(1)).take(height).map(|row| row.get(..width)).collect::<Option<_>>()?;
        (rows.len() == height).then(|| rows.concat())
    };
    Some(Planes {
        width,
        height,
        y: plane(decoded.y(), strides.0, width, height)?,
        u: plane(decoded.u(), strides.1, width / 2, height / 2)?,
        v: plane(decoded.v(), strides.2, width / 2, height / 2)?,
    })
}
