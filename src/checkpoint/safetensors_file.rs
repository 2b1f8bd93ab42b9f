//! One safetensors file where it lies, its header checked against its length.

use std::ops::Range;
use std::path::PathBuf;

use safetensors::tensor::Metadata;

use super::error::{Error, Result};
use super::files::{Bytes, ModelFiles};
use super::json::one_line;

/// Bytes before the header: its length as a little-endian u64.
const PREFIX: usize = 8;
/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// A file, none of it in memory before it is used.
#[derive(Debug)]
pub struct SafetensorsFile {
    /// For messages.
    pub path: PathBuf,
    contents: Bytes,
}

/// Where a tensor lies in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: String,
    pub dtype: safetensors::Dtype,
    pub shape: Vec<usize>,
    /// Bytes of the file; inside of it, and as many as dtype and shape need.
    pub bytes: Range<usize>,
}

impl SafetensorsFile {
    /// Maps the model's file `name` and reads its header: tensors that neither overlap nor leave gaps, to the end of the
    /// file.
    pub fn open(files: &ModelFiles, name: &str) -> Result<(Self, Vec<Entry>)> {
        let path = files.path(name);
        let contents = files.map(name).map_err(|source| Error::Read { path: path.clone(), source })?;
        let entries = header(&contents).map_err(|detail| Error::Damaged { path: path.clone(), detail })?;
        Ok((Self { path, contents }, entries))
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// The bytes of one of this file's entries.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.contents.get(range).unwrap_or_default()
    }
}

/// The tensors that the header of a safetensors file names, or what is wrong with the file.
fn header(file: &[u8]) -> Result<Vec<Entry>, String> {
    if file.starts_with(b"version https://git-lfs") {
        return Err("it is a pointer of git-lfs and not the weights (`git lfs pull` fetches them)".into());
    }
    let Some(prefix) = file.first_chunk::<PREFIX>() else {
        return Err(format!("it has only {} bytes", file.len()));
    };
    let announced = u64::from_le_bytes(*prefix);
    let available = (file.len() - PREFIX) as u64;
    if announced > MAX_HEADER {
        return Err(format!("it announces a header of {announced} bytes, which no such file has"));
    }
    if announced > available {
        return Err(format!("it ends within its header (byte {} of {announced})", available));
    }
    let data = PREFIX + announced as usize;
    let header = file.get(PREFIX..data).unwrap_or_default();
    // Reading the metadata checks that the tensors follow each other from offset 0, each as long as dtype and shape say.
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|error| one_line(&format!("its header is wrong: {error}")))?;
    let tensors = metadata.tensors();
    let described = tensors.values().map(|info| info.data_offsets.1).max().unwrap_or(0);
    let found = file.len() - data;
    if described != found {
        return Err(format!("it holds {found} bytes of tensors where its header describes {described}"));
    }
    let mut entries: Vec<Entry> = tensors
        .into_iter()
        .map(|(name, info)| Entry {
            name,
            dtype: info.dtype,
            shape: info.shape.clone(),
            bytes: data + info.data_offsets.0..data + info.data_offsets.1,
        })
        .collect();
    entries.sort_by_key(|entry| entry.bytes.start);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::weights;
    use safetensors::Dtype;

    fn file_with(header: &str, data: usize) -> Vec<u8> {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend(std::iter::repeat_n(0, data));
        file
    }

    #[test]
    fn entries_lie_where_the_header_says() {
        let file = weights(&[("b", Dtype::F32, &[2, 3]), ("a", Dtype::F16, &[4]), ("empty", Dtype::F32, &[0])]);
        let entries = header(&file).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries.iter().map(|e| e.bytes.len()).sum::<usize>(), 24 + 8);
        assert_eq!(entries.iter().map(|e| e.bytes.end).max(), Some(file.len()));
    }

    #[test]
    fn damage_is_told_apart() {
        let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
        let outside = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let shape = r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#;
        let huge = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,8]}}"#;
        let dtype = r#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#;
        let eighth = (1u64 << 61) - 1;
        let beyond: Vec<String> = (0..8)
            .map(|i| {
                format!(
                    r#""{i}":{{"dtype":"U8","shape":[{eighth}],"data_offsets":[{},{}]}}"#,
                    i * eighth,
                    (i + 1) * eighth
                )
            })
            .collect();
        let beyond = format!("{{{}}}", beyond.join(","));
        for (file, text) in [
            (Vec::new(), "only 0 bytes"),
            (u64::MAX.to_le_bytes().to_vec(), "announces a header"),
            (5000u64.to_le_bytes().to_vec(), "ends within its header"),
            (file_with("not json", 0), "header is wrong"),
            (file_with(overlap, 12), "invalid offset"),
            (file_with(outside, 4), "holds 4 bytes of tensors where its header describes 8"),
            (file_with(outside, 12), "holds 12 bytes"),
            (file_with(&beyond, 8), "describes 18446744073709551608"),
            (file_with(shape, 8), "invalid shape"),
            (file_with(huge, 8), "overflow"),
            (file_with(dtype, 8), "header is wrong"),
            (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "git lfs pull"),
        ] {
            let error = header(&file).unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    /// Every truncation is refused; every changed byte of the header is refused or leaves all ranges inside the file.
    #[test]
    fn no_damage_panics() {
        let tensors: Vec<(String, Dtype, [usize; 2])> =
            (1..6).map(|i| (format!("block.{i}.weight"), Dtype::F16, [i, 3])).collect();
        let listed: Vec<_> = tensors.iter().map(|(n, d, s)| (n.as_str(), *d, &s[..])).collect();
        let file = weights(&listed);
        for length in 0..file.len() {
            assert!(header(&file[..length]).is_err(), "cut to {length}");
        }
        let data = header(&file).unwrap()[0].bytes.start;
        let mut damaged = file.clone();
        for position in 0..data {
            for flip in [1u8, 2, 8, 0x20, 0x80, 0xff] {
                damaged[position] ^= flip;
                for entry in header(&damaged).unwrap_or_default() {
                    assert!(entry.bytes.end <= damaged.len());
                    let elements: usize = entry.shape.iter().product();
                    assert_eq!(elements * entry.dtype.bitsize(), entry.bytes.len() * 8);
                }
                damaged[position] = file[position];
            }
        }
    }
}
