//! What is profiled: a model, and the clip that it makes.

use serde::{Deserialize, Serialize};

use crate::{kernel::Dtype, lab::units::counted, pipeline::Streaming};

/// A model and a clip.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The model.
    pub model: String,
    /// Were its weights made up?
    pub random_weights: bool,
    /// Width and height of the clip in pixels.
    pub size: [usize; 2],
    /// Its frames.
    pub frames: usize,
    /// Is guidance on?
    pub guided: bool,
    /// Are both rows of guidance one batch?
    pub one_batch: bool,
    /// How the UNet's weights are divided, if some are streamed; profiles of earlier versions had none.
    #[serde(default)]
    pub streaming: Option<Streaming>,
    /// How activations are stored.
    pub dtype: Dtype,
}

impl Setup {
    /// All of it in a line, but for streaming.
    pub(super) fn clip(&self) -> String {
        let Self { model, size: [width, height], dtype, .. } = self;
        let weights = if self.random_weights { " with random weights" } else { "" };
        format!("{model}{weights}: {} of {width}x{height}, {}, {dtype}", counted(self.frames, "frame"), self.guidance())
    }

    pub(super) fn guidance(&self) -> &'static str {
        match (self.guided, self.one_batch) {
            (false, _) => "no guidance",
            (true, true) => "guidance as one batch",
            (true, false) => "guidance in two passes",
        }
    }

    /// A line of its own for streamed weights, or nothing.
    pub(super) fn streaming_line(&self) -> String {
        self.streaming.map_or(String::new(), |streaming| format!("\n{streaming}"))
    }
}
