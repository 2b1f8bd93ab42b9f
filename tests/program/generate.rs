//! Clips: the seed, the random numbers, guidance, every format, enlarging, default names.

use std::fs;

use image::{AnimationDecoder, codecs::gif::GifDecoder};
use serde_json::{Value, json};

use crate::room::{self, Room, as_str, frame, parameters};

#[test]
fn a_seed_fixes_every_byte_and_clips_of_one_run_are_those_of_single_runs() {
    let room = Room::new();
    let settings = ["--frames", "2", "--cfg-scale", "7", "--eta", "0.5", "--steps", "2"];
    let run = |more: &[&str]| room.generate("photo.png", &[&settings, more].concat()).ok();
    let first = run(&["-s", "5", "-o", "out/a.mp4"]);
    assert!(first.stdout.contains("out/a.mp4  seed 5"), "{first:?}");
    run(&["-s", "5", "-o", "out/b.mp4"]);
    assert!(room.read("out/a.mp4") == room.read("out/b.mp4"), "the same seed, another clip");

    let both = run(&["-s", "4", "--count", "2", "-o", "out/c.mp4"]);
    assert!(both.stdout.contains("c.mp4") && both.stdout.contains("c-2.mp4"), "{both:?}");
    assert!(room.read("out/c-2.mp4") == room.read("out/a.mp4"), "the second of two clips is not that of its seed");
    assert!(room.read("out/c.mp4") != room.read("out/a.mp4"), "another seed, the same clip");

    // Everything comes from the clip but the model folder, of which it knows only the name.
    room.run(&["generate", "--from", "out/a.mp4", "--model", "model", "-o", "out/d.mp4"]).ok();
    assert!(room.read("out/d.mp4") == room.read("out/a.mp4"), "the parameters do not make the clip again");
    assert_eq!(fs::read_dir(room.path("out")).unwrap().count(), 5);
}

#[test]
fn random_numbers_of_the_device_are_fixed_by_the_seed_too() {
    let room = Room::new();
    let job = |(seed, rng, name): (u64, &str, &str)| json!({ "seed": seed, "rng": rng, "output": format!("{name}.safetensors") });
    let jobs = [(5, "philox", "a"), (6, "philox", "c"), (5, "torch-cpu", "d")].map(job);
    room.clips(&["--eta", "1"], &jobs).ok();
    // Another run.
    room.generate("photo.png", &["--eta", "1", "-s", "5", "--rng", "philox", "-o", "out/b.safetensors"]).ok();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| room.read(&format!("out/{name}.safetensors")));
    assert!(a == b && a != c && a != d);
}

#[test]
fn guidance_in_two_passes_gives_the_same_frames() {
    let room = Room::new();
    let job = |passes: &str| json!({ "cfg_passes": passes, "output": format!("{passes}-%d.png") });
    room.clips(&["--cfg-scale", "9", "--dtype", "f32", "--steps", "2"], &["one", "two"].map(job)).ok();
    let [one, two] = ["out/one-1.png", "out/two-1.png"].map(|name| frame(&room, name));
    let worst = one.iter().zip(&two).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst.is_some_and(|levels| levels <= 1), "{worst:?} levels apart");
}

#[test]
fn every_format_holds_the_clip_and_its_parameters() {
    let room = Room::new();
    let settings = ["-W", "72", "--frames", "3", "--fps", "5", "-p", "Die Katze dreht ihren Kopf"];
    let names = ["a.mp4", "a.gif", "a.webp", "a-%02d.png", "a.safetensors"];
    room.clips(&settings, &names.map(|name| json!({ "output": name }))).ok();
    for output in names.map(|name| format!("out/{name}")) {
        let parameters = i2vgen::video::read_parameters(&room.path(&output.replace("%02d", "01"))).unwrap();
        for (field, value) in
            [("prompt", "Die Katze dreht ihren Kopf".into()), ("frames", Value::from(3)), ("fps", 5.0.into())]
        {
            assert_eq!(parameters[field], value, "{output}");
        }
    }
    let mp4 = room.read("out/a.mp4");
    assert!(&mp4[4..8] == b"ftyp" && mp4.windows(4).any(|w| w == b"avc1"));
    let gif = room.read("out/a.gif");
    let frames = GifDecoder::new(std::io::Cursor::new(gif)).unwrap().into_frames().collect_frames().unwrap();
    assert_eq!((frames.len(), frames[0].buffer().dimensions()), (3, (72, 64)));
    assert_eq!(&room.read("out/a.webp")[8..12], b"WEBP");
    for number in 1..=3 {
        assert_eq!(frame(&room, &format!("out/a-{number:02}.png")).len(), 72 * 64 * 3);
    }
    let latents = room.read("out/a.safetensors");
    let latents = safetensors::SafeTensors::deserialize(&latents).unwrap();
    assert_eq!(latents.tensor("latents").unwrap().shape(), [1, 4, 3, 8, 9]);
    assert_eq!(fs::read_dir(room.path("out")).unwrap().count(), 7, "nothing else is left");
}

#[test]
fn a_clip_is_written_enlarged() {
    let room = Room::new();
    let ran =
        room.generate("photo.png", &["--output-scale", "3", "--output-filter", "nearest", "-o", "out/nearest-%d.png"]);
    let ran = ran.ok();
    assert!(ran.stdout.contains("1 frame of 64x64 (enlarged 3 times to 192x192)"), "{}", ran.stdout);

    // Smooth if nobody says, in every format.
    let smooth = ["smooth-%d.png", "smooth.gif", "smooth.webp", "smooth.mp4"];
    let smooth =
        smooth.map(|output| json!({ "picture": "photo.png", "output_scale": 3, "output": output }).to_string());
    let small = json!({ "picture": "photo.png", "output": "small-%d.png" }).to_string();
    room.write("jobs.jsonl", [&smooth[..], &[small]].concat().join("\n"));
    room.run(&as_str(&room::batch("jobs.jsonl", &[]))).ok();
    let picture = |file: &str| image::open(room.path(file)).expect(file).into_rgb8();
    let (small, nearest) = (picture("out/small-1.png"), picture("out/nearest-1.png"));
    assert_eq!((small.dimensions(), nearest.dimensions()), ((64, 64), (192, 192)));
    assert!(nearest.enumerate_pixels().all(|(x, y, pixel)| pixel == small.get_pixel(x / 3, y / 3)));
    for file in ["out/smooth-1.png", "out/smooth.gif", "out/smooth.webp"] {
        assert!(picture(file).dimensions() == (192, 192) && picture(file) != nearest, "{file}");
    }
    // Width and height in the description of the samples.
    assert!(room.read("out/smooth.mp4").windows(4).any(|size| size == [0, 192, 0, 192]));
    for file in ["out/smooth-1.png", "out/smooth.gif", "out/smooth.webp", "out/smooth.mp4"] {
        let parameters = parameters(&room, file);
        for (field, value) in
            [("width", 64.into()), ("output_scale", 3.into()), ("output_filter", Value::from("smooth"))]
        {
            assert_eq!(parameters[field], value, "{file}");
        }
    }

    // It is a parameter like others.
    let from = |more: &[&str]| {
        room.run(&[&["generate", "--from", "out/nearest-1.png", "--model", "model"], more].concat()).ok();
    };
    from(&["-o", "out/again-%d.png"]);
    assert!(room.read("out/again-1.png") == room.read("out/nearest-1.png"));
    from(&["--output-scale", "1", "-o", "out/off-%d.png"]);
    assert!(frame(&room, "out/off-1.png") == small.into_raw());
}

#[test]
fn frames_of_a_longer_clip_are_told_when_they_stay_and_when_they_are_measured() {
    let room = Room::new();
    room.generate("photo.png", &["--frames", "4", "-o", "out/f-%d.png"]).ok();
    let ran = room.generate("photo.png", &["--frames", "2", "-s", "9", "-o", "out/f-%d.png"]).ok();
    assert!(ran.stderr.contains("out/f-3.png to out/f-4.png are not of this clip"), "{}", ran.stderr);
    let measured = room.run(&["metrics", "out/f-%d.png", "--no-identity"]).ok();
    assert!(measured.stderr.contains("out/f-2.png and out/f-3.png say that they are of two clips"), "{measured:?}");
    for (from, to) in [(1, 0), (2, 1)] {
        std::fs::copy(room.path(&format!("out/f-{from}.png")), room.path(&format!("out/z-{to}.png"))).unwrap();
    }
    let measured = room.run(&["metrics", "out/z-%d.png", "--no-identity"]).ok();
    assert!(!measured.stderr.contains("two clips"), "{measured:?}");
}

/// A clip from before there was `--output-scale`.
#[test]
fn an_older_clip_still_gives_its_parameters() {
    let room = Room::new();
    room.generate("photo.png", &["-o", "out/new-%d.png"]).ok();
    let mut parameters = parameters(&room, "out/new-1.png");
    for field in ["output_scale", "output_filter"] {
        assert!(parameters.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    let clip = i2vgen::video::Clip { width: 1, height: 1, fps: 8.0, frames: vec![vec![0; 3]] };
    let old = i2vgen::video::Target::parse(&room.path("old-%d.png")).unwrap();
    i2vgen::video::write(&old, &clip, None, &parameters).unwrap();
    room.run(&["generate", "--from", "old-1.png", "--model", "model", "-o", "out/again-%d.png"]).ok();
    assert!(room.read("out/again-1.png") == room.read("out/new-1.png"));
}

/// Without a name nothing is replaced; with one it is.
#[test]
fn a_default_name_passes_over_what_is_there() {
    let room = Room::new();
    let run = |more: &[&str]| {
        let mut arguments = room::generate("photo.png", more);
        let output = arguments.iter().position(|argument| argument == "-o").unwrap();
        arguments.drain(output..output + 2);
        room.run(&as_str(&arguments)).ok().stdout
    };
    room.write("photo-2.mp4", "of another day");
    assert!(run(&[]).starts_with("photo.mp4 "));
    assert!(run(&["--count", "2"]).starts_with("photo-3.mp4 "));
    assert!(room.path("photo-4.mp4").exists() && room.read("photo-2.mp4") == b"of another day");
    let before = room.read("photo.mp4");
    room.generate("photo.png", &["-s", "2", "-o", "photo.mp4"]).ok();
    assert!(room.read("photo.mp4") != before);
}
