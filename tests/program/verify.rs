//! `i2vgen verify`, on the committed cases.

use std::path::Path;

use crate::room::Room;

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
    // Where it cannot be written is found before anything takes long, and no other kind of file is written over.
    for (dump, words) in
        [("absent/computed.safetensors", "absent does not exist"), ("photo.jpg", "photo.jpg: a dump is")]
    {
        let ran = room.run(&["verify", case.to_str().unwrap(), "--dump", dump]);
        assert!(ran.code == Some(1) && ran.stdout.is_empty() && ran.stderr.contains(words), "{ran:?}");
    }
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
