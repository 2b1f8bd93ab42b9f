//! RGB to planar Y'CbCr 4:2:0 in video range, as H.264 players expect it, and back.

use super::clip::Clip;

/// Smallest side of an mp4, which the H.264 encoder takes: one macroblock.
pub const MP4_MIN_SIDE: u32 = 16;

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
    let pad = |side: u32| side.max(MP4_MIN_SIDE).next_multiple_of(2);
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

/// RGB samples `[height, width, 3]` of `planes`, the inverse of [`planes`]: chroma between its samples is weighted by distance.
/// `full`: 0 is black and 255 white, as some cameras write it, in place of 16 and 235.
pub(super) fn to_rgb(planes: &Planes, matrix: Matrix, full: bool) -> Vec<u8> {
    let [black, luma_range, chroma_range] = if full { [0.0, 255.0, 255.0] } else { [16.0, 219.0, 224.0] };
    let green = 1.0 - matrix.red - matrix.blue;
    let half = planes.width / 2;
    // The two chroma samples around position `at` of a side, of `count` samples, and the weight of the second.
    let around = |at: usize, count: usize| {
        let place = (at as f32 * 0.5 - 0.25).clamp(0.0, count.saturating_sub(1) as f32);
        let low = place as usize;
        (low, (low + 1).min(count.saturating_sub(1)), place - low as f32)
    };
    let mut rgb = Vec::with_capacity(planes.width * planes.height * 3);
    for row in 0..planes.height {
        let (top, bottom, down) = around(row, planes.height / 2);
        for column in 0..planes.width {
            let (left, right, across) = around(column, half);
            let chroma = |plane: &[u8]| {
                let at = |row: usize, column: usize| f32::from(plane[row * half + column]);
                let upper = at(top, left) * (1.0 - across) + at(top, right) * across;
                let lower = at(bottom, left) * (1.0 - across) + at(bottom, right) * across;
                (upper * (1.0 - down) + lower * down - 128.0) / chroma_range
            };
            let luma = (f32::from(planes.y[row * planes.width + column]) - black) / luma_range;
            let r = luma + 2.0 * (1.0 - matrix.red) * chroma(&planes.v);
            let b = luma + 2.0 * (1.0 - matrix.blue) * chroma(&planes.u);
            let g = (luma - matrix.red * r - matrix.blue * b) / green;
            rgb.extend([r, g, b].map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8));
        }
    }
    rgb
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
    fn colours_come_back() {
        for matrix in [BT601, BT709] {
            for colour in [[0, 0, 0], [255, 255, 255], [255, 0, 0], [10, 200, 90], [128, 127, 250]] {
                let clip = flat(18, 16, colour);
                let rgb = to_rgb(&planes(&clip, &clip.frames[0], matrix), matrix, false);
                let worst = rgb.iter().zip(&clip.frames[0]).map(|(a, b)| a.abs_diff(*b)).max();
                // Half a level of luma and chroma each, times the largest factors.
                assert!(worst <= Some(2), "{colour:?}: {worst:?}");
            }
        }
        let soft = super::super::testing::moving(80, 56, 1, 8.0);
        let rgb = to_rgb(&planes(&soft, &soft.frames[0], BT601), BT601, false);
        assert!(super::super::testing::psnr(&rgb, &soft.frames[0]) > 44.0);
        let white = Planes { width: 2, height: 2, y: vec![255; 4], u: vec![128], v: vec![128] };
        assert_eq!(to_rgb(&white, BT601, true), [255; 12]);
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
