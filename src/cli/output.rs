//! Text to the standard streams, without a panic when nobody listens.

use std::{
    fs,
    io::{self, ErrorKind, Write, stderr, stdout},
    path::{Path, PathBuf},
};

use serde::Serialize;

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

/// Writes a file, which appears whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let wrong = |error: io::Error| Error::message(format!("cannot write {}: {error}", path.display()));
    let file = beside(path)?;
    (&file).write_all(bytes).map_err(wrong)?;
    file.persist(path).map(|_| ()).map_err(|e| wrong(e.error))
}

/// Refuses a name that [`write`] would refuse, before there is something to write.
pub fn writable(path: &Path) -> Result<(), Error> {
    beside(path).map(|_| ())
}

/// A temporary file in the folder of `path`, which removes itself unless it gets that name.
fn beside(path: &Path) -> Result<tempfile::NamedTempFile, Error> {
    let wrong = |reason: &dyn std::fmt::Display| Error::message(format!("cannot write {}: {reason}", path.display()));
    if path.is_dir() {
        return Err(wrong(&"a folder has that name"));
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the umask off; otherwise the file would be private.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Without the temporary name, which means nothing to the user.
    builder.prefix(".i2vgen-").tempfile_in(folder).map_err(|e| wrong(&e.kind()))
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

/// Columns under each other: the first one flush left, the others flush right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            match column {
                0 => line += &format!("{cell}{gap}"),
                _ => line += &format!("  {gap}{cell}"),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let cells = |row: &[&str]| row.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text = table(&[cells(&["phase", "bytes"]), cells(&["é", "1"]), cells(&["long name"])]);
        assert_eq!(text, "phase      bytes\né              1\nlong name\n");
    }
}
