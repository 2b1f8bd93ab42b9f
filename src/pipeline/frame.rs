//! What the decoder makes.

/// A decoded frame.
pub struct Frame {
    /// 8-bit RGB, `[H, W, 3]`.
    pub rgb8: Vec<u8>,
    /// The decoder's output before rounding, `[H, W, 3]`, if it was asked for.
    pub pixels: Option<Vec<f32>>,
}
