//! What a run tells while it goes on: stages, the seed, Ctrl-C, failures.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use serde_json::json;

use crate::room::{self, Room, as_str, lines};

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

/// Whatever ends a command, its last event says so.
#[test]
fn an_error_is_the_last_event() {
    let room = Room::new();
    for command in [
        &["batch", "absent.jsonl", "-o", "out"][..],
        &["sweep", "photo.png", "-p", "x", "-o", "out", "--eta", "0,2"],
        &["trace-tensors", "absent.png", "-p", "x", "--list"],
        &["generate", "absent.png", "-p", "x"],
    ] {
        let ran = room.run(&[command, &["--model", "model", "--progress", "json"]].concat());
        let last = lines(&ran.stdout).pop().unwrap_or_else(|| panic!("{ran:?}"));
        assert_eq!((ran.code, &last["event"]), (Some(1), &"failed".into()), "{ran:?}");
        assert!(ran.stderr.ends_with(&format!("error: {}\n", last["error"].as_str().unwrap())), "{ran:?}");
    }
    let traced = ["trace-tensors", "photo.png", "-p", "x", "--list", "--model", "model", "--progress", "json"];
    let ran = room.run(&traced).ok();
    assert!(ran.stdout.lines().last().is_some_and(|line| line.contains("\"done\"")), "{ran:?}");
}

/// Without a seed one is drawn, printed, and makes the clip again.
#[test]
fn a_drawn_seed_is_printed() {
    let room = Room::new();
    let mut arguments = room::generate("photo.png", &["--progress", "plain"]);
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
    let arguments = room::generate("photo.png", &["--steps", "500", "--progress", "json"]);
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
    let arguments = room::generate("photo.png", &[&steps[..], &["--count", "3", "--progress", "json"]].concat());
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
    room::break_last_text_layer(&room);
    let ran = room.generate("photo.png", &["--dtype", "f32", "--clip-skip", "0", "--progress", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let events = lines(&ran.stdout);
    let last = events.last().unwrap();
    assert!(last["event"] == "failed" && last["error"].as_str().unwrap().contains("not numbers"), "{last}");
    assert!(events.len() > 1 && events.iter().all(|event| event["event"] != "done"), "{events:?}");
}
