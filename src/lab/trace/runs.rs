//! The runs of a generation's plans in their order, their names, and which of them are looked at.

use std::{collections::HashMap, fmt, ops::RangeInclusive, str::FromStr};

use glob::Pattern;

use super::Error;

/// The plans of a generation, in the order in which they first run.
pub const PHASES: [&str; 9] =
    ["text", "image", "vae-encode", "conditions", "initial", "unet", "noise", "ddim", "vae-decode"];

/// One run of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The plan's name.
    pub phase: &'static str,
    /// The denoising step, or the frame that is decoded.
    pub number: Option<usize>,
    /// Which run of this plan in this step: two passes, two prompts.
    pub index: usize,
}

impl fmt::Display for Run {
    /// `text`, `text.1` (the second prompt), `step0/unet`, `step0/unet.1` (the second pass), `frame3/vae-decode`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.number {
            write!(f, "{}{number}/", if self.phase == "vae-decode" { "frame" } else { "step" })?;
        }
        f.write_str(self.phase)?;
        if self.index > 0 { write!(f, ".{}", self.index) } else { Ok(()) }
    }
}

impl Run {
    /// A number that grows along a generation.
    fn rank(&self) -> usize {
        let position = |phase| PHASES.iter().position(|known| *known == phase).unwrap_or_default();
        match (self.phase, self.number) {
            ("vae-decode", Some(frame)) => usize::MAX / 2 + frame,
            (_, Some(step)) => PHASES.len() + step,
            // Noise outside of steps is drawn for the encoder and for the initial latents.
            ("noise", None) => position("vae-encode"),
            (phase, None) => position(phase),
        }
    }
}

/// Counts the runs of one clip.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: HashMap<(&'static str, Option<usize>), usize>,
    /// Denoising steps that are done.
    steps: usize,
}

impl Counter {
    /// The run that begins with a program of this plan.
    pub fn begin(&mut self, plan: &'static str) -> Run {
        let stepping = self.counts.contains_key(&("unet", Some(self.steps)));
        let mut count = |number| {
            let index = self.counts.entry((plan, number)).or_default();
            *index += 1;
            *index - 1
        };
        match plan {
            "vae-decode" => Run { phase: plan, number: Some(count(None)), index: 0 },
            "unet" | "ddim" => {
                let number = Some(self.steps);
                let index = count(number);
                self.steps += usize::from(plan == "ddim");
                Run { phase: plan, number, index }
            }
            "noise" if stepping => {
                let number = Some(self.steps);
                Run { phase: plan, number, index: count(number) }
            }
            _ => Run { phase: plan, number: None, index: count(None) },
        }
    }
}

/// `0`, `2-5` or `all`: steps, or frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(RangeInclusive<usize>);

/// The last of all, however many there are.
const ALL: usize = usize::MAX / 4;
/// Runs of one plan within a step, or of one prompt each, at most.
const MOST_RUNS: usize = 4;

impl FromStr for Numbers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Range(text.to_owned());
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        match text.split_once('-') {
            None if text == "all" => Ok(Self(0..=ALL)),
            None => number(text).map(|n| Self(n..=n)),
            Some((first, last)) => {
                let range = number(first)?..=number(last)?;
                if range.is_empty() { Err(wrong()) } else { Ok(Self(range)) }
            }
        }
    }
}

impl Numbers {
    /// Those among so many.
    fn of(&self, count: usize) -> RangeInclusive<usize> {
        *self.0.start()..=(*self.0.end()).min(count.saturating_sub(1))
    }

    /// Refuses numbers that so many do not have.
    fn check(&self, option: &'static str, count: usize) -> Result<(), Error> {
        let (first, last) = (*self.0.start(), *self.0.end());
        if first < count && (last < count || last == ALL) {
            return Ok(());
        }
        let asked = if first == last { first.to_string() } else { format!("{first}-{last}") };
        Err(Error::Beyond { option, asked, count })
    }
}

/// What of a generation is looked at.
#[derive(Clone, Debug)]
pub struct Selection {
    phases: Vec<&'static str>,
    steps: Numbers,
    frames: Numbers,
    patterns: Vec<Match>,
}

#[derive(Clone, Debug)]
enum Match {
    Part(String),
    Glob(Pattern),
}

impl Selection {
    /// These phases (all, if none is named), these steps and frames, and of them the tensors with names like one of these patterns (all, if
    /// there is none): a part of the name, or all of it where the pattern has `*`, `?` or `[`.
    ///
    /// # Errors
    /// [`Error::Phase`] and [`Error::Pattern`].
    pub fn new(phases: &[String], steps: Numbers, frames: Numbers, patterns: &[String]) -> Result<Self, Error> {
        let phase = |asked: &String| {
            PHASES.iter().find(|known| *known == asked).copied().ok_or_else(|| {
                let known = PHASES.join(", ");
                Error::Phase { asked: asked.clone(), known }
            })
        };
        let pattern = |text: &String| match text.contains(['*', '?', '[']) {
            false => Ok(Match::Part(text.clone())),
            true => Pattern::new(text)
                .map(Match::Glob)
                .map_err(|e| Error::Pattern { pattern: text.clone(), reason: e.to_string() }),
        };
        let phases: Vec<&'static str> = phases.iter().map(phase).collect::<Result<_, _>>()?;
        Ok(Self {
            phases: if phases.is_empty() { PHASES.to_vec() } else { phases },
            steps,
            frames,
            patterns: patterns.iter().map(pattern).collect::<Result<_, _>>()?,
        })
    }

    /// The phases.
    pub fn phases(&self) -> &[&'static str] {
        &self.phases
    }

    /// The first run of this phase that is looked at, if the phase is.
    pub fn first(&self, phase: &'static str) -> Run {
        let number = match phase {
            "vae-decode" => Some(*self.frames.0.start()),
            "unet" | "ddim" => Some(*self.steps.0.start()),
            _ => None,
        };
        Run { phase, number, index: 0 }
    }

    /// Is this run looked at?
    pub fn has(&self, run: &Run) -> bool {
        let numbered = match (run.phase, run.number) {
            (_, None) => true,
            ("vae-decode", Some(frame)) => self.frames.0.contains(&frame),
            (_, Some(step)) => self.steps.0.contains(&step),
        };
        self.phases.contains(&run.phase) && numbered
    }

    /// Refuses steps and frames that a generation with so many does not have.
    pub fn check(&self, steps: usize, frames: usize) -> Result<(), Error> {
        let any = |phases: &[&str]| self.phases.iter().any(|phase| phases.contains(phase));
        if any(&["unet", "noise", "ddim"]) {
            self.steps.check("--trace-steps", steps)?;
        }
        if any(&["vae-decode"]) { self.frames.check("--trace-frames", frames) } else { Ok(()) }
    }

    /// The runs of a phase that may be looked at in a generation of so many steps and frames; some of them may not happen.
    pub fn runs(&self, phase: &'static str, steps: usize, frames: usize) -> Vec<Run> {
        let numbers: Vec<Option<usize>> = match phase {
            "vae-decode" => self.frames.of(frames).map(Some).collect(),
            "unet" | "ddim" => self.steps.of(steps).map(Some).collect(),
            "noise" => std::iter::once(None).chain(self.steps.of(steps).map(Some)).collect(),
            _ => vec![None],
        };
        let of = |number| (0..MOST_RUNS).map(move |index| Run { phase, number, index });
        numbers.into_iter().flat_map(of).filter(|run| self.has(run)).collect()
    }

    /// The patterns as they were written; empty if all names are looked at.
    pub fn patterns(&self) -> Vec<&str> {
        fn text(pattern: &Match) -> &str {
            match pattern {
                Match::Part(part) => part,
                Match::Glob(pattern) => pattern.as_str(),
            }
        }
        self.patterns.iter().map(text).collect()
    }

    /// Is the tensor of this name looked at?
    pub fn matches(&self, name: &str) -> bool {
        let matches = |pattern: &Match| match pattern {
            Match::Part(part) => name.contains(part.as_str()),
            Match::Glob(pattern) => pattern.matches(name),
        };
        self.patterns.is_empty() || self.patterns.iter().any(matches)
    }

    /// Is everything over that is looked at, when this run begins?
    pub fn is_over(&self, run: &Run) -> bool {
        let last = |phase: &&'static str| {
            let number = match *phase {
                "vae-decode" => Some(*self.frames.0.end()),
                "unet" | "ddim" | "noise" => Some(*self.steps.0.end()),
                _ => None,
            };
            Run { phase, number, index: 0 }.rank()
        };
        self.phases.iter().map(last).max().is_none_or(|last| run.rank() > last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plans of a clip of two steps in two passes, in the order in which the pipeline runs them.
    const ORDER: [&str; 17] = [
        "text",
        "text",
        "image",
        "noise",
        "vae-encode",
        "conditions",
        "conditions",
        "noise",
        "initial",
        "unet",
        "unet",
        "noise",
        "ddim",
        "unet",
        "unet",
        "ddim",
        "vae-decode",
    ];

    fn runs() -> Vec<Run> {
        let mut counter = Counter::default();
        ORDER.into_iter().chain(["vae-decode"]).map(|plan| counter.begin(plan)).collect()
    }

    fn selection(phases: &[&str], steps: &str, patterns: &[&str]) -> Selection {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Selection::new(&owned(phases), steps.parse().unwrap(), "0".parse().unwrap(), &owned(patterns)).unwrap()
    }

    #[test]
    fn runs_have_names_of_their_own() {
        let names: Vec<String> = runs().iter().map(Run::to_string).collect();
        assert_eq!(names[..3], ["text", "text.1", "image"]);
        assert_eq!(names[6..12], ["conditions.1", "noise.1", "initial", "step0/unet", "step0/unet.1", "step0/noise"]);
        assert_eq!(
            names[12..],
            ["step0/ddim", "step1/unet", "step1/unet.1", "step1/ddim", "frame0/vae-decode", "frame1/vae-decode"]
        );
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn a_run_ends_when_all_has_been_seen() {
        let over = |selection: &Selection| runs().iter().position(|run| selection.is_over(run)).unwrap_or(18);
        assert_eq!(over(&selection(&["text"], "0", &[])), 2);
        assert_eq!(over(&selection(&["conditions"], "0", &[])), 8);
        assert_eq!(over(&selection(&["unet"], "0", &[])), 13);
        assert_eq!(over(&selection(&["unet"], "all", &[])), 16);
        assert_eq!(over(&selection(&[], "0", &[])), 17); // the second frame
        for phases in [&["text"][..], &["unet"], &["ddim", "image"], &["noise"]] {
            let selection = selection(phases, "0", &[]);
            let last = runs().iter().rposition(|run| selection.has(run));
            assert!(last.is_some_and(|last| last < over(&selection)), "{phases:?}");
        }
    }

    #[test]
    fn steps_and_frames_are_those_of_the_generation() {
        let check =
            |phases: &[&str], steps: &str| selection(phases, steps, &[]).check(10, 1).map_err(|e| e.to_string());
        for steps in ["0", "9", "2-9", "all"] {
            assert_eq!(check(&[], steps), Ok(()), "{steps}");
        }
        let error = check(&[], "99").unwrap_err();
        assert!(error.contains("--trace-steps 99: this run has 10") && error.contains("0 to 9"), "{error}");
        assert!(check(&["ddim"], "5-10").unwrap_err().contains("5-10"));
        // What is not looked at may be any.
        assert_eq!(check(&["text"], "99"), Ok(()));
        let frames = Selection { frames: "3".parse().unwrap(), ..selection(&[], "0", &[]) };
        assert!(frames.check(10, 3).unwrap_err().to_string().contains("--trace-frames 3"));
        let runs = selection(&["unet"], "all", &[]).runs("unet", 2, 1);
        let named = runs.iter().map(Run::to_string).filter(|name| name == "step1/unet" || name == "step0/unet.1");
        assert_eq!((named.count(), runs.len()), (2, 2 * MOST_RUNS));
    }

    #[test]
    fn patterns_are_parts_or_whole_names() {
        let name = "step0/unet/down_blocks.0.resnets.0.conv1";
        for (pattern, expected) in
            [("resnets", true), ("*conv1", true), ("step0/*", true), ("*resnets", false), ("conv2", false)]
        {
            assert_eq!(selection(&[], "0", &[pattern]).matches(name), expected, "{pattern}");
        }
        assert!(selection(&[], "0", &[]).matches(name));
        let wrong = Selection::new(&[], "0".parse().unwrap(), "0".parse().unwrap(), &["a[".into()]).unwrap_err();
        assert!(wrong.to_string().contains("'a['"), "{wrong}");
        let wrong = Selection::new(&["vae".into()], "0".parse().unwrap(), "0".parse().unwrap(), &[]).unwrap_err();
        assert!(wrong.to_string().contains("'vae'; there are text, image, vae-encode"), "{wrong}");
        for text in ["", "x", "3-1", "-1", "1-"] {
            assert!(text.parse::<Numbers>().is_err(), "{text}");
        }
    }
}
