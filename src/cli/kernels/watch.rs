//! Doing something again whenever a file is saved.

use std::{thread, time::Duration};

use i2vgen::lab::{Candidate, path};

use super::Error;
use crate::cli::output;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Does `work`, and again whenever a file among the candidates, or one beside it that it includes, has other contents; until Ctrl-C. Its errors are told and waited out: the
/// next save may mend them.
pub fn watch(candidates: &[String], mut work: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    let files: Vec<&str> = candidates.iter().filter_map(|text| path(text)).collect();
    if files.is_empty() {
        return Err(Error::message("--watch: there is no file to watch: name a .wgsl file of your own"));
    }
    let contents = || files.iter().map(|file| Candidate::parse(file).ok()).collect::<Vec<_>>();
    loop {
        let seen = contents();
        if let Err(error) = work() {
            if error.is_final() {
                return Err(error);
            }
            if let Some(text) = error.text() {
                output::tell(&format!("error: {text}"));
            }
        }
        output::tell(&format!("watching {}; Ctrl-C ends", files.join(", ")));
        while contents() == seen {
            thread::sleep(PAUSE);
        }
        // An editor may still be writing.
        thread::sleep(PAUSE);
    }
}
