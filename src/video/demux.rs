//! The H.264 track of an mp4 file: where its frames lie. Files of other programs count, too; their tables are not trusted.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::boxes;
use super::yuv::{BT601, BT709, Matrix};

/// The most frames that are read: more than any clip that fits into the memory has.
const MAX_FRAMES: usize = 1 << 20;
/// Largest coded frame, in bytes.
const MAX_SAMPLE: u64 = 1 << 28;
/// What stands before the boxes of a visual sample entry (ISO/IEC 14496-12).
const VISUAL_ENTRY: usize = 78;

/// The matrix, and whether black is 0.
type Colours = (Matrix, bool);

/// A video track.
pub(super) struct Track {
    /// Sequence and picture parameter sets, each after a start code.
    pub parameter_sets: Vec<u8>,
    /// Bytes of the length before each NAL unit, 1 to 4.
    length_bytes: usize,
    /// Place of each frame in the file, in the order in which they are decoded.
    pub samples: Vec<Range<u64>>,
    /// Frames per second, on average.
    pub fps: Option<f64>,
    /// As the file marks them.
    pub colours: Option<Colours>,
}

/// Why there is no track.
pub(super) enum Problem {
    /// Something other than H.264.
    Codec(String),
    /// The tables contradict themselves.
    Damaged(&'static str),
}

impl Track {
    /// The first video track of the content of a `moov` box.
    pub fn find(moov: &[u8]) -> Result<Self, Problem> {
        let tracks = boxes::children(moov, 0..moov.len()).filter(|(kind, _)| kind == b"trak");
        let video = tracks.filter_map(|(_, inside)| moov.get(inside)).find(|track| is_video(track));
        let track = video.ok_or(Problem::Damaged("it has no video track"))?;
        let media = inner(track, &[b"mdia"])?;
        let tables = inner(media, &[b"minf", b"stbl"])?;
        let (parameter_sets, length_bytes, colours) = description(inner(tables, &[b"stsd"])?)?;
        let samples = places(tables)?;
        let fps = rate(media, tables, samples.len());
        Ok(Self { parameter_sets, length_bytes, samples, fps, colours })
    }

    /// Reads a frame: its NAL units, each after a start code.
    pub fn read(&self, file: &mut (impl Read + Seek), sample: &Range<u64>) -> io::Result<Vec<u8>> {
        let invalid = |problem| io::Error::new(io::ErrorKind::InvalidData, problem);
        let size = sample.end.saturating_sub(sample.start);
        file.seek(SeekFrom::Start(sample.start))?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut stream, mut rest) = (Vec::with_capacity(bytes.len() + 16), bytes.as_slice());
        while !rest.is_empty() {
            let (length, tail) =
                rest.split_at_checked(self.length_bytes).ok_or_else(|| invalid("a frame is cut short"))?;
            let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
            let (unit, tail) = tail.split_at_checked(length).ok_or_else(|| invalid("a frame is cut short"))?;
            push_unit(&mut stream, unit);
            rest = tail;
        }
        Ok(stream)
    }
}

fn push_unit(stream: &mut Vec<u8>, unit: &[u8]) {
    stream.extend_from_slice(&[0, 0, 0, 1]);
    stream.extend_from_slice(unit);
}

fn inner<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Result<&'a [u8], Problem> {
    boxes::find(bytes, path).and_then(|inside| bytes.get(inside)).ok_or(Problem::Damaged("a table is missing"))
}

fn is_video(track: &[u8]) -> bool {
    inner(track, &[b"mdia", b"hdlr"]).is_ok_and(|handler| handler.get(8..12) == Some(b"vide"))
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at, 4).and_then(|number| number.try_into().ok())
}

/// Parameter sets, bytes of a length, and colours, of the first sample description.
fn description(table: &[u8]) -> Result<(Vec<u8>, usize, Option<Colours>), Problem> {
    let damaged = || Problem::Damaged("the description of its frames is cut short");
    // 4 bytes of version and flags, 4 of the number of descriptions.
    let (kind, inside) = boxes::children(table, 8..table.len()).next().ok_or_else(damaged)?;
    if !matches!(&kind, b"avc1" | b"avc3") {
        return Err(Problem::Codec(kind.map(|byte| char::from(byte).escape_default().to_string()).concat()));
    }
    let entry = table.get(inside).and_then(|entry| entry.get(VISUAL_ENTRY..)).ok_or_else(damaged)?;
    let config = inner(entry, &[b"avcC"])?;
    // The High profiles of more than 8 bits or of other colours than 4:2:0.
    if let Some(profile @ (44 | 110 | 122 | 244)) = config.get(1) {
        return Err(Problem::Codec(format!("avc1, profile {profile}")));
    }
    let length_bytes = usize::from(config.get(4).ok_or_else(damaged)? & 3) + 1;
    let (mut stream, mut at) = (Vec::new(), 5);
    // The sequence parameter sets have a count of 5 bits, the picture parameter sets one of 8.
    for mask in [0x1f, 0xff] {
        let count = config.get(at).ok_or_else(damaged)? & mask;
        at += 1;
        for _ in 0..count {
            let length = number(config, at, 2).ok_or_else(damaged)? as usize;
            push_unit(&mut stream, config.get(at + 2..at + 2 + length).ok_or_else(damaged)?);
            at += 2 + length;
        }
    }
    let colours = inner(entry, &[b"colr"]).ok().and_then(colours);
    Ok((stream, length_bytes, colours))
}

/// Matrix and range that a `colr` box of the kind `nclx` names.
fn colours(colr: &[u8]) -> Option<Colours> {
    let matrix = match (colr.get(..4)?, number(colr, 8, 2)?) {
        (b"nclx", 1) => BT709,
        (b"nclx", 5 | 6) => BT601,
        _ => return None,
    };
    Some((matrix, colr.get(10)? & 0x80 != 0))
}

/// The frames' places from their sizes, the frames of each chunk, and the chunks' places.
fn places(tables: &[u8]) -> Result<Vec<Range<u64>>, Problem> {
    let damaged = || Problem::Damaged("the table of its frames contradicts itself");
    let sizes = inner(tables, &[b"stsz"])?;
    let (same, count) = (u32_at(sizes, 4).ok_or_else(damaged)?, u32_at(sizes, 8).ok_or_else(damaged)? as usize);
    if count == 0 {
        return Err(Problem::Damaged(
            "its index has no frames; `ffmpeg -i IN -c copy OUT.mp4` makes a whole one of a fragmented file",
        ));
    }
    if count > MAX_FRAMES {
        return Err(damaged());
    }
    let size = |frame: usize| match same {
        0 => frame.checked_mul(4).and_then(|at| u32_at(sizes, at + 12)).map(u64::from),
        same => Some(u64::from(same)),
    };
    let runs = inner(tables, &[b"stsc"])?;
    let (chunks, width) = match inner(tables, &[b"stco"]) {
        Ok(chunks) => (chunks, 4),
        Err(_) => (inner(tables, &[b"co64"])?, 8),
    };
    let mut places = Vec::new();
    let (mut run, mut in_chunk) = (0usize, 0);
    for chunk in 0..u32_at(chunks, 4).ok_or_else(damaged)? as usize {
        // Runs say from which chunk on (from 1) a chunk has so many frames.
        while u32_at(runs, 8 + 12 * run).is_some_and(|first| first as usize <= chunk + 1) {
            in_chunk = u32_at(runs, 12 + 12 * run).ok_or_else(damaged)?;
            run += 1;
        }
        let mut at = number(chunks, 8 + width * chunk, width).ok_or_else(damaged)?;
        for _ in 0..in_chunk {
            if places.len() == count {
                return Ok(places);
            }
            let size = size(places.len()).filter(|size| *size <= MAX_SAMPLE).ok_or_else(damaged)?;
            let end = at.checked_add(size).ok_or_else(damaged)?;
            places.push(at..end);
            at = end;
        }
    }
    if places.len() == count { Ok(places) } else { Err(damaged()) }
}

/// Frames per second from the time scale and the frames' lengths.
fn rate(media: &[u8], tables: &[u8], frames: usize) -> Option<f64> {
    let header = inner(media, &[b"mdhd"]).ok()?;
    let ticks = if *header.first()? == 1 { u32_at(header, 20)? } else { u32_at(header, 12)? };
    let times = inner(tables, &[b"stts"]).ok()?;
    let (runs, _) = times.get(8..)?.as_chunks::<8>();
    let all: u64 = runs.iter().filter_map(|run| Some(number(run, 0, 4)?.saturating_mul(number(run, 4, 4)?))).sum();
    (all > 0).then(|| frames as f64 * f64::from(ticks) / all as f64)
}
