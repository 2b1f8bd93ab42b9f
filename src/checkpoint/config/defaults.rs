//! `i2vgen.json`: a checkpoint's own defaults for a request.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use crate::checkpoint::error::{Error, Result};
use crate::checkpoint::files::ModelFiles;
use crate::checkpoint::json::{CONFIG_LIMIT, from_object, read_object};

/// Settings that suit this checkpoint better than those of the published one; whoever asks can still override each.
///
/// The file lies beside `model_index.json` and is a JSON object with any of the fields below. A field that is absent or
/// null leaves the program's default; a field that is not in this list is an error, so that a slip is not passed over.
///
/// ```json
/// { "width": 64, "height": 64, "frames": 8, "steps": 25, "cfg_scale": 3.0, "cfg_range": [1.0, 6.0] }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Width of the frames in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of the frames in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Number of frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// Denoising steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Classifier-free guidance scale; 1 turns guidance off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cfg_scale: Option<f32>,
    /// Lowest and highest guidance scale that make sense for this checkpoint, for hints and sweeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cfg_range: Option<[f32; 2]>,
    /// Share of fresh noise in each DDIM step, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<f32>,
    /// Frames from one temporal anchor to the next; 0 turns anchoring off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor_interval: Option<u32>,
    /// How pictures are prepared: `off`, `auto` or some of `crop,edges,background`; anything else is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare: Option<String>,
    /// Frames per second of the written file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// Frames per second that the network is told (its fps condition).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_fps: Option<u32>,
    /// What the clip should not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
}

impl Defaults {
    /// The file's name in the model.
    pub const FILE: &'static str = "i2vgen.json";

    /// The defaults of a model, or `None` where it has no such file.
    pub fn read(files: &ModelFiles) -> Result<Option<Self>> {
        let path = files.path(Self::FILE);
        let object = match read_object(files, Self::FILE, CONFIG_LIMIT) {
            Err(Error::MissingFile { .. }) => return Ok(None),
            other => other?,
        };
        let defaults: Self = from_object(&path, object)?;
        defaults.validate(&path)?;
        Ok(Some(defaults))
    }

    fn validate(&self, path: &Path) -> Result<()> {
        let fields = Fields::of(path);
        for (field, value) in [
            ("width", self.width),
            ("height", self.height),
            ("frames", self.frames),
            ("steps", self.steps),
            ("fps", self.fps),
            ("target_fps", self.target_fps),
        ] {
            if value == Some(0) {
                return Err(fields.error(field, "is 0, expected at least 1"));
            }
        }
        if let Some(scale) = self.cfg_scale {
            fields.positive("cfg_scale", f64::from(scale))?;
        }
        if let Some(eta) = self.eta
            && !(0.0..=1.0).contains(&eta)
        {
            return Err(fields.error("eta", format!("is {eta}, expected 0 to 1")));
        }
        if let Some([low, high]) = self.cfg_range {
            fields.positive("cfg_range[0]", f64::from(low))?;
            fields.positive("cfg_range[1]", f64::from(high))?;
            if low > high {
                return Err(fields.error("cfg_range", format!("runs from {low} down to {high}; write the lower first")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Defaults>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(Defaults::FILE), text).unwrap();
        Defaults::read(&dir.path().into())
    }

    #[test]
    fn absent_file_and_absent_fields() {
        assert_eq!(Defaults::read(&tempfile::tempdir().unwrap().path().into()).unwrap(), None);
        let defaults = read(r#"{"width": 64, "cfg_range": [1, 6.5], "steps": null}"#).unwrap().unwrap();
        assert_eq!((defaults.width, defaults.steps), (Some(64), None));
        assert_eq!(defaults.cfg_range, Some([1.0, 6.5]));
        let text = serde_json::to_string(&defaults).unwrap();
        assert_eq!(text, r#"{"width":64,"cfg_range":[1.0,6.5]}"#);
    }

    #[test]
    fn slips_are_named() {
        for (text, name) in [
            (r#"{"step": 5}"#, "`step`"),
            (r#"{"steps": 0}"#, "`steps`"),
            (r#"{"eta": 1.5}"#, "`eta`"),
            (r#"{"cfg_scale": 0}"#, "`cfg_scale`"),
            (r#"{"cfg_range": [9, 8]}"#, "`cfg_range`"),
            (r#"{"cfg_range": [9]}"#, "`cfg_range`"),
            (r#"{"width": 1.5}"#, "`width`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("i2vgen.json: field") && error.contains(name), "{error}");
        }
    }
}
