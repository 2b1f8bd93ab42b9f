//! One frame as a png file, the parameters in an `iTXt` chunk before the pixels.

use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Compression, Decoder, DecodingError, Encoder, EncodingError};
use serde_json::Value;

use super::error::{Error, Result};
use super::parameters::{self, KEY};

/// Encodes one frame `[height, width, 3]` as a whole file.
pub(super) fn encode(width: u32, height: u32, frame: &[u8], parameters: &Value) -> Result<Vec<u8>> {
    let fail = |problem: EncodingError| Error::encode("png", problem);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.add_itxt_chunk(KEY.to_owned(), parameters.to_string()).map_err(fail)?;
    let mut writer = encoder.write_header().map_err(fail)?;
    writer.write_image_data(frame).map_err(fail)?;
    writer.finish().map_err(fail)?;
    Ok(file)
}

/// Finds the parameters among the texts before the pixels of a png file.
pub(super) fn read_parameters(file: impl BufRead + Seek) -> std::result::Result<Option<Value>, DecodingError> {
    let reader = Decoder::new(file).read_info()?;
    let texts = &reader.info().utf8_text;
    let Some(chunk) = texts.iter().find(|chunk| chunk.keyword == KEY) else {
        return Ok(None);
    };
    Ok(parameters::from_json(chunk.get_text()?.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::{moving, parameters};
    use super::*;

    #[test]
    fn a_png_decodes_to_the_very_frame() {
        let clip = moving(35, 21, 1, 8.0);
        let file = encode(35, 21, &clip.frames[0], &parameters()).unwrap();
        let decoded = image::load_from_memory(&file).unwrap().into_rgb8();
        assert_eq!(decoded.dimensions(), (35, 21));
        assert_eq!(decoded.as_raw(), &clip.frames[0]);
        for end in 0..60 {
            assert!(read_parameters(Cursor::new(&file[..end])).is_err());
        }
    }
}
