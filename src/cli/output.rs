//! Text to the standard streams, without a panic when nobody listens.

use std::{
    io::{ErrorKind, Write, stderr, stdout},
    path::{Path, PathBuf},
};

pub use i2vgen::report::aligned as table;
use serde::Serialize;
use serde_json::Value;

use super::Error;

/// Prints lines to the standard output. A reader that has left (`i2vgen devices | head -1`) is no error.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    print(&serde_json::to_string_pretty(value).map_err(|e| Error::Output(e.into()))?)
}

/// Prints a line to the standard error.
pub fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// A JSON value as it would be typed.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Refuses to write over files that were `read`; `other` is what should be named instead.
pub fn spare<'a>(
    read: impl Iterator<Item = &'a Path>,
    mut written: impl Iterator<Item = PathBuf>,
    other: &str,
) -> Result<(), Error> {
    let read: Vec<PathBuf> = read.filter_map(|path| path.canonicalize().ok()).collect();
    match written.find(|path| path.canonicalize().is_ok_and(|path| read.contains(&path))) {
        Some(path) => {
            let path = path.display();
            Err(Error::message(format!("{path} would be replaced by what is made from it: name another {other}")))
        }
        None => Ok(()),
    }
}
