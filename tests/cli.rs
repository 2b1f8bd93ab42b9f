//! The program as its users see it: files, parameters, progress, JSON, Ctrl-C.

mod program;

use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::Stdio,
};

use i2vgen::checkpoint::{Checkpoint, ModelFiles};
use image::{AnimationDecoder, codecs::gif::GifDecoder};
use program::{Room, as_str};
use serde_json::{Value, json};

const PUBLISHED_512: [&str; 12] =
    ["plan", "--config", "i2vgen-xl", "-W", "512", "-H", "512", "--frames", "16", "--dtype", "f16", "--json"];

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// What a clip says about how it was made.
fn parameters(room: &Room, clip: &str) -> Value {
    i2vgen::video::read_parameters(&room.path(clip)).expect("the clip has parameters")
}

/// One frame of a png sequence as samples.
fn frame(room: &Room, name: &str) -> Vec<u8> {
    image::open(room.path(name)).expect("a png").into_rgb8().into_raw()
}

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
    for (seed, rng, output) in
        [("5", "philox", "a"), ("5", "philox", "b"), ("6", "philox", "c"), ("5", "torch-cpu", "d")]
    {
        let output = format!("out/{output}.safetensors");
        room.generate("photo.png", &["--eta", "1", "-s", seed, "--rng", rng, "-o", &output]).ok();
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| room.read(&format!("out/{name}.safetensors")));
    assert!(a == b && a != c && a != d);
}

#[test]
fn guidance_in_two_passes_gives_the_same_frames() {
    let room = Room::new();
    for passes in ["one", "two"] {
        let output = format!("out/{passes}-%d.png");
        let settings = ["--cfg-scale", "9", "--dtype", "f32", "--steps", "2", "--cfg-passes", passes, "-o", &output];
        room.generate("photo.png", &settings).ok();
    }
    let [one, two] = ["out/one-1.png", "out/two-1.png"].map(|name| frame(&room, name));
    let worst = one.iter().zip(&two).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst.is_some_and(|levels| levels <= 1), "{worst:?} levels apart");
}

#[test]
fn every_format_holds_the_clip_and_its_parameters() {
    let room = Room::new();
    let settings = ["-W", "72", "--frames", "3", "--fps", "5", "-p", "Die Katze dreht ihren Kopf"];
    let run = |output| room.generate("photo.png", &[&settings[..], &["-o", output]].concat()).ok();
    for output in ["out/a.mp4", "out/a.gif", "out/a.webp", "out/a-%02d.png", "out/a.safetensors"] {
        run(output);
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
    room.run(&as_str(&program::batch("jobs.jsonl", &[]))).ok();
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

// --- batch ---

#[test]
fn a_batch_makes_what_is_missing() {
    let room = Room::new();
    let list = r#"{"picture": "photo.png"}

{"picture": "../photo.png", "prompt": "A dog", "frames": 2, "output_scale": 2, "dtype": "f32", "output": "dog-%d.png"}
"#;
    fs::create_dir(room.path("lists")).unwrap();
    room.write("lists/jobs.jsonl", list.replace("\"photo", "\"../photo"));
    let arguments = program::batch("lists/jobs.jsonl", &["-o", "out/clips"]);
    let first = room.run(&as_str(&arguments)).ok();
    for words in ["1 of 2  out/clips/photo-1.mp4  seed 1  ", "2 of 2  out/clips/dog-1.png to ", "\n2 of 2 clips made, "]
    {
        assert!(first.stdout.contains(words), "{}", first.stdout);
    }
    assert!(first.stdout.contains(" left\n"), "no estimate: {}", first.stdout);
    assert_eq!(fs::read_dir(room.path("out/clips")).unwrap().count(), 3);

    // The same as one at a time.
    room.generate("photo.png", &["-o", "out/alone.mp4"]).ok();
    assert!(room.read("out/clips/photo-1.mp4") == room.read("out/alone.mp4"));
    let dog = parameters(&room, "out/clips/dog-2.png");
    for (field, value) in [("prompt", Value::from("A dog")), ("frames", 2.into()), ("dtype", "f32".into())] {
        assert_eq!(dog[field], value);
    }
    assert_eq!(frame(&room, "out/clips/dog-2.png").len(), 128 * 128 * 3);

    // What is there stays; what is not whole is made again.
    let whole = room.read("out/clips/dog-2.png");
    room.write("out/clips/photo-1.mp4", "mine");
    fs::remove_file(room.path("out/clips/dog-2.png")).unwrap();
    let second = room.run(&as_str(&arguments)).ok();
    assert!(second.stdout.contains("1 of 2 clips made, 1 already there, "), "{}", second.stdout);
    assert!(!second.stdout.contains("1 of 2  ") && second.stdout.contains("2 of 2  "), "{}", second.stdout);
    assert!(room.read("out/clips/photo-1.mp4") == b"mine" && room.read("out/clips/dog-2.png") == whole);

    // With nothing to do no device is needed.
    let mut third = room.command(&as_str(&arguments));
    third.env("VK_DRIVER_FILES", room.path("absent.json")).env("VK_ICD_FILENAMES", room.path("absent.json"));
    let third = program::finish(third).ok();
    assert!(third.stdout.contains("0 of 2 clips made, 2 already there"), "{}", third.stdout);
}

#[test]
fn a_batch_as_json_tells_every_job_and_its_drawn_seed() {
    let room = Room::new();
    let line = r#"{"picture": "photo.png"}"#;
    room.write("jobs.jsonl", [line; 3].join("\n"));
    room.write("out/photo-1.mp4", "there");
    let mut arguments = program::batch("jobs.jsonl", &["--progress", "json"]);
    let seed = arguments.iter().position(|a| a == "-s").unwrap();
    arguments.drain(seed..seed + 2);
    let ran = room.run(&as_str(&arguments)).ok();
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let events = lines(&ran.stdout);
    let jobs: Vec<_> = events.iter().filter(|e| e["event"] == "job").collect();
    let told = |field: &str| jobs.iter().map(|e| e[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("status"), ["started", "done", "started", "done"]);
    assert_eq!(told("line"), [2, 2, 3, 3]);
    assert!(jobs.iter().all(|e| e["of"] == 3 && e["job"] == e["line"]));
    assert!(jobs[1]["seconds_left"].as_f64() > Some(0.0) && jobs[3]["seconds_left"] == 0.0);
    let seeds = [jobs[1]["seed"].clone(), jobs[3]["seed"].clone()];
    assert_ne!(seeds[0], seeds[1], "two clips have the same drawn seed");
    assert_eq!(seeds, [2, 3].map(|line| parameters(&room, &format!("out/photo-{line}.mp4"))["seed"].clone()));
    let done = events.last().unwrap();
    assert_eq!((&done["event"], &done["made"], &done["skipped"]), (&"done".into(), &2.into(), &1.into()));
    assert_eq!(events.iter().filter(|e| e["event"] == "step").count(), 2);
}

/// One job uses a layer whose weights are not numbers; the others leave it out.
#[test]
fn a_job_that_fails_does_not_stop_the_others() {
    let room = Room::new();
    program::break_last_text_layer(&room);
    let job = |more: &str| format!("{{\"picture\": \"photo.png\"{more}}}\n");
    room.write("jobs.jsonl", [job(""), job(", \"clip_skip\": 0"), job(", \"seed\": 2")].concat());
    let ran = room.run(&as_str(&program::batch("jobs.jsonl", &["--dtype", "f32"])));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let [told] = ran.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.stderr) };
    assert!(told.starts_with("error: jobs.jsonl, line 2: ") && told.contains("not numbers"), "{told}");
    assert!(ran.stdout.contains("2 of 3 clips made, 1 failed, "), "{}", ran.stdout);
    let [first, second, third] = [1, 2, 3].map(|n| room.path(&format!("out/photo-{n}.mp4")).exists());
    assert!(first && !second && third);
}

#[cfg(unix)]
#[test]
fn an_interrupted_batch_keeps_what_it_made() {
    let room = Room::new();
    room.write("jobs.jsonl", "{\"picture\": \"photo.png\"}\n{\"picture\": \"photo.png\", \"steps\": 500}\n");
    let arguments = program::batch("jobs.jsonl", &["--progress", "json"]);
    let mut child =
        room.command(&as_str(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(events.any(|line| line.contains("\"step\"") && line.contains("\"of\":500")), "no step was told");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = events.collect();
    assert!(rest.len() < 400 && rest.last().unwrap().contains("\"left\":1"), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let files: Vec<_> = fs::read_dir(room.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["photo-1.mp4"]);
}

// --- progress and the other commands ---

#[test]
fn progress_as_json_tells_every_stage() {
    let room = Room::new();
    let ran = room.generate("photo.png", &["--steps", "2", "--frames", "2", "--progress", "json"]).ok();
    let events = lines(&ran.stdout);
    let phases: Vec<_> = events.iter().filter_map(|e| e["phase"].as_str()).collect();
    assert_eq!(phases, ["open", "text", "image", "encode", "load", "denoise", "decode"]);
    let of = |name: &str| events.iter().filter(|e| e["event"] == name).collect::<Vec<_>>();
    assert_eq!(of("step").iter().map(|e| e["done"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert!(of("step").iter().all(|e| e["of"] == 2 && e["seconds_left"].is_number()));
    assert_eq!((of("frame").len(), of("clip").len(), of("done").len()), (2, 1, 1));
    assert_eq!((&of("clip")[0]["files"][0], &of("clip")[0]["seed"]), (&"out/clip.mp4".into(), &1.into()));
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
}

/// Without a seed one is drawn, printed, and makes the clip again.
#[test]
fn a_drawn_seed_is_printed() {
    let room = Room::new();
    let mut arguments = program::generate("photo.png", &["--progress", "plain"]);
    let seed = arguments.iter().position(|a| a == "-s").unwrap();
    arguments.drain(seed..seed + 2);
    let ran = room.run(&as_str(&arguments)).ok();
    let printed = ran.stdout.split("seed ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a seed");
    for stage in ["reading the prompt", "denoising", "decoding"] {
        assert!(ran.stderr.contains(stage), "{}", ran.stderr);
    }
    room.generate("photo.png", &["-s", printed, "-o", "out/again.mp4"]).ok();
    assert!(room.read("out/clip.mp4") == room.read("out/again.mp4"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_leaves_nothing() {
    let room = Room::new();
    let arguments = program::generate("photo.png", &["--steps", "500", "--progress", "json"]);
    let mut child =
        room.command(&as_str(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(events.any(|line| line.contains("\"step\"")), "no step was told");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let steps = events.filter(|line| line.contains("\"step\"")).count();
    let code = child.wait().unwrap().code();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(code, Some(130), "{told}");
    assert!(steps < 400 && told.ends_with("error: cancelled\n"), "{steps} steps; {told}");
    assert!(fs::read_dir(room.path("out")).unwrap().next().is_none(), "something was left");
}

/// Two of three clips are not made: the first one is what it is alone, and the last event says why.
#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_clips_of_a_run_that_are_finished() {
    let room = Room::new();
    let steps = ["--steps", "150"];
    let arguments = program::generate("photo.png", &[&steps[..], &["--count", "3", "--progress", "json"]].concat());
    let mut child =
        room.command(&as_str(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(events.any(|line| line.contains("\"denoise\"") && line.contains("\"clip\":2")), "no second clip was told");
    assert!(events.any(|line| line.contains("\"step\"")), "no step was told");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest = lines(&events.collect::<Vec<_>>().join("\n"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let clips: Vec<_> = rest.iter().filter(|e| e["event"] == "clip").map(|e| e["files"][0].clone()).collect();
    assert_eq!(clips, ["out/clip.mp4"]);
    assert_eq!(*rest.last().unwrap(), json!({ "event": "failed", "error": "cancelled" }));
    let files: Vec<_> = fs::read_dir(room.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["clip.mp4"]);
    room.generate("photo.png", &[&steps[..], &["-o", "out/alone.mp4"]].concat()).ok();
    assert!(room.read("out/clip.mp4") == room.read("out/alone.mp4"));
}

#[test]
fn a_run_that_fails_says_so_in_its_last_event() {
    let room = Room::new();
    program::break_last_text_layer(&room);
    let ran = room.generate("photo.png", &["--dtype", "f32", "--clip-skip", "0", "--progress", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let events = lines(&ran.stdout);
    let last = events.last().unwrap();
    assert!(last["event"] == "failed" && last["error"].as_str().unwrap().contains("not numbers"), "{last}");
    assert!(events.len() > 1 && events.iter().all(|event| event["event"] != "done"), "{events:?}");
}

/// Without a name nothing is replaced; with one it is.
#[test]
fn a_default_name_passes_over_what_is_there() {
    let room = Room::new();
    let run = |more: &[&str]| {
        let mut arguments = program::generate("photo.png", more);
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
    let model = |ran: program::Ran| ran.ok().json()["model"].as_str().unwrap().to_owned();
    let named = || {
        let mut command = room.command(&["inspect", "--json"]);
        command.env("I2VGEN_MODEL", "model");
        program::finish(command)
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
fn a_case_is_verified_from_the_command_line() {
    let room = Room::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/single-row");
    let dump = ["--dump", "out/computed.safetensors"];
    let verified = room.run(&[&["verify", case.to_str().unwrap(), "--json"][..], &dump].concat()).ok().json();
    assert_eq!((&verified["ok"], &verified["dtype"]), (&true.into(), &"f32".into()));
    assert!(verified["stages"].as_array().unwrap().iter().all(|s| s["ok"] == true));
    let computed = room.read("out/computed.safetensors");
    assert!(safetensors::SafeTensors::deserialize(&computed).unwrap().len() > 40);
    // Where it cannot be written is found before anything takes long.
    let ran = room.run(&["verify", case.to_str().unwrap(), "--dump", "absent/computed.safetensors"]);
    assert!(ran.code == Some(1) && ran.stdout.is_empty() && ran.stderr.contains("absent does not exist"), "{ran:?}");
}

/// Another model than the one whose numbers the case has: no table that looks as if the device were broken.
#[test]
fn a_case_that_does_not_hold_fails() {
    let room = Room::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/single-row");
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/scheduler-epsilon/model");
    let ran = room.run(&["verify", case.to_str().unwrap(), "--model", other.to_str().unwrap()]);
    assert!(ran.code == Some(1) && ran.stdout.is_empty(), "{ran:?}");
    assert!(ran.stderr.contains("not the checkpoint of this case: its unet has 135084 parameters"), "{ran:?}");
}

#[test]
fn a_case_without_a_checkpoint_says_so() {
    let room = Room::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo");
    std::fs::create_dir(room.path("case")).unwrap();
    for name in ["input.png", "reference.safetensors"] {
        std::fs::copy(case.join(name), room.path("case").join(name)).unwrap();
    }
    let params = std::fs::read_to_string(case.join("params.json")).unwrap();
    room.write("case/params.json", params.replace("\"config\": \"demo\"", "\"config\": \"mine\""));
    let ran = room.run(&["verify", "case"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("--model DIR"), "{ran:?}");
    // The demo is inside the program.
    let opened = i2vgen::lab::ReferenceCase::open(&case).unwrap();
    assert_eq!(opened.checkpoint().unwrap(), i2vgen::checkpoint::ModelFiles::Demo);
}

#[test]
fn the_readme_downloads_what_the_program_asks_for() {
    let readme = include_str!("../README.md");
    assert!(readme.contains(&i2vgen::checkpoint::download_command(Path::new("models/i2vgen-xl"))));
}

#[test]
fn help_names_every_command_and_option() {
    let room = Room::new();
    let help = room.run(&["--help"]).ok().stdout;
    for command in [
        "generate",
        "batch",
        "sweep",
        "metrics",
        "advise",
        "inspect",
        "devices",
        "plan",
        "profile",
        "roofline",
        "verify",
        "trace-tensors",
        "kernels",
        "random-checkpoint",
    ] {
        assert!(help.contains(command), "{command}");
        room.run(&[command, "--help"]).ok();
    }
    let help = room.run(&["generate", "--help"]).ok().stdout;
    for option in
        ["--prompt", "--negative-prompt", "--image", "--target-fps", "--cfg-scale", "--seed", "--compat", "--from"]
    {
        assert!(help.contains(option), "{option}");
    }
}
