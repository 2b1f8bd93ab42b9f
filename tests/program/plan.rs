//! `i2vgen plan`: every setting of `generate` that changes what a clip costs is counted, and overrides of jobs are checked before they start.

use crate::room::{self, Room, as_str};
use serde_json::Value;

fn plan(room: &Room, more: &[&str]) -> Value {
    let small = ["plan", "--model", "model", "-W", "64", "-H", "64", "--frames", "2", "--steps", "10", "--json"];
    room.run(&[&small[..], more].concat()).ok().json()
}

#[test]
fn what_changes_the_cost_changes_the_plan() {
    let room = Room::new();
    let usual = plan(&room, &[]);
    let dispatches = |plan: &Value, name: &str| {
        let phases = plan["estimate"]["phases"].as_array().unwrap();
        phases.iter().find(|phase| phase["name"] == name).map(|phase| phase["dispatches"].as_u64().unwrap())
    };
    let (denoising, text) = (dispatches(&usual, "denoising").unwrap(), dispatches(&usual, "text encoder").unwrap());
    let of = |more: &[&str]| dispatches(&plan(&room, more), "denoising").unwrap();
    // The solver of second order keeps its last estimate.
    assert!(of(&["--sampler", "dpm-solver++"]) > denoising);
    // Anchoring and fresh noise are usual, as in `generate`.
    assert!(of(&["--anchor-interval", "0"]) < denoising);
    assert_eq!(of(&["--preset", "diffusers"]), of(&["--anchor-interval", "0", "--eta", "0"]));
    assert!(of(&["--anchor-mode", "lowpass"]) != of(&["--anchor-interval", "0"]));
    assert!(of(&["--compat", "vgen"]) >= denoising);
    assert!(dispatches(&plan(&room, &["--clip-skip", "0"]), "text encoder").unwrap() > text);
    let kept = |plan: &Value| {
        plan["estimate"]["phases"][0]["kept"].as_u64().unwrap() + plan["estimate"]["peak_bytes"].as_u64().unwrap()
    };
    assert!(kept(&plan(&room, &["--count", "50"])) > kept(&usual));
    let flops = |more: &[&str]| plan(&room, more)["estimate"]["flops"].as_f64().unwrap();
    assert!(flops(&["--cfg-scale", "1", "--cfg-frames", "0-1=1"]) < flops(&[]));
    assert!(flops(&["--cfg-steps", "0-50%=1"]) < flops(&[]) && flops(&["--reuse-deep", "2"]) < flops(&[]));

    // It is what `generate` says that it planned.
    let ran = room.generate("photo.png", &["--frames", "2", "--cfg-scale", "3", "--progress", "json"]).ok();
    let done: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    let planned = done["planned_device_bytes"].as_u64().unwrap();
    if std::env::var_os("I2VGEN_DEVICE").is_none() {
        let devices = room.run(&["devices", "--json"]).ok().json();
        room.write("devices.json", devices.to_string());
        let own = plan(&room, &["--cfg-scale", "3", "--assume-device", "devices.json"]);
        assert_eq!(own["estimate"]["peak_bytes"].as_u64(), Some(planned));
    }
    // What `generate` refuses is refused, what it changes is told.
    let fast = room.run(&["plan", "--model", "model", "--fps", "5000"]);
    assert!(fast.code == Some(1) && fast.stderr.starts_with("error: --fps: 5000"), "{fast:?}");
    let other = ["plan", "--model", "model", "-W", "64", "-H", "64", "--rewrite-prompt", "-p", "a person walks"];
    assert!(room.run(&other).ok().stderr.contains("note: the prompt is used as \""));
    let wrong = room.run(&["plan", "--model", "model", "--preset", "wavs"]);
    assert!(wrong.code == Some(1) && wrong.stderr.contains("did you mean waves?"), "{wrong:?}");
}

/// What is wrong with a file is told, though guidance in two passes would have no such shape.
#[test]
fn a_broken_file_for_some_shapes_is_told_of() {
    let room = Room::new();
    let emitted = room.run(&["kernels", "emit", "layer_norm", "--variant", "portable"]).ok().stdout;
    room.write("broken.wgsl", emitted.replace("let width = ", "let width = = "));
    let given = |fields: &str| {
        room.run(&["plan", "--model", "demo", "--override", &format!("layer_norm[{fields}]=broken.wgsl")])
    };
    for fields in ["channels=48,rows=1024", "channels=48,rows=1024,x=\"f16\",eps=1e-5"] {
        let ran = given(fields);
        assert!(ran.code == Some(1) && ran.stderr.contains("broken.wgsl"), "{ran:?}");
        assert!(ran.stderr.contains("let width = = "), "{ran:?}");
    }
    assert!(given("channels=48,eps=2e-5").stderr.contains("applies to no operation of this run"));
}

/// An override that no job has is found before the first one is made; one that some of them have is none too many.
#[test]
fn overrides_of_jobs_are_checked_first() {
    let room = Room::new();
    room.write("jobs.jsonl", "{\"picture\": \"photo.png\", \"output\": \"a.mp4\"}\n{\"picture\": \"photo.png\", \"height\": 72, \"output\": \"b.mp4\"}\n");
    let idle = "linear[rows=123457]=register";
    let ran = room.run(&as_str(&room::batch("jobs.jsonl", &["--override", idle])));
    let told = "applies to no operation of this run";
    assert!(ran.code == Some(1) && ran.stderr.contains(told) && ran.stdout.is_empty(), "{ran:?}");
    let ran = room.run(&as_str(&room::sweep("photo.png", &["--eta", "0,1", "--no-identity", "--override", idle])));
    assert!(ran.code == Some(1) && ran.stderr.contains(told), "{ran:?}");
    assert_eq!(std::fs::read_dir(room.path("out")).unwrap().count(), 0, "nothing was begun");
    // 64x72 pixels are 9x8 latents, which only the second job has.
    let some = "conv2d[size=9x8]=register";
    let ran = room.run(&as_str(&room::batch("jobs.jsonl", &["--override", some]))).ok();
    assert!(ran.stdout.contains("2 of 2 clips made"), "{}", ran.stdout);
}
