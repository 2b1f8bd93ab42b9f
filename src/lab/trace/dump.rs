//! A safetensors file of any size, written while its tensors come.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Seek, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::Error;
use crate::{kernel::Dtype, staged};

/// A file in the making: the tensors go to nameless files in the same folder, wide types and narrow ones apart so that all are aligned;
/// at the end they are put behind their head.
#[derive(Debug)]
pub struct Dump {
    path: PathBuf,
    parts: [Part; 2],
    tensors: Vec<Entry>,
}

/// Tensors of types of one width.
#[derive(Debug)]
struct Part {
    file: BufWriter<File>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    part: usize,
    bytes: Range<u64>,
}

impl Dump {
    /// Begins a file, which has its name only when it is whole.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Write { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let part = || {
            // Without the temporary path, which means nothing to the user.
            let file = tempfile::tempfile_in(staged::folder_of(path)).map_err(|e| failed(e.kind().into()))?;
            Ok::<_, Error>(Part { file: BufWriter::new(file), bytes: 0 })
        };
        Ok(Self { path: path.to_owned(), parts: [part()?, part()?], tensors: Vec::new() })
    }

    /// Adds a tensor.
    pub fn add(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Result<(), Error> {
        let index = usize::from(dtype.bytes() < 4);
        let part = &mut self.parts[index];
        part.file.write_all(bytes).map_err(|source| Error::Write { path: self.path.clone(), source })?;
        let range = part.bytes..part.bytes + bytes.len() as u64;
        part.bytes = range.end;
        self.tensors.push(Entry { name: name.to_owned(), dtype, shape: shape.to_vec(), part: index, bytes: range });
        Ok(())
    }

    /// How many tensors there are, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.tensors.len(), self.parts.iter().map(|part| part.bytes).sum())
    }

    /// Puts the head in front and gives the file its name.
    pub fn finish(self, metadata: BTreeMap<&str, String>) -> Result<(), Error> {
        let path = self.path.clone();
        self.assemble(metadata).map_err(|source| Error::Write { path, source })
    }

    fn assemble(self, metadata: BTreeMap<&str, String>) -> io::Result<()> {
        let mut head = Map::from_iter([("__metadata__".to_owned(), json!(metadata))]);
        for tensor in self.tensors {
            let before: u64 = self.parts[..tensor.part].iter().map(|part| part.bytes).sum();
            let offsets = [before + tensor.bytes.start, before + tensor.bytes.end];
            let dtype = tensor.dtype.wgsl().to_uppercase();
            head.insert(tensor.name, json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": offsets }));
        }
        let mut head = Value::Object(head).to_string().into_bytes();
        head.resize(head.len().next_multiple_of(8), b' ');
        let file = staged::temporary_file(staged::folder_of(&self.path))?;
        let mut to = file.as_file();
        to.write_all(&(head.len() as u64).to_le_bytes())?;
        to.write_all(&head)?;
        for part in self.parts {
            let mut from = part.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            from.rewind()?;
            io::copy(&mut from, &mut to)?;
        }
        file.persist(&self.path).map(|_| ()).map_err(|e| e.error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("dump.safetensors");
        let mut dump = Dump::new(&path).unwrap();
        dump.add("a/b", Dtype::F16, &[3], &[1, 2, 3, 4, 5, 6]).unwrap();
        dump.add("c", Dtype::F32, &[1, 2], &[0; 8]).unwrap();
        assert_eq!(dump.size(), (2, 14));
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
        dump.finish(BTreeMap::from([("of", "a test".to_owned())])).unwrap();
        let bytes = fs::read(&path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(metadata.metadata().as_ref().unwrap()["of"], "a test");
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(
            (read.tensor("a/b").unwrap().shape(), read.tensor("a/b").unwrap().data()),
            (&[3][..], &[1, 2, 3, 4, 5, 6][..])
        );
        assert_eq!(read.tensor("c").unwrap().shape(), [1, 2]);
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_takes_no_file_is_named() {
        // A folder whose own name is not that of a temporary file.
        let room = tempfile::Builder::new().prefix("room").tempdir().unwrap();
        for path in [room.path().to_owned(), room.path().join("absent/dump.safetensors")] {
            let error = Dump::new(&path).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && !error.contains(".tmp"), "{error}");
        }
    }
}
