//! What is kept beside each clip of a sweep: how it was made and what was measured, so that nothing is made or measured twice.

use std::{fs, path::Path};

use i2vgen::{
    fingerprint::fnv1a,
    metrics::{Measure, Measures},
    staged,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::{Error, source::PictureMark};

/// Changes when measures change their meaning: clips of other versions are made again.
const VERSION: u32 = 1;

/// How a clip came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Version of the record.
    version: u32,
    /// Name of the model.
    pub model: String,
    /// The picture.
    pub picture: PictureMark,
    /// Every setting in force.
    pub settings: Value,
}

/// A clip that was made and measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    #[serde(flatten)]
    pub origin: Origin,
    /// Seconds that the generation took, without encoding and measuring.
    pub seconds: f64,
    /// Bytes on the device that it was planned with.
    pub device_bytes: u64,
    pub measures: Measures,
}

impl Origin {
    /// An origin.
    pub fn new(model: &str, picture: &PictureMark, settings: Value) -> Self {
        Self { version: VERSION, model: model.to_owned(), picture: picture.clone(), settings }
    }

    /// A short name for it: FNV-1a (64 bits, folded to 32) of its JSON, without the picture's file name. That two of a sweep's clips have the
    /// same is as good as impossible, and told.
    pub fn hash(&self) -> String {
        let PictureMark { width, height, fingerprint, .. } = &self.picture;
        let text = format!("{} {} {width} {height} {fingerprint} {}", self.version, self.model, self.settings);
        let hash = fnv1a(text.bytes());
        format!("{:08x}", (hash >> 32) as u32 ^ hash as u32)
    }
}

impl Record {
    /// The record of a clip of this origin, if it was kept, with identity if that is `wanted`.
    pub fn find(path: &Path, origin: &Origin, wanted: bool) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let whole = !wanted || record.measures.mean.contains_key(&Measure::Identity);
        let same = Origin { picture: origin.picture.clone(), ..record.origin.clone() } == *origin
            && record.origin.picture.fingerprint == origin.picture.fingerprint;
        (same && whole).then_some(record)
    }

    /// Keeps it.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text =
            serde_json::to_string(self).map_err(|e| Error::message(format!("the measures are not JSON: {e}")))?;
        Ok(staged::write(path, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use i2vgen::{metrics::Reference, video::Clip};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_found_by_its_origin() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.json");
        let picture = PictureMark { file: "a.png".into(), width: 8, height: 9, fingerprint: "12".into() };
        let origin = Origin::new("demo", &picture, json!({ "eta": 0.5 }));
        let frames = (0..3).map(|t| (0..16 * 16 * 3).map(|at| (at * 7 + t * 31) as u8).collect()).collect();
        let clip = Clip { width: 16, height: 16, fps: 8.0, frames };
        let measures = i2vgen::metrics::measure(&clip, Reference::FirstFrame).unwrap();
        let mut record = Record { origin: origin.clone(), seconds: 1.5, device_bytes: 7, measures };
        record.save(&path).unwrap();
        let found = Record::find(&path, &origin, false).unwrap();
        // Numbers lose half a unit of their last digit on the way.
        let psnr = |record: &Record| record.measures.mean[&Measure::Psnr];
        assert!((psnr(&found) - psnr(&record)).abs() < 1e-9 && found.measures.path == record.measures.path);
        assert!(Record::find(&path, &origin, true).is_none(), "without identity");
        record.measures.add_identity(&[vec![1.0], vec![1.0], vec![1.0]], &[vec![1.0]]);
        record.save(&path).unwrap();
        assert!(Record::find(&path, &origin, true).is_some());
        // The file's name does not matter, its content does.
        let renamed = Origin { picture: PictureMark { file: "b.png".into(), ..picture.clone() }, ..origin.clone() };
        assert!(Record::find(&path, &renamed, true).is_some() && renamed.hash() == origin.hash());
        for other in [
            Origin { model: "other".into(), ..origin.clone() },
            Origin { settings: json!({ "eta": 0.4 }), ..origin.clone() },
            Origin { picture: PictureMark { fingerprint: "13".into(), ..picture }, ..origin.clone() },
        ] {
            assert!(Record::find(&path, &other, false).is_none() && other.hash() != origin.hash());
        }
        for broken in ["", "{}", "[1]"] {
            fs::write(&path, broken).unwrap();
            assert!(Record::find(&path, &origin, false).is_none());
        }
    }
}
