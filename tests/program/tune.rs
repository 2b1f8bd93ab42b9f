//! `i2vgen kernels tune`: what is searched, kept, used, carried to another machine, and refused.

use std::{fs, path::PathBuf};

use i2vgen::video;
use serde_json::{Value, json};

use crate::room::{Ran, Room};

/// A room whose cache no other test writes to.
fn room() -> Room {
    let mut room = Room::new();
    room.cache = room.path("cache");
    room
}

/// The program on the device of `I2VGEN_DEVICE`.
fn run(room: &Room, arguments: &[&str]) -> Ran {
    let device =
        std::env::var("I2VGEN_DEVICE").ok().filter(|name| !name.is_empty() && !arguments.contains(&"--device"));
    let device = device.as_deref().map_or(vec![], |name| vec!["--device", name]);
    room.run(&[arguments, &device].concat())
}

fn tune(room: &Room, more: &[&str]) -> Ran {
    run(room, &[&["kernels", "tune"], more].concat())
}

/// A search of one kernel at the shapes of a small run.
const SMALL: [&str; 7] = ["layer_norm", "--shapes", "model:64x64x1", "--seed", "1", "--budget", "8s"];

/// The file in the cache.
fn kept(room: &Room) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(room.path("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let tuned: Vec<&PathBuf> =
        files.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("tuned-")).collect();
    assert_eq!(tuned.len(), 1, "{files:?}");
    tuned[0].clone()
}

/// A clip with guidance, as a run of a model has it.
fn generate(room: &Room, more: &[&str]) -> Ran {
    room.generate("photo.png", &[&["--progress", "plain", "--cfg-scale", "9"], more].concat())
}

/// The parameters in a clip.
fn parameters(room: &Room, clip: &str) -> Value {
    video::read_parameters(&room.path(clip)).expect("the clip has its parameters")
}

/// An exported file in which another setting that was tried and holds stands in for the kernel's own choice at every shape.
fn with_other_settings(exported: &Value, log: &Value) -> Value {
    let mut changed = exported.clone();
    for found in changed["shapes"].as_array_mut().unwrap() {
        let shape = log["shapes"].as_array().unwrap().iter().find(|shape| shape["shape"] == found["shape"]).unwrap();
        let attempts = shape["search"]["attempts"].as_array().unwrap();
        let other = attempts.iter().skip(1).find(|attempt| attempt["check"]["passed"].is_number()).expect("one holds");
        found["tuned"] = other["setting"].clone();
        found["race"] = Value::Null;
    }
    changed
}

#[test]
fn what_is_searched_is_checked_kept_and_used() {
    let room = room();
    let ran = tune(&room, &[&SMALL[..], &["--log", "log.json", "--json"]].concat()).ok();
    let log: Value = serde_json::from_slice(&room.read("log.json")).unwrap();
    assert_eq!(log["shapes"], ran.json()["shapes"]);
    let shapes = log["shapes"].as_array().unwrap();
    assert!(!shapes.is_empty());
    for shape in shapes {
        let search = &shape["search"];
        let attempts = search["attempts"].as_array().unwrap();
        assert!(attempts.len() > 2 && attempts[0]["check"]["passed"].as_f64().unwrap() < 1e-2, "{search}");
        // What is timed was compared first, and every setting but one is dropped for a reason.
        for attempt in attempts {
            assert!(attempt["seconds"].is_null() || attempt["check"]["passed"].is_number(), "{attempt}");
        }
        let running: Vec<&Value> = attempts.iter().filter(|attempt| attempt["dropped"].is_null()).collect();
        assert_eq!(running.len(), 1, "{search}");
        match &search["kept"] {
            Value::Null => assert_eq!(running[0], &attempts[0]),
            kept => {
                assert_eq!(running[0]["setting"], *kept);
                assert!(search["race"]["interval"]["high"].as_f64().unwrap() < 1.0 / 1.03, "{search}");
            }
        }
    }
    assert!(kept(&room).is_file());

    // It is not searched again; what was left goes on.
    let again = tune(&room, &[&SMALL[..], &["--json"]].concat()).ok();
    let whole: Vec<&Value> = shapes
        .iter()
        .filter(|shape| {
            let attempts = shape["search"]["attempts"].as_array().unwrap();
            attempts.iter().all(|attempt| !attempt["check"].is_null())
        })
        .collect();
    assert_eq!(again.json()["known"], whole.len());
    assert!(whole.is_empty() || again.stderr.contains("searched before"), "{again:?}");
    let known = |found: &Value| whole.iter().any(|shape| shape["shape"] == found["shape"]);
    assert!(!again.json()["shapes"].as_array().unwrap().iter().any(known));

    // Where another setting than the kernel's own choice is kept, runs use it and say so.
    tune(&room, &["--export", "out/tuned.json"]).ok();
    let exported: Value = serde_json::from_slice(&room.read("out/tuned.json")).unwrap();
    let both = [shapes.as_slice(), again.json()["shapes"].as_array().unwrap()].concat();
    let both = json!({ "shapes": both });
    let changed = with_other_settings(&exported, &both);
    room.write("changed.json", changed.to_string());
    let cleared = tune(&room, &["--clear"]).ok();
    assert!(cleared.stdout.contains("removed"), "{cleared:?}");
    assert!(!generate(&room, &["-o", "out/own.mp4"]).ok().stderr.contains("tuned"));
    let count = changed["shapes"].as_array().unwrap().len();
    let imported = tune(&room, &["--import", "changed.json"]).ok().stdout;
    assert!(imported.contains(&format!("{count} with another setting")), "{imported}");
    let list = ["kernels", "list", "layer_norm", "--shapes", "model:64x64x1"];
    let text = run(&room, &list).ok();
    assert!(text.stdout.contains("tuned on this device: portable:ROWS="), "{text:?}");
    let plain = run(&room, &[&list[..], &["--no-tuned"]].concat()).ok();
    assert!(!plain.stdout.contains("tuned on this device") && !plain.stderr.contains("tuned"), "{plain:?}");

    let ran = generate(&room, &["-o", "out/tuned.mp4"]).ok();
    let told = format!("what was tuned on this device is used (at {count} shape");
    assert!(ran.stderr.contains(&told), "{ran:?}");
    let mark = parameters(&room, "out/tuned.mp4")["tuned"].as_str().expect("the clip says so").to_owned();
    assert!(mark.contains("shape"), "{mark}");
    assert!(parameters(&room, "out/own.mp4")["tuned"].is_null());
    let ran = generate(&room, &["-o", "out/plain.mp4", "--from", "out/tuned.mp4", "--no-tuned"]).ok();
    let told = format!("made with tuned settings at {mark}, now they are at no shape");
    assert!(ran.stderr.contains(&told) && !ran.stderr.contains("is used (at"), "{ran:?}");
    let ran = generate(&room, &["-o", "out/same.mp4", "--from", "out/tuned.mp4"]).ok();
    assert!(!ran.stderr.contains("made with tuned settings"), "{ran:?}");
    assert_eq!(room.read("out/same.mp4"), room.read("out/tuned.mp4"), "the same settings give the same clip");

    // A kernel that was edited since then does not take an old setting.
    let mut old = changed.clone();
    old["shapes"].as_array_mut().unwrap().iter_mut().for_each(|found| found["source"] = json!("0123456789abcdef"));
    fs::write(kept(&room), old.to_string()).unwrap();
    let text = run(&room, &list).ok();
    assert!(!text.stdout.contains("tuned on this device") && text.stderr.contains("other kernels than these"));
    let ran = generate(&room, &["-o", "out/stale.mp4"]).ok();
    assert!(ran.stderr.contains("other kernels than these") && !ran.stderr.contains("is used (at"), "{ran:?}");
    room.write("old.json", old.to_string());
    let refused = tune(&room, &["--import", "old.json"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("the kernel is another one"), "{refused:?}");
    assert!(refused.stderr.contains("nothing that counts"), "{refused:?}");

    // Another driver's settings are refused, or compared with the twin first.
    let mut foreign = changed.clone();
    foreign["device"]["driver"] = json!("of last year");
    room.write("foreign.json", foreign.to_string());
    let refused = tune(&room, &["--import", "foreign.json"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("driver 'of last year', here '"), "{refused:?}");
    let forced = tune(&room, &["--import", "foreign.json", "--force"]).ok();
    assert!(forced.stdout.contains(&format!("{count} with another setting")), "{forced:?}");
}

#[test]
fn what_cannot_be_tuned_is_refused_in_one_line() {
    let room = room();
    room.write("notes.json", "{\"answer\": 42}");
    for (arguments, words) in [
        (&["conv"][..], &["no kernel is called 'conv'"][..]),
        (&["linear", "--shapes", "demo:64x64"], &["demo:64x64x8"]),
        (&["linear", "--min-gain", "3"], &["3% or 0.03"]),
        (&["linear", "--budget", "0s"], &["--budget"]),
        (&["linear", "--log", "absent/log.json"], &["absent/log.json"]),
        (&["--export", "out/a.json"], &["nothing is kept"]),
        (&["--export", "out/a.json", "--clear"], &["cannot be used with"]),
        (&["--import", "absent.json"], &["--import absent.json"]),
        (&["--import", "notes.json"], &["notes.json", "version", "kernels tune --export"]),
        (&["--force"], &["--import"]),
        (&["--device", "Voodoo 3"], &["Voodoo 3"]),
    ] {
        let ran = tune(&room, arguments);
        let told: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert!(
            matches!(ran.code, Some(1 | 2)) && told.len() == 1 && told[0].starts_with("error: "),
            "{arguments:?}: {ran:?}"
        );
        assert!(words.iter().all(|word| told[0].contains(word)), "{arguments:?}: {words:?} in {}", told[0]);
    }
    assert!(!room.path("cache").exists() && fs::read_dir(room.path("out")).unwrap().count() == 0);
    assert!(tune(&room, &["--clear"]).ok().stdout.contains("nothing was kept"));
}
