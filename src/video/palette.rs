//! The 256 colours of a gif: one palette for all frames of a clip.
//!
//! A palette per frame would fit each frame a little better, but parts of the picture that stand still would flicker
//! with it. The dither is ordered for the same reason: what stands still keeps its pattern.

use std::collections::BTreeSet;

use color_quant::NeuQuant;

use super::clip::Clip;

/// Colours in a palette.
const COLOURS: usize = 256;
/// Pixels from which a palette is learned, at most; taken evenly from all frames.
const SAMPLES: usize = 500_000;
/// Strength of the dither: about the distance of neighbouring colours in a palette learned from a picture.
const DITHER: f32 = 10.0;

/// A palette, and the way to it.
pub(super) enum Palette {
    /// The clip has so few colours that each is kept; sorted.
    Exact(Vec<[u8; 3]>),
    /// Colours learned from the clip's pixels by a self-organising map (NeuQuant).
    Learned(NeuQuant),
}

impl Palette {
    /// The palette of `clip`.
    pub fn of(clip: &Clip) -> Self {
        match few_colours(clip) {
            Some(colours) => Self::Exact(colours),
            None => Self::Learned(learn(clip)),
        }
    }

    /// The colours, three bytes each.
    pub fn colours(&self) -> Vec<u8> {
        match self {
            Self::Exact(colours) => colours.concat(),
            Self::Learned(map) => map.color_map_rgb(),
        }
    }

    /// The palette indices of a frame `[H, W, 3]`.
    pub fn indices(&self, frame: &[u8], width: usize) -> Vec<u8> {
        let pixels = colours_of(frame);
        match self {
            Self::Exact(colours) => pixels
                // Every colour is in the palette, and its 256 places have numbers below 256.
                .map(|pixel| colours.binary_search(&pixel).unwrap_or_default() as u8)
                .collect(),
            Self::Learned(map) => pixels
                .enumerate()
                .map(|(at, pixel)| {
                    let shift = DITHER * threshold(at % width, at / width);
                    let [r, g, b] = pixel.map(|c| (f32::from(c) + shift).round() as u8);
                    map.index_of(&[r, g, b, 255]) as u8
                })
                .collect(),
        }
    }
}

/// The colours of the pixels of a frame.
fn colours_of(frame: &[u8]) -> impl Iterator<Item = [u8; 3]> + '_ {
    frame.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]])
}

/// The clip's colours if a palette holds them all.
fn few_colours(clip: &Clip) -> Option<Vec<[u8; 3]>> {
    let mut colours = BTreeSet::new();
    for pixel in clip.frames.iter().flat_map(|frame| colours_of(frame)) {
        if colours.insert(pixel) && colours.len() > COLOURS {
            return None;
        }
    }
    Some(colours.into_iter().collect())
}

/// Learns a palette from pixels of all frames.
fn learn(clip: &Clip) -> NeuQuant {
    let pixels = clip.frames.iter().map(|frame| frame.len() / 3).sum::<usize>();
    // An odd step does not fall on the same columns in every row.
    let step = pixels.div_ceil(SAMPLES) | 1;
    let rgba: Vec<u8> = clip
        .frames
        .iter()
        .flat_map(|frame| colours_of(frame))
        .step_by(step)
        .flat_map(|[r, g, b]| [r, g, b, 255])
        .collect();
    NeuQuant::new(1, COLOURS, &rgba)
}

/// The 8×8 Bayer matrix, spread evenly over −0.5 to 0.5: the bits of x^y and y, interleaved from the lowest.
fn threshold(x: usize, y: usize) -> f32 {
    let mut value = 0;
    for bit in 0..3 {
        value = value << 2 | ((x ^ y) >> bit & 1) << 1 | y >> bit & 1;
    }
    (value as f32 + 0.5) / 64.0 - 0.5
}

#[cfg(test)]
mod tests {
    use super::super::testing::moving;
    use super::*;

    #[test]
    fn few_colours_are_kept_exactly() {
        let mut clip = moving(8, 8, 2, 8.0);
        let palette = Palette::of(&clip);
        let colours = palette.colours();
        let indices = palette.indices(&clip.frames[1], 8);
        let back: Vec<u8> = indices.iter().flat_map(|i| &colours[usize::from(*i) * 3..][..3]).copied().collect();
        assert_eq!(back, clip.frames[1]);
        clip.frames = vec![(0..=255).flat_map(|i| [i, 0, 255 - i]).collect()];
        assert!(matches!(Palette::of(&clip), Palette::Exact(_)));
        clip.frames.push(vec![1, 2, 3]);
        assert!(matches!(Palette::of(&clip), Palette::Learned(_)));
    }

    #[test]
    fn the_dither_is_even() {
        let mut all: Vec<f32> = (0..64).map(|i| threshold(i % 8, i / 8)).collect();
        all.sort_by(f32::total_cmp);
        for (i, value) in all.iter().enumerate() {
            assert_eq!(*value, (i as f32 + 0.5) / 64.0 - 0.5);
        }
    }
}
