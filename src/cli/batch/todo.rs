//! Jobs that are to be done, checked, with as many of their prepared pictures as memory should hold.

use i2vgen::pipeline::{Compat, DtypeChoice};

use super::{
    job::{Job, Prepared},
    pace,
};
use crate::cli::{Error, model::Model};

/// A job whose clip is not there.
pub struct Todo<'a> {
    /// Its place in the list, from 1.
    pub number: usize,
    pub job: &'a Job,
    pub dtype: DtypeChoice,
    pub compat: Compat,
    pub work: f64,
    /// What checking it has prepared, if it was kept.
    prepared: Option<Prepared>,
}

/// Bytes that pictures may still take.
pub struct Budget(pub usize);

impl Default for Budget {
    /// 300 pictures prepared for 512x512, or 7 of 12 megapixels that are left as they are.
    fn default() -> Self {
        Self(256 << 20)
    }
}

impl<'a> Todo<'a> {
    /// A job that was checked; what that has prepared is kept as long as the budget allows.
    pub fn new(number: usize, job: &'a Job, prepared: Prepared, budget: &mut Budget) -> Self {
        let (dtype, request) = (prepared.recipe.dtype, &prepared.recipe.request);
        let (compat, work) = (request.compat, pace::work(request));
        let left = budget.0.checked_sub(request.picture.pixels().len());
        let kept = left.map(|left| budget.0 = left).is_some();
        Self { number, job, dtype, compat, work, prepared: kept.then_some(prepared) }
    }

    /// What was kept, or the same once more.
    pub fn prepare(self, model: &Model) -> Result<Prepared, Error> {
        self.prepared.map_or_else(|| self.job.prepare(model), Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use i2vgen::{checkpoint::ModelFiles, picture::Picture};

    use super::*;
    use crate::cli::{
        batch::job::Usual,
        generate::{Presets, Settings},
    };

    /// A picture that was kept is not read again: its file may be gone. One that was not kept is.
    #[test]
    fn pictures_are_prepared_once_as_long_as_they_fit() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.png");
        std::fs::write(&path, Picture::from_rgb8(16, 16, vec![9; 768]).unwrap().to_png().unwrap()).unwrap();
        let settings = Settings { prompt: Some("a cat is purring".into()), ..Settings::default() };
        let usual = Usual { settings, presets: Presets::new(None, None).unwrap() };
        let job = Job::parse(r#"{"picture": "a.png"}"#, 1, room.path(), room.path(), &usual).unwrap();
        let model = Model::read(ModelFiles::Demo).unwrap();
        let mut budget = Budget(1000);
        let [first, second] = [1, 2].map(|number| Todo::new(number, &job, job.prepare(&model).unwrap(), &mut budget));
        assert_eq!(budget.0, 1000 - 768);
        let seed = first.prepared.as_ref().unwrap().recipe.request.seeds.clone();
        assert!(second.prepared.is_none());
        fs::remove_file(&path).unwrap();
        assert_eq!(first.prepare(&model).unwrap().recipe.request.seeds, seed);
        assert!(second.prepare(&model).is_err());
    }
}
