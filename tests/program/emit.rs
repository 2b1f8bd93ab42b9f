//! `i2vgen kernels emit`: what it prints can be given back, and is what the backends get.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::room::{self, Room};

const CASE: [&str; 4] = ["linear", "--case", "feed-forward out f32/f32", "--assume-device"];

fn emit(room: &Room, more: &[&str]) -> room::Ran {
    room.run(&[&["kernels", "emit"][..], &CASE, &["desktop"], more].concat())
}

#[test]
fn the_text_of_a_variant_can_be_given_back() {
    let room = Room::new();
    let text = emit(&room, &["--variant", "register", "-o", "out/mine.wgsl"]).ok();
    assert_eq!(text.stdout, "");
    let mine = String::from_utf8(room.read("out/mine.wgsl")).unwrap();
    assert!(mine.starts_with("// i2vgen ") && mine.contains("@compute @workgroup_size(64)"), "{mine}");
    assert!(!mine.contains("${") && !mine.lines().any(|line| line.starts_with('#')), "{mine}");
    assert_eq!(emit(&room, &["--variant", "out/mine.wgsl"]).ok().stdout, mine);
    let check = ["kernels", "check", "linear", "--case", "feed-forward out f32/f32", "--variant", "out/mine.wgsl"];
    let device = std::env::var("I2VGEN_DEVICE").unwrap_or_default();
    let device: &[&str] = if device.is_empty() { &[] } else { &["--device", &device] };
    room.run(&[&check[..], &["--inputs", "random"], device].concat()).ok();
}

#[test]
fn every_backend_gets_its_language() {
    let room = Room::new();
    let ran = emit(&room, &["--variant", "workgroup", "--target", "all", "-o", "out/new"]).ok();
    for (extension, part) in [
        ("wgsl", "var<workgroup> tile"),
        ("spvasm", "OpEntryPoint GLCompute"),
        ("hlsl", "[numthreads(256, 1, 1)]"),
        ("metal", "kernel void main_("),
        ("comp", "#version 450 core"),
    ] {
        let file = format!("out/new/linear.workgroup.{extension}");
        assert!(
            ran.stdout.contains(&format!("{}\n", file.replace('/', std::path::MAIN_SEPARATOR_STR))),
            "{}",
            ran.stdout
        );
        let text = String::from_utf8(room.read(&file)).unwrap();
        assert!(text.contains(part), "{file}: {text}");
    }
    let spirv = room.read("out/new/linear.workgroup.spv");
    assert_eq!(spirv[..4], [0x03, 0x02, 0x23, 0x07]);
    // Guards are in what the backends get, and can be left out.
    let clamps = |more: &[&str]| {
        emit(&room, &[&["--target", "spirv-text"][..], more].concat()).ok().stdout.matches("UMin").count()
    };
    let (all, robust, none) = (clamps(&[]), clamps(&["--robust-buffers"]), clamps(&["--shader-checks", "off"]));
    assert!(all > robust && robust >= none, "{all} {robust} {none}");

    // What a language lacks is told, the rest is written.
    let half = ["kernels", "emit", "linear", "--case", "odd sizes f16/f16", "--assume-device", "desktop"];
    let ran = room.run(&[&half[..], &["--target", "msl,glsl", "-o", "out/half"]].concat()).ok();
    assert!(ran.stderr.contains("GLSL cannot express it"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(room.path("out/half")).unwrap().count(), 1);
}

#[test]
fn facts_are_told_in_tables_and_json() {
    let room = Room::new();
    let text = emit(&room, &["--variant", "workgroup", "--facts"]).ok().stdout;
    for part in ["256 threads of 256x1x1", "of workgroup memory", "1 barrier", "registers", "multiply-add", "bounds"] {
        assert!(text.contains(part), "no '{part}' in {text}");
    }
    let json = emit(&room, &["--variant", "register:TM=8,TN=4@checks=bounds", "--json"]).ok().json();
    assert_eq!(
        (&json["kernel"], &json["variant"], &json["shader_checks"]),
        (&"linear".into(), &"register".into(), &"bounds".into())
    );
    assert_eq!((&json["defines"]["TM"], &json["facts"]["threads"]), (&8.into(), &json["defines"]["WG"]));
    assert!(json["facts"]["registers"].is_null());
    let spirv = &json["facts"]["spirv"];
    let total = |counts: &Value| counts.as_object().unwrap().values().map(|v| v.as_i64().unwrap()).sum::<i64>();
    let [guard] = spirv["guards"].as_array().unwrap().as_slice() else { panic!("{spirv}") };
    assert_eq!(guard["guard"], "bounds");
    // 8 rows, 4 vec4 of columns, 4 terms of the sum, once for each of two inputs.
    let even = ["kernels", "emit", "linear", "--case", "no bias f32/f32", "--assume-device", "desktop", "--json"];
    let even = room.run(&[&even[..], &["--variant", "register:TM=8,TN=4"]].concat()).ok().json();
    assert_eq!(even["facts"]["module"]["innermost_scalars"]["multiply-add"], 8 * 4 * 4 * 4 * 2);
    assert_eq!(total(&spirv["instructions"]) - total(&spirv["unguarded"]), guard["added"].as_i64().unwrap());
    for target in ["hlsl", "msl", "glsl", "spir-v"] {
        assert!(json["targets"][target].as_str().is_some_and(|text| text.len() > 100), "{target}");
    }
}

#[test]
fn what_the_device_cannot_run_is_emitted_all_the_same() {
    let room = Room::new();
    let ran = room
        .run(&[
            "kernels",
            "emit",
            "attention",
            "--case",
            "temporal, 16",
            "--variant",
            "broadcast",
            "--assume-device",
            "portable",
        ])
        .ok();
    assert!(ran.stdout.contains("subgroupBroadcast"), "{}", ran.stdout);
    assert!(ran.stderr.contains("would not run 'broadcast'"), "{}", ran.stderr);
}

#[test]
fn all_shaders_of_a_kernel_are_announced_and_limited() {
    let room = Room::new();
    let all = |more: &[&str]| room.run(&[&["kernels", "emit", "layer_norm", "--all"], more].concat());
    let index =
        |folder: &str| -> Vec<Value> { serde_json::from_slice(&room.read(&format!("{folder}/index.json"))).unwrap() };
    let ran = all(&["--target", "wgsl,spirv", "-o", "out/all"]).ok();
    let whole = index("out/all");
    let announced = ran.stderr.lines().find(|line| line.contains(" shaders as ")).unwrap();
    assert!(announced.starts_with(&format!("{} shaders as wgsl, spirv: about ", whole.len())), "{announced}");
    assert!(
        announced.ends_with(" in out/all") && whole.iter().all(|entry| entry["kernel"] == "layer_norm"),
        "{announced}"
    );
    all(&["--usual", "--target", "wgsl", "-o", "out/usual"]).ok();
    let usual = index("out/usual");
    assert!(usual.len() < whole.len() && usual.iter().all(|entry| entry["usual"] == true));
    for (more, words) in [
        (&["--limit", "1KiB"][..], &["more than 1.0 KiB", "--target", "--usual", "--limit"][..]),
        (&["--limit", "some"], &["--limit"]),
    ] {
        let ran = all(&[&["-o", "out/none"], more].concat());
        assert!(ran.code.is_some_and(|code| code > 0) && !room.path("out/none").exists(), "{ran:?}");
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr));
    }
    let unknown = room.run(&["kernels", "emit", "layer_nrm", "--all", "-o", "out/none"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("no kernel is called 'layer_nrm'"), "{unknown:?}");
}

#[cfg(unix)]
#[test]
fn shaders_that_are_interrupted_leave_nothing_behind() {
    let room = Room::new();
    let mut child = room
        .command(&["kernels", "emit", "linear", "--all", "--target", "spirv", "--limit", "4GiB", "-o", "out/all"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(" shaders as ")), "nothing was announced");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(room.path("out")).unwrap().count(), 0);
}

#[test]
fn all_shaders_are_written_with_an_index() {
    let room = Room::new();
    room.run(&["kernels", "emit", "--all", "--target", "wgsl", "-o", "out/all"]).ok();
    let index: Value = serde_json::from_slice(&room.read("out/all/index.json")).unwrap();
    let index = index.as_array().unwrap();
    assert!(index.len() > 500);
    assert_eq!(std::fs::read_dir(room.path("out/all")).unwrap().count(), index.len() + 1);
    for kernel in i2vgen::kernel::KERNELS {
        assert!(index.iter().any(|entry| entry["kernel"] == kernel.name && entry["usual"] == true), "{}", kernel.name);
    }
    for entry in index {
        let text =
            String::from_utf8(room.read(&format!("out/all/{}", entry["files"]["wgsl"].as_str().unwrap()))).unwrap();
        assert_eq!(text.contains("enable f16;"), entry["f16"] == true, "{entry}");
    }
}
