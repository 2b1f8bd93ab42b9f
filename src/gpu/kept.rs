//! Compiled pipelines on disk, where the backend lets a program keep them: a later start finds them.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
};

use wgpu::Features;

use crate::staged;

/// A backend's cache of compiled pipelines, and the file behind it.
///
/// The file is the fingerprint of the data (8 bytes, little-endian), then the data as the driver gave it. One that is damaged, or of
/// another device, driver or wgpu, is taken for none, and written anew.
#[derive(Debug)]
pub(super) struct Kept {
    pub cache: wgpu::PipelineCache,
    path: PathBuf,
    /// Fingerprint of what the file held.
    found: Option<u64>,
}

impl Kept {
    /// The cache of this device in `folder`, if the backend has one.
    pub fn open(device: &wgpu::Device, folder: &Path) -> Option<Self> {
        let name = wgpu::util::pipeline_cache_key(&device.adapter_info())
            .filter(|_| device.features().contains(Features::PIPELINE_CACHE))?;
        let path = folder.join(name);
        let file = fs::read(&path).unwrap_or_default();
        let data = whole(&file);
        // SAFETY: the fingerprint says that the data are what `get_data` returned once; wgpu and the driver check that they are theirs.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("pipelines"),
                data,
                fallback: true,
            })
        };
        let found = data.map(fingerprint);
        Some(Self { cache, path, found })
    }

    /// Writes the file, if there is something new. The folder is made.
    ///
    /// # Errors
    /// In words, with the path.
    pub fn save(&self) -> Result<(), String> {
        let Some(data) = self.cache.get_data() else { return Ok(()) };
        let print = fingerprint(&data);
        if self.found == Some(print) {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| format!("cannot make the folder {}: {e}", folder.display()))?;
        staged::write(&self.path, &[&print.to_le_bytes(), data.as_slice()].concat()).map_err(|e| e.to_string())
    }
}

/// The data in a file, if they are as they were written.
fn whole(file: &[u8]) -> Option<&[u8]> {
    let (print, data) = file.split_first_chunk()?;
    (u64::from_le_bytes(*print) == fingerprint(data)).then_some(data)
}

/// Only files that this build of the program wrote need it to be the same.
fn fingerprint(data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(data);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_not_read() {
        let data = b"pipelines";
        let mut file = [&fingerprint(data).to_le_bytes()[..], data].concat();
        assert_eq!(whole(&file), Some(&data[..]));
        assert_eq!(whole(&file[..file.len() - 1]), None);
        assert_eq!(whole(&file[..3]), None);
        assert_eq!(whole(&[]), None);
        file[10] ^= 1;
        assert_eq!(whole(&file), None);
    }
}
