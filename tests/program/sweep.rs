//! `i2vgen sweep`: combinations of settings, made, measured and compared; interrupted and started again.

use std::fs;

use serde_json::Value;

use crate::room::{self, Ran, Room, as_str};

fn sweep(room: &Room, input: &str, changed: &[&str]) -> Ran {
    room.run(&as_str(&room::sweep(input, changed)))
}

fn results(room: &Room) -> Value {
    serde_json::from_slice(&room.read("out/sweep.json")).expect("JSON")
}

/// The clips with their contents, in order.
fn clips(room: &Room) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(room.path("out/clips")).expect("clips");
    let mut files: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() != "json").collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_grid_is_made_measured_and_compared() {
    let room = Room::new();
    let ran = sweep(&room, "photo.png", &["--size", "64x64,72x64", "--count", "2", "--frames", "3"]).ok();
    assert!(ran.stdout.contains("4 of 4 clips made, "), "{}", ran.stdout);
    assert!(ran.stdout.contains("2 settings, 1 picture, 4 clips"), "{}", ran.stdout);
    let found = results(&room);
    let settings = found["settings"].as_array().unwrap();
    assert_eq!(settings.iter().map(|s| s["size"].as_str().unwrap()).collect::<Vec<_>>(), ["64x64", "72x64"]);
    for setting in settings {
        let [low, mean, high] = ["low", "mean", "high"].map(|end| setting["identity"][end].as_f64().unwrap());
        assert!(low <= mean && mean <= high && high <= 1.0 && setting["clips"] == 2.0, "{setting}");
        assert!(setting["seconds"].as_f64() > Some(0.0) && setting["memory_gib"].as_f64() > Some(0.0), "{setting}");
    }
    let difference = &found["differences_to_first"][0];
    let [own, first] = [1, 0].map(|at| settings[at]["psnr"]["mean"].as_f64().unwrap());
    assert!((difference["psnr"]["mean"].as_f64().unwrap() - (own - first)).abs() < 1e-9, "{difference}");
    assert_eq!((found["clips"].as_array().unwrap().len(), &found["clips_missing"]), (4, &0.into()));

    // The clip is the one that `generate` makes.
    let is = |clip: &&Value| clip["seed"] == "2" && clip["size"] == "72x64";
    let file = found["clips"].as_array().unwrap().iter().find(is).unwrap()["file"].as_str().unwrap().to_owned();
    room.generate("photo.png", &["-W", "72", "-s", "2", "--frames", "3", "-o", "alone.mp4"]).ok();
    assert!(room.read(&format!("out/clips/{file}")) == room.read("alone.mp4"));
    // Its name says what it is, and a hash keeps it from any other.
    let hash = file.strip_prefix("photo_size-72x64_seed-2_").and_then(|rest| rest.strip_suffix(".mp4"));
    assert!(hash.is_some_and(|hash| hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit())), "{file}");

    let text = |name: &str| String::from_utf8(room.read(name)).unwrap();
    let csv = text("out/sweep.csv");
    assert!(csv.starts_with("size,clips,psnr,psnr_low,psnr_high,") && csv.lines().count() == 3, "{csv}");
    assert_eq!(text("out/sweep-clips.csv").lines().count(), 5);
    let txt = text("out/sweep.txt");
    assert!(txt.contains("to the first setting (size 64x64)") && txt.contains("size 72x64 (2 pairs)"), "{txt}");
    let html = text("out/sweep.html");
    assert_eq!(html.matches("data:image/webp;base64,").count(), 5, "the picture and four clips");
    assert!(html.contains("<svg") && html.contains("72x64"));
}

#[test]
fn a_changed_sweep_makes_what_is_missing() {
    let room = Room::new();
    let whole = ["--anchor-interval", "0,2", "--no-identity"];
    sweep(&room, "photo.png", &whole).ok();
    let before = clips(&room);
    assert_eq!(before.len(), 2);

    // The same in another order, and what counts without being said: no device is needed where all is there.
    let same = ["--anchor-interval", "2,0", "--anchor-strength", "0.3", "--eta", "0.3", "--no-identity"];
    let mut again = room.command(&as_str(&room::sweep("photo.png", &same)));
    again.env("VK_DRIVER_FILES", room.path("absent.json")).env("VK_ICD_FILENAMES", room.path("absent.json"));
    let again = room::finish(again).ok();
    assert!(again.stdout.contains("0 of 2 clips made, 2 already there"), "{}", again.stdout);
    // Without anchors their strength means nothing.
    let more = ["--anchor-interval", "0,2", "--anchor-strength", "0.3,0.9", "--no-identity"];
    let more = sweep(&room, "photo.png", &more).ok();
    assert!(more.stdout.contains("1 of 3 clips made, 2 already there"), "{}", more.stdout);
    assert!(more.stderr.contains("1 of 4 combinations"), "{}", more.stderr);
    assert!(before.iter().all(|clip| clips(&room).contains(clip)), "nothing that was there is made again");
    let names: Vec<String> = clips(&room).into_iter().map(|(name, _)| name).collect();
    let started = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
    // Those that were there have kept their names.
    assert_eq!(
        (started("photo_anchor-interval-"), started("photo_anchor-interval-2_anchor-strength-0.9_")),
        (3, 1),
        "{names:?}"
    );

    // What lost its measures, or its clip, is made again.
    let name = before[0].0.trim_end_matches(".mp4").to_owned();
    room.write(&format!("out/clips/{name}.json"), "{");
    fs::remove_file(room.path(&format!("out/clips/{}", before[1].0))).unwrap();
    let ran = sweep(&room, "photo.png", &whole).ok();
    assert!(ran.stdout.contains("2 of 2 clips made, ") && !ran.stdout.contains("already"), "{}", ran.stdout);
    assert!(before.iter().all(|clip| clips(&room).contains(clip)), "the same clips again");
    // Another picture under the same name makes another clip; a clip that cannot be read does not hide the others.
    room::photo(70, 70).save(room.path("photo.png")).unwrap();
    let ran = sweep(&room, "photo.png", &["--anchor-interval", "0", "--no-identity"]).ok();
    assert!(ran.stdout.contains("1 of 1 clips made, ") || ran.stdout.contains("1 of 1 clip made, "), "{}", ran.stdout);
    let new = clips(&room).into_iter().find(|(name, _)| results(&room)["clips"][0]["file"] == **name).unwrap();
    room.write(&format!("out/clips/{}", new.0), &new.1[..new.1.len() / 2]);
    sweep(&room, "photo.png", &["--anchor-interval", "0", "--no-identity"]).ok();
    let html = String::from_utf8(room.read("out/sweep.html")).unwrap();
    assert!(html.contains("damaged mp4 file") && results(&room)["settings"][0]["psnr"].is_number());
}

#[test]
fn every_line_of_a_list_is_swept() {
    let room = Room::new();
    room::photo(64, 64).save(room.path("second.png")).unwrap();
    let list = r#"{"picture": "photo.png", "prompt": "A cat is purring", "output": "ignored.gif", "seed": 5}
{"picture": "second.png", "eta": 1}
"#;
    room.write("jobs.jsonl", list);
    let mut arguments = room::sweep("jobs.jsonl", &["--steps", "1,2", "--no-identity", "--format", "webp"]);
    // A prompt of the command line would count more than the lines'; the seeds are theirs, too.
    for flag in ["-p", "-s"] {
        let at = arguments.iter().position(|argument| argument == flag).unwrap();
        arguments.drain(at..at + 2);
    }
    let refused = room.run(&as_str(&arguments));
    assert!(
        refused.code == Some(1)
            && refused.stderr.contains("jobs.jsonl, line 2, steps 1: no prompt: say what happens with \"prompt\": "),
        "{refused:?}"
    );
    room.write("jobs.jsonl", list.replace("\"eta\"", "\"prompt\": \"<b>A dog</b>\", \"eta\""));
    room.run(&as_str(&arguments)).ok();
    let found = results(&room);
    let clips = found["clips"].as_array().unwrap();
    let told: Vec<_> =
        clips.iter().map(|clip| (clip["picture"].as_str().unwrap(), clip["seed"].as_str().unwrap())).collect();
    assert_eq!(told[0], ("photo.png: A cat is purring", "5"));
    assert_eq!((told.len(), told[3]), (4, ("second.png: <b>A dog</b>", "0")));
    assert!(found["differences_to_first"][0]["psnr"]["low"].is_number(), "two pictures have an interval: {found}");
    let parameters = |clip: &Value| {
        i2vgen::video::read_parameters(&room.path(&format!("out/clips/{}", clip["file"].as_str().unwrap()))).unwrap()
    };
    assert_eq!((&parameters(&clips[3])["eta"], &parameters(&clips[3])["steps"]), (&1.0.into(), &2.into()));
    let html = String::from_utf8(room.read("out/sweep.html")).unwrap();
    assert!(html.contains("&lt;b&gt;A dog") && !html.contains("<b>A dog"));
}

/// The first clip is made, the second one is interrupted: its place is told, the report has the first, and the rest is made later.
#[cfg(unix)]
#[test]
fn an_interrupted_sweep_goes_on() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    let room = Room::new();
    let arguments = room::sweep("photo.png", &["--steps", "1,500", "--no-identity", "--progress", "json"]);
    let mut child = room.command(&as_str(&arguments)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(events.any(|line| line.contains("\"step\"") && line.contains("\"of\":500")), "no step was told");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    events.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let before = clips(&room);
    assert_eq!((before.len(), &results(&room)["clips_missing"]), (1, &1.into()));

    let ran = sweep(&room, "photo.png", &["--steps", "1,2", "--no-identity"]).ok();
    assert!(ran.stdout.contains("1 of 2 clips made, 1 already there"), "{}", ran.stdout);
    assert!(clips(&room).contains(&before[0]) && results(&room)["clips_missing"] == 0);
}

/// The model has layers that give no numbers for one of the settings.
#[test]
fn a_clip_that_fails_does_not_lose_the_others() {
    let room = Room::new();
    room::break_last_text_layer(&room);
    let ran = sweep(&room, "photo.png", &["--clip-skip", "1,0", "--eta", "0,0.5", "--no-identity", "--dtype", "f32"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert!(told.len() == 2 && told[0].starts_with("error: photo.png, eta 0, clip-skip 0: "), "{told:?}");
    assert!(
        ran.stdout.contains("2 of 4 clips made, 2 failed") && ran.stdout.contains("2 clips, 2 missing"),
        "{}",
        ran.stdout
    );
    assert_eq!((clips(&room).len(), &results(&room)["clips_missing"]), (2, &2.into()));
}
