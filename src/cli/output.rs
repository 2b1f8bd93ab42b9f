//! Text to the standard streams, without a panic when nobody listens.

use std::{
    fs,
    io::{self, ErrorKind, IsTerminal, Write, stderr, stdout},
    path::{Path, PathBuf},
};

pub use i2vgen::report::aligned as table;
use i2vgen::staged;
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

/// Prints bytes as they are. Those that are no text do not go to a terminal; `instead` is what to do then.
pub fn print_bytes(bytes: &[u8], instead: &str) -> Result<(), Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => print(text),
        Err(_) if stdout().is_terminal() => Err(Error::message(format!("a terminal cannot show this: take {instead}"))),
        Err(_) => match stdout().write_all(bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
            _ => Ok(()),
        },
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

/// The command line, as it can be typed again.
pub fn command_line() -> String {
    let quoted = |word: String| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | '/' | '=' | ':' | '%' | '+');
        match !word.is_empty() && word.chars().all(plain) {
            true => word,
            false => format!("'{}'", word.replace('\'', r"'\''")),
        }
    };
    let program = |path: String| Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let words = words.enumerate().map(|(at, word)| if at == 0 { program(word) } else { word });
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A JSON value as it would be typed.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Makes a folder where there is none.
pub fn make_folder(path: &Path) -> Result<(), Error> {
    if path.is_file() {
        return Err(Error::message(format!("{} is a file: name a folder", path.display())));
    }
    fs::create_dir_all(path).map_err(|e| Error::message(format!("cannot make the folder {}: {e}", path.display())))
}

/// A folder that appears whole or not at all.
pub struct NewFolder {
    path: PathBuf,
    room: tempfile::TempDir,
}

impl NewFolder {
    /// Refuses a name that is taken by anything but an empty folder.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let wrong = |error: io::Error| Error::message(format!("cannot write {}: {error}", path.display()));
        match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => {
                let path = path.display();
                return Err(Error::message(format!("{path} exists and is not an empty folder: name a new one")));
            }
        }
        let room = tempfile::Builder::new().prefix(".i2vgen-").tempdir_in(folder_of(path));
        let room = room.map_err(|e| wrong(e.kind().into()))?;
        // Temporary folders are closed to other users, so the new one lies inside.
        fs::create_dir(room.path().join("new")).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), room })
    }

    /// Adds a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path.join(name);
        let written = fs::write(self.room.path().join("new").join(name), bytes);
        written.map_err(|e| Error::message(format!("cannot write {}: {e}", path.display())))
    }

    /// Gives it its name.
    pub fn finish(self) -> Result<(), Error> {
        let done = match self.path.exists() {
            true => fs::remove_dir(&self.path),
            false => Ok(()),
        };
        let done = done.and_then(|()| fs::rename(self.room.path().join("new"), &self.path));
        done.map_err(|e| Error::message(format!("cannot write {}: {e}", self.path.display())))
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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

/// A command line as a shell takes it.
pub fn command<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/+@%".contains(c);
    let quoted = |word: &str| match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// Whether a file that tensors are written to is named so, and can be written.
pub fn check_dump(path: &Path) -> Result<(), Error> {
    match path.extension() {
        Some(extension) if extension == "safetensors" => Ok(staged::check(path)?),
        _ => Err(Error::message(format!("{}: a dump is a safetensors file: name it so", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words = ["rows=64,size=8x8", "my file.wgsl", "it's", ""];
        assert_eq!(command(words.into_iter()), r"rows=64,size=8x8 'my file.wgsl' 'it'\''s' ''");
    }
}
