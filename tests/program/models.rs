//! Which model is meant, what a folder holds, which devices there are, and what is planned without any of them.

use std::{collections::HashSet, fs, path::Path};

use i2vgen::checkpoint::{Checkpoint, ModelFiles};
use serde_json::Value;

use crate::room::{self, Room};

const PUBLISHED_512: [&str; 12] =
    ["plan", "--config", "i2vgen-xl", "-W", "512", "-H", "512", "--frames", "16", "--dtype", "f16", "--json"];

#[test]
fn devices_are_listed_and_can_be_planned_for() {
    let room = Room::new();
    let ran = room.run(&["devices", "--json"]).ok();
    let devices = ran.json();
    let first = &devices[0];
    assert!(first["capabilities"]["max_binding"].as_u64() > Some(0) && first["variants"].as_array().is_some());
    let text = room.run(&["devices"]).ok().stdout;
    assert!(text.contains(first["capabilities"]["name"].as_str().unwrap()) && text.contains("f16 in shaders"));
    room.write("devices.json", &ran.stdout);
    let plan = room.run(&["plan", "--assume-device", "devices.json", "--model", "model", "--json"]).ok().json();
    assert_eq!(plan["device"]["name"], first["capabilities"]["name"]);
}

#[test]
fn a_model_folder_is_inspected() {
    let room = Room::new();
    let found = room.run(&["inspect", "model", "--json"]).ok().json();
    assert_eq!((&found["problems"], &found["defaults"]["frames"]), (&Value::Array(vec![]), &8.into()));
    let names: HashSet<_> = found["components"].as_array().unwrap().iter().map(|c| c["component"].as_str()).collect();
    assert_eq!(names, ["text_encoder", "image_encoder", "vae", "unet"].map(Some).into());
    assert!(room.run(&["inspect", "model"]).ok().stdout.contains("no problems"));
}

/// A clip without a named model: from the demo checkpoint, in its own size, and the program says so.
#[test]
fn the_demo_checkpoint_makes_a_clip_without_any_files() {
    let room = Room::new();
    let defaults = Checkpoint::open(ModelFiles::Demo).expect("the demo checkpoint opens").defaults().cloned().unwrap();
    let quick = ["generate", "photo.png", "-p", "a red circle is moving right", "--steps", "1", "--frames", "2"];
    let run = |more: &[&str]| room.run(&[&quick[..], more].concat()).ok();
    let ran = run(&["-s", "3", "-o", "out/a.mp4"]);
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("demo model")).count(), 1, "{ran:?}");
    let parameters = i2vgen::video::read_parameters(&room.path("out/a.mp4")).unwrap();
    assert_eq!((&parameters["model"], &parameters["width"]), (&"demo".into(), &defaults.width.into()));

    // Whoever names it knows. It is the same one.
    let named = run(&["-s", "3", "-o", "out/b.mp4", "--model", "demo"]);
    assert!(!named.stderr.contains("demo model"), "{named:?}");
    assert!(room.read("out/a.mp4") == room.read("out/b.mp4"));

    let inspected = room.run(&["inspect", "--json"]).ok().json();
    assert_eq!((&inspected["model"], &inspected["problems"]), (&"demo checkpoint".into(), &Value::Array(vec![])));
    let planned = room.run(&["plan", "--model", "demo", "--json"]).ok().json();
    assert_eq!((&planned["model"], &planned["width"]), (&"demo checkpoint".into(), &defaults.width.into()));
}

/// `models/i2vgen-xl` here, a folder called `demo`, and $I2VGEN_MODEL come before the demo checkpoint.
#[test]
fn a_folder_wins_over_the_demo_checkpoint() {
    let room = Room::new();
    let model = |ran: room::Ran| ran.ok().json()["model"].as_str().unwrap().to_owned();
    let named = || {
        let mut command = room.command(&["inspect", "--json"]);
        command.env("I2VGEN_MODEL", "model");
        room::finish(command)
    };
    assert_eq!(model(named()), "model");
    fs::create_dir(room.path("models")).unwrap();
    assert_eq!(model(room.run(&["inspect", "--json"])), "demo checkpoint");
    fs::rename(room.path("model"), room.path("models/i2vgen-xl")).unwrap();
    assert_eq!(model(room.run(&["inspect", "--json"])), "models/i2vgen-xl");

    assert_eq!(model(room.run(&["inspect", "demo", "--json"])), "demo checkpoint");
    fs::rename(room.path("models/i2vgen-xl"), room.path("demo")).unwrap();
    assert_eq!(model(room.run(&["inspect", "demo", "--json"])), "demo");
    assert_eq!(model(room.run(&["inspect", "--model", "demo", "--json"])), "demo");
    // The folder is the one that is read, not only named.
    fs::remove_file(room.path("demo/unet/config.json")).unwrap();
    let ran = room.run(&["inspect", "demo"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("demo/unet/config.json is missing"), "{ran:?}");
}

/// The published model, 16 frames of 512x512 in f16 with guidance as one batch, in at most 4 GiB.
#[test]
fn the_published_model_is_planned_for_without_files_or_device() {
    let room = Room::new();
    let plan = room.run(&[&PUBLISHED_512[..], &["--cfg-passes", "one"]].concat()).ok().json();
    assert_eq!((&plan["one_batch"], &plan["dtype"]), (&true.into(), &"f16".into()));
    let peak = plan["estimate"]["peak_bytes"].as_u64().unwrap();
    assert!((2 << 30..=4 << 30).contains(&peak), "{peak} bytes");

    let bytes = |more: &[&str]| {
        let plan = room.run(&[&PUBLISHED_512[..], more].concat()).ok().json();
        plan["estimate"]["peak_bytes"].as_u64().unwrap()
    };
    assert!(bytes(&["--cfg-passes", "two"]) < peak, "two passes need less");
    let work = |more: &[&str]| {
        room.run(&[&PUBLISHED_512[..], more].concat()).ok().json()["estimate"]["flops"].as_f64().unwrap()
    };
    let [all, none, half] = [&[][..], &["--cfg-scale", "1"], &["--cfg-steps", "50-100%=1"]].map(work);
    // Half of the steps without guidance; encoders and decoder are the same.
    assert!((half / (all + none) * 2.0 - 1.0).abs() < 0.01, "{all} {none} {half}");
    let text = room.run(&["plan"]).ok().stdout;
    assert!(text.contains("denoising") && text.contains("peak device memory") && text.contains("split:"), "{text}");
    // What every WebGPU device has is enough for the plan; larger bindings are split.
    assert!(room.run(&["plan", "--assume-device", "portable"]).ok().stdout.contains("largest binding"));
}

#[test]
fn the_readme_downloads_what_the_program_asks_for() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&i2vgen::checkpoint::download_command(Path::new("models/i2vgen-xl"))));
}
