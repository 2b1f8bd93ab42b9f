//! What a user controls: guidance over frames and steps, anchoring, presets, the prompt, the picture.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::room::{self, Ran, Room};

/// What small clips have in common.
const SMALL: [&str; 6] = ["--frames", "3", "--steps", "4", "--preset", "diffusers"];

/// The frames of a small clip made with these options.
fn frames(room: &Room, name: &str, options: &[&str]) -> Vec<Vec<u8>> {
    let output = format!("out/{name}-%d.png");
    room.generate("photo.png", &[&SMALL[..], &["-o", &output], options].concat()).ok();
    shown(room, name)
}

/// The frames of small clips of these names made with these settings, in one process.
fn clips<const N: usize>(room: &Room, jobs: [(&str, Value); N]) -> [Vec<Vec<u8>>; N] {
    let job = |(name, settings): &(&str, Value)| {
        let mut job = settings.clone();
        job["output"] = format!("{name}-%d.png").into();
        job
    };
    room.clips(&SMALL, &jobs.iter().map(job).collect::<Vec<_>>()).ok();
    jobs.map(|(name, _)| shown(room, name))
}

fn shown(room: &Room, name: &str) -> Vec<Vec<u8>> {
    (1..=3).map(|i| pixels(room, &format!("out/{name}-{i}.png"))).collect()
}

fn pixels(room: &Room, name: &str) -> Vec<u8> {
    image::open(room.path(name)).unwrap_or_else(|e| panic!("{name}: {e}")).to_rgb8().into_raw()
}

/// A clip's parameters, as `--from` would read them.
fn parameters(room: &Room, name: &str) -> Value {
    i2vgen::video::read_parameters(&room.path(name)).unwrap()
}

fn refuses(ran: &Ran, words: &[&str]) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(ran.code.is_some_and(|code| code != 0) && lines.len() == 1, "{ran:?}");
    assert!(
        lines[0].starts_with("error: ") && words.iter().all(|word| lines[0].contains(word)),
        "{words:?}: {lines:?}"
    );
}

#[test]
fn anchoring_pulls_and_without_strength_changes_nothing() {
    let room = Room::new();
    let anchored = |name: &'static str, mode: &str, strength: f64| {
        (name, json!({ "anchor_interval": 2, "anchor_mode": mode, "anchor_strength": strength }))
    };
    let [blend, lowpass, adain] = ["blend", "lowpass", "adain"].map(|mode| anchored(mode, mode, 0.5));
    let [plain, none, blend, lowpass, adain] =
        clips(&room, [("plain", json!({})), anchored("none", "blend", 0.0), blend, lowpass, adain]);
    assert_eq!(none, plain);
    let all = [plain, blend, lowpass, adain];
    for (i, clip) in all.iter().enumerate() {
        assert!(!all[..i].contains(clip), "clip {i} is an earlier one");
    }
    // Everything of the picture in every frame, in the only step: the frames are alike.
    let full = ["--anchor-interval", "1", "--anchor-mode", "blend", "--anchor-strength", "1", "--anchor-until", "1"];
    let still = ["--preset", "diffusers", "--frames", "2", "-o", "out/still-%d.png"];
    room.generate("photo.png", &[&full[..], &still].concat()).ok();
    assert_eq!(pixels(&room, "out/still-1.png"), pixels(&room, "out/still-2.png"));
    let from =
        ["generate", "--from", "out/adain-1.png", "--model", "model", "-o", "out/again-%d.png", "--progress", "none"];
    room.run(&from).ok();
    assert_eq!(pixels(&room, "out/again-2.png"), all[3][1]);
}

#[test]
fn guidance_follows_its_schedules() {
    let room = Room::new();
    let half = "50-100%=1";
    let [guided, steps, none, ones, mixed, passes] = clips(
        &room,
        [
            ("guided", json!({ "cfg_scale": 3 })),
            ("steps", json!({ "cfg_scale": 5, "cfg_steps": "0-50%=3,50-100%=3" })),
            ("none", json!({ "cfg_scale": 1 })),
            ("ones", json!({ "cfg_scale": 3, "cfg_steps": "0-100%=1" })),
            ("mixed", json!({ "cfg_scale": 3, "cfg_steps": half, "cfg_passes": "one" })),
            ("passes", json!({ "cfg_scale": 3, "cfg_steps": half, "cfg_passes": "two" })),
        ],
    );
    assert_eq!((&steps, &ones), (&guided, &none));
    // As options.
    assert_eq!(frames(&room, "frames", &["--cfg-scale", "5", "--cfg-frames", "0-1=3,2-=3"]), guided);
    let options = ["--cfg-scale", "3", "--cfg-steps", half, "--cfg-passes", "two"];
    assert_eq!(frames(&room, "options", &options), mixed);
    // Two steps of four without guidance: another clip, the same in one batch and in two passes.
    assert!(mixed != guided && mixed != none);
    assert_eq!(passes, mixed);
    assert_eq!(parameters(&room, "out/mixed-1.png")["cfg_steps"], "50-100%=1");
}

#[test]
fn schedules_that_cannot_be_meant() {
    let room = Room::new();
    for (options, words) in [
        (&["--cfg-frames", "0-2=3,2-=4"][..], &["frames 0-2 and 2- overlap"][..]),
        (&["--cfg-frames", ""], &["--cfg-frames", "empty"]),
        (&["--cfg-frames", "3-5=2"], &["--cfg-frames", "beyond the end"]),
        (&["--cfg-steps", "10-10%=2"], &["--cfg-steps", "empty"]),
        (&["--cfg-steps", "90-95%=2"], &["--cfg-steps", "none of 1 steps"]),
        (&["--cfg-frames", "0=2", "--cfg-steps", "0-50%=2"], &["--cfg-frames, --cfg-steps", "above 1"]),
        (&["--anchor-interval", "4", "--anchor-strength", "1.5"], &["--anchor-strength", "1.5"]),
        (&["--anchor-interval", "4", "--anchor-strength", "-0.1"], &["--anchor-strength: -0.1", "0 (off) to 1"]),
        (&["--anchor-interval", "0", "--anchor-strength", "-0.1"], &["--anchor-strength: -0.1"]),
        (&["--anchor-strength", "NaN"], &["--anchor-strength: NaN"]),
        (&["--anchor-until", "-1"], &["--anchor-until: -1"]),
        (&["--cfg-steps", "0-60%=3,50-100%=4"], &["--cfg-steps", "overlap"]),
        (&["--cfg-frames", "0-3=5"], &["--cfg-frames", "beyond the end", "0 to 0"]),
        (&["--anchor-mode", "glue"], &["--anchor-mode", "lowpass"]),
        (&["--preset", "wave"], &["--preset", "did you mean waves?"]),
        (&["--preset-file", "mine.toml"], &["mine.toml"]),
    ] {
        refuses(&room.generate("photo.png", options), words);
    }
}

/// What is said about the scheduler: the checkpoint's own values change nothing; others do, and each is told. They are kept in the clip, and
/// come from lines of a job list and from presets, too.
#[test]
fn the_scheduler_can_be_overridden_and_says_what_that_means() {
    let room = Room::new();
    let made = |name: &str, options: &[&str]| {
        let output = format!("out/{name}-%d.png");
        let usual = ["--preset", "diffusers", "--frames", "3", "--steps", "4", "--cfg-scale", "3", "-o", &output];
        let ran = room.generate("photo.png", &[&usual, options].concat()).ok();
        let frames: Vec<Vec<u8>> = (1..=3).map(|i| pixels(&room, &format!("out/{name}-{i}.png"))).collect();
        let warned: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
        (frames, warned)
    };
    let (plain, quiet) = made("plain", &[]);
    let config: Value = serde_json::from_slice(&room.read("model/scheduler/scheduler_config.json")).unwrap();
    let own: Vec<String> = [
        ("prediction_type", "--prediction-type"),
        ("beta_schedule", "--beta-schedule"),
        ("beta_start", "--beta-start"),
        ("beta_end", "--beta-end"),
        ("timestep_spacing", "--timestep-spacing"),
        ("rescale_betas_zero_snr", "--zero-snr"),
        ("set_alpha_to_one", "--set-alpha-to-one"),
        ("clip_sample", "--clip-sample"),
        ("steps_offset", "--steps-offset"),
    ]
    .into_iter()
    .filter(|(field, _)| !config[field].is_null())
    .flat_map(|(field, flag)| {
        [flag.to_owned(), config[field].as_str().map_or(config[field].to_string(), str::to_owned)]
    })
    .collect();
    assert!(own.len() >= 8, "{config}");
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    assert_eq!(made("own", &own), (plain.clone(), quiet));

    // The practitioners' settings contradict a checkpoint like the published one.
    let tip = "--prediction-type epsilon --beta-schedule scaled_linear --beta-start 0.00085 --beta-end 0.012 --clip-sample false \
               --set-alpha-to-one false --steps-offset 1";
    let tip: Vec<&str> = tip.split(' ').collect();
    let (other, warned) = made("tip", &tip);
    assert_ne!(other, plain);
    for flag in ["--prediction-type epsilon", "--beta-schedule scaled_linear", "--set-alpha-to-one false"] {
        let of =
            warned.iter().filter(|line| line.starts_with(&format!("note: scheduler: {flag}: the checkpoint says ")));
        assert_eq!(of.count(), 1, "{warned:?}");
    }
    let kept = parameters(&room, "out/tip-1.png")["scheduler"].clone();
    assert_eq!((&kept["prediction_type"], &kept["beta_end"]), (&"epsilon".into(), &0.012.into()), "{kept}");
    assert_eq!(parameters(&room, "out/plain-1.png")["scheduler"], Value::Null);
    let from =
        ["generate", "--from", "out/tip-1.png", "--model", "model", "-o", "out/again-%d.png", "--progress", "none"];
    let again = room.run(&from).ok();
    assert_eq!(pixels(&room, "out/again-2.png"), other[1]);
    assert!(again.stderr.contains("--prediction-type epsilon: the checkpoint says"), "{again:?}");

    room.write("mine.toml", "[mine]\nextends = \"diffusers\"\nprediction_type = \"epsilon\"\nzero_snr = false\n");
    room.write("jobs.jsonl", r#"{"picture": "photo.png", "output": "job-%d.png", "steps_offset": 0}"#);
    let batch = room::batch("jobs.jsonl", &["--preset-file", "mine.toml", "--preset", "mine"]);
    let ran = room.run(&room::as_str(&batch)).ok();
    assert!(ran.stderr.contains("--prediction-type epsilon: "), "{ran:?}");
    let kept = parameters(&room, "out/job-1.png")["scheduler"].clone();
    let fields = ["prediction_type", "rescale_betas_zero_snr", "steps_offset"].map(|field| kept[field].to_string());
    assert_eq!(fields, ["\"epsilon\"", "false", "0"], "{kept}");
}

#[test]
fn scheduler_settings_that_make_no_sense() {
    let room = Room::new();
    for (options, words) in [
        (&["--prediction-type", "velocity"][..], &["--prediction-type", "v_prediction"][..]),
        (&["--beta-schedule", "cosine"], &["--beta-schedule", "squaredcos_cap_v2"]),
        (&["--timestep-spacing", "even"], &["--timestep-spacing", "trailing"]),
        (&["--zero-snr", "maybe"], &["--zero-snr", "true"]),
        (&["--steps-offset", "-1"], &["--steps-offset"]),
        (&["--steps-offset", "9999999"], &["`steps_offset` is 9999999", "whole number"]),
        (&["--beta-start", "2"], &["`beta_start` is 2", "0 to 1"]),
        (&["--beta-end", "NaN"], &["`beta_end` is NaN", "0 to 1"]),
        (&["--beta-schedule", "linear", "--beta-start", "0", "--beta-end", "0"], &["correct the betas"]),
        // Pure noise at the first timestep, from which epsilon tells nothing.
        (
            &["--prediction-type", "epsilon", "--timestep-spacing", "trailing", "--zero-snr", "true"],
            &["timestep 999", "v_prediction"],
        ),
    ] {
        let ran = room.generate("photo.png", options);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(ran.code.is_some_and(|code| code != 0) && lines.len() == 1, "{ran:?}");
        assert!(lines[0].starts_with("error: ") && words.iter().all(|word| lines[0].contains(word)), "{lines:?}");
    }
}

#[test]
fn presets_of_a_file_are_used_and_listed() {
    let room = Room::new();
    room.write("mine.toml", "[mine]\nabout = \"slow\"\nextends = \"diffusers\"\nwidth = 72\nheight = 64\nfps = 5\n");
    let preset = ["--preset-file", "mine.toml", "--preset", "mine"];
    let flags =
        ["generate", "photo.png", "-p", "A cat is purring", "--model", "model", "--frames", "1", "--steps", "1"];
    room.run(&[&flags[..], &preset, &["--cfg-scale", "1", "-o", "out/a-%d.png", "--progress", "none"]].concat()).ok();
    let made = parameters(&room, "out/a-1.png");
    assert_eq!((&made["width"], &made["fps"], &made["eta"]), (&72.into(), &5.0.into(), &0.0.into()), "{made}");
    let listed = room.run(&["presets", "--preset-file", "mine.toml", "--json"]).ok().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert!(names[0] == "mine" && names.contains(&"standard"), "{names:?}");
}

#[test]
fn a_prompt_is_checked_and_rewritten_when_asked() {
    let room = Room::new();
    let checked = room.run(&["prompt", "The boy has run, leaves fell", "--model", "model", "--json"]).ok().json();
    assert_eq!(checked["rewrite"], "The boy is running, leaves are falling");
    assert_eq!((&checked["verbs"][0]["tense"], &checked["tokens"]["of"]), (&"present perfect".into(), &77.into()));
    let text = room.run(&["prompt", "ein Hund läuft über die Wiese", "--model", "model"]).ok().stdout;
    assert!(text.contains("German") && text.contains("English"), "{text}");
    let only = room.run(&["prompt", "a person walks", "--rewrite-prompt"]).ok().stdout;
    assert_eq!(only, "a person is walking\n");
    let ran = room.generate("photo.png", &["-p", "a person walks", "--rewrite-prompt"]).ok();
    assert!(ran.stderr.contains("note: the prompt is used as \"a person is walking\""), "{ran:?}");
    assert_eq!(parameters(&room, "out/clip.mp4")["prompt"], "a person is walking");
    room.generate("photo.png", &["-p", "a person walks", "-o", "out/plain.mp4"]).ok();
    assert_eq!(parameters(&room, "out/plain.mp4")["prompt"], "a person walks");
    // Before a run, too: what the text encoder cannot read.
    let french = ["-p", "le chien court dans la neige", "--steps", "1", "--frames", "1", "-o", "out/french.mp4"];
    let ran = room.run(
        &[&["generate", "photo.png", "--model", "model", "--progress", "none", "-W", "64", "-H", "64"][..], &french]
            .concat(),
    );
    let told = ran.ok().stderr;
    assert!(
        told.contains(
            "note: prompt: the prompt seems to be in French, but the text encoder knows English; translate it"
        ),
        "{told}"
    );
}

/// A red square on grey, and the mask that shows it.
fn square(room: &Room) {
    let inside = |x: u32, y: u32| (30..70).contains(&x) && (90..130).contains(&y);
    let picture =
        RgbImage::from_fn(300, 200, |x, y| if inside(x, y) { Rgb([200, 30, 30]) } else { Rgb([130, 130, 130]) });
    picture.save(room.path("square.png")).unwrap();
    let mask = RgbImage::from_fn(300, 200, |x, y| if inside(x, y) { Rgb([255; 3]) } else { Rgb([0; 3]) });
    mask.save(room.path("mask.png")).unwrap();
}

#[test]
fn a_picture_is_prepared_in_stages_and_for_a_clip() {
    let room = Room::new();
    square(&room);
    let size = ["-W", "64", "-H", "64"];
    let told =
        room.run(&[&["prepare", "square.png", "-o", "stages", "--mask", "mask.png"][..], &size].concat()).ok().stdout;
    assert!(told.contains("weak: small subject") && told.contains("cropped to"), "{told}");
    assert!(room.path("stages/square-sheet.png").exists() && room.path("stages/square-2-crop.png").exists(), "{told}");
    for (options, words) in [
        (&["--subject", "250,10,80,80"][..], &["80x80 at 250,10", "300x200"][..]),
        (&["--subject", "1,2,3"], &["--subject"]),
        (&["--subject", "-5,0,50,50"], &["'-5,0,50,50': expected x,y,w,h in whole pixels from 0 on"]),
        (&["--mask", "photo.png"], &["mask", "90x70"]),
        (&["--prepare", "sharpen"], &["sharpen"]),
    ] {
        refuses(&room.run(&[&["prepare", "square.png", "-o", "none"][..], options, &size].concat()), words);
    }
    // No clip has such a size.
    refuses(&room.run(&["prepare", "square.png", "-o", "none", "-W", "63"]), &["--width: 63", "take 56 or 64"]);
    assert!(!room.path("none").exists());
    // What an earlier preparation left is not taken for this one's.
    let other = ["prepare", "square.png", "-o", "stages", "--mask", "mask.png", "--prepare", "off"];
    let ran = room.run(&[&other[..], &size].concat()).ok();
    assert!(ran.stderr.contains("of an earlier preparation stay: square-1-subject.png, square-2-crop.png"), "{ran:?}");
    // A file with the name of a picture's folder: nothing of the others appears.
    std::fs::create_dir_all(room.path("half/square-sheet.png")).unwrap();
    let half = room.run(&[&["prepare", "square.png", "-o", "half", "--mask", "mask.png"][..], &size].concat());
    refuses(&half, &["square-sheet.png"]);
    assert_eq!(std::fs::read_dir(room.path("half")).unwrap().count(), 1);
    for (options, words) in [
        (&["--mask", "photo.png"][..], &["mask", "90x70", "300x200"][..]),
        (&["--subject", "250,10,80,80"], &["80x80 at 250,10", "300x200"]),
        (&["--subject", "10,10,0,80"], &["empty"]),
        (&["--prepare", "off", "--mask", "photo.png"], &["mask", "90x70"]),
        (&["--mask", "absent.png"], &["absent.png"]),
    ] {
        refuses(&room.generate("square.png", options), words);
    }

    let prepared = ["--prepare", "crop", "--subject", "30,90,40,40", "-o", "out/a-%d.png"];
    let ran = room.generate("square.png", &prepared).ok();
    assert!(ran.stderr.contains("note: picture: done: cropped"), "{ran:?}");
    room.generate("square.png", &["--preset", "diffusers", "-o", "out/b-%d.png"]).ok();
    assert_ne!(pixels(&room, "out/a-1.png"), pixels(&room, "out/b-1.png"));
    // The clip knows how its picture was prepared; it is named by its pattern, as it was written.
    room.run(&["generate", "--from", "out/a-%d.png", "--model", "model", "-o", "out/c-%d.png", "--progress", "none"])
        .ok();
    assert_eq!(pixels(&room, "out/a-1.png"), pixels(&room, "out/c-1.png"));
}
