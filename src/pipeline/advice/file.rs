//! What a file's format cannot show.

use super::{Advice, Topic};
use crate::video::{GIF_MAX_FPS, Kind, MP4_MIN_SIDE};

/// What a clip of this rate and size, as it is written, becomes in a file of this kind.
pub fn file(kind: Kind, fps: f32, [width, height]: [u32; 2]) -> Vec<Advice> {
    let mut advice = Vec::new();
    if kind == Kind::Gif && fps > GIF_MAX_FPS {
        let finding = format!("a gif shows at most {GIF_MAX_FPS} frames per second, not {fps}");
        advice.push(Advice::new(
            Topic::File,
            finding,
            format!("take --fps {GIF_MAX_FPS}, or write .mp4 or .webp (-o)"),
        ));
    }
    if kind == Kind::Mp4 && width.min(height) < MP4_MIN_SIDE {
        let [wide, high] = [width, height].map(|side| side.max(MP4_MIN_SIDE));
        let finding = format!(
            "an mp4 has at least {MP4_MIN_SIDE} pixels a side: {width}x{height} is written as {wide}x{high}, its edge repeated"
        );
        advice.push(Advice::new(Topic::File, finding, "enlarge it (--output-scale 2), or write .webp or .gif (-o)"));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_format_cannot_show_is_told() {
        let told = |kind, fps, size| file(kind, fps, size).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(
            told(Kind::Gif, 60.0, [64, 64])[0].starts_with("file: a gif shows at most 50 frames per second, not 60; ")
        );
        assert!(told(Kind::Mp4, 8.0, [8, 24])[0].contains("8x24 is written as 16x24"));
        for (kind, fps, size) in [(Kind::Gif, 50.0, [8, 8]), (Kind::Mp4, 60.0, [16, 16]), (Kind::WebP, 60.0, [8, 8])] {
            assert!(told(kind, fps, size).is_empty());
        }
    }
}
