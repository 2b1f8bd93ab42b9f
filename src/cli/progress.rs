//! What a user sees of a running generation, and how Ctrl-C stops it.
//!
//! A bar or plain lines go to the standard error. With `--progress json` the standard output (the standard error where a clip goes to the
//! standard output) carries one JSON object per line:
//! `{"event":"phase","phase":"denoise","clip":1,"clips":2}`, then
//! `{"event":"step","done":3,"of":50,"seconds_per_step":1.2,"seconds_left":56.4}`, `{"event":"frame","done":1,"of":16}`,
//! `{"event":"note","text":"…"}`; `generate` adds `clip`, `batch` adds `job`, too. The last one is `done` or, where an error ends the command
//! before, `{"event":"failed","error":"…"}`.

use std::{
    cell::Cell,
    io::{IsTerminal, stderr},
    ops::ControlFlow,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use i2vgen::pipeline::{self, Event, Observer, Phase};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Error, output, units};

/// `--progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// A bar on a terminal, else plain lines.
    #[default]
    Auto,
    Bar,
    Plain,
    Json,
    None,
}

/// Between two plain lines of one phase.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows progress, and asks the generation to stop after Ctrl-C.
pub struct Progress {
    style: Style,
    /// Does the standard output belong to a clip?
    beside_clip: bool,
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
    /// Which of several jobs is at work.
    job: Option<String>,
    label: String,
    told: Option<Instant>,
    pace: Pace,
    /// Has the last event been told?
    over: Cell<bool>,
}

impl Progress {
    /// Watches for Ctrl-C from now on: the first one cancels, a second one kills.
    pub fn new(style: Style) -> Self {
        let style = match style {
            Style::Auto | Style::Bar if stderr().is_terminal() => Style::Bar,
            Style::Auto | Style::Bar => Style::Plain,
            other => other,
        };
        let bar = if style == Style::Bar { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.enable_steady_tick(Duration::from_millis(200));
        let stopped = Arc::new(AtomicBool::new(false));
        let (flag, shown) = (stopped.clone(), bar.clone());
        // Without a handler Ctrl-C ends the program at once, which leaves nothing half-written either.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                process::exit(130);
            }
            shown.suspend(|| output::tell("stopping; press Ctrl-C again to stop at once"));
        });
        let (job, label, told) = (None, String::new(), None);
        Self {
            style,
            beside_clip: false,
            bar,
            stopped,
            job,
            label,
            told,
            pace: Pace::default(),
            over: Cell::new(false),
        }
    }

    /// The same; if the standard output `belongs` to a clip, everything is told on the standard error.
    pub fn beside_clip(mut self, belongs: bool) -> Self {
        self.beside_clip = belongs;
        self
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        match self.beside_clip {
            true => output::tell(text),
            false => output::print(text)?,
        }
        Ok(())
    }

    /// Does the standard output belong to JSON?
    pub fn is_json(&self) -> bool {
        self.style == Style::Json
    }

    /// An error if Ctrl-C was pressed.
    pub fn check(&self) -> Result<(), Error> {
        if self.stopped.load(Ordering::Relaxed) { Err(pipeline::Error::Cancelled.into()) } else { Ok(()) }
    }

    /// One of several jobs begins: the bar names it, and plain lines leave its stages to the line at its end.
    pub fn begin_job(&mut self, name: String) {
        self.job = Some(name);
    }

    /// A stage that has no steps begins.
    pub fn stage(&mut self, label: &str, event: Value) {
        self.label = self.in_job(label);
        self.told = None;
        match self.style {
            Style::Bar => {
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                    self.bar.set_style(style);
                }
                self.bar.set_message(self.label.clone());
            }
            Style::Plain if self.job.is_none() => output::tell(label),
            _ => self.emit(event),
        }
    }

    /// Tells what is at work as number `done` of `of`, now and then, from wherever it is called; false after Ctrl-C.
    pub fn teller(&self) -> impl Fn(&str, usize, usize) -> bool + Send + Sync + use<> {
        let (style, bar, stopped, told) =
            (self.style, self.bar.clone(), self.stopped.clone(), Mutex::new(Instant::now()));
        move |what, done, of| {
            let text = format!("{what} ({done}/{of})");
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            match style {
                Style::Bar => bar.set_message(text),
                Style::Plain if told.elapsed() >= PAUSE => {
                    *told = Instant::now();
                    output::tell(&text);
                }
                _ => {}
            }
            !stopped.load(Ordering::Relaxed)
        }
    }

    /// Something the user should know.
    pub fn note(&self, text: &str) {
        match self.style {
            Style::Json => self.emit(json!({ "event": "note", "text": text })),
            _ => self.bar.suspend(|| output::tell(&format!("note: {}", self.in_job(text)))),
        }
    }

    /// Something that went wrong while the rest goes on; in JSON mode events tell it.
    pub fn failure(&self, text: &str) {
        if self.style != Style::Json {
            self.bar.suspend(|| output::tell(&format!("error: {text}")));
        }
    }

    /// A result; in JSON mode events tell it.
    pub fn line(&self, text: &str) -> Result<(), Error> {
        if self.style == Style::Json { Ok(()) } else { self.bar.suspend(|| self.print(text)) }
    }

    fn in_job(&self, text: &str) -> String {
        self.job.as_ref().map_or_else(|| text.to_owned(), |job| format!("{job}: {text}"))
    }

    /// Writes an object in JSON mode. A reader that has left does not stop the generation.
    pub fn emit(&self, event: Value) {
        if self.style == Style::Json {
            let _ = self.print(&event.to_string());
        }
    }

    /// The last event.
    pub fn done(&self, event: Value) {
        self.emit(event);
        self.over.set(true);
    }

    /// What a command came to, whose error events tell in JSON mode, too, if it ended before its last event.
    pub fn ended(&self, made: Result<(), Error>) -> Result<(), Error> {
        made.inspect_err(|error| {
            if !self.over.get() {
                self.emit(json!({ "event": "failed", "error": error.to_string() }));
            }
        })
    }

    /// Takes the bar away; returns the mean time of a step.
    pub fn finish(&self) -> Option<Duration> {
        self.bar.finish_and_clear();
        self.pace.mean()
    }

    /// `done` of `of` steps or frames of the current stage.
    fn advance(&mut self, done: usize, of: usize, rest: &str) {
        match self.style {
            Style::Bar => {
                self.bar.set_length(of as u64);
                self.bar.set_position(done as u64);
                self.bar.set_prefix(rest.to_owned());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bar:32} {pos}/{len}{prefix}") {
                    self.bar.set_style(style);
                }
            }
            Style::Plain
                if self.job.is_none() && (done == of || self.told.is_none_or(|told| told.elapsed() >= PAUSE)) =>
            {
                self.told = Some(Instant::now());
                output::tell(&format!("{} {done}/{of}{rest}", self.label));
            }
            _ => {}
        }
    }
}

impl Drop for Progress {
    /// Where an error ends the command, its line stands alone.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Phase { phase, clip, clips } => {
                let number = if clips > 1 { format!(", clip {} of {clips}", clip + 1) } else { String::new() };
                let label = match phase {
                    Phase::Text => "reading the prompt".to_owned(),
                    Phase::Image => "looking at the picture".to_owned(),
                    Phase::Encode => "encoding the picture".to_owned(),
                    Phase::Load => "loading the network".to_owned(),
                    Phase::Denoise => format!("denoising{number}"),
                    Phase::Decode => format!("decoding{number}"),
                };
                if phase == Phase::Denoise {
                    self.pace.start();
                }
                self.stage(&label, json!({ "event": "phase", "phase": phase, "clip": clip + 1, "clips": clips }));
            }
            Event::Step { done, of, .. } => {
                self.pace.step();
                let per_step = self.pace.current().unwrap_or_default();
                let left = per_step * (of - done.min(of)) as u32;
                self.emit(json!({
                    "event": "step", "done": done, "of": of,
                    "seconds_per_step": per_step.as_secs_f64(), "seconds_left": left.as_secs_f64(),
                }));
                self.advance(done, of, &format!(", {} per step, {} left", units::time(per_step), units::time(left)));
            }
            Event::Frame { done, of } => {
                self.emit(json!({ "event": "frame", "done": done, "of": of }));
                self.advance(done, of, "");
            }
            Event::Note(text) => self.note(text),
        }
        if self.stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How long the steps take. The first step of a clip also compiles and warms up, so it counts only while there is no other.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
    done: u32,
    first: Option<Duration>,
    /// All later steps of all clips, and how many.
    later: (Duration, u32),
    /// Those of this clip.
    clip: (Duration, u32),
}

impl Pace {
    fn start(&mut self) {
        (self.last, self.done, self.clip) = (Some(Instant::now()), 0, Default::default());
    }

    fn step(&mut self) {
        let now = Instant::now();
        let took = self.last.map_or(Duration::ZERO, |last| now - last);
        self.last = Some(now);
        self.done += 1;
        if self.done == 1 {
            self.first = Some(took);
        } else {
            for (time, count) in [&mut self.later, &mut self.clip] {
                *time += took;
                *count += 1;
            }
        }
    }

    fn mean_of((time, count): (Duration, u32)) -> Option<Duration> {
        (count > 0).then(|| time / count)
    }

    /// Seconds per step of this clip.
    fn current(&self) -> Option<Duration> {
        Self::mean_of(self.clip).or(self.first)
    }

    /// Seconds per step of all clips.
    fn mean(&self) -> Option<Duration> {
        Self::mean_of(self.later).or(self.first)
    }
}
