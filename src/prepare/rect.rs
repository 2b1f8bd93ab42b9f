//! A rectangle of whole pixels.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, Result};

/// The pixels `x..x + width`, `y..y + height`, from the left and the top; in JSON `"x,y,w,h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rect {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// All pixels of a picture.
    pub fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// One past the last column.
    pub fn right(&self) -> u64 {
        u64::from(self.x) + u64::from(self.width)
    }

    /// One past the last row.
    pub fn bottom(&self) -> u64 {
        u64::from(self.y) + u64::from(self.height)
    }

    /// The middle, in pixels.
    pub fn centre(&self) -> (f64, f64) {
        (f64::from(self.x) + f64::from(self.width) / 2.0, f64::from(self.y) + f64::from(self.height) / 2.0)
    }

    /// Whether a pixel is inside.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        x >= self.x && y >= self.y && u64::from(x) < self.right() && u64::from(y) < self.bottom()
    }

    /// The part that both have, if any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = u32::try_from(self.right().min(other.right()).checked_sub(u64::from(x))?).ok()?;
        let height = u32::try_from(self.bottom().min(other.bottom()).checked_sub(u64::from(y))?).ok()?;
        (width > 0 && height > 0).then_some(Self { x, y, width, height })
    }

    /// Refuses a box without pixels, or one that is not wholly inside of a picture of `width` × `height`.
    pub(super) fn check_inside(&self, width: u32, height: u32) -> Result<()> {
        if self.width == 0 || self.height == 0 {
            return Err(Error::EmptyBox { found: *self });
        }
        if self.right() > u64::from(width) || self.bottom() > u64::from(height) {
            return Err(Error::BoxOutside { found: *self, width, height });
        }
        Ok(())
    }
}

impl std::fmt::Display for Rect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{} at {},{}", self.width, self.height, self.x, self.y)
    }
}

impl FromStr for Rect {
    type Err = Error;

    /// `x,y,w,h` in pixels.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[x, y, width, height]) => Ok(Self { x, y, width, height }),
            _ => Err(Error::BoxSyntax { found: text.to_owned() }),
        }
    }
}

impl From<Rect> for String {
    fn from(rect: Rect) -> Self {
        format!("{},{},{},{}", rect.x, rect.y, rect.width, rect.height)
    }
}

impl TryFrom<String> for Rect {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_and_compared() {
        let a: Rect = "10, 20,30,40".parse().unwrap();
        assert_eq!(a, Rect { x: 10, y: 20, width: 30, height: 40 });
        assert!(
            ["", "1,2,3", "1,2,3,4,5", "-1,0,4,4", "a,b,c,d", "1.5,2,3,4"].iter().all(|t| t.parse::<Rect>().is_err())
        );
        let json = serde_json::to_string(&a).unwrap();
        assert_eq!((json.as_str(), serde_json::from_str(&json).ok()), ("\"10,20,30,40\"", Some(a)));
        let b = Rect { x: 25, y: 20, width: 30, height: 40 };
        assert_eq!(a.intersection(&a), Some(a));
        assert_eq!(a.intersection(&b), Some(Rect { x: 25, width: 15, ..a }));
        assert_eq!(a.intersection(&Rect { x: 40, ..a }), None);
    }

    #[test]
    fn boxes_that_do_not_fit_are_refused() {
        let rect = |x, y, width, height| Rect { x, y, width, height };
        assert!(rect(0, 0, 10, 10).check_inside(10, 10).is_ok());
        for outside in [rect(1, 0, 10, 10), rect(0, 1, 10, 10), rect(u32::MAX, 0, u32::MAX, 1), rect(10, 10, 1, 1)] {
            assert!(matches!(outside.check_inside(10, 10), Err(Error::BoxOutside { .. })), "{outside}");
        }
        assert!(matches!(rect(3, 3, 0, 2).check_inside(10, 10), Err(Error::EmptyBox { .. })));
    }
}
