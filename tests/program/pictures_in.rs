//! What comes in and goes out: pictures with transparency, pictures and clips through pipes, formats and their quality.

use std::{
    fs::File,
    process::{Output, Stdio},
};

use crate::room::{self, Ran, Room, as_str};
use i2vgen::video;
use image::{Rgba, RgbaImage};
use serde_json::Value;

/// A red square on transparent black.
fn clear() -> RgbaImage {
    let inside = |at: u32| (20..44).contains(&at);
    let pixel = |x, y| if inside(x) && inside(y) { Rgba([220, 30, 30, 255]) } else { Rgba([0; 4]) };
    RgbaImage::from_fn(64, 64, pixel)
}

fn parameters(room: &Room, clip: &str) -> Value {
    video::read_parameters(&room.path(clip)).unwrap()
}

/// `generate` with a file as its standard input, and whatever it writes.
fn piped(room: &Room, input: &str, picture: &str, changed: &[&str]) -> Output {
    let arguments = room::generate(picture, changed);
    let mut command = room.command(&as_str(&arguments));
    command.stdin(Stdio::from(File::open(room.path(input)).unwrap())).output().expect("the program starts")
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A refusal: one line, exit code 1, nothing left behind.
fn refused(room: &Room, output: &Output, words: &[&str]) {
    let text = told(output);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "{word}: {text}"));
    assert_eq!(std::fs::read_dir(room.path("out")).unwrap().count(), 0);
}

#[test]
fn a_transparent_picture_is_laid_over_a_colour() {
    let room = Room::new();
    clear().save(room.path("clear.png")).unwrap();
    // What it should be made of.
    let mut over = image::RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
    for (under, pixel) in over.pixels_mut().zip(clear().pixels()).filter(|(_, pixel)| pixel[3] > 0) {
        under.0.copy_from_slice(&pixel.0[..3]);
    }
    over.save(room.path("over.png")).unwrap();
    let latents = |name: &str| i2vgen::video::read_latents(&room.path(name)).unwrap().values;

    let dropped = room.generate("clear.png", &["-o", "dropped.safetensors"]).ok();
    assert!(
        dropped.stderr.contains("note: clear.png: its transparency is dropped")
            && dropped.stderr.contains("mostly black; --background white"),
        "{}",
        dropped.stderr
    );
    let white = room.generate("clear.png", &["-o", "white.safetensors", "--background", "#fff"]).ok();
    assert!(!white.stderr.contains("transparen"), "{}", white.stderr);
    room.generate("over.png", &["-o", "over.safetensors"]).ok();
    assert!(latents("white.safetensors") == latents("over.safetensors"));
    assert!(latents("white.safetensors") != latents("dropped.safetensors"));

    // It is kept, and used again.
    assert_eq!(parameters(&room, "white.safetensors")["preparation"]["background"], "white");
    let from = [
        "generate",
        "--from",
        "white.safetensors",
        "--model",
        "model",
        "--progress",
        "none",
        "-o",
        "again.safetensors",
    ];
    room.run(&from).ok();
    assert!(latents("again.safetensors") == latents("white.safetensors"));

    // Where nothing is transparent it is told that it means nothing, and that only as advice.
    let mut advised = room::generate("over.png", &["--background", "teal"]);
    advised.retain(|argument| argument != "--no-advice");
    let hidden = room.run(&as_str(&advised)).ok();
    assert!(hidden.stderr.contains("over.png is transparent, so --background has no effect"), "{}", hidden.stderr);
    let advice =
        room.run(&["advise", "clear.png", "--model", "model", "-p", "a square is moving", "--json"]).ok().json();
    let lines = advice["advice"].as_array().unwrap();
    let line = lines.iter().find(|line| line["finding"].as_str().unwrap().contains("transparency is dropped"));
    assert!(line.unwrap()["change"].as_str().unwrap().contains("--background"), "{advice}");
}

#[test]
fn a_background_is_a_field_of_a_job_and_an_axis_of_a_sweep() {
    let room = Room::new();
    clear().save(room.path("clear.png")).unwrap();
    room.write(
        "jobs.jsonl",
        "{\"picture\": \"clear.png\", \"background\": \"teal\", \"output\": \"a.mp4\"}\n{\"picture\": \"clear.png\", \"output\": \"b.webp\", \"quality\": 40}\n",
    );
    let ran = room.run(&as_str(&room::batch("jobs.jsonl", &[]))).ok();
    assert_eq!(parameters(&room, "out/a.mp4")["preparation"]["background"], "teal");
    assert_eq!(parameters(&room, "out/b.webp")["quality"], 40);
    assert_eq!(ran.stderr.matches("transparency is dropped").count(), 1, "{}", ran.stderr);
    room.write("jobs.jsonl", "{\"picture\": \"clear.png\", \"background\": \"teel\"}\n");
    let wrong = room.run(&as_str(&room::batch("jobs.jsonl", &[])));
    assert!(wrong.code == Some(1) && wrong.stderr.contains("`background`: 'teel' is no colour"), "{wrong:?}");
    room.write("jobs.jsonl", "{\"picture\": \"-\"}\n");
    let wrong = room.run(&as_str(&room::batch("jobs.jsonl", &[])));
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("standard input") && wrong.stderr.contains("name a file"),
        "{wrong:?}"
    );

    let swept = room::sweep("clear.png", &["--background", "white,teal", "--no-identity", "-o", "swept"]);
    let swept = room.run(&as_str(&swept)).ok();
    assert!(swept.stdout.contains("2 of 2 clips made") && swept.stdout.contains("teal"), "{}", swept.stdout);
}

#[test]
fn a_picture_and_a_clip_go_through_pipes() {
    let room = Room::new();
    room.generate("photo.png", &["-o", "out/file.gif"]).ok();
    let output = piped(&room, "photo.png", "-", &["-o", "-", "--format", "gif", "--progress", "plain"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = told(&output);
    assert!(text.contains("standard output  seed 1") && text.contains("1 frame of 64x64"), "{text}");
    // The same clip, but for the picture's name.
    room.write("piped.gif", &output.stdout);
    let [mut file, mut pipe] = ["out/file.gif", "piped.gif"].map(|clip| parameters(&room, clip));
    assert_eq!((&file["picture"]["file"], &pipe["picture"]["file"]), (&"photo.png".into(), &"-".into()));
    [&mut file, &mut pipe].into_iter().for_each(|value| value["picture"]["file"] = Value::Null);
    assert_eq!(file, pipe);
    let frames = |clip: &str| video::open(&room.path(clip)).unwrap().clip;
    assert!(frames("out/file.gif") == frames("piped.gif"));

    // Events stand beside the clip, too.
    let output = piped(&room, "photo.png", "-", &["-o", "-", "--progress", "json"]);
    assert!(output.stdout[4..].starts_with(b"ftyp"), "mp4 if nothing is said");
    let text = told(&output);
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(events.last().unwrap()["event"], "done", "{text}");

    // Without a name it is not called `-.mp4`; made again, the picture has to be named.
    let mut arguments = room::generate("-", &[]);
    let at = arguments.iter().position(|argument| argument == "-o").unwrap();
    arguments.drain(at..at + 2);
    let mut command = room.command(&as_str(&arguments));
    command.stdin(Stdio::from(File::open(room.path("photo.png")).unwrap()));
    assert!(room::finish(command).ok().stdout.starts_with("clip.mp4  seed 1\n"));
    let again = room.run(&["generate", "--from", "clip.mp4", "--model", "model"]);
    assert!(
        again.code == Some(1) && again.stderr.contains("a picture of the standard input: name a file"),
        "{again:?}"
    );
}

#[test]
fn pipes_that_cannot_work_are_refused() {
    let room = Room::new();
    room.write("empty", "");
    room.write("notes", "no picture at all");
    room.write("cut.png", &room.read("photo.png")[..60]);
    refused(&room, &piped(&room, "empty", "-", &[]), &["standard input is empty", "< photo.png"]);
    refused(&room, &piped(&room, "notes", "-", &[]), &["standard input is not a picture"]);
    refused(&room, &piped(&room, "cut.png", "-", &[]), &["PNG picture standard input is corrupt"]);
    refused(&room, &piped(&room, "empty", "photo.png", &["-o", "-", "--format", "png"]), &["png sequence", "--format"]);
    refused(&room, &piped(&room, "empty", "photo.png", &["-o", "-", "--count", "2"]), &["--count", "-o"]);
    refused(
        &room,
        &piped(&room, "empty", "photo.png", &["-o", "out/a.gif", "--format", "mp4"]),
        &["--format", "a.gif", ".mp4"],
    );
}

/// A reader that leaves loses the clip: that is told.
#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_an_error() {
    let room = Room::new();
    let mut command = room.command(&as_str(&room::generate("photo.png", &["-o", "-"])));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told(&output).contains("cannot write to the standard output"), "{}", told(&output));
}

#[test]
fn quality_is_for_what_loses_something() {
    let room = Room::new();
    let bytes = |name: &str, more: &[&str]| {
        room.generate("photo.png", &[&["-o", name][..], more].concat()).ok();
        room.read(name).len()
    };
    let usual = bytes("out/usual.mp4", &[]);
    let low = bytes("out/clip.mp4", &["--quality", "30"]);
    assert!(low < usual, "{low} {usual}");
    assert_eq!(parameters(&room, "out/clip.mp4")["quality"], 30);
    assert_eq!(parameters(&room, "out/usual.mp4")["quality"], Value::Null);
    let refuse = |more: &[&str], words: &[&str]| -> Ran {
        let ran = room.generate("photo.png", more);
        assert!(ran.code.is_some_and(|code| code > 0), "{ran:?}");
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr));
        ran
    };
    for name in ["out/a.gif", "out/a-%d.png", "out/a.safetensors"] {
        refuse(&["--quality", "50", "-o", name], &["--quality", "leave it out, or write .mp4 or .webp"]);
    }
    for wrong in ["0", "101", "best"] {
        refuse(&["--quality", wrong], &["--quality", wrong, "1 (small files) to 100"]);
    }
    // A clip that has one can be made again in a format that has none.
    room.run(&["generate", "--from", "out/clip.mp4", "--model", "model", "--progress", "none", "-o", "out/a.gif"]).ok();
    assert_eq!(parameters(&room, "out/a.gif")["quality"], Value::Null);
}
