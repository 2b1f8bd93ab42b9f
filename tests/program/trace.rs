//! `i2vgen trace-tensors`: what it dumps, what the twins compute, and whether a broken kernel is found.

use std::{fs, path::Path};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::room::{self, Ran, Room, as_str};

/// `trace-tensors photo.png …` of a small generation.
fn trace(room: &Room, changed: &[&str]) -> Ran {
    let output: &[&str] = if changed.contains(&"-o") { &[] } else { &["-o", "unused"] };
    let dtype: &[&str] = if changed.contains(&"--dtype") { &[] } else { &["--dtype", "f32"] };
    let mut arguments = room::generate("photo.png", &[output, dtype, changed].concat());
    "trace-tensors".clone_into(&mut arguments[0]);
    if let Some(at) = arguments.iter().position(|word| word == "unused") {
        arguments.drain(at - 1..=at);
    }
    room.run(&as_str(&arguments))
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
    tensor.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// The largest difference relative to the rms.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    let rms = (a.iter().map(|v| v * v).sum::<f32>() / a.len() as f32).sqrt();
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / rms
}

/// A kernel's own text with a fault in it, which stands in for the kernel.
fn break_kernel(room: &Room, kernel: &str, from: &str, to: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("kernels/{kernel}.wgsl"));
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{kernel}.wgsl has no '{from}'");
    room.write("broken.wgsl", text.replace(from, to));
}

#[test]
fn tensors_are_dumped_under_their_labels() {
    let room = Room::new();
    let ran = trace(&room, &["-o", "out/unet.safetensors", "--phase", "unet,vae-decode", "--cfg-scale", "9"]).ok();
    assert!(
        ran.stdout.contains("out/unet.safetensors: ") && ran.stdout.contains("step0/unet to frame0/vae-decode"),
        "{ran:?}"
    );
    let bytes = room.read("out/unet.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).shape().to_vec();
    // One frame, 8x8 latents; two rows of guidance from the first cross-attention on.
    assert_eq!(shape("step0/unet/inputs/timestep"), [1]);
    let conv_in = shape("step0/unet/conv_in");
    assert_eq!(conv_in[..3], [1, 8, 8]);
    assert_eq!(shape("step0/unet/down_blocks.0.resnets.0.conv1")[..3], [1, 8, 8]);
    assert_eq!(shape("step0/unet/down_blocks.1.resnets.0.conv1")[..3], [2, 4, 4]);
    assert_eq!(file.tensor("frame0/vae-decode/rgb8").unwrap().dtype(), Dtype::U32);
    let (_, head) = SafeTensors::read_metadata(&bytes).unwrap();
    let about: Value = serde_json::from_str(&head.metadata().as_ref().unwrap()["i2vgen"]).unwrap();
    assert_eq!(about["prompt"], "A cat is turning its head");

    // The same names are listed, and chosen by patterns.
    let list = trace(&room, &["--list", "--phase", "unet", "--cfg-scale", "9", "--json"]).ok().json();
    let list = list.as_array().unwrap();
    assert!(list.len() > 100 && list.iter().enumerate().all(|(i, op)| op["index"] == i));
    let last = list.last().unwrap()["name"].as_str().unwrap();
    assert!(file.tensor(&format!("step0/unet/{last}")).is_ok(), "{last}");
    let some = ["--phase", "unet", "--match", "step*/conv_in", "--match", "mid_block.resnets.0.conv"];
    trace(&room, &[&["-o", "out/some.safetensors"][..], &some].concat()).ok();
    let bytes = room.read("out/some.safetensors");
    let some = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = some.names();
    names.sort_unstable();
    assert_eq!(
        names,
        ["step0/unet/conv_in", "step0/unet/mid_block.resnets.0.conv1", "step0/unet/mid_block.resnets.0.conv2"]
    );
    assert_eq!(fs::read_dir(room.path("out")).unwrap().count(), 2);
}

#[test]
fn a_prefix_runs_on_the_twins() {
    let room = Room::new();
    let run = |output: &str, more: &[&str]| {
        let ran = trace(&room, &[&["-o", output, "--phase", "unet"][..], more].concat()).ok();
        (ran.stdout, room.read(output))
    };
    let (told, device) = run("out/device.safetensors", &[]);
    assert!(told.contains("no twin ran"), "{told}");
    let (told, until) = run("out/until.safetensors", &["--twins-until", "mid_block.resnets.0.conv1"]);
    assert!(told.contains("operations on the twins"), "{told}");
    let (_, count) = run("out/count.safetensors", &["--twins-until", "12"]);
    let [device, until, count] = [&device, &until, &count].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    let end = |file: &SafeTensors<'_>| floats(file, "step0/unet/conv_out");
    for (prefix, name) in [(&until, "until"), (&count, "count")] {
        // The twins' f64 sums are not the device's; what the network makes of the difference is small.
        let apart = apart(&end(&device), &end(prefix));
        assert!(apart > 0.0 && apart < 1e-4, "{name}: {apart}");
    }
}

/// In f16, with two rows of guidance and everything split that can be: a driver that is right departs nowhere.
#[test]
fn what_is_right_departs_nowhere() {
    let room = Room::new();
    let split = ["--max-binding", "512KiB", "--cfg-scale", "9", "--eta", "1", "--rng", "philox"];
    for (how, dtype) in [("--bisect", "f16"), ("--bisect", "f32"), ("--bisect=chain", "f32"), ("--bisect=chain", "f16")]
    {
        let traced = trace(&room, &[&[how, "--dtype", dtype, "--json"][..], &split].concat());
        if traced.stderr.contains("no f16 in shaders") {
            continue;
        }
        let traced = traced.ok().json();
        assert_eq!(traced["ok"], true);
        let (compared, all) = (&traced["traced"]["compared"], &traced["traced"]["operations"]);
        assert!(all.as_u64() > Some(300), "{traced}");
        let skipped = traced["traced"]["skipped"].as_array().unwrap().len() as u64;
        let twins = compared.as_u64().unwrap() + if how == "--bisect" { skipped } else { 0 };
        assert_eq!(Some(twins), all.as_u64(), "{traced}");
    }
}

#[test]
fn the_first_operation_that_departs_is_found() {
    let room = Room::new();
    // The wrong row of the input, in feed-forward layers only.
    break_kernel(&room, "linear", "return vec3<u32>(row, 0u, 0u);", "return vec3<u32>(row ^ 1u, 0u, 0u);");
    let broken = ["--override", "linear[geglu=true]=./broken.wgsl", "--phase", "unet", "--max-binding", "512KiB"];
    let first = |label: &str| label.ends_with(".ff.net.0");
    let list = trace(&room, &["--list", "--phase", "unet", "--json"]).ok().json();
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|op| op["name"].as_str().unwrap()).collect();
    let index = names.iter().position(|name| first(name)).unwrap();
    let last = names.iter().rposition(|name| first(name)).unwrap();

    let ran = trace(&room, &[&["--bisect", "-o", "out/departed.safetensors"][..], &broken].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in [
        &format!("step0/unet/{} departs", names[index]),
        "linear ./broken.wgsl",
        "worst at y[",
        "reproduce with: i2vgen kernels check linear",
    ] {
        assert!(ran.stdout.contains(part), "no '{part}' in {}", ran.stdout);
    }
    let bytes = room.read("out/departed.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut kept = file.names();
    kept.sort_unstable();
    let name = format!("step0/unet/{}", names[index]);
    assert_eq!(kept, [format!("{name}/inputs/x0"), format!("{name}/outputs/y")]);

    // The command that reproduces it.
    let ran = trace(&room, &[&["--bisect", "--json"][..], &broken].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = ran.json();
    assert_eq!((&found["traced"]["departed"]["index"], &found["ok"]), (&index.into(), &false.into()));
    let command = found["reproduce"].as_str().unwrap().to_owned();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let ran = room.run(&words);
    assert!(ran.code == Some(1) && ran.stdout.contains("FAILED"), "{command}: {ran:?}");

    // Along the chain, the last of the broken operations is the one without which the end is right.
    let ran = trace(&room, &[&["--bisect=chain", "--json"][..], &broken].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let chain = &ran.json()["traced"]["chains"][0];
    assert_eq!(chain["culprit"][0]["index"], last, "{chain}");
}

/// A kernel that is right only where nobody has written before (the tracer poisons with bytes 0xfe), as after a missing barrier: each
/// operation alone is right.
#[test]
fn what_depends_on_waiting_is_found() {
    let room = Room::new();
    let (from, to) = (
        "y[(i - p.y_base) / 4u] = ",
        "let at = (i - p.y_base) / 4u;\n  y[at] = select(0.5, 1.0, bitcast<u32>(f32(y[at].x)) == 0xfefefefeu) * ",
    );
    break_kernel(&room, "pointwise", from, to);
    let ran = trace(&room, &["--bisect", "--phase", "unet", "--override", "pointwise=./broken.wgsl", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = ran.json();
    let list = trace(&room, &["--list", "--phase", "unet", "--json"]).ok().json();
    let first = list.as_array().unwrap().iter().position(|op| op["kernel"] == "pointwise").unwrap();
    assert!(found["traced"]["departed"].is_null(), "{found}");
    assert_eq!(found["traced"]["unsteady"][0]["operation"][1], first, "{found}");
}
