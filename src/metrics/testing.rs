//! What this room's tests share: a textured picture that can be looked up anywhere, and clips of it.

use crate::video::Clip;

/// Width and height of the clips.
pub const SIDE: u32 = 64;

/// A soft texture without a period that a frame could hold twice: a value of 8 to 248 at any place.
pub fn texture(x: f32, y: f32) -> f32 {
    128.0
        + 40.0 * (0.175 * x + 0.055 * y).sin()
        + 30.0 * (0.085 * y - 0.115 * x + 1.0).cos()
        + 25.0 * (0.1525 * x + 0.25 * y).sin()
        + 25.0 * (0.45 * x - 0.2 * y).cos()
}

/// A clip of a textured disc at `centre(frame)` over a ground that stands still; `change(frame, x, y, channel, value)` is applied
/// to every sample.
pub fn disc(
    frames: usize,
    centre: impl Fn(f32) -> [f32; 2],
    change: impl Fn(usize, u32, u32, usize, f32) -> f32,
) -> Clip {
    let frame = |t: usize| {
        let [cx, cy] = centre(t as f32);
        let place = move |at: u32| ((at % SIDE) as f32, (at / SIDE) as f32);
        let sample = move |at: u32, channel: usize| {
            let (x, y) = place(at);
            let (dx, dy) = (x - cx, y - cy);
            let cover = (14.0 - dx.hypot(dy)).clamp(0.0, 1.0);
            let thing = 0.4 * texture(1.5 * dx + 200.0, 1.5 * dy) + [120.0, 40.0, 20.0][channel];
            let ground = 0.4 * texture(x, y) + [20.0, 90.0, 110.0][channel];
            cover * thing + (1.0 - cover) * ground
        };
        let samples = (0..SIDE * SIDE).flat_map(|at| (0..3).map(move |channel| (at, channel)));
        samples
            .map(|(at, channel)| change(t, at % SIDE, at / SIDE, channel, sample(at, channel)).round() as u8)
            .collect()
    };
    Clip { width: SIDE, height: SIDE, fps: 8.0, frames: (0..frames).map(frame).collect() }
}

/// The change that is none.
pub fn none(_: usize, _: u32, _: u32, _: usize, value: f32) -> f32 {
    value
}

/// The disc moves two pixels to the right per frame.
pub fn moving() -> Clip {
    disc(8, |t| [22.0 + 2.0 * t, 32.0], none)
}
