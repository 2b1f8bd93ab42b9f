//! RGB to planar Y'CbCr 4:2:0 in video range, as H.264 players expect it.

use super::clip::Clip;

/// Smallest side that the H.264 encoder takes: one macroblock.
const MIN_SIDE: u32 = 16;

/// Weights of red and blue in luma; green has the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    red: f32,
    blue: f32,
}

/// ITU-R BT.601, the matrix of standard definition.
pub(super) const BT601: Matrix = Matrix { red: 0.299, blue: 0.114 };
/// ITU-R BT.709, the matrix of high definition.
pub(super) const BT709: Matrix = Matrix { red: 0.2126, blue: 0.0722 };

impl Matrix {
    /// The matrix that a player assumes for this size if it does not read the stream's own mark: BT.709 from 1280
    /// wide or 720 high, else BT.601. Marked and assumed agree this way, and colours are right in every player.
    pub fn for_size(width: u32, height: u32) -> Self {
        if width >= 1280 || height >= 720 { BT709 } else { BT601 }
    }
}

/// One frame: luma at full size, chroma at half size in both directions.
pub(super) struct Planes {
    /// Width, even.
    pub width: usize,
    /// Height, even.
    pub height: usize,
    /// `[height, width]`, 16 (black) to 235 (white).
    pub y: Vec<u8>,
    /// Blue difference `[height/2, width/2]`, 16 to 240, neutral 128.
    pub u: Vec<u8>,
    /// Red difference, likewise.
    pub v: Vec<u8>,
}

/// The size of the coded picture: even, and at least 16 each way.
pub(super) fn padded_size(width: u32, height: u32) -> (u32, u32) {
    let pad = |side: u32| side.max(MIN_SIDE).next_multiple_of(2);
    (pad(width), pad(height))
}

/// Converts `frame` `[H, W, 3]` of `clip`; rows and columns beyond the picture repeat its edge.
///
/// Y' = 16 + 219·(kr·R + kg·G + kb·B), Cb = 128 + 224·(B − L)/(2·(1 − kb)), Cr likewise with red, for R, G, B and
/// L = kr·R + kg·G + kb·B in 0 to 1; chroma is the mean of a 2×2 square.
pub(super) fn planes(clip: &Clip, frame: &[u8], matrix: Matrix) -> Planes {
    let (clip_width, clip_height) = (clip.width as usize, clip.height as usize);
    let (width, height) = padded_size(clip.width, clip.height);
    let (width, height) = (width as usize, height as usize);
    let green = 1.0 - matrix.red - matrix.blue;
    let mut y = vec![0; width * height];
    let mut u = vec![0; width * height / 4];
    let mut v = vec![0; width * height / 4];
    for row in (0..height).step_by(2) {
        for column in (0..width).step_by(2) {
            let (mut blue, mut red) = (0.0, 0.0);
            for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let from_row = (row + dy).min(clip_height - 1);
                let from_column = (column + dx).min(clip_width - 1);
                let at = (from_row * clip_width + from_column) * 3;
                let [r, g, b] = [0, 1, 2].map(|c| f32::from(frame[at + c]) / 255.0);
                let luma = matrix.red * r + green * g + matrix.blue * b;
                y[(row + dy) * width + column + dx] = (16.0 + 219.0 * luma).round() as u8;
                blue += (b - luma) / (2.0 * (1.0 - matrix.blue));
                red += (r - luma) / (2.0 * (1.0 - matrix.red));
            }
            let at = row / 2 * (width / 2) + column / 2;
            u[at] = (128.0 + 224.0 * blue / 4.0).round() as u8;
            v[at] = (128.0 + 224.0 * red / 4.0).round() as u8;
        }
    }
    Planes { width, height, y, u, v }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(width: u32, height: u32, colour: [u8; 3]) -> Clip {
        let frame = colour.repeat((width * height) as usize);
        Clip { width, height, fps: 8.0, frames: vec![frame] }
    }

    #[test]
    fn known_colours_land_on_their_codes() {
        for (matrix, colour, [y, u, v]) in [
            (BT601, [0, 0, 0], [16, 128, 128]),
            (BT601, [255, 255, 255], [235, 128, 128]),
            (BT601, [255, 0, 0], [81, 90, 240]),
            (BT601, [0, 0, 255], [41, 240, 110]),
            (BT709, [255, 0, 0], [63, 102, 240]),
            (BT709, [0, 255, 0], [173, 42, 26]),
        ] {
            let clip = flat(16, 16, colour);
            let planes = planes(&clip, &clip.frames[0], matrix);
            assert_eq!([planes.y[9], planes.u[9], planes.v[9]], [y, u, v], "{colour:?}");
        }
    }

    #[test]
    fn small_and_odd_pictures_repeat_their_edge() {
        assert_eq!(padded_size(80, 56), (80, 56));
        assert_eq!(padded_size(17, 3), (18, 16));
        let clip = flat(17, 3, [255, 255, 255]);
        let planes = planes(&clip, &clip.frames[0], BT601);
        assert_eq!((planes.width, planes.height), (18, 16));
        assert!(planes.y.iter().all(|y| *y == 235));
        assert!(planes.u.iter().chain(&planes.v).all(|c| *c == 128));
    }

    #[test]
    fn the_matrix_is_the_one_players_assume() {
        assert_eq!(Matrix::for_size(512, 512), BT601);
        assert_eq!(Matrix::for_size(1280, 704), BT709);
    }
}
