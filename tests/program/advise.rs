//! `i2vgen advise`: what would make a clip better, and whether it fits the device, without making it.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::room::{self, Room};

const PUBLISHED: [&str; 3] = ["advise", "--config", "i2vgen-xl"];
/// A request as practitioners would make it, on a card that holds it.
const WELL: [&str; 4] =
    ["-p", "A cat is turning its head slowly, its ears are twitching", "--assume-device", "desktop,memory=24GiB"];

/// The words of a command line.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The advice about a topic, as `finding; change`.
fn about(json: &Value, topic: &str) -> Vec<String> {
    let lines = json["advice"].as_array().expect("a list").iter().filter(|line| line["topic"] == topic);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    lines.map(|line| format!("{}; {}", text(&line["finding"]), text(&line["change"]))).collect()
}

#[test]
fn a_good_request_is_told_so() {
    let room = Room::new();
    let told = room.run(&[&PUBLISHED[..], &WELL].concat()).ok().stdout;
    assert!(told.starts_with("i2vgen-xl: 16 frames of 512x512, 50 steps, guidance 9, eta 0.3\n"), "{told}");
    assert!(told.ends_with("\nnothing to change\n") && !told.contains("\n* ") && told.contains("memory: "), "{told}");
    let json = room.run(&[&PUBLISHED[..], &WELL, &["--json"]].concat()).ok().json();
    assert_eq!((&json["ok"], &json["memory"]["problem"]), (&true.into(), &Value::Null));
    assert_eq!(json["memory"]["memory"], 24u64 << 30);
    assert!((2 << 30..5 << 30).contains(&json["memory"]["needed"].as_u64().unwrap()));
}

#[test]
fn every_departure_is_a_line_that_names_its_flag() {
    let room = Room::new();
    let numbers = words(
        "-W 1280 -H 704 --frames 40 --steps 10 --cfg-scale 12 --eta 0.8 --anchor-interval 99 --prediction-type epsilon
         --fps 60 -o clip.gif --assume-device desktop,memory=4GiB",
    );
    let options = [&["-p", "a person walks"], &numbers[..]].concat();
    let json = room.run(&[&PUBLISHED[..], &options, &["--json"]].concat()).ok().json();
    assert_eq!(json["ok"], false);
    for (topic, words) in [
        ("prompt", ["simple present", "--rewrite-prompt"]),
        ("size", ["longer than 1024", "--width 768 --height 448"]),
        ("frames", ["40 are far", "--frames 16"]),
        ("steps", ["10 are few", "--steps 50"]),
        ("guidance", ["12 is high", "--cfg-scale"]),
        ("eta", ["0.8 adds", "--eta 0.2"]),
        ("anchoring", ["only the first one", "--anchor-interval"]),
        ("file", ["at most 50 frames per second, not 60", "--fps 50"]),
        ("scheduler", ["the checkpoint says v_prediction, and was trained so", "leave --prediction-type out"]),
        ("memory", ["40 frames of 1280x704 need", "take --width"]),
    ] {
        let lines = about(&json, topic);
        assert!(words.iter().all(|word| lines[0].contains(word)), "{topic}: {lines:?}");
    }
    // The text has the same lines, in the same order, and counts what is to be changed.
    let text = room.run(&[&PUBLISHED[..], &options].concat()).ok().stdout;
    let lines: Vec<&str> = text.lines().collect();
    let expected: Vec<String> = json["advice"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(lines[1..lines.len() - 1], expected);
    let changes = json["advice"].as_array().unwrap().iter().filter(|line| !line["change"].is_null()).count();
    assert_eq!(*lines.last().unwrap(), format!("{changes} things to change (*)"));
}

/// A line of advice as it is printed.
fn line(advice: &Value) -> String {
    let change = advice["change"].as_str().map_or(String::new(), |change| format!("; {change}"));
    let mark = if advice["change"].is_null() { "-" } else { "*" };
    format!("{mark} {}: {}{change}", advice["topic"].as_str().unwrap(), advice["finding"].as_str().unwrap())
}

/// Where memory is short, a size is proposed that fits, and the next larger one does not. The frames stay.
#[test]
fn the_nearest_smaller_size_is_proposed() {
    let room = Room::new();
    let fit = |width: u64, height: u64| {
        let size = [width.to_string(), height.to_string()];
        let options =
            ["-W", &size[0], "-H", &size[1], "--frames", "32", "--assume-device", "desktop,memory=1GiB", "--json"];
        room.run(&[&PUBLISHED[..], &options].concat()).ok().json()["memory"].clone()
    };
    let short = fit(768, 448);
    let [width, height] = [0, 1].map(|i| short["remedy"]["size"][i].as_u64().unwrap_or_else(|| panic!("{short}")));
    assert!(width < 768 && height < 448 && width % 8 == 0 && height % 8 == 0);
    assert_eq!(fit(width, height)["problem"], Value::Null);
    let next = (f64::from(width as u32 + 8) * 448.0 / 768.0 / 8.0).round() as u64 * 8;
    assert!(
        fit(width + 8, next)["problem"].is_string(),
        "{}x{next} fits, and {width}x{height} was proposed",
        width + 8
    );
}

#[test]
fn it_works_without_a_device_a_picture_and_a_prompt() {
    let room = Room::new();
    let run = |more: &[&str]| {
        let mut command = room.command(&[&["advise", "--model", "model"][..], more].concat());
        command.env("VK_DRIVER_FILES", room.path("absent.json")).env("VK_ICD_FILENAMES", room.path("absent.json"));
        room::finish(command).ok().stdout
    };
    let told = run(&[]);
    for words in ["prompt: not checked: none was given", "picture: not checked: none was named"] {
        assert!(told.contains(words), "{told}");
    }
    if cfg!(target_os = "linux") {
        assert!(told.contains("memory: not checked: no GPU adapter") && told.contains("--assume-device"), "{told}");
    }
    let assumed = run(&["--assume-device", "portable,memory=64MiB"]);
    assert!(assumed.contains(" of 64.0 MiB on 'what WebGPU guarantees'"), "{assumed}");
}

/// What `generate` tells before a run is what `advise` says; and nothing is made.
#[test]
fn it_says_what_generate_says_before_a_run_and_makes_nothing() {
    let room = Room::new();
    let inside = |x: u32, y: u32| (20..60).contains(&x) && (90..130).contains(&y);
    let picture =
        RgbImage::from_fn(300, 200, |x, y| if inside(x, y) { Rgb([200, 30, 30]) } else { Rgb([130, 130, 130]) });
    picture.save(room.path("square.png")).unwrap();
    let numbers = words("--frames 2 --steps 1 --cfg-scale 7 --clip-sample true --anchor-interval 2");
    let options = [&["square.png", "-p", "a red square moves"], &numbers[..]].concat();
    let output = ["-o", "out/clip.gif"];
    let told = room.run(&[&["advise"][..], &options, &output].concat()).ok().stdout;
    assert!(fs::read_dir(room.path("out")).unwrap().next().is_none(), "something was made");
    // The demo checkpoint wants no picture prepared; another one might.
    assert!(told.contains("picture: this checkpoint was made for pictures that are not prepared"), "{told}");
    let off = room.run(&["advise", "square.png", "--model", "model", "--prepare", "off"]).ok().stdout;
    assert!(off.contains("picture: small subject") && off.contains("; --prepare crop helps"), "{off}");
    assert!(off.contains("picture: --prepare auto: cropped to"), "{off}");
    let auto = room.run(&["advise", "square.png", "--model", "model"]).ok().stdout;
    assert!(auto.contains("picture: small subject") && !auto.contains("--prepare"), "{auto}");
    assert!(
        auto.contains("- picture: preparation: cropped to") && auto.contains("one patch only; preparation helps"),
        "{auto}"
    );
    // Off, the middle is taken, and a third is lost.
    let cut = "200x200 of its 300x200 pixels are used: left and right are cut off";
    assert!(off.contains(cut) && !auto.contains(cut), "{off}\n{auto}");
    let clip = room.run(&[&["generate"][..], &options, &output].concat()).ok();
    let notes: Vec<&str> = clip.stderr.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
    let of = |topic: &str| notes.iter().filter(|note| note.starts_with(topic)).count();
    for topic in [
        "prompt: ",
        "picture: 200x200 of its 300x200",
        "frames: ",
        "steps: ",
        "guidance: ",
        "anchoring: ",
        "scheduler: ",
    ] {
        assert!(of(topic) > 0, "{topic}: {notes:?}");
    }
    let advised: Vec<&str> = told.lines().filter_map(|line| line.get(2..)).collect();
    for note in notes.iter().filter(|note| !note.starts_with("this is the small demo model")) {
        assert!(advised.contains(note), "generate alone says: {note}\n{told}");
    }

    // The clip's own parameters are advised about, too; on its size and frames there is nothing to say.
    let again =
        room.run(&["advise", "--from", "out/clip.gif", "square.png", "--frames", "8", "--steps", "10"]).ok().stdout;
    assert!(again.contains("scheduler: --clip-sample true: the checkpoint says false"), "{again}");
    assert!(!again.contains("frames: ") && !again.contains("steps: "), "{again}");
}

#[test]
fn what_generate_refuses_is_refused() {
    let room = Room::new();
    for (options, word) in [
        (&["-W", "500"][..], "take 496 or 504"),
        (&["absent.png"], "absent.png"),
        (&["--model", "nowhere"], "hf download"),
        (&["-o", "clip.avi"], ".avi"),
        (&["--device", "Voodoo 3"], "Voodoo 3"),
        (&["--assume-device", "desktop,memory=much"], "memory=much"),
        (&["--preset", "wawes"], "did you mean waves?"),
        (&["--anchor-strength", "-0.5"], "--anchor-strength: -0.5"),
    ] {
        let ran = room.run(&[&["advise"][..], options].concat());
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(ran.code == Some(1) && lines.len() == 1 && lines[0].contains(word), "{ran:?}");
    }
}
