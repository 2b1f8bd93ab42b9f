//! Where the files of a model come from: a folder on disk, or the executable.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::demo;
use super::error::{Error, Result};

/// How messages call the folder that the demo checkpoint would lie in.
const DEMO_ROOT: &str = "demo checkpoint";

/// The files of one model.
///
/// They are asked for by their names in the layout, relative and with `/` between the parts: `unet/config.json`. Reading
/// fails as [`std::fs`] does, whichever place they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFiles {
    /// A model folder on disk, which need not exist before it is opened.
    Folder(PathBuf),
    /// The small demo checkpoint that is part of the executable.
    Demo,
}

impl ModelFiles {
    /// What [`named`](Self::named) takes for the demo checkpoint, and how parameters in clips call it.
    pub const DEMO: &'static str = "demo";

    /// The model that a user calls `name`: the folder of that name if there is one, else the demo checkpoint if the name is
    /// `demo`, else a folder that is still to come (opening it says how to get one).
    pub fn named(name: &Path) -> Self {
        match name == Path::new(Self::DEMO) && !name.is_dir() {
            true => Self::Demo,
            false => Self::Folder(name.to_path_buf()),
        }
    }

    /// The model's name: `demo`, or that of the folder, which may have been given as `.`.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(dir) => {
                let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
                dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Self::Demo => Self::DEMO.to_string(),
        }
    }

    /// The folder, for messages; of the demo checkpoint a folder that exists in words only.
    pub fn root(&self) -> &Path {
        match self {
            Self::Folder(dir) => dir,
            Self::Demo => Path::new(DEMO_ROOT),
        }
    }

    /// A file or folder in the model, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Is there a file of this name?
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Folder(_) => self.path(name).is_file(),
            Self::Demo => demo::file(name).is_some(),
        }
    }

    /// The contents of a file.
    pub fn read(&self, name: &str) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Self::Folder(_) => fs::read(self.path(name)).map(Cow::Owned),
            Self::Demo => embedded(name).map(Cow::Borrowed),
        }
    }

    /// Length of a file in bytes.
    pub(super) fn len(&self, name: &str) -> io::Result<u64> {
        match self {
            Self::Folder(_) => fs::metadata(self.path(name)).map(|metadata| metadata.len()),
            Self::Demo => embedded(name).map(|bytes| bytes.len() as u64),
        }
    }

    /// The contents of a large file, none of it read yet.
    pub(super) fn map(&self, name: &str) -> io::Result<Bytes> {
        match self {
            // SAFETY: the map is only ever read, and as plain bytes. If another process cuts the file short meanwhile, an
            // access ends this process with a bus error: weight files are not edited while a model runs.
            Self::Folder(_) => unsafe { Mmap::map(&File::open(self.path(name))?) }.map(Bytes::Mapped),
            Self::Demo => embedded(name).map(Bytes::Embedded),
        }
    }

    /// Names of the files in `folder`, sorted, without the folder; empty where there is no such folder.
    pub(super) fn names_in(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Folder(_) => {
                let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            }
            Self::Demo => {
                let names = demo::FILES.iter().filter_map(|(name, _)| name.strip_prefix(folder)?.strip_prefix('/'));
                names.map(str::to_string).collect()
            }
        };
        names.sort();
        names
    }

    /// There is a folder.
    pub(super) fn check_root(&self) -> Result<()> {
        let Self::Folder(dir) = self else { return Ok(()) };
        match fs::metadata(dir) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(Error::NotAFolder { path: dir.clone() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoFolder { dir: dir.clone() }),
            Err(source) => Err(Error::Read { path: dir.clone(), source }),
        }
    }
}

/// Paths are model folders.
impl<P: AsRef<Path> + ?Sized> From<&P> for ModelFiles {
    fn from(dir: &P) -> Self {
        Self::Folder(dir.as_ref().to_path_buf())
    }
}

fn embedded(name: &str) -> io::Result<&'static [u8]> {
    demo::file(name).ok_or_else(|| ErrorKind::NotFound.into())
}

/// The bytes of a weight file where they lie, not necessarily aligned.
#[derive(Debug)]
pub(super) enum Bytes {
    /// The operating system reads pages when they are first touched and may drop them at any time.
    Mapped(Mmap),
    /// A part of the executable, which the operating system maps too.
    Embedded(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::Folder;

    const CONFIG: &str = "unet/config.json";

    /// The demo checkpoint beside a copy of it on disk.
    #[test]
    fn both_places_answer_alike() {
        let folder = Folder::new();
        for (name, bytes) in demo::FILES {
            folder.write(name, bytes);
        }
        let (copy, demo) = (folder.files(), ModelFiles::Demo);
        for name in [CONFIG, "unet/diffusion_pytorch_model.safetensors", "unet/none.json", "unet", "none"] {
            assert_eq!(copy.contains(name), demo.contains(name), "{name}");
            assert_eq!(copy.names_in(name), demo.names_in(name), "{name}");
        }
        assert_eq!(demo.names_in("unet"), ["config.json", "diffusion_pytorch_model.safetensors"]);
        assert!(copy.read(CONFIG).unwrap() == demo.read(CONFIG).unwrap());
        assert!(copy.map(CONFIG).unwrap()[..] == demo.map(CONFIG).unwrap()[..]);
        assert_eq!(copy.len(CONFIG).unwrap(), demo.len(CONFIG).unwrap());
        for files in [copy, demo] {
            for error in
                [files.read("none").unwrap_err(), files.len("none").unwrap_err(), files.map("none").unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::NotFound);
            }
        }
    }

    #[test]
    fn names_and_paths() {
        assert_eq!(ModelFiles::named(Path::new("demo")), ModelFiles::Demo);
        assert_eq!(ModelFiles::named(Path::new("./demo")), ModelFiles::from("./demo"));
        assert_eq!(ModelFiles::Demo.name(), "demo");
        assert_eq!(ModelFiles::Demo.path(CONFIG), Path::new("demo checkpoint/unet/config.json"));
        let folder = Folder::new();
        folder.write("model/sub/file", "");
        assert_eq!(ModelFiles::from(&folder.path().join("model/sub/..")).name(), "model");
    }
}
