//! The window of the picture that becomes the frame.

use super::Rect;
use crate::picture::MIN_SIDE;

/// A window with the clip's aspect, and how the subject lies in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The window, in pixels of the picture; always inside of it.
    pub window: Rect,
    /// The subject's share of the frame: the larger of `w / window width` and `h / window height`. Above 1 it is cut.
    pub fill: f64,
    /// Whether the window had to be larger than the subject's share asks for, so that it is not enlarged too much.
    pub held_back: bool,
}

/// The largest window with the aspect of `clip` in the middle of a picture of `size`: what the reference uses.
///
/// `None` if it would be shorter than [`MIN_SIDE`].
pub fn centred(size: (u32, u32), clip: (u32, u32)) -> Option<Rect> {
    let middle = (f64::from(size.0) / 2.0, f64::from(size.1) / 2.0);
    place(largest(size, clip), clip, middle, size)
}

/// The largest window with the aspect of `clip` in which `subject` fills at least `fill` of the frame.
///
/// Its middle is the middle of the subject's box, moved as little as it takes to stay inside of the picture. No side
/// becomes shorter than that of `clip` over `enlargement`; if that is more than the picture has, the whole picture is
/// used. `None` if a side would be shorter than [`MIN_SIDE`].
pub fn around(subject: Rect, size: (u32, u32), clip: (u32, u32), fill: f64, enlargement: f64) -> Option<Frame> {
    let wanted = reach(subject, clip) / fill;
    let least = (f64::from(clip.0) / enlargement).max(f64::from(MIN_SIDE) * aspect(clip).max(1.0));
    let width = wanted.max(least).min(largest(size, clip));
    let window = place(width, clip, subject.centre(), size)?;
    let share = share(subject, window);
    Some(Frame { window, fill: share, held_back: share < fill && least > wanted })
}

/// The larger of the subject's shares of the window's width and height.
pub fn share(subject: Rect, window: Rect) -> f64 {
    let along = |subject: u32, window: u32| f64::from(subject) / f64::from(window.max(1));
    along(subject.width, window.width).max(along(subject.height, window.height))
}

fn aspect(clip: (u32, u32)) -> f64 {
    f64::from(clip.0) / f64::from(clip.1.max(1))
}

/// The width of a window that the subject would fill.
fn reach(subject: Rect, clip: (u32, u32)) -> f64 {
    f64::from(subject.width).max(f64::from(subject.height) * aspect(clip))
}

/// The width of the largest window.
fn largest(size: (u32, u32), clip: (u32, u32)) -> f64 {
    f64::from(size.0).min(f64::from(size.1) * aspect(clip))
}

/// A window `width` wide around `middle`; its sides are rounded down, so that the subject's share is not less than
/// asked for.
fn place(width: f64, clip: (u32, u32), middle: (f64, f64), size: (u32, u32)) -> Option<Rect> {
    let columns = (width as u32).min(size.0);
    // An exact height may be off by the last bit.
    let rows = ((width / aspect(clip) + 1e-6) as u32).min(size.1);
    if columns.min(rows) < MIN_SIDE {
        return None;
    }
    let start = |middle: f64, length: u32, limit: u32| {
        let first = (middle - f64::from(length) / 2.0).round().max(0.0) as u32;
        first.min(limit - length)
    };
    Some(Rect { x: start(middle.0, columns, size.0), y: start(middle.1, rows, size.1), width: columns, height: rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIP: (u32, u32) = (640, 384);

    #[test]
    fn the_subject_fills_what_is_asked_for_at_the_clips_aspect() {
        let size = (4000, 3000);
        for (x, y, width, height) in
            [(1500, 1000, 600, 400), (0, 0, 300, 900), (3900, 2500, 100, 500), (5, 2900, 901, 77)]
        {
            let subject = Rect { x, y, width, height };
            let frame = around(subject, size, CLIP, 0.6, 8.0).unwrap();
            assert!(frame.fill >= 0.6 && frame.fill < 0.63, "{frame:?}");
            assert!(frame.window.right() <= 4000 && frame.window.bottom() <= 3000, "{frame:?}");
            assert_eq!(frame.window.intersection(&subject), Some(subject), "{frame:?}");
            let found = f64::from(frame.window.width) / f64::from(frame.window.height);
            assert!((found / (640.0 / 384.0) - 1.0).abs() < 0.01, "{frame:?}");
        }
    }

    #[test]
    fn a_large_subject_gets_the_largest_window() {
        let frame = around(Rect { x: 100, y: 100, width: 900, height: 700 }, (1000, 800), CLIP, 0.6, 4.0).unwrap();
        assert_eq!(frame.window, Rect { x: 0, y: 150, width: 1000, height: 600 });
        assert!(frame.fill > 1.0);
    }

    #[test]
    fn small_windows_are_held_back() {
        let frame = around(Rect { x: 500, y: 400, width: 20, height: 20 }, (1000, 800), CLIP, 0.6, 4.0).unwrap();
        assert_eq!((frame.window.width, frame.window.height, frame.held_back), (160, 96, true));
        assert!(frame.fill < 0.6);
        // Four pixels high: no picture.
        assert_eq!(around(Rect::whole(8, 8), (8, 8), (64, 32), 0.6, 4.0), None);
        assert_eq!(centred((8, 8), (64, 32)), None);
        assert_eq!(centred((300, 100), (64, 32)), Some(Rect { x: 50, y: 0, width: 200, height: 100 }));
    }
}
