//! The frame number in the file name of a png sequence: `cat-%03d.png`.

use std::fmt;
use std::path::Path;

use super::error::{Error, Result};

/// Widest zero padding that is accepted, in digits.
const MAX_WIDTH: usize = 9;

/// A file name with one frame number: `%d` (no padding) or `%0Nd` (N digits); `%%` stands for a percent sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Name before the number, percent signs unescaped.
    before: String,
    /// Zero padding in digits; 0: none.
    width: usize,
    /// Name after the number, percent signs unescaped.
    after: String,
}

impl Pattern {
    /// Reads the pattern from the file name of `path` (folders are taken as they are).
    pub fn parse(path: &Path) -> Result<Self> {
        let fail = |problem| Error::Pattern { path: path.to_owned(), problem, example: example(path) };
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(fail("the name is not valid Unicode"));
        };
        let mut number: Option<(String, usize)> = None;
        let mut text = String::new();
        let mut rest = name;
        while let Some((plain, tail)) = rest.split_once('%') {
            text.push_str(plain);
            if let Some(tail) = tail.strip_prefix('%') {
                text.push('%');
                rest = tail;
                continue;
            }
            let Some((digits, tail)) = tail.split_once('d') else {
                return Err(fail("a % without d follows"));
            };
            let width = match digits.strip_prefix('0') {
                None if digits.is_empty() => 0,
                Some(width) => width
                    .parse::<usize>()
                    .ok()
                    .filter(|w| (1..=MAX_WIDTH).contains(w))
                    .ok_or_else(|| fail("the number of digits must be 1 to 9"))?,
                None => return Err(fail("only %d and %0Nd are understood")),
            };
            if number.is_some() {
                return Err(fail("the name has more than one frame number"));
            }
            number = Some((std::mem::take(&mut text), width));
            rest = tail;
        }
        text.push_str(rest);
        let Some((before, width)) = number else {
            return Err(fail("the name has no frame number"));
        };
        Ok(Self { before, width, after: text })
    }

    /// The file name of frame `number`.
    pub fn name(&self, number: usize) -> String {
        let Self { before, width, after } = self;
        format!("{before}{number:0width$}{after}")
    }

    /// The pattern of clip `clip`: its number goes before the frame's, with the separator the name already uses.
    pub fn for_clip(&self, clip: usize) -> Self {
        let before = match self.before.chars().last() {
            None => format!("{clip}-"),
            Some(separator @ ('-' | '_' | '.' | ' ')) => {
                format!("{}{clip}{separator}", self.before)
            }
            Some(_) => format!("{}-{clip}-", self.before),
        };
        Self { before, ..self.clone() }
    }
}

/// The name as it would be written on a command line, with `%` escaped again.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (self.before.replace('%', "%%"), self.after.replace('%', "%%"));
        match self.width {
            0 => write!(f, "{before}%d{after}"),
            width => write!(f, "{before}%0{width}d{after}"),
        }
    }
}

/// A name with a pattern made from one without.
fn example(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = stem.split('%').next().unwrap_or_default();
    let plain = plain.trim_end_matches(['-', '_']);
    let name = if plain.is_empty() { "out" } else { plain };
    path.with_file_name(format!("{name}-%03d.png")).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(pattern: &str, number: usize) -> String {
        Pattern::parse(Path::new(pattern)).unwrap().name(number)
    }

    #[test]
    fn numbers_are_padded_as_asked() {
        assert_eq!(name("out-%03d.png", 7), "out-007.png");
        assert_eq!(name("out-%03d.png", 1234), "out-1234.png");
        assert_eq!(name("%d.png", 12), "12.png");
        assert_eq!(name("50%%-%02d.png", 3), "50%-03.png");
    }

    #[test]
    fn anything_but_one_number_is_an_error() {
        for (pattern, word) in [
            ("out.png", "out-%03d.png"),
            ("50%%.png", "no frame number"),
            ("%d-%d.png", "more than one"),
            ("out-%s.png", "without d"),
            ("out-%3d.png", "only %d"),
            ("out-%0d.png", "digits"),
            ("out-%099999999999999999999d.png", "digits"),
            ("out-%", "without d"),
        ] {
            let message = Pattern::parse(Path::new(pattern)).unwrap_err().to_string();
            assert!(message.contains(word), "{pattern}: {message}");
        }
    }

    #[test]
    fn the_clip_number_follows_the_style_of_the_name() {
        for (pattern, second) in [
            ("out-%03d.png", "out-2-%03d.png"),
            ("out_%d.png", "out_2_%d.png"),
            ("frame%04d.png", "frame-2-%04d.png"),
            ("%d.png", "2-%d.png"),
            ("50%%-%d.png", "50%%-2-%d.png"),
        ] {
            let parsed = Pattern::parse(Path::new(pattern)).unwrap();
            assert_eq!(parsed.to_string(), pattern);
            assert_eq!(parsed.for_clip(2).to_string(), second);
        }
    }
}
