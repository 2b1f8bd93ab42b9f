//! A picture file to 8-bit RGB, as diffusers' `load_image` does it with Pillow.

use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{
    AnimationDecoder, DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage,
};

use super::convert::{alpha8, to_rgb8};
use super::{Error, MAX_PIXELS, Picture, Result, check_size, jpeg};

/// The largest file that is read: every accepted picture fits uncompressed, at 16 bits and with alpha.
const MAX_FILE_BYTES: u64 = MAX_PIXELS * 8 + (1 << 20);

/// A picture from a file, and what had to be done to it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The picture: upright, 8-bit RGB.
    pub picture: Picture,
    /// Its alpha channel `[height, width]`, upright; `None` without one, or if nothing is transparent.
    pub alpha: Option<Vec<u8>>,
    /// One clause for each thing that was changed or left out; empty for an upright 8-bit picture. What becomes of its
    /// transparency is told by [`Opened::transparency`].
    pub notes: Vec<String>,
}

impl Picture {
    /// Reads a PNG, JPEG, WebP, BMP, GIF or TIFF file; its first bytes say which it is.
    ///
    /// As diffusers' `load_image`: turned as the EXIF orientation says, and made RGB as Pillow's `convert("RGB")` does:
    /// palettes expanded, grey replicated, alpha dropped (not blended; [`Opened::over`] does that), 16-bit samples cut to their high byte. 16-bit
    /// grey is cut in the same way (Pillow saturates it, which turns nearly all of a picture white). Colour profiles are
    /// not applied. Of an animation the first frame is taken. Lossless files give Pillow's samples; JPEG decoders differ
    /// from each other by a few levels.
    ///
    /// # Errors
    /// One line each for a path that cannot be read, a file that is no whole picture, samples that are neither 8 nor 16
    /// bits wide, and a size outside of [`super::MIN_SIDE`] and [`MAX_PIXELS`]. The size is checked before the pixels are
    /// allocated.
    pub fn open(path: &Path) -> Result<Opened> {
        recognise(&read(path)?, path)
    }

    /// Reads such a file from a pipe until it ends; `name` is what messages call it.
    ///
    /// # Errors
    /// Those of [`Picture::open`], and [`Error::Read`] if the pipe breaks.
    pub fn read(source: impl Read, name: &Path) -> Result<Opened> {
        let mut file = Vec::new();
        let read = source.take(MAX_FILE_BYTES + 1).read_to_end(&mut file);
        read.map_err(|source| Error::Read { path: name.to_owned(), source })?;
        if file.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::FileTooLarge { path: name.to_owned(), bytes: file.len() as u64, limit: MAX_FILE_BYTES });
        }
        recognise(&file, name)
    }
}

/// The picture in the bytes of a file called `path`, whichever format they have.
fn recognise(file: &[u8], path: &Path) -> Result<Opened> {
    if file.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    if let Some(format) = unread(file) {
        return Err(Error::Convert { path: path.to_owned(), format });
    }
    let format = image::guess_format(file).map_err(|_| Error::NotAPicture { path: path.to_owned() })?;
    decode(file, format, path)
}

/// The bytes of the file at `path`.
fn read(path: &Path) -> Result<Vec<u8>> {
    let fail = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    };
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(Error::FileTooLarge { path: path.to_owned(), bytes: metadata.len(), limit: MAX_FILE_BYTES });
    }
    std::fs::read(path).map_err(fail)
}

/// The picture in `file`, its alpha channel, and the notes on it.
fn decode(file: &[u8], format: ImageFormat, path: &Path) -> Result<Opened> {
    let Some(name) = format_name(format) else {
        return Err(Error::NotAPicture { path: path.to_owned() });
    };
    let corrupt = |detail: String| Error::Decode {
        path: path.to_owned(),
        format: name,
        // A decoder's message may have several lines.
        detail: detail.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let refuse = |error: ImageError| match error {
        ImageError::Limits(_) => Error::Memory { path: path.to_owned() },
        error => corrupt(error.to_string()),
    };

    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(2 * MAX_FILE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refuse)?;
    let (width, height) = decoder.dimensions();
    check_size(&format!("picture {}", path.display()), width, height)?;
    if format == ImageFormat::Jpeg && !jpeg::is_whole(file) {
        return Err(corrupt("it has no end-of-image marker".to_owned()));
    }
    // A damaged orientation is no reason to refuse a picture; Pillow ignores it, too.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let color = decoder.color_type();
    let mut samples = zeros(decoder.total_bytes()).ok_or_else(|| Error::Memory { path: path.to_owned() })?;
    decoder.read_image(&mut samples).map_err(refuse)?;

    let mut notes = Vec::new();
    if is_animated(file, format) {
        notes.push("only the first frame of the animation is used".to_owned());
    }
    let alpha = alpha8(&samples, color);
    let pixels = to_rgb8(samples, color, &mut notes)
        .ok_or_else(|| Error::Samples { path: path.to_owned(), found: format!("{color:?}") })?;
    let picture = Picture::from_rgb8(width, height, pixels)?;
    if orientation == Orientation::NoTransforms {
        return Ok(Opened { picture, alpha, notes });
    }
    notes.push(format!("turned upright as its EXIF orientation {} says", orientation.to_exif()));
    let alpha = alpha.map(|alpha| turn_alpha(alpha, (width, height), orientation));
    Ok(Opened { picture: turn(picture, orientation)?, alpha, notes })
}

/// A buffer of `length` zeros, or `None` if there is no memory for it.
fn zeros(length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).ok()?;
    buffer.resize(length, 0);
    Some(buffer)
}

/// The formats that are read, by the name a user knows.
fn format_name(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Png => Some("PNG"),
        ImageFormat::Jpeg => Some("JPEG"),
        ImageFormat::WebP => Some("WebP"),
        ImageFormat::Bmp => Some("BMP"),
        ImageFormat::Gif => Some("GIF"),
        ImageFormat::Tiff => Some("TIFF"),
        _ => None,
    }
}

/// The format of a file that cameras and browsers make and this program does not read.
fn unread(file: &[u8]) -> Option<&'static str> {
    // ISO/IEC 14496-12: a length, the box's name, then the brand.
    let [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] = file else { return None };
    match brand.get(..4)? {
        b"avif" | b"avis" => Some("AVIF"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1" => Some("HEIC"),
        _ => None,
    }
}

/// Whether a file that can be decoded has more than one frame.
fn is_animated(file: &[u8], format: ImageFormat) -> bool {
    let file = Cursor::new(file);
    match format {
        ImageFormat::Png => PngDecoder::new(file).is_ok_and(|d| d.is_apng().unwrap_or(false)),
        ImageFormat::WebP => WebPDecoder::new(file).is_ok_and(|d| d.has_animation()),
        ImageFormat::Gif => GifDecoder::new(file).is_ok_and(|d| matches!(d.into_frames().nth(1), Some(Ok(_)))),
        _ => false,
    }
}

/// `picture` turned and mirrored by `orientation`.
fn turn(picture: Picture, orientation: Orientation) -> Result<Picture> {
    let (width, height) = (picture.width, picture.height);
    let upright = RgbImage::from_raw(width, height, picture.into_pixels()).map(|rgb| {
        let mut image = DynamicImage::ImageRgb8(rgb);
        image.apply_orientation(orientation);
        image
    });
    let (width, height, pixels) =
        upright.map_or((0, 0, Vec::new()), |image| (image.width(), image.height(), image.into_bytes()));
    Picture::from_rgb8(width, height, pixels)
}

/// An alpha channel of `width` × `height` turned as [`turn`] does.
fn turn_alpha(alpha: Vec<u8>, (width, height): (u32, u32), orientation: Orientation) -> Vec<u8> {
    GrayImage::from_raw(width, height, alpha).map_or(Vec::new(), |alpha| {
        let mut image = DynamicImage::ImageLuma8(alpha);
        image.apply_orientation(orientation);
        image.into_bytes()
    })
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
