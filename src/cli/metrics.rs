//! `i2vgen metrics`: what a clip is like, in numbers.

mod subject;
mod tables;

use std::{ops::ControlFlow, path::PathBuf};

use clap::Args;
use i2vgen::{
    checkpoint::Checkpoint,
    metrics::{Measure, Measures, Reference, measure},
    pipeline::{Compat, DtypeChoice, Engine, Event},
    staged,
    video::Clip,
};
use serde_json::json;

pub use tables::{column, frame_table};

use super::{
    Error,
    options::{DeviceOptions, ModelOption, by_name},
    output,
};
use subject::{Against, Subject};

/// Measure a clip: likeness to a reference, motion and its steadiness, flicker, identity
///
/// Identity is the cosine between the embeddings that the model's own image encoder gives for a frame and for the reference; it alone
/// needs a model and a device. If no model is named, it is models/i2vgen-xl in the current folder if that is there, or else demo.
/// docs/metrics.md says what each number means.
#[derive(Args)]
pub struct Metrics {
    /// Clip: mp4 (H.264), gif, webp, animated png, or png frames as name-%03d.png
    clip: PathBuf,
    /// What it is compared with: the picture it was made from, cropped and prepared as it was for the clip; or a clip with as many
    /// frames, frame by frame [default: the clip's first frame]
    #[arg(long, value_name = "PICTURE|CLIP")]
    reference: Option<PathBuf>,
    /// Leave identity out: no model and no device are needed
    #[arg(long)]
    no_identity: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write the values of every frame as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    model: ModelOption,
    /// How numbers are stored on the device [default: auto, f16 where shaders have it]
    #[arg(long, value_name = "auto|f32|f16", default_value = "auto", hide_default_value = true, value_parser = by_name::<DtypeChoice>, help_heading = "Device")]
    dtype: DtypeChoice,
    #[command(flatten)]
    device: DeviceOptions,
}

impl Metrics {
    pub fn run(self) -> Result<(), Error> {
        let mut subject = Subject::open(&self.clip)?;
        let target = subject.compared_with(self.reference.as_deref())?;
        let csv: Vec<PathBuf> = self.csv.iter().cloned().collect();
        let read = [Some(self.clip.as_path()), self.reference.as_deref()];
        csv.iter().try_for_each(|path| staged::check(path))?;
        output::spare(read.into_iter().flatten(), csv.into_iter(), "file for --csv")?;

        let mut measures = measure(&subject.clip, target.reference())?;
        let mut model = None;
        if !self.no_identity {
            let name = self.add_identity(&mut measures, &subject.clip, target.reference())?;
            subject.notes.extend(subject.other_model(&name));
            model = Some(name);
        }
        if let Some(path) = &self.csv {
            staged::write(path, frame_table(&measures).to_csv().as_bytes())?;
        }
        if self.json {
            return output::print_json(&self.as_json(&subject, &target, &measures, model.as_deref()));
        }
        subject.notes.iter().for_each(|note| output::tell(&format!("note: {note}")));
        output::print(&self.as_text(&subject.clip, &target, &measures))
    }

    /// Adds identity; returns the model's name.
    fn add_identity(&self, measures: &mut Measures, clip: &Clip, reference: Reference<'_>) -> Result<String, Error> {
        let checkpoint = Checkpoint::open(self.model.files())?;
        let name = checkpoint.files().name();
        let hint = |error: Error| Error::message(format!("{error}; --no-identity measures the rest without a device"));
        let device = self.device.open().map_err(hint)?;
        let engine = Engine::new(device, checkpoint, self.dtype, Compat::default())?;
        let mut silent = |_: Event<'_>| ControlFlow::Continue(());
        engine.add_identity(measures, clip, reference, &mut silent)?;
        Ok(name)
    }

    fn as_text(&self, clip: &Clip, target: &Against, measures: &Measures) -> String {
        let (width, height, frames) = (clip.width, clip.height, clip.frames.len());
        let name = self.clip.display();
        let mut text = format!("{name}: {frames} frames of {width}x{height}, compared with {}\n\n", target.words());
        text += &frame_table(measures).to_text();
        let rows: Vec<Vec<String>> = Measure::ALL
            .iter()
            .filter_map(|measure| {
                let value = measures.mean.get(measure)?;
                let number = format!("{value:.*} {}", measure.digits(), measure.unit());
                Some(vec![measure.title().to_owned(), number.trim_end().to_owned(), measure.about().to_owned()])
            })
            .collect();
        let widths = [0, 1].map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
        text.push('\n');
        for row in &rows {
            text += &format!("{:<2$}  {:<3$}  {about}\n", row[0], row[1], widths[0], widths[1], about = row[2]);
        }
        text
    }

    fn as_json(
        &self,
        subject: &Subject,
        target: &Against,
        measures: &Measures,
        model: Option<&str>,
    ) -> serde_json::Value {
        let clip = &subject.clip;
        json!({
            "clip": self.clip, "width": clip.width, "height": clip.height, "frames": clip.frames.len(), "fps": clip.fps,
            "reference": { "kind": target.kind(), "file": self.reference }, "model": model, "notes": subject.notes,
            "mean": measures.mean, "per_frame": measures.frames,
        })
    }
}
