//! Files of every kind, written by the `image` crate or by hand, and what becomes of them.

use std::path::PathBuf;

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageEncoder, Luma, Rgb, RgbaImage};

use super::super::test_noise::noise;
use super::*;

/// A file in a folder of its own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("i2vgen-picture-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn open(&self) -> Result<Opened> {
        Picture::open(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn rgb(width: u32, height: u32) -> DynamicImage {
    let pixels = noise(width, height).into_pixels();
    DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels).unwrap())
}

/// The message of a file that must be refused: one line that names it.
fn refusal(name: &str, bytes: &[u8]) -> String {
    let file = Scratch::new(name, bytes);
    let message = file.open().unwrap_err().to_string();
    assert!(message.contains(name), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn lossless_formats_give_the_samples_and_no_note() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
        // A wrong extension does not matter.
        let opened = Scratch::new("photo.jpg", &encoded(&rgb(21, 13), format)).open();
        let opened = opened.unwrap();
        assert_eq!(opened.picture, noise(21, 13), "{format:?}");
        assert!(opened.notes.is_empty(), "{:?}", opened.notes);
    }
}

#[test]
fn grey_alpha_and_sixteen_bits_become_rgb_with_notes() {
    let open = |image: DynamicImage| {
        let file = Scratch::new("photo.png", &encoded(&image, ImageFormat::Png));
        let opened = file.open().unwrap();
        let notes: Vec<String> = opened.transparency().into_iter().chain(opened.notes).collect();
        (opened.picture.pixels()[..3].to_vec(), notes.join("; "))
    };
    let grey = GrayImage::from_pixel(9, 8, Luma([77]));
    assert_eq!(open(grey.into()), (vec![77; 3], String::new()));
    let (pixel, notes) = open(RgbaImage::from_pixel(9, 8, image::Rgba([1, 2, 3, 0])).into());
    assert_eq!(pixel, [1, 2, 3]);
    assert!(notes.contains("transparency"), "{notes}");
    let (pixel, notes) = open(GrayAlphaImage::from_pixel(9, 8, image::LumaA([5, 9])).into());
    assert_eq!(pixel, [5; 3]);
    assert!(notes.contains("transparency"), "{notes}");
    let wide = ImageBuffer::from_pixel(9, 8, Rgb([0x00ff_u16, 0x7fff, 0xff80]));
    let (pixel, notes) = open(DynamicImage::ImageRgb16(wide));
    assert_eq!(pixel, [0, 127, 255]);
    assert!(notes.contains("16-bit"), "{notes}");
    let (pixel, notes) = open(DynamicImage::ImageLuma16(ImageBuffer::from_pixel(9, 8, Luma([0x1234]))));
    assert_eq!(pixel, [0x12; 3]);
    assert!(notes.contains("16-bit"), "{notes}");
}

#[test]
fn a_palette_is_expanded_and_a_film_gives_its_first_frame() {
    let red = RgbaImage::from_pixel(9, 8, image::Rgba([200, 10, 30, 255]));
    let green = RgbaImage::from_pixel(9, 8, image::Rgba([0, 255, 0, 255]));
    let gif = |frames: &[&RgbaImage]| {
        let mut file = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut file);
        let frames = frames.iter().map(|&frame| image::Frame::new(frame.clone()));
        encoder.encode_frames(frames).unwrap();
        drop(encoder);
        Scratch::new("photo.gif", &file).open().unwrap()
    };
    let still = gif(&[&red]);
    assert_eq!(still.picture.pixels()[..3], [200, 10, 30]);
    assert!(still.notes.is_empty(), "{:?}", still.notes);
    let film = gif(&[&red, &green]);
    assert_eq!(film.picture.pixels()[..3], [200, 10, 30]);
    assert!(film.notes[0].contains("first frame"), "{:?}", film.notes);
}

#[test]
fn exif_orientation_is_applied() {
    // A little-endian TIFF header and one entry: tag 0x112 (orientation), one SHORT, 6: turn right by 90 degrees.
    let exif = [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
    let source = noise(12, 8);
    let mut file = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    let color = image::ExtendedColorType::Rgb8;
    encoder.write_image(source.pixels(), 12, 8, color).unwrap();
    let opened = Scratch::new("photo.png", &file).open().unwrap();
    assert_eq!((opened.picture.width(), opened.picture.height()), (8, 12));
    // The lower left corner comes to the upper left.
    assert_eq!(opened.picture.pixels()[..3], source.pixels()[7 * 36..][..3]);
    assert!(opened.notes[0].contains("orientation 6"), "{:?}", opened.notes);
}

#[test]
fn a_jpeg_opens_and_a_cut_one_does_not() {
    let flat = RgbImage::from_pixel(40, 24, Rgb([180, 90, 40]));
    let file = encoded(&flat.into(), ImageFormat::Jpeg);
    let opened = Scratch::new("photo.jpg", &file).open().unwrap();
    for (&found, expected) in opened.picture.pixels().iter().zip([180_u8, 90, 40].into_iter().cycle()) {
        assert!(found.abs_diff(expected) <= 3, "{found} for {expected}");
    }
    let noisy = encoded(&rgb(40, 24), ImageFormat::Jpeg);
    for part in [2, noisy.len() / 4, noisy.len() / 2, noisy.len() - 2] {
        let message = refusal("photo.jpg", &noisy[..part]);
        assert!(message.contains("cut short") || message.contains("known format"), "{message}");
    }
}

#[test]
fn damaged_files_are_refused() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
        let file = encoded(&rgb(40, 24), format);
        for part in [file.len() / 8, file.len() / 2, file.len() * 9 / 10] {
            let message = refusal("photo.dat", &file[..part]);
            assert!(message.contains("corrupt"), "{format:?} cut to {part}: {message}");
        }
    }
    let mut file = encoded(&rgb(40, 24), ImageFormat::Png);
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    assert!(refusal("photo.png", &file).contains("corrupt"));
}

#[test]
fn what_is_no_picture_is_refused() {
    assert!(refusal("empty.png", b"").contains("is empty"));
    assert!(refusal("notes.png", b"This is a text.").contains("not a picture"));
    let photo = refusal("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    assert!(photo.contains("photo.heic is HEIC") && photo.contains("convert it"), "{photo}");
    let missing = Picture::open(Path::new("no-such-picture.png")).unwrap_err();
    assert!(missing.to_string().contains("no-such-picture.png does not exist"));
    let folder = Picture::open(&std::env::temp_dir()).unwrap_err();
    assert!(folder.to_string().contains("not a regular file"));
}

#[test]
fn a_pipe_is_read_like_a_file() {
    let file = encoded(&rgb(21, 13), ImageFormat::Png);
    let name = Path::new("the pipe");
    assert_eq!(Picture::read(file.as_slice(), name).unwrap().picture, noise(21, 13));
    for (bytes, word) in
        [(&b""[..], "the pipe is empty"), (&b"text"[..], "the pipe is not a picture"), (&file[..60], "corrupt")]
    {
        let message = Picture::read(bytes, name).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn small_pictures_are_refused_and_wide_ones_are_not() {
    for (width, height) in [(1, 1), (300, 7)] {
        let message = refusal("photo.png", &encoded(&rgb(width, height), ImageFormat::Png));
        assert!(message.contains(&format!("{width}x{height}")), "{message}");
        assert!(message.contains("at least 8"), "{message}");
    }
    let wide = DynamicImage::ImageLuma8(GrayImage::new(20_000, 1_000));
    let opened = Scratch::new("wide.png", &encoded(&wide, ImageFormat::Png)).open();
    assert_eq!(opened.unwrap().picture.width(), 20_000);
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    // A GIF screen of 65535 x 65535 with one frame that ends at once.
    let mut bomb = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    bomb.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;");
    let message = refusal("bomb.gif", &bomb);
    assert!(message.contains("65535x65535"), "{message}");
    assert!(message.contains("the limit is 268435456 pixels"), "{message}");
}

#[test]
fn the_alpha_channel_is_kept_beside_the_picture() {
    let image = image::RgbaImage::from_fn(9, 8, |x, y| image::Rgba([x as u8, y as u8, 0, if x < 3 { 0 } else { 255 }]));
    let file = Scratch::new("alpha.png", &encoded(&DynamicImage::ImageRgba8(image), ImageFormat::Png));
    let alpha = file.open().unwrap().alpha.unwrap();
    assert_eq!(alpha.len(), 72);
    assert_eq!(alpha[..4], [0, 0, 0, 255]);
    let file = Scratch::new("opaque.png", &encoded(&rgb(9, 8), ImageFormat::Png));
    assert!(file.open().unwrap().alpha.is_none());
}
