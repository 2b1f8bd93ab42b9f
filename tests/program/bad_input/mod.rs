//! Whatever comes in: one clear line that names the thing, a non-zero exit code, nothing half-written. Or it works.

mod commands;
mod device;
mod jobs;
mod measuring;
mod model;
mod numbers;
mod output;
mod picture;
mod prompt;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::room::{self, Room};

/// Asserts that a command fails, tells why in one line with all `words`, does not panic, and changes no file.
pub(super) fn refuses(room: &Room, command: Command, words: &[&str]) {
    let before = files(&room.path(""));
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let ran = room::finish(command);
    assert!(matches!(ran.code, Some(1 | 2)), "{what}: {ran:?}");
    let told: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
    assert_eq!(told.len(), 1, "{what}: one line is expected: {}", ran.stderr);
    assert!(told[0].starts_with("error: "), "{what}: {}", told[0]);
    for word in words {
        assert!(told[0].contains(word), "{what}: no '{word}' in: {}", told[0]);
    }
    assert!(before == files(&room.path("")), "{what}: left something behind");
}

/// The same for `generate`.
pub(super) fn refuses_to_generate(room: &Room, picture: &str, changed: &[&str], words: &[&str]) {
    refuses(room, room.command(&room::as_str(&room::generate(picture, changed))), words);
}

/// Every file and folder below a folder, with its length.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let kind = entry.metadata().expect("a file");
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        }
        found.insert(entry.path(), if kind.is_dir() { 0 } else { kind.len() });
    }
    found
}
