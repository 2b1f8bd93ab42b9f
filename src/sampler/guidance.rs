//! Classifier-free guidance that may change over the frames of a clip and over the steps of its making.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How strongly the prompt guides which frame in which step.
///
/// ```text
/// g[step, frame] = 1 + (a − 1) (b − 1) / (scale − 1)      a from `frames`, b from `steps`; each is `scale` where its schedule is silent
/// ```
///
/// So a schedule alone means what it says; together their parts above 1 multiply, in units of the base scale; and 1 in either of
/// them is no guidance. A step in which no frame is guided takes one evaluation of the network instead of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guidance {
    /// The base scale; 1 is no guidance.
    pub scale: f32,
    /// Other scales for some frames.
    pub frames: Option<FrameScales>,
    /// Other scales for some steps.
    pub steps: Option<StepScales>,
}

/// Scales of ranges of frames: `0-4=8,5-11=9,12-=8.5`. Both ends belong to a range, frames are counted from 0, and a range without an end
/// reaches to the last frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameScales(Vec<FrameRange>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct FrameRange {
    first: usize,
    last: Option<usize>,
    scale: f32,
}

/// Scales of parts of the denoising: `0-30%=7,30-80%=9,80-100%=8`. Step i of n belongs to the part that holds i / n; the end belongs to the
/// next part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepScales(Vec<StepRange>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct StepRange {
    from: f64,
    to: f64,
    scale: f32,
}

/// Smallest and largest scale.
const RANGE: std::ops::RangeInclusive<f32> = 1.0..=100.0;

/// What is wrong with a schedule: one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GuidanceError(String);

fn error<T>(text: impl Into<String>) -> Result<T, GuidanceError> {
    Err(GuidanceError(text.into()))
}

impl From<f32> for Guidance {
    fn from(scale: f32) -> Self {
        Self { scale, frames: None, steps: None }
    }
}

impl Guidance {
    /// The scale of every frame in every step, `[steps][frames]`.
    ///
    /// # Errors
    /// Scales outside of 1 to 100, also where two combine, frames beyond the end, parts that hold no step, two schedules over a base scale of 1.
    pub fn table(&self, steps: usize, frames: usize) -> Result<Vec<Vec<f32>>, GuidanceError> {
        check(self.scale)?;
        if self.frames.is_some() && self.steps.is_some() && self.scale <= 1.0 {
            return error("schedules over frames and over steps combine in units of the scale: give one above 1");
        }
        let over_frames = match &self.frames {
            Some(scales) => scales.over(frames, self.scale)?,
            None => vec![self.scale; frames],
        };
        let over_steps = match &self.steps {
            Some(scales) => scales.over(steps, self.scale)?,
            None => vec![self.scale; steps],
        };
        let combine = |a: f32, b: f32| match (self.frames.is_some(), self.steps.is_some()) {
            (true, true) => match 1.0 + (a - 1.0) * (b - 1.0) / (self.scale - 1.0) {
                both if RANGE.contains(&both) => Ok(both),
                both => {
                    error(format!("{a} for a frame and {b} for a step make {both} together, which is out of range"))
                }
            },
            (true, false) => Ok(a),
            _ => Ok(b),
        };
        over_steps.iter().map(|&b| over_frames.iter().map(|&a| combine(a, b)).collect()).collect()
    }
}

/// Is a step guided that has these scales?
pub fn is_guided(scales: &[f32]) -> bool {
    scales.iter().any(|&scale| scale > 1.0)
}

fn check(scale: f32) -> Result<f32, GuidanceError> {
    match RANGE.contains(&scale) {
        true => Ok(scale),
        false => {
            error(format!("{scale} is out of range: take 1 (no guidance) to 100, for the published checkpoint 6 to 10"))
        }
    }
}

impl FrameScales {
    fn over(&self, frames: usize, base: f32) -> Result<Vec<f32>, GuidanceError> {
        let mut scales = vec![base; frames];
        for range in &self.0 {
            let last = range.last.unwrap_or(frames.saturating_sub(1)).max(range.first);
            let Some(part) = scales.get_mut(range.first..=last) else {
                return error(format!(
                    "frames {range} are beyond the end: the clip has frames 0 to {}",
                    frames.max(1) - 1
                ));
            };
            part.fill(range.scale);
        }
        Ok(scales)
    }
}

impl StepScales {
    fn over(&self, steps: usize, base: f32) -> Result<Vec<f32>, GuidanceError> {
        let mut scales = vec![base; steps];
        for range in &self.0 {
            let part = scales.iter_mut().enumerate().filter(|(i, _)| {
                let at = *i as f64 / steps as f64 * 100.0;
                // Percentages have few digits, i / n may have many.
                (range.from - 1e-9..range.to - 1e-9).contains(&at)
            });
            if part.map(|(_, scale)| *scale = range.scale).count() == 0 {
                return error(format!("{range} holds none of {steps} steps: make it longer"));
            }
        }
        Ok(scales)
    }
}

/// The parts of a schedule between commas: what stands before the sign, and the scale behind it.
fn parts(text: &str) -> Result<Vec<(&str, f32)>, GuidanceError> {
    if text.trim().is_empty() {
        return error("the schedule is empty: write RANGE=SCALE, such as 0-4=8, or leave it out");
    }
    text.split(',').map(|text| part(text.trim())).collect()
}

fn part(text: &str) -> Result<(&str, f32), GuidanceError> {
    let Some((range, scale)) = text.split_once('=') else {
        return error(format!("'{text}' is no RANGE=SCALE, such as 0-4=8"));
    };
    match scale.trim().parse() {
        Ok(number) => Ok((range.trim(), check(number)?)),
        Err(_) => error(format!("'{scale}' is no scale")),
    }
}

impl FromStr for FrameScales {
    type Err = GuidanceError;

    fn from_str(text: &str) -> Result<Self, GuidanceError> {
        let mut ranges = Vec::new();
        for (range, scale) in parts(text)? {
            let wrong = || GuidanceError(format!("'{range}' is no range of frames: write 0-4, 7 or 12-"));
            let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
            let (first, last) = match range.split_once('-') {
                None => (number(range)?, Some(number(range)?)),
                Some((first, "")) => (number(first)?, None),
                Some((first, last)) => (number(first)?, Some(number(last)?)),
            };
            if last.is_some_and(|last| last < first) {
                return error(format!("frames {range} are none: the last comes before the first"));
            }
            ranges.push(FrameRange { first, last, scale });
        }
        let mut sorted = ranges.clone();
        sorted.sort_by_key(|range| range.first);
        let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
        if let Some((a, b)) = neighbours.find(|(a, b)| a.last.is_none_or(|last| last >= b.first)) {
            return error(format!("frames {a} and {b} overlap"));
        }
        Ok(Self(ranges))
    }
}

impl FromStr for StepScales {
    type Err = GuidanceError;

    fn from_str(text: &str) -> Result<Self, GuidanceError> {
        let mut ranges = Vec::new();
        for (range, scale) in parts(text)? {
            let wrong = || GuidanceError(format!("'{range}' is no part of the steps: write 0-30% or 80-%"));
            let number =
                |text: &str| text.trim().parse::<f64>().ok().filter(|v| (0.0..=100.0).contains(v)).ok_or_else(wrong);
            let (from, to) = range.strip_suffix('%').and_then(|r| r.split_once('-')).ok_or_else(wrong)?;
            let from = number(from.trim_end_matches('%'))?;
            let to = if to.trim().is_empty() { 100.0 } else { number(to)? };
            if to <= from {
                return error(format!("{range} is empty: the end must be above the beginning"));
            }
            ranges.push(StepRange { from, to, scale });
        }
        let mut sorted = ranges.clone();
        sorted.sort_by(|a, b| a.from.total_cmp(&b.from));
        if let Some((a, b)) = sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a.to > b.from) {
            return error(format!("{a} and {b} overlap"));
        }
        Ok(Self(ranges))
    }
}

impl fmt::Display for FrameRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) if last == self.first => write!(f, "{last}"),
            Some(last) => write!(f, "{}-{last}", self.first),
            None => write!(f, "{}-", self.first),
        }
    }
}

impl fmt::Display for StepRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}%", self.from, self.to)
    }
}

/// What both schedules have in common: their text, also in JSON.
macro_rules! written_as_text {
    ($scales:ty) => {
        impl fmt::Display for $scales {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let texts: Vec<String> = self.0.iter().map(|range| format!("{range}={}", range.scale)).collect();
                f.write_str(&texts.join(","))
            }
        }

        impl TryFrom<String> for $scales {
            type Error = GuidanceError;

            fn try_from(text: String) -> Result<Self, GuidanceError> {
                text.parse()
            }
        }

        impl From<$scales> for String {
            fn from(scales: $scales) -> String {
                scales.to_string()
            }
        }
    };
}

written_as_text!(FrameScales);
written_as_text!(StepScales);

#[cfg(test)]
mod tests {
    use super::*;

    fn guidance(scale: f32, frames: &str, steps: &str) -> Result<Guidance, GuidanceError> {
        let frames = if frames.is_empty() { None } else { Some(frames.parse()?) };
        let steps = if steps.is_empty() { None } else { Some(steps.parse()?) };
        Ok(Guidance { scale, frames, steps })
    }

    #[test]
    fn schedules_say_what_they_say_and_combine_above_one() {
        let frames = guidance(9.0, "0-1=8,3-=5", "").unwrap();
        assert_eq!(frames.table(2, 5).unwrap(), vec![vec![8.0, 8.0, 9.0, 5.0, 5.0]; 2]);
        let steps = guidance(9.0, "", "0-30%=7,60-100%=1").unwrap();
        let table = steps.table(10, 1).unwrap().concat();
        assert_eq!(table, [7.0, 7.0, 7.0, 9.0, 9.0, 9.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(table.iter().filter(|&&g| is_guided(&[g])).count(), 6);
        let both = guidance(9.0, "0=5", "0-50%=5,50-75%=1").unwrap();
        assert_eq!(both.table(4, 2).unwrap(), [[3.0, 5.0], [3.0, 5.0], [1.0, 1.0], [5.0, 9.0]]);
        assert_eq!(Guidance::from(2.5).table(1, 2).unwrap(), [[2.5, 2.5]]);
        let far = guidance(1.01, "0-=100", "0-100%=100").unwrap().table(2, 2).unwrap_err().to_string();
        assert!(far.contains("100 for a frame and 100 for a step") && far.contains("out of range"), "{far}");
    }

    #[test]
    fn texts_are_read_back() {
        for text in ["0-4=8,5-11=9,12-=8.5", "3=1"] {
            assert_eq!(text.parse::<FrameScales>().unwrap().to_string(), text);
        }
        for text in ["0-30%=7,30-80%=9,80-100%=8", "12.5-50%=2"] {
            assert_eq!(text.parse::<StepScales>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (frames, steps, word) in [
            ("0-4=8,4-6=9", "", "frames 0-4 and 4-6 overlap"),
            ("2-=8,7=9", "", "frames 2- and 7 overlap"),
            ("4-2=8", "", "the last comes before the first"),
            (" ", "", "is empty"),
            ("0-4", "", "RANGE=SCALE"),
            ("0-4=x", "", "no scale"),
            ("0-4=0.5", "", "out of range"),
            ("a-4=5", "", "no range of frames"),
            ("6-9=5", "", "beyond the end"),
            ("", "0-30%=7,20-50%=9", "0-30% and 20-50% overlap"),
            ("", "30-30%=7", "empty"),
            ("", "0-30=7", "no part of the steps"),
            ("", "0-130%=7", "no part of the steps"),
            ("", "0.1-0.2%=7", "none of 10 steps"),
        ] {
            let result = guidance(9.0, frames, steps).and_then(|g| g.table(10, 8));
            let message = result.unwrap_err().to_string();
            assert!(message.contains(word) && !message.contains('\n'), "{frames} {steps}: {message}");
        }
        assert!(guidance(1.0, "0=2", "0-50%=2").unwrap().table(4, 2).is_err());
        assert!(Guidance::from(f32::NAN).table(1, 1).is_err());
    }
}
