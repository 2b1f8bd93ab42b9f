//! What a start leaves for the next one: compiled pipelines, where the backend lets a program keep them.

use std::{fs, path::PathBuf};

use crate::{
    room::{Ran, Room, finish},
    skip::skip,
};

/// A small clip `out/NAME-1.png` with its cache in the folder `cache`.
fn generate(room: &Room, name: &str) -> Ran {
    let output = format!("out/{name}-%d.png");
    let options = ["generate", "photo.png", "-p", "A dog is running", "--model", "model", "-W", "64", "-H", "64"];
    let more = ["--frames", "2", "--steps", "1", "-s", "1", "--no-advice", "--progress", "plain", "-o", &output];
    let mut command = room.command(&[&options[..], &more].concat());
    command.env("I2VGEN_CACHE", room.path("cache"));
    if let Ok(device) = std::env::var("I2VGEN_DEVICE") {
        command.args(["--device", &device]);
    }
    finish(command)
}

fn kept(room: &Room) -> Vec<PathBuf> {
    let folder = fs::read_dir(room.path("cache/pipelines"));
    folder.map(|folder| folder.filter_map(|entry| Some(entry.ok()?.path())).collect()).unwrap_or_default()
}

#[test]
fn pipelines_are_kept_and_a_damaged_file_is_written_anew() {
    let room = Room::new();
    generate(&room, "first").ok();
    let files = kept(&room);
    let [file] = files.as_slice() else {
        // Only Vulkan has such a cache.
        assert!(files.is_empty(), "{files:?}");
        return skip("keeping pipelines", "pipeline-cache");
    };
    let whole = fs::read(file).expect("the file");
    assert!(whole.len() > 8);
    for damaged in [&whole[..whole.len() - 1], &[0; 64], &[]] {
        fs::write(file, damaged).expect("the file is written");
        let ran = generate(&room, "again").ok();
        assert!(!ran.stderr.contains("not kept"), "{ran:?}");
        assert!(fs::read(file).expect("the file").len() > 8);
        assert_eq!(room.read("out/first-1.png"), room.read("out/again-1.png"));
    }
    assert_eq!(kept(&room), files);
}

#[test]
fn a_clip_is_made_also_where_nothing_can_be_kept() {
    let room = Room::new();
    room.write("cache", "a file where a folder should be");
    let ran = generate(&room, "clip").ok();
    assert!(room.path("out/clip-2.png").exists());
    // Where the backend keeps nothing, there is nothing to say.
    if ran.stdout.contains("not kept") || ran.stderr.contains("not kept") {
        assert!((ran.stdout + &ran.stderr).contains("I2VGEN_CACHE"));
    }
}
