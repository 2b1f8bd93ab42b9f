//! Pillow's resampling of 8-bit pictures, bit for bit.
//!
//! Separable, with a `u8` picture between the passes, so that their order shows in the last bit. The weights of an
//! output sample are normalised in f64 and rounded to 22-bit fixed point; the sum starts at one half and is cut to
//! 0..=255. Source: Pillow 13.0.0, `src/libImaging/Resample.c`.

use std::ops::Range;

use super::{Picture, Result, check_size};

/// Fractional bits of a weight: 32 less 8 for a sample and 2 for the sum.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The filter kernel, over a distance in source pixels when enlarging, in output pixels when shrinking (antialiased).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// 1 on (-1/2, 1/2]: the mean of the covered pixels.
    Box,
    /// The triangle 1 - |x| on (-1, 1).
    Bilinear,
}

impl Filter {
    /// Half the width of the kernel.
    fn support(self) -> f64 {
        match self {
            Filter::Box => 0.5,
            Filter::Bilinear => 1.0,
        }
    }

    /// The kernel at distance `x` from its centre.
    fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Box if x > -0.5 && x <= 0.5 => 1.0,
            Filter::Bilinear if x.abs() < 1.0 => 1.0 - x.abs(),
            _ => 0.0,
        }
    }
}

/// `picture` resized to `width` × `height` as Pillow's `Image.resize` does; the same size is a copy.
///
/// # Errors
/// [`super::Error::TooSmall`] or [`super::Error::TooManyPixels`] for the new size.
pub fn resize(picture: &Picture, width: u32, height: u32, filter: Filter) -> Result<Picture> {
    check_size("the resized picture", width, height)?;
    let columns = Span::whole(width);
    let rows = Span::whole(height);
    Ok(resize_window(picture, columns, rows, filter))
}

/// A range of output positions along one axis of a resized picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Length of the whole resized axis.
    pub full: u64,
    /// First position of the range; `start + length` is at most `full`.
    pub start: u64,
    /// Number of positions.
    pub length: u32,
}

impl Span {
    fn whole(length: u32) -> Self {
        Self { full: u64::from(length), start: 0, length }
    }
}

/// The window `columns` × `rows` of `picture` resized to `columns.full` × `rows.full`.
///
/// Only the window is computed: a narrow picture that is stretched over a wide size would not fit in memory whole.
pub(super) fn resize_window(picture: &Picture, columns: Span, rows: Span, filter: Filter) -> Picture {
    let horizontal = Weights::new(picture.width, columns, filter);
    let vertical = Weights::new(picture.height, rows, filter);
    if vertical_first(picture, columns, rows) {
        let used = horizontal.used();
        let between = pass_vertical(picture, used.clone(), 0, &vertical);
        pass_horizontal(&between, 0..between.height as usize, used.start, &horizontal)
    } else {
        let used = vertical.used();
        let between = pass_horizontal(picture, used.clone(), 0, &horizontal);
        pass_vertical(&between, 0..between.width as usize, used.start, &vertical)
    }
}

/// Whether the rows are resized before the columns: if the height shrinks, and by more than twice what the width does.
///
/// That is Pillow 13.0.0, with which the reference cases were made. Up to 12.3 the columns always come first (in 12.3
/// unless the picture is over a hundred times as high as wide), and a sample may differ by a level.
/// With this order the picture between the passes is never larger than both the source and the result.
fn vertical_first(picture: &Picture, columns: Span, rows: Span) -> bool {
    let loss = |source: u32, span: Span| i128::from(source) - i128::from(span.full);
    let rows_lost = loss(picture.height, rows);
    rows_lost > 0 && rows_lost > 2 * loss(picture.width, columns)
}

/// The weights of every output position of a span.
struct Weights {
    /// For each output position: the first source position, and the range of its weights in `values`.
    taps: Vec<(usize, Range<usize>)>,
    /// Weights in units of 2^-22.
    values: Vec<i32>,
}

impl Weights {
    /// Weights that take `source` positions to those of `span`.
    fn new(source: u32, span: Span, filter: Filter) -> Self {
        let scale = f64::from(source) / span.full as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let per_stretch = 1.0 / stretch;
        let mut taps = Vec::with_capacity(span.length as usize);
        let mut values = Vec::new();
        let mut exact = Vec::new();
        for position in span.start..span.start + u64::from(span.length) {
            let centre = (position as f64 + 0.5) * scale;
            // The casts cut towards zero and at zero, as the reference's do.
            let first = (centre - support + 0.5) as u32;
            let end = ((centre + support + 0.5) as u32).min(source);
            exact.clear();
            exact.extend((first..end).map(|at| {
                // In the reference's order: it decides ties at the rim of the kernel.
                filter.weight((f64::from(at) - centre + 0.5) * per_stretch)
            }));
            let sum: f64 = exact.iter().sum();
            let begin = values.len();
            values.extend(exact.iter().map(|&weight| {
                let share = if sum != 0.0 { weight / sum } else { weight };
                (0.5 + share * f64::from(1 << PRECISION_BITS)) as i32
            }));
            taps.push((first as usize, begin..values.len()));
        }
        Self { taps, values }
    }

    /// The source positions that any output position looks at.
    fn used(&self) -> Range<usize> {
        let first = self.taps.first().map_or(0, |(first, _)| *first);
        let end = self.taps.last().map_or(0, |(first, range)| first + range.len());
        first..end
    }
}

/// A sum of weighted samples, brought back to a sample. The sum fits: rounding at most doubles the weights' total of 2^22.
fn to_sample(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Where a sum begins, so that the shift of [`to_sample`] rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The given `rows` of `picture`, whose first column is column `offset` of the source, resized along the width.
fn pass_horizontal(picture: &Picture, rows: Range<usize>, offset: usize, weights: &Weights) -> Picture {
    let mut out = Picture::black(weights.taps.len() as u32, rows.len() as u32);
    let stride = out.stride();
    let sources = picture.pixels.chunks_exact(picture.stride());
    let sources = sources.skip(rows.start);
    for (row, source) in out.pixels.chunks_exact_mut(stride).zip(sources) {
        for (pixel, (first, range)) in row.chunks_exact_mut(3).zip(&weights.taps) {
            let mut sums = [HALF; 3];
            let covered = source[(first - offset) * 3..].chunks_exact(3);
            for (sample, weight) in covered.zip(&weights.values[range.clone()]) {
                for (sum, &value) in sums.iter_mut().zip(sample) {
                    *sum += i32::from(value) * weight;
                }
            }
            pixel.copy_from_slice(&sums.map(to_sample));
        }
    }
    out
}

/// The given `columns` of `picture`, whose first row is row `offset` of the source, resized along the height.
fn pass_vertical(picture: &Picture, columns: Range<usize>, offset: usize, weights: &Weights) -> Picture {
    let mut out = Picture::black(columns.len() as u32, weights.taps.len() as u32);
    let stride = out.stride();
    let mut sums = vec![HALF; stride];
    for (row, (first, range)) in out.pixels.chunks_exact_mut(stride).zip(&weights.taps) {
        sums.fill(HALF);
        let covered = picture.pixels.chunks_exact(picture.stride());
        let covered = covered.skip(first - offset);
        for (source, weight) in covered.zip(&weights.values[range.clone()]) {
            for (sum, &value) in sums.iter_mut().zip(&source[columns.start * 3..]) {
                *sum += i32::from(value) * weight;
            }
        }
        for (sample, &sum) in row.iter_mut().zip(&sums) {
            *sample = to_sample(sum);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::test_noise::{hash, noise};
    use super::*;

    /// Size, new size, and the hashes of what Pillow 13.0.0 makes of the noise: box, bilinear.
    const PILLOW: [([u32; 4], u64, u64); 8] = [
        ([37, 23, 16, 11], 0xb309_62e0_82db_25e7, 0x37fb_f96b_ed8f_b1a9),
        ([23, 37, 16, 11], 0x6bef_6126_6639_6e1b, 0xff18_d252_3a99_9fd5),
        ([16, 64, 15, 20], 0x7ba1_4ac0_9c92_2c94, 0x3b59_6b35_b84f_7640),
        ([64, 16, 40, 16], 0xc541_50cc_9cf1_d92d, 0x3341_7ae2_3b24_fc08),
        ([9, 11, 31, 40], 0xe4ff_586c_c9a5_c025, 0x3703_d0e5_3101_84fc),
        ([40, 17, 8, 33], 0x5192_359a_1fc0_895c, 0xea45_92ba_ca02_27b8),
        ([31, 19, 31, 19], 0xeecd_04fd_a8ab_55a8, 0xeecd_04fd_a8ab_55a8),
        ([120, 90, 64, 64], 0x9c45_15a5_1682_350e, 0x1714_321c_d603_b020),
    ];

    #[test]
    fn equals_pillow_bit_for_bit() {
        for ([w, h, width, height], boxed, bilinear) in PILLOW {
            for (filter, expected) in [(Filter::Box, boxed), (Filter::Bilinear, bilinear)] {
                let resized = resize(&noise(w, h), width, height, filter).unwrap();
                assert_eq!((resized.width, resized.height), (width, height));
                assert_eq!(hash(&resized), expected, "{w}x{h} to {width}x{height}, {filter:?}");
            }
        }
    }

    #[test]
    fn one_row_equals_pillow() {
        let red = |width, filter| -> Vec<u8> {
            let resized = resize(&noise(12, 8), width, 8, filter).unwrap();
            let row = resized.pixels.chunks_exact(3).take(width as usize);
            row.map(|pixel| pixel[0]).collect()
        };
        assert_eq!(red(12, Filter::Box), [126, 85, 110, 114, 2, 85, 239, 82, 180, 84, 75, 32]);
        assert_eq!(red(8, Filter::Bilinear), [111, 102, 76, 74, 170, 137, 92, 48]);
        assert_eq!(red(8, Filter::Box), [106, 110, 58, 85, 161, 180, 80, 32]);
        assert_eq!(
            red(17, Filter::Bilinear),
            [126, 103, 92, 109, 113, 71, 9, 68, 162, 207, 96, 143, 149, 84, 77, 56, 32]
        );
    }

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        for (w, h) in [(50, 41), (41, 90)] {
            let picture = noise(w, h);
            let whole = resize(&picture, 30, 26, Filter::Bilinear).unwrap();
            let columns = Span { full: 30, start: 4, length: 20 };
            let rows = Span { full: 26, start: 7, length: 18 };
            let part = resize_window(&picture, columns, rows, Filter::Bilinear);
            for (y, row) in part.pixels.chunks_exact(part.stride()).enumerate() {
                let at = (y + 7) * whole.stride() + 4 * 3;
                assert_eq!(row, &whole.pixels[at..at + 20 * 3], "row {y}");
            }
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let picture = noise(8, 8);
        assert!(resize(&picture, 0, 8, Filter::Box).is_err());
        assert!(resize(&picture, u32::MAX, u32::MAX, Filter::Box).is_err());
    }
}
