//! What this module's tests share: a moving picture, parameters with every awkward character, PSNR.

use serde_json::{Value, json};

use super::clip::Clip;

/// Soft shapes that move to the right over a fixed background, with a little noise as a camera has.
pub(super) fn moving(width: u32, height: u32, frames: usize, fps: f32) -> Clip {
    let mut noise = 12_345u32;
    let frames = (0..frames)
        .map(|t| {
            (0..width * height)
                .flat_map(|at| {
                    let (x, y) = ((at % width) as f32, (at / width) as f32);
                    let wave = (0.09 * (x - 2.0 * t as f32)).sin() * (0.07 * y).cos();
                    let shade = 255.0 * y / height as f32;
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let grain = (noise >> 30) as f32;
                    let [r, g, b] = [90.0 * wave + 120.0, 0.5 * shade + 60.0, 200.0 - 0.6 * shade];
                    [r + grain, g + grain, b + grain].map(|c| c as u8)
                })
                .collect()
        })
        .collect();
    Clip { width, height, fps, frames }
}

/// Parameters whose text needs escaping in JSON, XML and ASCII, and is longer than a gif's sub-block.
pub(super) fn parameters() -> Value {
    json!({
        "prompt": "Eine <Katze> & \"ein Hund\" schauen \\ ]]> 猫 🐈 \u{7f}\u{1}\n".repeat(8),
        "seed": u64::MAX,
        "cfg_scale": 9.1,
        "steps": 50,
    })
}

/// Peak signal-to-noise ratio in dB, of 8-bit values.
pub(super) fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let error: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / error).log10()
}

/// The colours of an RGBA picture.
pub(super) fn rgb(picture: &image::RgbaImage) -> Vec<u8> {
    picture.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect()
}
