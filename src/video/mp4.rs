//! mp4 files: H.264 samples, the index before them, the parameters in the comment tag.

use muxide::api::{MuxerBuilder, VideoCodec};
use serde_json::Value;

use super::boxes;
use super::clip::Clip;
use super::error::{Error, Result};
use super::h264;
use super::parameters;
use super::quality::Quality;
use super::yuv;

/// Ticks per second of the video track.
const TRACK_TICKS: f64 = 90_000.0;
/// Ticks per second of the file as a whole.
const MOVIE_TICKS: f64 = 1000.0;
/// The comment tag, as iTunes and ffmpeg write it: `©cmt`.
const COMMENT: &[u8; 4] = b"\xa9cmt";

/// Encodes `clip` as a whole file.
pub(super) fn encode(clip: &Clip, quality: Quality, parameters: &Value) -> Result<Vec<u8>> {
    let fail = |problem: muxide::api::MuxerError| Error::encode("mp4", problem);
    let (width, height) = yuv::padded_size(clip.width, clip.height);
    let fps = f64::from(clip.fps);
    let mut muxer = MuxerBuilder::new(Vec::new())
        .video(VideoCodec::H264, width, height, fps)
        .with_fast_start(true)
        .build()
        .map_err(fail)?;
    for (index, sample) in h264::encode(clip, quality)?.iter().enumerate() {
        muxer.write_video(index as f64 / fps, &sample.data, sample.key).map_err(fail)?;
    }
    muxer.finish_in_place().map_err(fail)?;
    let mut file = muxer.into_writer();
    if clip.frames.len() == 1 {
        set_duration(&mut file, 1.0 / fps).ok_or_else(unexpected)?;
    }
    add_comment(&mut file, &parameters::to_comment(parameters)).ok_or_else(unexpected)?;
    Ok(file)
}

/// Finds the parameters in the content of the `moov` box.
pub(super) fn find_parameters(moov: &[u8]) -> Option<Value> {
    let content = boxes::find(moov, &[b"udta", b"meta", b"ilst", COMMENT, b"data"])?;
    // The text follows 4 bytes of type and 4 of locale.
    let text = moov.get(content)?.get(8..)?;
    parameters::from_comment(text)
}

fn unexpected() -> Error {
    Error::encode("mp4", "the index does not have the expected boxes")
}

/// Sets how long the only frame is shown: the muxer takes lengths from the frames' distances and has none here.
fn set_duration(file: &mut [u8], seconds: f64) -> Option<()> {
    let media: &[&[u8; 4]] = &[b"moov", b"trak", b"mdia", b"mdhd"];
    let times: &[&[u8; 4]] = &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"];
    // Offsets of the 32-bit durations in version 0 of the boxes (ISO/IEC 14496-12).
    let fields: [(&[&[u8; 4]], usize, f64); 4] = [
        (&[b"moov", b"mvhd"], 16, MOVIE_TICKS),
        (&[b"moov", b"trak", b"tkhd"], 20, MOVIE_TICKS),
        (media, 16, TRACK_TICKS),
        (times, 12, TRACK_TICKS),
    ];
    for (path, offset, ticks) in fields {
        let content = boxes::find(file, path)?;
        put_u32(file, content.start + offset, (seconds * ticks).round() as u32)?;
    }
    Some(())
}

/// Adds a comment tag at the end of the index and moves the frames' offset by as much.
fn add_comment(file: &mut Vec<u8>, comment: &str) -> Option<()> {
    let handler = boxes::build(b"hdlr", &[&[0; 8], b"mdirappl", &[0; 9]]);
    let utf8_any_locale = [0, 0, 0, 1, 0, 0, 0, 0];
    let data = boxes::build(b"data", &[&utf8_any_locale, comment.as_bytes()]);
    let list = boxes::build(b"ilst", &[&boxes::build(COMMENT, &[&data])]);
    let meta = boxes::build(b"meta", &[&[0; 4], &handler, &list]);
    let user_data = boxes::build(b"udta", &[&meta]);

    let moov = boxes::find(file, &[b"moov"])?;
    let offsets: &[&[u8; 4]] = &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco"];
    // Version and flags, the number of chunks, then one 32-bit offset for each.
    let chunks = boxes::find(file, offsets)?;
    let added = u32::try_from(user_data.len()).ok()?;
    for at in (chunks.start + 8..chunks.end).step_by(4) {
        let moved = get_u32(file, at)?.checked_add(added)?;
        put_u32(file, at, moved)?;
    }
    let size_at = moov.start.checked_sub(8)?;
    let size = get_u32(file, size_at)?.checked_add(added)?;
    put_u32(file, size_at, size)?;
    file.splice(moov.end..moov.end, user_data);
    Some(())
}

fn get_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(field.try_into().ok()?))
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) -> Option<()> {
    bytes.get_mut(at..at.checked_add(4)?)?.copy_from_slice(&value.to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource;

    use super::super::testing::{moving, parameters, psnr};
    use super::super::yuv::Planes;
    use super::*;

    const TABLES: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

    fn table(file: &[u8], kind: &[u8; 4]) -> Vec<u32> {
        let path = [&TABLES[..], &[kind]].concat();
        file[boxes::find(file, &path).unwrap()]
            .chunks_exact(4)
            .map(|field| u32::from_be_bytes(field.try_into().unwrap()))
            .collect()
    }

    /// Decoded planes of every frame, read through the file's own index as a player does.
    fn decode(file: &[u8]) -> Vec<Planes> {
        let mut decoder = Decoder::new().unwrap();
        let mut at = table(file, b"stco")[2] as usize;
        let mut frames = Vec::new();
        for size in &table(file, b"stsz")[3..] {
            let sample = &file[at..at + *size as usize];
            at += sample.len();
            let mut stream = Vec::new();
            let mut rest = sample;
            while let Some((length, tail)) = rest.split_first_chunk::<4>() {
                let (unit, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
                stream.extend_from_slice(&[0, 0, 0, 1]);
                stream.extend_from_slice(unit);
                rest = tail;
            }
            let picture = decoder.decode(&stream).unwrap().expect("one picture per sample");
            let (width, height) = picture.dimensions();
            let (y_stride, u_stride, v_stride) = picture.strides();
            let plane = |data: &[u8], stride: usize, width: usize, height: usize| {
                let rows = data.chunks(stride).take(height);
                rows.flat_map(|row| row[..width].to_vec()).collect()
            };
            frames.push(Planes {
                width,
                height,
                y: plane(picture.y(), y_stride, width, height),
                u: plane(picture.u(), u_stride, width / 2, height / 2),
                v: plane(picture.v(), v_stride, width / 2, height / 2),
            });
        }
        frames
    }

    #[test]
    fn decoded_frames_are_close_to_the_originals() {
        for (width, height) in [(80, 56), (16, 16), (96, 64), (35, 21), (8, 8)] {
            let clip = moving(width, height, 5, 8.0);
            let file = encode(&clip, Quality::default(), &parameters()).unwrap();
            let frames = decode(&file);
            assert_eq!(frames.len(), 5);
            let matrix = yuv::Matrix::for_size(width, height);
            for (original, decoded) in clip.frames.iter().zip(&frames) {
                let planes = yuv::planes(&clip, original, matrix);
                assert_eq!((decoded.width, decoded.height), (planes.width, planes.height));
                for (expected, found) in [(&planes.y, &decoded.y), (&planes.u, &decoded.u), (&planes.v, &decoded.v)] {
                    let found = psnr(expected, found);
                    assert!(found >= 42.0, "{width}×{height}: {found} dB");
                }
            }
        }
    }

    #[test]
    fn quality_is_paid_in_bytes() {
        let clip = moving(96, 64, 4, 8.0);
        let matrix = yuv::Matrix::for_size(96, 64);
        let found: Vec<(usize, f64)> = [1, 40, 90, 100]
            .map(|percent| {
                let file = encode(&clip, Quality::new(percent).unwrap(), &parameters()).unwrap();
                let frames = decode(&file);
                let planes = clip.frames.iter().map(|frame| yuv::planes(&clip, frame, matrix));
                let of_frames = planes.zip(&frames).map(|(expected, found)| psnr(&expected.y, &found.y));
                (file.len(), of_frames.fold(f64::INFINITY, f64::min))
            })
            .into();
        let grows = |pair: &[(usize, f64)]| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1;
        assert!(found.windows(2).all(grows), "{found:?}");
    }

    #[test]
    fn the_index_comes_first_and_counts_right() {
        for (frames, fps, ticks) in [(1, 8.0, 11_250), (4, 12.5, 28_800), (30, 29.97, 90_090)] {
            let file = encode(&moving(16, 16, frames, fps), Quality::default(), &parameters()).unwrap();
            let moov = boxes::find(&file, &[b"moov"]).unwrap();
            let mdat = boxes::find(&file, &[b"mdat"]).unwrap();
            assert!(moov.end < mdat.start);
            assert_eq!(mdat.end, file.len());
            assert_eq!(table(&file, b"stco")[2] as usize, mdat.start);
            assert_eq!(table(&file, b"stss")[2], 1, "the first frame is a key frame");
            let times = &table(&file, b"stts")[2..];
            let sum: u32 = times.chunks(2).map(|entry| entry[0] * entry[1]).sum();
            assert!(sum.abs_diff(ticks) <= 1, "{fps} fps: {sum}");
        }
    }

    #[test]
    fn a_size_beyond_the_codec_is_refused() {
        let clip = Clip { width: 4096, height: 16, fps: 8.0, frames: vec![vec![0; 4096 * 16 * 3]] };
        let message = encode(&clip, Quality::default(), &parameters()).unwrap_err().to_string();
        assert!(message.contains("4096×16"), "{message}");
    }
}
