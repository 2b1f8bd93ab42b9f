//! Decoded samples to 8-bit RGB, as Pillow's `convert("RGB")`.

use image::ColorType;

/// `samples` in the layout `color` (16-bit ones in the machine's byte order) as RGB, or `None` if they are neither 8 nor
/// 16 bits wide. Lost low bytes are told in `notes`.
///
/// Grey is replicated, alpha dropped, 16-bit samples lose their low byte.
pub(super) fn to_rgb8(samples: Vec<u8>, color: ColorType, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let (channels, wide) = match color {
        ColorType::L8 => (1, false),
        ColorType::La8 => (2, false),
        ColorType::Rgb8 => return Some(samples),
        ColorType::Rgba8 => (4, false),
        ColorType::L16 => (1, true),
        ColorType::La16 => (2, true),
        ColorType::Rgb16 => (3, true),
        ColorType::Rgba16 => (4, true),
        _ => return None,
    };
    let samples = if wide {
        notes.push("its 16-bit samples are reduced to 8 bits".to_owned());
        high_bytes(&samples)
    } else {
        samples
    };
    let pixels = samples.chunks_exact(channels);
    Some(match channels {
        1 | 2 => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
        _ => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    })
}

/// The alpha channel of `samples` in the layout `color`, 8 bits wide; `None` without one, or if nothing is transparent.
pub(super) fn alpha8(samples: &[u8], color: ColorType) -> Option<Vec<u8>> {
    let (channels, wide) = match color {
        ColorType::La8 => (2, false),
        ColorType::Rgba8 => (4, false),
        ColorType::La16 => (2, true),
        ColorType::Rgba16 => (4, true),
        _ => return None,
    };
    let every = |samples: &[u8]| samples.iter().skip(channels - 1).step_by(channels).copied().collect();
    let alpha: Vec<u8> = if wide { every(&high_bytes(samples)) } else { every(samples) };
    alpha.iter().any(|&value| value != u8::MAX).then_some(alpha)
}

/// The upper byte of each 16-bit sample.
fn high_bytes(samples: &[u8]) -> Vec<u8> {
    let pairs = samples.chunks_exact(2);
    pairs.map(|pair| (u16::from_ne_bytes([pair[0], pair[1]]) >> 8) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(samples: &[u8], color: ColorType) -> (Vec<u8>, usize) {
        let mut notes = Vec::new();
        let rgb = to_rgb8(samples.to_vec(), color, &mut notes).unwrap();
        (rgb, notes.len())
    }

    #[test]
    fn every_layout_becomes_rgb() {
        let wide: Vec<u8> = [0x00ff_u16, 0x7fff, 0xff80, 0x1234].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(converted(&[7, 9], ColorType::L8), (vec![7, 7, 7, 9, 9, 9], 0));
        assert_eq!(converted(&[7, 255], ColorType::La8), (vec![7; 3], 0));
        assert_eq!(converted(&[7, 0], ColorType::La8), (vec![7; 3], 0));
        assert_eq!(converted(&[1, 2, 3], ColorType::Rgb8), (vec![1, 2, 3], 0));
        assert_eq!(converted(&[1, 2, 3, 4], ColorType::Rgba8), (vec![1, 2, 3], 0));
        assert_eq!(converted(&wide[..2], ColorType::L16), (vec![0; 3], 1));
        assert_eq!(converted(&wide[..4], ColorType::La16), (vec![0; 3], 1));
        assert_eq!(converted(&wide[2..], ColorType::Rgb16), (vec![127, 255, 18], 1));
        assert_eq!(converted(&wide, ColorType::Rgba16), (vec![0, 127, 255], 1));
        assert!(to_rgb8(vec![0; 12], ColorType::Rgb32F, &mut Vec::new()).is_none());
    }

    #[test]
    fn alpha_is_kept_where_something_is_transparent() {
        assert_eq!(alpha8(&[7, 9], ColorType::La8), Some(vec![9]));
        assert_eq!(alpha8(&[1, 2, 3, 255, 1, 2, 3, 0], ColorType::Rgba8), Some(vec![255, 0]));
        assert_eq!(alpha8(&[1, 2, 3, 255], ColorType::Rgba8), None);
        assert_eq!(alpha8(&[1, 2, 3, 0], ColorType::Rgb8), None);
        let wide: Vec<u8> = [0x00ff_u16, 0x7fff].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(alpha8(&wide, ColorType::La16), Some(vec![127]));
    }
}
