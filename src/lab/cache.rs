//! What was measured once and is kept for later runs: small JSON files in the user's cache folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{fingerprint::fnv1a, gpu::Capabilities, staged};

/// The variable that names another folder.
pub const VARIABLE: &str = "I2VGEN_CACHE";

/// The folder: `$I2VGEN_CACHE`, or `i2vgen` in the user's cache folder.
///
/// # Errors
/// In words, where the system knows of no such folder.
pub fn folder() -> Result<PathBuf, String> {
    match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => dirs::cache_dir()
            .map(|folder| folder.join("i2vgen"))
            .ok_or_else(|| format!("this user has no cache folder: name one in {VARIABLE}")),
    }
}

/// A file for one kind of measurement of a device, driver and version of the program.
pub fn file_name(kind: &str, device: &Capabilities, version: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = device.name.chars().map(plain).collect();
    let name: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).take(6).collect();
    // What is free of its memory changes from run to run.
    let device = Capabilities { free_memory: None, ..device.clone() };
    let key = format!("{version} {}", serde_json::to_string(&device).unwrap_or_default());
    format!("{kind}-{}-{:016x}.json", name.join("-"), fnv1a(key.bytes()))
}

/// The value in a file, if there is one that fits.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a value; the file is whole or not there. The folder is made.
///
/// # Errors
/// In words, with the path.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let failed =
        |e: &dyn std::fmt::Display| format!("cannot write {}: {e}; {VARIABLE} names another folder", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| failed(&e))?;
    text.push(b'\n');
    staged::write(path, &text).map_err(|e| format!("{e}; {VARIABLE} names another folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::PORTABLE;

    #[test]
    fn another_driver_or_version_is_another_file() {
        let device = Capabilities { name: "NVIDIA GeForce RTX 4090 (x)".into(), ..PORTABLE.clone() };
        let name = file_name("roofline", &device, "1");
        assert!(name.starts_with("roofline-nvidia-geforce-rtx-4090-x-") && name.ends_with(".json"), "{name}");
        assert_ne!(name, file_name("roofline", &device, "2"));
        assert_ne!(name, file_name("roofline", &Capabilities { driver: "new".into(), ..device }, "1"));
    }

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("new/folder/file.json");
        write(&path, &vec![1, 2, 3]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path), Some(vec![1, 2, 3]));
        assert_eq!(read::<String>(&path), None);
        fs::write(&path, "[1, 2").unwrap();
        assert_eq!(read::<Vec<u32>>(&path), None);
        let error = write(&path.join("below"), &1).unwrap_err();
        assert!(error.contains("file.json") && error.contains(VARIABLE), "{error}");
    }
}
