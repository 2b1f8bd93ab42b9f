//! Lists of jobs: what is missing is made, a job that fails stops nothing, an interrupt keeps what was made.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::room::{self, Room, as_str, frame, lines, parameters};

#[test]
fn a_batch_makes_what_is_missing() {
    let room = Room::new();
    let list = r#"{"picture": "photo.png"}

{"picture": "../photo.png", "prompt": "A dog", "frames": 2, "output_scale": 2, "dtype": "f32", "output": "dog-%d.png"}
"#;
    fs::create_dir(room.path("lists")).unwrap();
    room.write("lists/jobs.jsonl", list.replace("\"photo", "\"../photo"));
    let arguments = room::batch("lists/jobs.jsonl", &["-o", "out/clips"]);
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
    let third = room::finish(third).ok();
    assert!(third.stdout.contains("0 of 2 clips made, 2 already there"), "{}", third.stdout);
}

#[test]
fn a_batch_as_json_tells_every_job_and_its_drawn_seed() {
    let room = Room::new();
    let line = r#"{"picture": "photo.png"}"#;
    room.write("jobs.jsonl", [line; 3].join("\n"));
    room.write("out/photo-1.mp4", "there");
    let mut arguments = room::batch("jobs.jsonl", &["--progress", "json"]);
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
    let piped = room.run(&as_str(&room::batch("-", &[])));
    assert!(piped.code == Some(1) && piped.stderr.contains("name a list of jobs"), "{piped:?}");
    room::break_last_text_layer(&room);
    let job = |more: &str| format!("{{\"picture\": \"photo.png\"{more}}}\n");
    room.write("jobs.jsonl", [job(""), job(", \"clip_skip\": 0"), job(", \"seed\": 2")].concat());
    let ran = room.run(&as_str(&room::batch("jobs.jsonl", &["--dtype", "f32"])));
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
    let arguments = room::batch("jobs.jsonl", &["--progress", "json"]);
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
