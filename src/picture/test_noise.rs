//! For the tests: pictures of reproducible noise, and a hash to compare with what Pillow made of the same pictures.

use super::Picture;
use crate::fingerprint::fnv1a;

/// Upper bytes of a linear congruential generator (1664525, 1013904223) that starts at `width · 2654435761 xor height`.
pub(super) fn noise(width: u32, height: u32) -> Picture {
    let mut state = width.wrapping_mul(2_654_435_761) ^ height;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let samples = width as usize * height as usize * 3;
    let pixels = (0..samples).map(|_| next()).collect();
    Picture { width, height, pixels }
}

/// The hash of a picture's samples.
pub(super) fn hash(picture: &Picture) -> u64 {
    fnv1a(picture.pixels().iter().copied())
}
