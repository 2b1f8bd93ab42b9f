//! Files that appear whole or not at all: written under temporary names in the same folder, renamed at the end.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// Why a file is not written: one line that names it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Writing or renaming failed (disk full, no permission).
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file's folder cannot take it.
    #[error("cannot write {}: the folder {} {problem}", path.display(), folder.display())]
    Folder {
        /// The file as given.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// What is wrong with the folder, and what to do.
        problem: String,
    },
    /// The file's name is taken by a folder.
    #[error("cannot write {}: a folder has that name; choose another name", path.display())]
    IsFolder {
        /// The file as given.
        path: PathBuf,
    },
    /// What stands for the standard output elsewhere.
    #[error(
        "cannot write '-': only clips and latents go to the standard output so; name a file, or ./- for one of this name"
    )]
    Dash,
}

/// Files that are complete on disk under temporary names. Dropped without [`Staged::commit`], they are removed.
#[derive(Default)]
pub struct Staged {
    /// What is there, under which name it will be known, and where that is.
    files: Vec<(TempPath, PathBuf, PathBuf)>,
}

/// Checks that a file can be written, to be called before long work: its folder exists, is a folder and takes a file (a temporary one is
/// created and removed), the system takes the name, and no folder has it; it is not `-`. An existing file is no error: it is replaced when the new one is complete.
pub fn check(path: &Path) -> Result<(), Error> {
    named(path)?;
    // Too long, or with characters that the system refuses.
    if let Err(cause) = fs::symlink_metadata(path)
        && cause.kind() == io::ErrorKind::InvalidFilename
    {
        return Err(Error::Write { path: path.to_owned(), cause });
    }
    let place = followed(path);
    let folder = folder_of(&place);
    let problem = match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Some("is a file, not a folder".to_owned()),
        Ok(_) => temporary_file(folder).err().map(|cause| format!("is not writable: {cause}")),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Some("does not exist; create it first".to_owned()),
        Err(cause) => Some(format!("cannot be used: {cause}")),
    };
    match problem {
        Some(problem) => Err(Error::Folder { path: path.to_owned(), folder: folder.to_owned(), problem }),
        None if path.is_dir() => Err(Error::IsFolder { path: path.to_owned() }),
        None => Ok(()),
    }
}

/// Is it a file's name?
fn named(path: &Path) -> Result<(), Error> {
    if path.as_os_str() == "-" { Err(Error::Dash) } else { Ok(()) }
}

/// Writes one file, replacing an older one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_all([(path, bytes)])
}

/// Writes files together, replacing older ones: all of them appear whole, or none.
pub fn write_all<'a>(files: impl IntoIterator<Item = (&'a Path, &'a [u8])>) -> Result<(), Error> {
    let mut staged = Staged::default();
    for (path, bytes) in files {
        staged.add(path.to_owned(), bytes)?;
    }
    staged.commit().map(drop)
}

impl Staged {
    /// Writes `bytes` to a temporary file beside `path` and to the disk, so that a full disk shows here.
    pub fn add(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
        named(&path)?;
        if path.is_dir() {
            return Err(Error::IsFolder { path });
        }
        let place = followed(&path);
        let written = temporary_file(folder_of(&place)).and_then(|mut file| {
            file.as_file_mut().write_all(bytes)?;
            file.as_file().sync_all()?;
            // Closes the file: a long sequence would run out of open files otherwise.
            Ok(file.into_temp_path())
        });
        match written {
            Ok(temporary) => {
                self.files.push((temporary, path, place));
                Ok(())
            }
            Err(cause) => Err(Error::Write { path, cause }),
        }
    }

    /// Gives every file its name, replacing older files. If one cannot be renamed, those renamed before are removed.
    pub fn commit(self) -> Result<Vec<PathBuf>, Error> {
        let (mut done, mut places) = (Vec::with_capacity(self.files.len()), Vec::new());
        for (temporary, path, place) in self.files {
            if let Err(failed) = temporary.persist(&place) {
                for renamed in &places {
                    // Nothing better can be done about a file that cannot be removed: the first error is reported.
                    let _ = fs::remove_file(renamed);
                }
                return Err(Error::Write { path, cause: failed.error });
            }
            done.push(path);
            places.push(place);
        }
        Ok(done)
    }
}

/// Where a file lies to which a link leads; a link that leads nowhere is replaced.
fn followed(path: &Path) -> PathBuf {
    let leads = path.is_symlink().then(|| fs::canonicalize(path).ok()).flatten();
    leads.unwrap_or_else(|| path.to_owned())
}

/// The folder in which `path` lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file in `folder` that removes itself, with the permissions of an ordinary new file.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".i2vgen-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the umask off; tempfile's own default would keep the file private.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // The temporary name in tempfile's message would only puzzle: the kind of error is enough.
    builder.tempfile_in(folder).map_err(|cause| cause.kind().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_rename_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let mut staged = Staged::default();
        for name in ["1", "2", "3", "4"] {
            staged.add(root.path().join(name), b"x").unwrap();
        }
        fs::create_dir(root.path().join("3")).unwrap();
        assert!(matches!(write(&root.path().join("3"), b"x"), Err(Error::IsFolder { .. })));
        let message = staged.commit().unwrap_err().to_string();
        assert!(message.contains(root.path().join("3").to_str().unwrap()), "{message}");
        assert_eq!(names(root.path()), ["3"]);
    }

    #[test]
    fn a_dash_is_no_file() {
        assert!(matches!(check(Path::new("-")), Err(Error::Dash)));
        assert!(matches!(write(Path::new("-"), b"x"), Err(Error::Dash)));
        let root = tempfile::tempdir().unwrap();
        assert!(check(&root.path().join("-")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let [file, link, nowhere] = ["elsewhere/cat", "link", "nowhere"].map(|name| root.path().join(name));
        fs::create_dir(root.path().join("elsewhere")).unwrap();
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("elsewhere/cat", &link).unwrap();
        std::os::unix::fs::symlink("absent", &nowhere).unwrap();
        for path in [&link, &nowhere] {
            check(path).unwrap();
            write(path, b"new").unwrap();
            assert_eq!(fs::read(path).unwrap(), b"new");
        }
        assert!(link.is_symlink() && fs::read(&file).unwrap() == b"new");
        assert_eq!(names(&root.path().join("elsewhere")), ["cat"]);
        // What is taken back is the file, not the link.
        let mut staged = Staged::default();
        let folder = root.path().join("folder");
        staged.add(link.clone(), b"newer").unwrap();
        staged.add(folder.clone(), b"x").unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(staged.commit().is_err() && link.is_symlink() && !file.exists());
    }

    #[test]
    fn nothing_appears_before_the_commit_and_old_files_are_replaced() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cat");
        fs::write(&path, "old").unwrap();
        let mut staged = Staged::default();
        staged.add(path.clone(), b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(staged);
        assert_eq!(names(root.path()), ["cat"]);

        let mut staged = Staged::default();
        staged.add(path.clone(), b"new").unwrap();
        let written = staged.commit().unwrap();
        assert!(written.iter().eq([&path]));
        assert_eq!(fs::read(&path).unwrap(), b"new");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let plain = root.path().join("plain");
            fs::write(&plain, "").unwrap();
            let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&plain));
        }
    }

    #[test]
    fn a_folder_that_is_a_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        let failed = Staged::default().add(file.join("cat.mp4"), b"x");
        assert!(failed.unwrap_err().to_string().contains("cat.mp4"));
    }
}
