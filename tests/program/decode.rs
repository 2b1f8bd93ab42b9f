//! `i2vgen decode`: latents that were written become the clip that would have been made.

use crate::room::{Ran, Room};
use i2vgen::video::{self, Target};
use serde_json::Value;

fn decode(room: &Room, latents: &str, more: &[&str]) -> Ran {
    let device = std::env::var("I2VGEN_DEVICE").unwrap_or_default();
    let device: &[&str] = if device.is_empty() { &[] } else { &["--device", &device] };
    room.run(&[&["decode", latents, "--progress", "none"], more, device].concat())
}

const MODEL: [&str; 2] = ["--model", "model"];

fn parameters(room: &Room, clip: &str) -> Value {
    video::read_parameters(&room.path(clip)).unwrap()
}

#[test]
fn the_clip_is_the_one_that_would_have_been_made() {
    let room = Room::new();
    let settings = ["--frames", "3", "-W", "72", "--fps", "5"];
    for reference in ["diffusers", "vgen"] {
        let made = |name: &str| {
            room.generate("photo.png", &[&settings[..], &["--compat", reference, "-o", name]].concat()).ok();
        };
        made("kept.safetensors");
        room.generate(
            "photo.png",
            &[&settings[..], &["--compat", reference, "--output-scale", "2"], &["-o", "made.mp4"]].concat(),
        )
        .ok();
        decode(&room, "kept.safetensors", &[&MODEL[..], &["-o", "decoded.mp4", "--output-scale", "2"]].concat()).ok();
        assert!(room.read("made.mp4") == room.read("decoded.mp4"), "{reference}");
    }
    // In strips it is the same, too.
    let strips = decode(
        &room,
        "kept.safetensors",
        &[&MODEL[..], &["-o", "strips-%d.png", "--vae-tile", "32", "--output-scale", "2"]].concat(),
    )
    .ok();
    assert!(
        strips.stdout.contains("strips-1.png to ") && strips.stdout.contains("3 frames of 144x128"),
        "{}",
        strips.stdout
    );

    // What is said counts more, and is kept; the rest is the latents'.
    let changed = ["-o", "decoded.webp", "--fps", "12", "--output-scale", "1", "--quality", "70"];
    decode(&room, "kept.safetensors", &[&MODEL[..], &changed].concat()).ok();
    let (own, latents) = (parameters(&room, "decoded.webp"), parameters(&room, "kept.safetensors"));
    assert_eq!((&own["fps"], &own["output_scale"], &own["quality"]), (&12.0.into(), &1.into(), &70.into()));
    for field in ["prompt", "seed", "compat", "picture", "steps", "device"] {
        assert_eq!(own[field], latents[field], "{field}");
    }
    let clip = video::open(&room.path("decoded.webp")).unwrap().clip;
    assert_eq!((clip.width, clip.height, clip.frames.len()), (72, 64, 3));

    // What made the pixels is kept, too.
    let vgen = ["-o", "decoded.gif", "--compat", "diffusers", "--override", "conv2d=register"];
    decode(&room, "kept.safetensors", &[&MODEL[..], &vgen].concat()).ok();
    let own = parameters(&room, "decoded.gif");
    assert_eq!((&latents["compat"], &own["compat"]), (&"vgen".into(), &"diffusers".into()));
    assert_eq!((&latents["overrides"], &own["overrides"]), (&Value::Null, &serde_json::json!(["conv2d=register"])));

    // Without a name it takes the latents', and replaces nothing.
    let first = decode(&room, "kept.safetensors", &MODEL).ok();
    let second = decode(&room, "kept.safetensors", &MODEL).ok();
    assert!(first.stdout.starts_with("kept.mp4  seed 1\n") && second.stdout.starts_with("kept-2.mp4  "), "{second:?}");
}

#[test]
fn latents_of_other_programs_are_decoded() {
    let room = Room::new();
    let target = Target::parse(&room.path("foreign.safetensors")).unwrap();
    let values: Vec<f32> = (0..4 * 2 * 8 * 8).map(|i| (i as f32 * 0.37).sin()).collect();
    video::write_latents(&target, &values, [1, 4, 2, 8, 8], &Value::Null).unwrap();
    let ran = decode(&room, "foreign.safetensors", &[&MODEL[..], &["-o", "out/a.gif"]].concat()).ok();
    assert!(ran.stderr.contains("foreign.safetensors has no parameters of i2vgen"), "{ran:?}");
    assert!(ran.stdout.contains("2 frames of 64x64"), "{}", ran.stdout);
    let none = video::read_parameters(&room.path("out/a.gif")).unwrap_err().to_string();
    assert!(none.contains("carries no i2vgen parameters"), "{none}");

    // Parameters that this version does not know are none.
    video::write_latents(&target, &values, [1, 4, 2, 8, 8], &serde_json::json!({ "program": "later" })).unwrap();
    let ran = decode(&room, "foreign.safetensors", &[&MODEL[..], &["-o", "out/b.gif"]].concat()).ok();
    assert!(ran.stderr.contains("foreign.safetensors: its parameters cannot be used: "), "{ran:?}");
    assert!(ran.stderr.contains("the clip will have none") && !ran.stderr.contains("has no parameters"), "{ran:?}");
    assert!(video::read_parameters(&room.path("out/b.gif")).is_err());
}

#[test]
fn nothing_but_the_decoder_has_to_fit() {
    let room = Room::new();
    // All latents are larger than the largest binding, and so would be tensors of the networks that a clip of so many frames runs through.
    let (frames, limit) = (172, "256KiB");
    let values: Vec<f32> = (0..4 * frames * 12 * 8).map(|i| (i as f32 * 0.37).sin()).collect();
    let write = |name: &str, frames: usize| {
        let target = Target::parse(&room.path(name)).unwrap();
        // Channel by channel: the first frames of each.
        let kept: Vec<f32> = values.chunks(172 * 96).flat_map(|channel| &channel[..frames * 96]).copied().collect();
        video::write_latents(&target, &kept, [1, 4, frames, 12, 8], &Value::Null).unwrap();
    };
    write("many.safetensors", frames);
    write("few.safetensors", 2);
    let made = |name: &str, more: &[&str]| decode(&room, name, &[&MODEL[..], more].concat()).ok();
    let many = made("many.safetensors", &["-o", "many-%d.png", "--max-binding", limit]);
    assert!(many.stdout.contains("172 frames of 64x96"), "{}", many.stdout);
    // A frame is the same among few and among many.
    made("few.safetensors", &["-o", "few-%d.png"]);
    let frame = |name: &str| video::open(&room.path(name)).unwrap().clip.frames.remove(1);
    let far = frame("many-%d.png").iter().zip(frame("few-%d.png")).map(|(a, b)| a.abs_diff(b)).max().unwrap();
    assert!(far <= 2, "{far}");
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let room = Room::new();
    room.generate("photo.png", &["-o", "kept.safetensors", "--frames", "2"]).ok();
    room.generate("photo.png", &["-o", "clip.mp4"]).ok();
    let kept = room.read("kept.safetensors");
    room.write("cut.safetensors", &kept[..kept.len() - 5]);
    room.write("named.mp4", &kept);
    let write = |name: &str, values: usize, shape: [usize; 5]| {
        let target = Target::parse(&room.path(name)).unwrap();
        video::write_latents(&target, &vec![0.5; values], shape, &Value::Null).unwrap();
    };
    write("wide.safetensors", 6 * 64, [1, 6, 1, 8, 8]);
    write("huge.safetensors", 4 * 600, [1, 4, 1, 1, 600]);
    // Made for another size than this VAE gives them.
    let latents = video::read_latents(&room.path("kept.safetensors")).unwrap();
    let mut other = latents.parameters.unwrap();
    other["width"] = 128.into();
    let target = Target::parse(&room.path("other.safetensors")).unwrap();
    video::write_latents(&target, &latents.values, latents.shape, &other).unwrap();

    for (latents, more, words) in [
        ("absent.safetensors", &[][..], &["cannot read absent.safetensors"][..]),
        ("-", &[], &["-: only a picture can come through the standard input: name a file of latents"]),
        ("clip.mp4", &[], &["clip.mp4", "not latents", "generate -o NAME.safetensors"]),
        ("named.mp4", &["-o", "named.mp4"], &["named.mp4 would be replaced", "name another output"]),
        ("cut.safetensors", &[], &["cut.safetensors", "damaged"]),
        ("wide.safetensors", &[], &["wide.safetensors: the latents have 6 channels", "has 4", "--model"]),
        ("huge.safetensors", &[], &["huge.safetensors: the latents are of 1 frames of 4800x8", "4096"]),
        ("other.safetensors", &[], &["was made for 128x64", "makes 64x64", "--model"]),
        ("kept.safetensors", &["-o", "out/a.safetensors"], &["out/a.safetensors", ".mp4"]),
        ("kept.safetensors", &["-o", "out/a.gif", "--quality", "5"], &["--quality", "gif"]),
        ("kept.safetensors", &["-o", "absent/a.gif"], &["absent does not exist"]),
        ("kept.safetensors", &["--fps", "0"], &["--fps"]),
        ("kept.safetensors", &["--override", "conv3d=register"], &["--override", "applies to no operation"]),
        ("kept.safetensors", &["--max-memory", "64KiB"], &["--max-memory allows"]),
    ] {
        let output: &[&str] = if more.contains(&"-o") { &[] } else { &["-o", "out/a.mp4"] };
        let ran = decode(&room, latents, &[&MODEL[..], output, more].concat());
        assert_eq!(ran.code, Some(1), "{latents} {more:?}: {ran:?}");
        let errors = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).count();
        assert!(errors == 1 && ran.stderr.contains("error: "), "{latents} {more:?}: {}", ran.stderr);
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr));
        assert_eq!(std::fs::read_dir(room.path("out")).unwrap().count(), 0, "{latents} {more:?}");
    }
    // Another model is told: nobody can see at the latents whose they are.
    let demo = decode(&room, "kept.safetensors", &["--model", "demo", "-o", "out/a.mp4"]);
    let noted = demo.code == Some(1) || demo.stderr.contains("was made with the model 'model', this one is 'demo'");
    assert!(noted, "{demo:?}");
    assert!(video::open(&room.path("kept.safetensors")).unwrap_err().to_string().contains("`i2vgen decode`"));
}
