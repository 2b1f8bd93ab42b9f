//! Lists of jobs with a line that is none; sweeps that cannot be meant.

use std::fs;

use super::refuses;
use crate::room::{self, Room};

/// Asserts that `batch` refuses a list.
fn refuses_list(room: &Room, list: impl AsRef<[u8]>, changed: &[&str], words: &[&str]) {
    room.write("jobs.jsonl", list);
    refuses(room, room.command(&room::as_str(&room::batch("jobs.jsonl", changed))), words);
}

#[test]
fn a_line_that_is_no_job() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("out/frame-1.png", room.read("photo.png"));
    for (line, words) in [
        (r#"{"picture": "photo.png""#, &["not JSON", "at column"][..]),
        (r#"["photo.png"]"#, &["expected an object"]),
        (r#"{"prompt": "A cat"}"#, &["no picture"]),
        (r#"{"picture": "photo.png", "step": 3}"#, &["unknown field `step`", "steps"]),
        (r#"{"picture": "photo.png", "steps": "three"}"#, &["`steps`", "three"]),
        (r#"{"picture": "photo.png", "steps": 0}"#, &["0 steps", "1 to 1000"]),
        (r#"{"picture": "photo.png", "width": 60}"#, &["--width", "take 56 or 64"]),
        (r#"{"picture": "photo.png", "cfg_scale": 0.5}"#, &["--cfg-scale"]),
        (r#"{"picture": "photo.png", "fps": 0}"#, &["--fps"]),
        (r#"{"picture": "photo.png", "frames": 0, "output": "f-%d.png"}"#, &["--frames"]),
        (r#"{"picture": "photo.png", "frames": 1000000000000, "output": "f-%d.png"}"#, &["--frames"]),
        (r#"{"picture": "photo.png", "output_scale": 17}"#, &["--output-scale 17", "1 (off) to 16"]),
        (r#"{"picture": "photo.png", "output": "a.avi"}"#, &["a.avi", ".mp4"]),
        (r#"{"picture": "photo.png", "output": "../a.mp4"}"#, &["`output`", "without a folder"]),
        (r#"{"picture": "photo.png", "output": "PHOTO-1.mp4"}"#, &["PHOTO-1.mp4", "that of line 1"]),
        (r#"{"picture": "absent.png"}"#, &["absent.png", "does not exist"]),
        (r#"{"picture": "letter.png"}"#, &["letter.png", "not a picture"]),
        (r#"{"picture": "out/frame-1.png", "frames": 2, "output": "frame-%d.png"}"#, &["frame-1.png", "replaced"]),
    ] {
        let list = format!("{{\"picture\": \"photo.png\"}}\n\n{line}\n");
        refuses_list(&room, list, &[], &[&["jobs.jsonl, line 3: "], words].concat());
    }
    let half = "{\"picture\": \"photo.png\", \"dtype\": \"f16\"}";
    refuses_list(&room, half, &["--no-f16"], &["jobs.jsonl, line 1: ", "no f16"]);
}

#[test]
fn a_list_that_is_none() {
    let room = Room::new();
    refuses(&room, room.command(&room::as_str(&room::batch("absent.jsonl", &[]))), &["absent.jsonl"]);
    refuses_list(&room, "\n \n", &[], &["jobs.jsonl", "no jobs"]);
    refuses_list(&room, b"\xff\xfe{", &[], &["jobs.jsonl", "UTF-8"]);
    let job = "{\"picture\": \"photo.png\"}";
    refuses_list(&room, job, &["-o", "photo.png"], &["photo.png"]);
    refuses_list(&room, job, &["--model", "nowhere"], &["nowhere", "hf download"]);
    fs::create_dir(room.path("out/photo-1.mp4")).unwrap();
    refuses_list(&room, job, &[], &["photo-1.mp4", "a folder has that name"]);
}

#[test]
fn a_sweep_that_cannot_be_meant() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("same.jsonl", "{\"picture\": \"photo.png\"}\n{\"picture\": \"photo.png\"}\n");
    room.write("slip.jsonl", "{\"picture\": \"photo.png\"}\n\n{\"picture\": \"photo.png\", \"step\": 3}\n");
    room.write("seed.jsonl", "{\"picture\": \"photo.png\", \"seed\": \"four\"}\n");
    let refused = |input: &str, changed: &[&str], words: &[&str]| {
        refuses(&room, room.command(&room::as_str(&room::sweep(input, changed))), words);
    };
    for (changed, words) in [
        (&["--eta", "0,high"][..], &["--eta", "high"][..]),
        (&["--eta", "0,1.5"], &["photo.png, eta 1.5: --eta: 1.5"]),
        (&["--size", "64x64,60x64"], &["photo.png, size 60x64: --width", "take 56 or 64"]),
        (&["--size", "64"], &["--size", "640x384"]),
        (&["--anchor-mode", "lowpass,glue"], &["--anchor-mode", "blend"]),
        (&["--preset", "standard,standrd"], &["preset standrd", "did you mean standard?"]),
        (&["--frames", "2,0"], &["frames 0: --frames"]),
        (&["--cfg-steps", "0-30%"], &["--cfg-steps"]),
        (&["--format", "avi"], &["--format", "mp4"]),
        (
            &["--steps", "1,2,3", "--eta", "0,0.1,0.2", "--limit", "8"],
            &["9 clips", "9 combinations", "more than 8", "--limit"],
        ),
        (&["--count", "1000"], &["1000 clips", "more than 200"]),
        (&["-s", "1,2", "--count", "2"], &["--count"]),
        (&["-s", "18446744073709551615", "--count", "2"], &["--seed", "exceed"]),
        (&["-s", "one"], &["--seed", "whole number"]),
        (&["-o", "photo.png"], &["photo.png"]),
        (&["--model", "nowhere"], &["nowhere", "hf download"]),
    ] {
        refused("photo.png", changed, words);
    }
    refused("absent.png", &[], &["absent.png", "does not exist"]);
    refused("letter.png", &[], &["letter.png", "not a picture"]);
    refused("absent.jsonl", &[], &["absent.jsonl"]);
    refused("slip.jsonl", &[], &["slip.jsonl, line 3", "unknown field `step`"]);
    refused("same.jsonl", &[], &["same.jsonl, line 2", "the same as line 1"]);
    // A seed of the command line counts more than the line's.
    let arguments = room::sweep("seed.jsonl", &[]);
    let at = arguments.iter().position(|argument| argument == "-s").unwrap();
    let without: Vec<&str> = room::as_str(&arguments)
        .into_iter()
        .enumerate()
        .filter(|(i, _)| *i != at && *i != at + 1)
        .map(|(_, a)| a)
        .collect();
    refuses(&room, room.command(&without), &["seed.jsonl, line 1", "`seed`", "whole number"]);
}
