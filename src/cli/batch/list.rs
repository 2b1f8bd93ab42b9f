//! A list of jobs: JSON lines.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::job::{Job, Usual};
use crate::cli::Error;

/// The jobs of a file, in its order.
pub struct List {
    path: PathBuf,
    pub jobs: Vec<Job>,
}

impl List {
    /// Reads all lines but empty ones; the clips go to `clips`, and `usual` settings are for lines that do not say.
    pub fn read(path: &Path, clips: &Path, usual: &Usual) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|e| Error::message(format!("cannot read the list {}: {e}", path.display())))?;
        let text = text.trim_start_matches('\u{feff}');
        let pictures = path.parent().unwrap_or(Path::new(""));
        let lines = text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty());
        let jobs = lines.map(|(text, line)| {
            Job::parse(text, line, pictures, clips, usual).map_err(|error| at_line(path, line, &error))
        });
        let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
        if jobs.is_empty() {
            return Err(Error::message(format!("the list {} has no jobs", path.display())));
        }
        Ok(Self { path: path.to_owned(), jobs })
    }

    /// An error of a job, with the place of its line.
    pub fn at(&self, job: &Job, error: &Error) -> Error {
        at_line(&self.path, job.line, error)
    }

    /// Refuses two clips of one name. Names that differ only in case are one on many systems.
    pub fn check_outputs(&self) -> Result<(), Error> {
        let mut taken = HashMap::new();
        for job in &self.jobs {
            for file in job.files() {
                let name = file.display().to_string();
                if let Some(line) = taken.insert(name.to_lowercase(), job.line).filter(|&line| line != job.line) {
                    let problem =
                        format!("its output {name} is that of line {line}, too: name another with \"output\"");
                    return Err(self.at(job, &Error::message(problem)));
                }
            }
        }
        Ok(())
    }
}

fn at_line(path: &Path, line: usize, error: &Error) -> Error {
    Error::message(format!("{}, line {line}: {error}", path.display()))
}
