//! A list of jobs: JSON lines.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::job::{Job, Usual};
use crate::cli::{Error, source::refuse_stdin};

/// The jobs of a file, in its order.
pub struct List {
    path: PathBuf,
    pub jobs: Vec<Job>,
}

impl List {
    /// Reads all lines but empty ones; the clips go to `clips`, and `usual` settings are for lines that do not say.
    pub fn read(path: &Path, clips: &Path, usual: &Usual) -> Result<Self, Error> {
        refuse_stdin(path, "a list of jobs")?;
        let pictures = path.parent().unwrap_or(Path::new(""));
        let jobs = lines(path, |text, line| Job::parse(text, line, pictures, clips, usual))?;
        Ok(Self { path: path.to_owned(), jobs })
    }

    /// Jobs that `path` led to.
    pub fn of(path: &Path, jobs: Vec<Job>) -> Self {
        Self { path: path.to_owned(), jobs }
    }

    /// An error of a job, with its place.
    pub fn at(&self, job: &Job, error: &Error) -> Error {
        at(&self.path, &job.place, error)
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

/// What `read` makes of the lines of a list, which are numbered from 1; empty ones are passed over.
pub fn lines<T>(path: &Path, read: impl Fn(&str, usize) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let text = fs::read_to_string(path)
        .map_err(|e| Error::message(format!("cannot read the list {}: {e}", path.display())))?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty());
    let read = lines.map(|(text, line)| read(text, line).map_err(|error| at(path, &format!("line {line}"), &error)));
    let read = read.collect::<Result<Vec<_>, _>>()?;
    if read.is_empty() {
        return Err(Error::message(format!("the list {} has no jobs", path.display())));
    }
    Ok(read)
}

/// An error with its place in a list.
pub fn at(path: &Path, place: &str, error: &Error) -> Error {
    Error::message(format!("{}, {place}: {error}", path.display()))
}
