use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::super::testing::{moving, parameters, psnr};
use super::super::write;
use super::*;

/// Writes `clip` under `name` in a folder and reads it again.
fn there_and_back(clip: &Clip, name: &str) -> OpenedClip {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join(name);
    write(&Target::parse(&path).unwrap(), clip, None, &parameters()).unwrap();
    open(&path).unwrap()
}

#[test]
fn every_format_gives_the_clip_back() {
    // Decibels that the format keeps.
    for (name, least) in [("a.mp4", 36.0), ("a.gif", 29.0), ("a.webp", 31.0), ("a-%03d.png", 99.0)] {
        for (width, height, frames) in [(80, 56, 5), (96, 64, 1)] {
            let clip = moving(width, height, frames, 8.0);
            let OpenedClip { clip: read, notes } = there_and_back(&clip, name);
            assert_eq!((read.width, read.height, read.frames.len()), (width, height, frames), "{name}");
            assert!((read.fps - 8.0).abs() < 0.5, "{name}: {}", read.fps);
            for (own, read) in clip.frames.iter().zip(&read.frames) {
                assert!(own == read || psnr(own, read) > least, "{name}: {} dB", psnr(own, read));
            }
            assert_eq!(notes.len(), usize::from(name == "a.gif"), "{notes:?}");
        }
    }
    assert_eq!(there_and_back(&moving(48, 48, 4, 12.5), "a.mp4").clip.fps, 12.5);
}

/// Ten frames of 96×64 pixels by x264, B-frames among them: a red square at column 4 + 6 t. They come out in the order in
/// which they are seen, not in that in which they are coded.
#[test]
fn frames_of_another_encoder_come_in_their_order() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clips/b-frames.mp4");
    let clip = open(&path).unwrap().clip;
    assert_eq!((clip.width, clip.height, clip.frames.len(), clip.fps), (96, 64, 10, 12.5));
    for (t, frame) in clip.frames.iter().enumerate() {
        let row = &frame[32 * 96 * 3..][..96 * 3];
        let red: Vec<usize> = row.chunks(3).enumerate().filter(|(_, p)| p[0] > 180).map(|(x, _)| x).collect();
        assert!(red.len().abs_diff(16) <= 1 && red[0].abs_diff(4 + 6 * t) <= 1, "frame {t}: {red:?}");
        let inside = &row[(10 + 6 * t) * 3..][..3];
        assert!(inside.iter().zip([230u8, 40, 40]).all(|(a, b)| a.abs_diff(b) < 8), "frame {t}: {inside:?}");
    }
}

#[test]
fn animations_and_pictures_of_other_programs() {
    let room = tempfile::tempdir().unwrap();
    let clip = moving(24, 16, 3, 8.0);
    // An animated png with a rate of its own.
    let path = room.path().join("a.png");
    let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 24, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(3, 0).unwrap();
    encoder.set_frame_delay(1, 5).unwrap();
    let mut writer = encoder.write_header().unwrap();
    clip.frames.iter().for_each(|frame| writer.write_image_data(frame).unwrap());
    writer.finish().unwrap();
    let read = open(&path).unwrap().clip;
    assert!(read.frames == clip.frames && read.fps == 5.0, "{}", read.fps);
    // A transparent picture, also under a name that looks like a sequence's.
    let path = room.path().join("50%d.png");
    image::RgbaImage::from_pixel(9, 8, image::Rgba([1, 2, 3, 100])).save(&path).unwrap();
    let read = open(&path).unwrap();
    assert_eq!(read.clip.frames, [[1, 2, 3].repeat(72)]);
    assert!(read.notes[0].contains("transparency"));
    image::RgbImage::new(9, 8).save_with_format(room.path().join("b.webp"), image::ImageFormat::WebP).unwrap();
    assert_eq!(open(&room.path().join("b.webp")).unwrap().clip.frames.len(), 1);
    // From 0 on, up to a gap.
    for number in [0, 1, 2, 4] {
        image::RgbImage::from_pixel(8, 8, image::Rgb([number; 3]))
            .save(room.path().join(format!("s{number}.png")))
            .unwrap();
    }
    assert_eq!(open(&room.path().join("s%d.png")).unwrap().clip.frames, [0u8, 1, 2].map(|n| vec![n; 192]));
}

#[test]
fn what_is_no_clip_is_told() {
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    let told = |name: &str, bytes: &[u8]| {
        fs::write(path(name), bytes).unwrap();
        open(&path(name)).unwrap_err().to_string()
    };
    let clip = moving(32, 32, 6, 8.0);
    let file = |name: &str| {
        write(&Target::parse(&path(name)).unwrap(), &clip, None, &Value::Null).unwrap();
        fs::read(path(name)).unwrap()
    };
    let [mp4, gif, webp] = ["a.mp4", "a.gif", "a.webp"].map(file);
    let replaced = |from: &[u8], to: &[u8]| {
        let at = mp4.windows(from.len()).position(|window| window == from).unwrap();
        [&mp4[..at], to, &mp4[at + from.len()..]].concat()
    };
    for (bytes, word) in [
        (&b""[..], "not an mp4"),
        (b"hello, world, no video", "not an mp4"),
        (&mp4[..mp4.len() - 40], "ends early"),
        (&mp4[..200], "longer than the file"),
        (&b"\0\0\0\x08ftyp"[..], "before its index"),
        (&replaced(b"vide", b"soun"), "no video track"),
        (&replaced(b"stsz", b"free"), "a table is missing"),
        (&gif[..gif.len() / 2], "damaged gif file"),
        (&webp[..webp.len() / 2], "damaged webp file"),
        (b"\x89PNG\r\n\x1a\n", "damaged png file"),
        (b"\x09\0\0\0\0\0\0\0{}", "holds latents"),
    ] {
        let message = told("broken", bytes);
        assert!(message.contains(word) && message.contains("broken") && !message.contains('\n'), "{message}");
    }
    // A canvas of 65535 × 65535 pixels is refused before it is made.
    let huge = [&gif[..6], &[0xff; 4], &gif[10..]].concat();
    assert!(told("huge", &huge).contains("65535×65535"));
    let last = mp4.windows(4).rposition(|window| window == b"avc1").unwrap();
    let other = [&mp4[..last], b"hvc1", &mp4[last + 4..]].concat();
    assert!(told("other", &other).contains("'hvc1'"));
    // The profile of 4:4:4, which the decoder does not know.
    let profile = mp4.windows(4).position(|kind| kind == b"avcC").unwrap() + 5;
    let other = [&mp4[..profile], &[244], &mp4[profile + 1..]].concat();
    assert!(told("colours", &other).contains("'avc1, profile 244'"));
    assert!(matches!(open(&path("absent.mp4")), Err(Error::Read { .. })));
    assert!(open(&path("absent-%02d.png")).unwrap_err().to_string().contains("no frame 0 or 1"));
    for (number, side) in [(1, 8), (2, 9)] {
        image::RgbImage::new(side, 8).save(path(&format!("s{number}.png"))).unwrap();
    }
    assert!(open(&path("s%d.png")).unwrap_err().to_string().contains("frame 2 has 9×8 pixels"));
}

/// No byte of the index makes the reader stumble: a file is read or refused.
#[test]
fn a_damaged_index_is_no_trap() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a.mp4");
    write(&Target::parse(&path).unwrap(), &moving(16, 16, 3, 8.0), None, &Value::Null).unwrap();
    let whole = fs::read(&path).unwrap();
    let index = whole.windows(4).position(|window| window == b"mdat").unwrap();
    for at in (0..index).step_by(5) {
        for value in [0, 0x7f, 0xff] {
            let mut broken = whole.clone();
            broken[at] = value;
            fs::write(&path, &broken).unwrap();
            if let Err(error) = open(&path) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}
