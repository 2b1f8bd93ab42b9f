//! The other commands: nothing to work on, to emit or to trace.

use std::fs;

use super::refuses;
use crate::room::{self, Room};

#[test]
fn commands_with_nothing_to_work_on() {
    let room = Room::new();
    room.write("old.csv", "kernel,median\nlinear,1\n");
    for (arguments, words) in [
        (&["verify", "nowhere"][..], &["nowhere/params.json"][..]),
        (&["inspect", "nowhere"], &["nowhere"]),
        (&["verify", "model", "--dump", "absent/a.safetensors"], &["model/params.json"]),
        (&["plan", "--model", "nowhere"], &["nowhere", "hf download"]),
        (&["plan", "--assume-device", "nowhere.json"], &["nowhere.json"]),
        (&["plan", "--config", "sdxl"], &["sdxl", "i2vgen-xl"]),
        (&["plan", "-W", "500"], &["--width", "496 or 504"]),
        (&["profile", "--from", "old.csv"], &["--from old.csv: expected value at line 1"]),
        (&["profile", "--trace", "out/a", "--html", "out/a"], &["--trace and --html name the same file"]),
        (
            &["kernels", "check", "layer_norm", "--shape", "channels=4,rows=8,eps=-1"],
            &["`eps` is -1, expected 0 or more"],
        ),
        (&["random-checkpoint", "model"], &["model", "not an empty folder"]),
        (&["animate"], &["animate"]),
    ] {
        refuses(&room, room.command(arguments), words);
    }
}

#[test]
fn emitting_what_is_not_there() {
    let room = Room::new();
    room.write("broken.wgsl", "fn main() { let x = 1u }");
    room.write(
        "other.wgsl",
        "@group(0) @binding(9) var<storage> a: array<u32>; @compute @workgroup_size(1) fn main() { _ = a[0]; }",
    );
    fs::create_dir(room.path("out/full")).unwrap();
    room.write("out/full/file", "");
    for (arguments, words) in [
        (&["liner"][..], &["'liner'", "did you mean linear?"][..]),
        (&[], &["<KERNEL>"]),
        (&["linear", "--case", "no such case"], &["--case", "'no such case'"]),
        (&["linear", "--shape", "rows=8,sources=8"], &["--shape", "`columns` is 0"]),
        (&["linear", "--variant", "quantum"], &["'quantum'", "there are"]),
        (&["linear", "--variant", "register:TM=7"], &["TM=7"]),
        (&["linear", "--variant", "absent.wgsl"], &["cannot read absent.wgsl"]),
        (&["linear", "--target", "dxil"], &["'dxil'", "hlsl"]),
        (&["linear", "--dtype", "u32"], &["'u32'", "`f32` or `f16`"]),
        (&["linear", "--target", "hlsl,msl"], &["--target", "hlsl, msl", "-o DIR"]),
        (&["linear", "--shader-checks", "some"], &["--shader-checks", "bounds"]),
        (
            &["linear", "--case", "f16/f16", "--target", "glsl", "--assume-device", "desktop"],
            &["GLSL cannot express it"],
        ),
        (&["linear", "-o", "out"], &["out", "a folder has that name"]),
        (&["linear", "-o", "absent/mine.wgsl"], &["absent/mine.wgsl", "absent does not exist; create it first"]),
        (&["linear", "--target", "all", "-o", "photo.png"], &["photo.png"]),
        (&["--all"], &["--output"]),
        (&["--all", "-o", "out/full"], &["out/full", "not an empty folder"]),
    ] {
        refuses(&room, room.command(&[&["kernels", "emit"][..], arguments].concat()), words);
    }
    // What is wrong with a file is shown in it: more than a line.
    for (file, words) in [
        ("broken.wgsl", &["broken.wgsl:1:", "^"][..]),
        ("other.wgsl", &["other.wgsl does not fit linear", "@binding(9) a", "const ROWS", "expected", "found"]),
    ] {
        let ran = room.run(&["kernels", "emit", "linear", "--variant", file]);
        assert!(ran.code == Some(1) && ran.stderr.starts_with("error: "), "{ran:?}");
        for word in words {
            assert!(ran.stderr.contains(word), "no '{word}' in {}", ran.stderr);
        }
    }
}

#[test]
fn tracing_what_does_not_happen() {
    let room = Room::new();
    let trace = |more: &[&str]| {
        let output = if more.contains(&"-o") { &[][..] } else { &["-o", "out/dump.safetensors"] };
        let mut arguments = room::generate("photo.png", &[output, more].concat());
        "trace-tensors".clone_into(&mut arguments[0]);
        arguments
    };
    for (more, words) in [
        (&["--phase", "vae"][..], &["'vae'", "vae-encode"][..]),
        (&["--match", "a["], &["--match 'a['"]),
        (&["--match", "no such tensor", "--phase", "text"], &["'no such tensor'", "--list"]),
        (&["--phase", "unet", "--trace-steps", "7"], &["--trace-steps 7", "numbered from 0"]),
        (&["--trace-frames", "0-99"], &["--trace-frames 0-99", "numbered from 0"]),
        (&["--trace-steps", "3-1"], &["3-1", "2-5"]),
        (&["--twins-until", "conv_inn", "--phase", "unet"], &["'conv_inn'", "did you mean conv_in?"]),
        (&["--twins-until", "3"], &["--phase"]),
        (&["--twins-until", "99999", "--phase", "unet"], &["99999", "operations of unet"]),
        (&["--twins-until", "3", "--bisect"], &["cannot be used with"]),
        (&["--bisect=sideways"], &["sideways", "chain"]),
        (&["--bisect=chain", "--max-memory", "1KiB", "--phase", "unet"], &["--max-memory", "1024"]),
        (&["--every-element"], &["--bisect"]),
        (&["-o", "out/dump.mp4"], &["out/dump.mp4", "safetensors"]),
        (&["-o", "absent/dump.safetensors"], &["absent/dump.safetensors", "absent does not exist; create it first"]),
        (&["--steps", "0"], &["0 steps"]),
        (&["--override", "linear=absent.wgsl"], &["absent.wgsl"]),
        (&["--model", "nowhere"], &["nowhere"]),
    ] {
        refuses(&room, room.command(&room::as_str(&trace(more))), words);
    }
    let nothing = ["trace-tensors", "photo.png", "-p", "A cat", "--model", "model"];
    refuses(&room, room.command(&nothing), &["-o", "--bisect", "--list"]);
    refuses(&room, room.command(&["trace-tensors", "--bisect", "-p", "A cat", "--model", "model"]), &["no picture"]);
}
