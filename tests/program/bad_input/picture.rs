//! Pictures that are none, too large, or of a rare kind.

use image::{DynamicImage, ImageEncoder, Luma, Rgba, codecs::jpeg::JpegEncoder};
use serde_json::json;

use super::refuses_to_generate;
use crate::room::{Room, parameters, photo};

#[test]
fn a_picture_that_is_none() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("nothing.png", "");
    room.write("phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    room.write("web.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf");
    let half = room.read("photo.png");
    room.write("half.png", &half[..half.len() / 2]);
    photo(1, 1).save(room.path("dot.png")).unwrap();
    for (picture, words) in [
        ("absent.png", &["absent.png", "does not exist"][..]),
        ("out", &["out", "not a regular file"]),
        ("letter.png", &["letter.png", "not a picture", "PNG, JPEG"]),
        ("nothing.png", &["nothing.png", "is empty"]),
        ("phone.jpg", &["phone.jpg", "HEIC", "convert it to PNG or JPEG"]),
        ("web.avif", &["web.avif", "AVIF", "convert it"]),
        ("half.png", &["half.png", "PNG"]),
        ("dot.png", &["dot.png", "1x1", "at least 8"]),
        ("model/model_index.json", &["model_index.json", "not a picture"]),
    ] {
        refuses_to_generate(&room, picture, &[], words);
    }
}

#[test]
fn a_picture_beyond_the_limit() {
    let room = Room::new();
    // A PNG that claims to be 20,000 x 20,000 and holds nothing: nothing must be allocated for it.
    let mut encoded = room.read("photo.png");
    encoded[16..24].copy_from_slice(&[20_000u32.to_be_bytes(), 20_000u32.to_be_bytes()].concat());
    let checksum = crc32(&encoded[12..29]);
    encoded[29..33].copy_from_slice(&checksum.to_be_bytes());
    room.write("huge.png", encoded);
    refuses_to_generate(&room, "huge.png", &[], &["huge.png", "20000x20000", "268435456"]);
}

/// CRC-32 of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
}

#[test]
fn a_picture_20000_pixels_wide() {
    let room = Room::new();
    photo(20_000, 40).save(room.path("wide.png")).unwrap();
    room.generate("wide.png", &[]).ok();
    assert_eq!(parameters(&room, "out/clip.mp4")["picture"]["width"], 20_000);
}

#[test]
fn a_picture_with_alpha() {
    let room = Room::new();
    let opaque = photo(40, 30);
    let mut clear = DynamicImage::from(opaque.clone()).into_rgba8();
    clear.pixels_mut().for_each(|Rgba([.., alpha])| *alpha = 7);
    clear.save(room.path("clear.png")).unwrap();
    opaque.save(room.path("opaque.png")).unwrap();
    let ran = room.generate("clear.png", &["-o", "out/clear-%d.png"]).ok();
    assert!(ran.stderr.contains("note: clear.png: ") && ran.stderr.contains("transparency"), "{}", ran.stderr);
    // The colours are those of the picture, whatever the alpha; but over a background it would be another picture.
    room.generate("opaque.png", &["-o", "out/opaque-%d.png"]).ok();
    let frame = |name: &str| image::open(room.path(name)).unwrap().into_rgb8();
    assert!(frame("out/clear-1.png") == frame("out/opaque-1.png"));
    let fingerprint = |clip| parameters(&room, clip)["picture"]["fingerprint"].clone();
    assert_ne!(fingerprint("out/clear-1.png"), fingerprint("out/opaque-1.png"));
}

#[test]
fn a_picture_with_16_bits() {
    let room = Room::new();
    DynamicImage::from(photo(40, 30)).into_rgb16().save(room.path("deep.png")).unwrap();
    let ran = room.generate("deep.png", &[]).ok();
    assert!(ran.stderr.contains("note: deep.png: ") && ran.stderr.contains("16"), "{}", ran.stderr);
}

#[test]
fn a_picture_with_a_palette() {
    let room = Room::new();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(vec![200, 30, 20, 10, 90, 240]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0x01; 128]).unwrap();
    writer.finish().unwrap();
    room.write("palette.png", bytes);
    room.generate("palette.png", &[]).ok();
    let same = image::RgbImage::from_fn(16, 16, |x, _| image::Rgb([[200, 30, 20], [10, 90, 240]][x as usize % 2]));
    same.save(room.path("colours.png")).unwrap();
    room.generate("colours.png", &["-o", "out/colours.mp4"]).ok();
    let fingerprint = |clip| parameters(&room, clip)["picture"]["fingerprint"].clone();
    assert_eq!(fingerprint("out/clip.mp4"), fingerprint("out/colours.mp4"));
}

#[test]
fn a_grey_picture_that_was_taken_upright() {
    let room = Room::new();
    // Little-endian TIFF header, one entry: tag 0x112 (orientation), type 3 (short), one value, 6: turn right.
    let orientation = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(orientation.to_vec()).unwrap();
    encoder.encode_image(&image::ImageBuffer::from_fn(48, 32, |x, _| Luma([x as u8 * 5]))).unwrap();
    room.write("upright.jpg", bytes);
    let ran = room.generate("upright.jpg", &[]).ok();
    assert!(ran.stderr.contains("EXIF orientation 6"), "{}", ran.stderr);
    let picture = &parameters(&room, "out/clip.mp4")["picture"];
    assert_eq!((&picture["width"], &picture["height"]), (&json!(32), &json!(48)));
}
