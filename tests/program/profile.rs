//! `i2vgen roofline` and `i2vgen profile`: what is measured, counted, written and refused.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use i2vgen::{
    checkpoint::Configs,
    gpu::{Capabilities, DeviceKind, PORTABLE},
    graph::{Keep, Plan, Rate, Target},
    kernel::Dtype,
    picture::Picture,
    pipeline::{Networks, Passes, PlanTypes, Plans, Request, Shape},
};
use serde_json::Value;

use crate::room::{self, Ran, Room};

/// The program with ceilings that all of these tests share: they take a while to measure.
fn command(room: &Room, arguments: &[&str]) -> Command {
    let mut command = room.command(arguments);
    command.env("I2VGEN_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    if let Ok(device) = std::env::var("I2VGEN_DEVICE") {
        command.args(["--device", &device]);
    }
    command
}

const SMALL: [&str; 9] = ["profile", "--model", "model", "-W", "64", "-H", "64", "--frames", "2"];

fn profile(room: &Room, more: &[&str]) -> Ran {
    room::finish(command(room, &[&SMALL[..], more].concat()))
}

/// Floating-point operations of a plan by kernel.
fn flops(plans: &[&Plan]) -> BTreeMap<&'static str, f64> {
    let mut found = BTreeMap::new();
    for op in plans.iter().flat_map(|plan| &plan.ops) {
        *found.entry(op.op.kernel().name).or_insert(0.0) += op.op.cost().flops;
    }
    found
}

/// The independent count goes through the published network layer by layer (in another program and language) and counts two for each
/// multiply-add of a matrix product, a convolution or an attention, and nothing else: 41.87 TFLOP for a guided step of 512x512, 16 frames.
/// It computes keys and values of the context for every frame; we compute them once per clip. It also computes for both clips of the guidance
/// what they share, which is everything up to the first cross-attention, and its queries.
#[test]
fn arithmetic_of_the_published_model_is_that_of_an_independent_count() {
    let configs = Configs::published();
    let picture = Picture::from_rgb8(8, 8, vec![0; 192]).unwrap();
    let request = Request { passes: Passes::One, ..Request::new(picture, "") };
    let card = Capabilities { kind: DeviceKind::Discrete, f16: true, max_binding: 1 << 31, ..PORTABLE.clone() };
    let target = Target::new(Capabilities { max_buffer: 1 << 32, ..card }, Rate { flops: 20e12, bytes: 500e9 });
    let types = PlanTypes { activation: Dtype::F16, weights: [Dtype::F16; 4] };
    let networks = Networks::new(&configs, request.compat);
    let plans = Plans::new(&networks, Shape::new(&configs, &request), types, &target, Keep::Nothing).unwrap();
    let found = flops(&[&plans.step.conditions, &plans.step.unet]);

    let contexts = 0.237 - 0.237 / 16.0;
    // Two for each multiply-add at each of 64·64 pixels of each of 16 frames, in TFLOP.
    let shared = |per_pixel: f64| 2.0 * 16.0 * 64.0 * 64.0 * per_pixel / 1e12;
    let square = 320.0 * 320.0;
    // In and out, twice queries, keys, values and output, and the feed-forward, of 512 channels; then six of 320.
    let transformer_in = 2.0 * 320.0 * 512.0 + 512.0 * 512.0 * (2.0 * 4.0 + 8.0 + 4.0);
    let [conv2d, conv3d] = [shared(9.0 * (8.0 * 320.0 + 2.0 * square)), shared(4.0 * 3.0 * square)];
    let linear = shared(transformer_in + 6.0 * square);
    let attention = shared(2.0 * 2.0 * 16.0 * 512.0 + 2.0 * 64.0 * 64.0 * 320.0);
    let saved = contexts + conv2d + conv3d + linear + attention;
    let independent = [
        ("conv2d", 13.392 - conv2d),
        ("conv3d", 5.396 - conv3d),
        ("linear", 2.456 + 0.237 + 3.825 + 4.912 + 5.737 + 1.725 - contexts - linear),
        ("attention", 3.920 + 0.214 + 0.056 - attention),
    ];
    for (kernel, expected) in independent {
        let ours = found[kernel] / 1e12;
        assert!((ours / expected - 1.0).abs() < 0.002, "{kernel}: {ours} TFLOP, counted {expected}");
    }
    let matrices: f64 = independent.iter().map(|(kernel, _)| found[kernel]).sum();
    let all: f64 = found.values().sum();
    assert!((matrices / 1e12 / (41.87 - saved) - 1.0).abs() < 0.001, "{matrices}");
    // Norms, sums and copies are a thousandth or two more.
    assert!(
        (all / matrices - 1.0) < 0.003 && (all / 1e12 / (41.87 - saved) - 1.0).abs() < 0.005,
        "{all} in all, {matrices} of matrices"
    );
}

#[test]
fn a_device_is_measured_and_then_known() {
    let room = Room::new();
    let measure = |more: &[&str]| {
        let mut command = command(&room, &[&["roofline", "--json"], more].concat());
        command.env("I2VGEN_CACHE", room.path("cache"));
        room::finish(command).ok().json()
    };
    let first = measure(&[]);
    assert!(first["origin"].as_str().unwrap().contains("measured now and kept in"), "{}", first["origin"]);
    let ceilings = &first["roofline"]["ceilings"];
    for name in ["bytes", "f32", "round_trip"] {
        assert!(ceilings[name].as_f64().unwrap() > 0.0, "{name}: {ceilings}");
    }
    for measured in first["roofline"]["measurements"].as_array().unwrap() {
        let value = |name: &str| measured[name].as_f64().unwrap();
        // What is the difference of two times can vanish in their noise.
        let least = if measured["what"].as_str().unwrap().contains("beyond") { -1.0 } else { 0.0 };
        assert!(value("best") >= 0.0 && value("median") > least && value("runs") >= 9.0, "{measured}");
    }
    assert_eq!(fs::read_dir(room.path("cache")).unwrap().count(), 1);
    let second = measure(&["--cached"]);
    assert!(second["origin"].as_str().unwrap().contains("measured before"), "{}", second["origin"]);
    assert_eq!(second["roofline"], first["roofline"]);
}

/// Nothing runs, but everything is there: what is counted is what was planned, also where weights are streamed or a limit is kept.
#[test]
fn the_memory_of_every_phase_is_counted_beside_its_plan() {
    let room = Room::new();
    let count = |more: &[&str]| profile(&room, &[&["--memory", "--json"], more].concat()).ok().json();
    let bytes = |value: &Value, field: &str| value[field].as_u64().unwrap_or_else(|| panic!("{field}: {value}"));
    let mut peaks = Vec::new();
    for more in [&[][..], &["--offload"], &["--random-weights"], &["--cfg-passes", "two", "--dtype", "f32"]] {
        let found = count(more);
        let phases = found["phases"].as_array().unwrap();
        let names: Vec<&str> = phases.iter().map(|phase| phase["kind"].as_str().unwrap()).collect();
        assert_eq!(names, ["text", "image", "vae-encode", "unet", "vae-decode"]);
        for phase in phases {
            let [planned, counted] = ["planned_bytes", "counted_bytes"].map(|field| bytes(phase, field));
            assert!(counted <= planned && counted > planned * 4 / 5, "{more:?}: {counted} of {planned}: {phase}");
        }
        let [planned, counted] = ["peak_planned_bytes", "peak_counted_bytes"].map(|field| bytes(&found, field));
        // What a step writes is planned, and not there.
        let missing = planned / 20 + (512 << 10);
        assert!(counted <= planned && planned - counted <= missing, "{more:?}: {counted} of {planned}");
        peaks.push(counted);
    }
    assert!(peaks[1] < peaks[0], "streamed weights take less: {peaks:?}");
    let text = profile(&room, &["--memory", "--phase", "unet"]).ok().stdout;
    assert!(text.contains("denoising") && !text.contains("VAE") && text.contains("counted; nothing was run"), "{text}");
    for clashing in ["--csv", "--host-clock"] {
        assert_eq!(profile(&room, &["--memory", clashing]).code, Some(2), "{clashing}");
    }
}

#[test]
fn a_profile_has_every_dispatch_and_the_arithmetic_of_the_plan() {
    let room = Room::new();
    let found = profile(&room, &["--phase", "all", "--steps", "2", "--json"]).ok().json();
    let plan = [
        "plan",
        "--model",
        "model",
        "-W",
        "64",
        "-H",
        "64",
        "--frames",
        "2",
        "--json",
        "--assume-device",
        "desktop,kind=cpu",
    ];
    let plan = room.run(&plan).ok().json();
    let phases = found["phases"].as_array().unwrap();
    let kinds: Vec<&str> = phases.iter().map(|p| p["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "vae-encode", "conditions", "unet", "vae-decode"]);
    let flops = |phase: &Value| -> f64 {
        phase["dispatches"].as_array().unwrap().iter().map(|d| d["cost"]["flops"].as_f64().unwrap()).sum()
    };
    let planned: Vec<f64> =
        plan["estimate"]["phases"].as_array().unwrap().iter().map(|p| p["flops"].as_f64().unwrap()).collect();
    for (phase, planned) in phases.iter().zip(planned) {
        // The plan counts turning noise into latents among the conditions.
        assert!((flops(phase) / planned - 1.0).abs() < 0.01, "{}: {} of {planned}", phase["kind"], flops(phase));
        assert_eq!(phase["whole"].as_array().unwrap().len(), 2);
        for dispatch in phase["dispatches"].as_array().unwrap() {
            let times = dispatch["times"].as_array().unwrap();
            assert!(times.len() == 2 && times.iter().all(|t| t.is_null() || t.as_f64().unwrap() > 0.0), "{dispatch}");
        }
    }
    let summary = found["summary"].to_string();
    assert!(summary.contains("add up to") && summary.contains("the time goes to"), "{summary}");
}

#[test]
fn weights_can_be_made_up_on_the_device_and_times_told_by_the_host() {
    let room = Room::new();
    let arguments = ["--random-weights", "--host-clock", "--steps", "1", "--phase", "unet", "--cfg-passes", "two"];
    let found = profile(&room, &arguments).ok();
    for part in
        ["with random weights", "guidance in two passes", "timed by the host's clock, as asked for", "by operator"]
    {
        assert!(found.stdout.contains(part), "no '{part}' in {}", found.stdout);
    }
    assert!(!found.stderr.contains("not finite"), "{}", found.stderr);
    // The files of the weights are not needed.
    for component in ["unet", "vae", "text_encoder", "image_encoder"] {
        let folder = fs::read_dir(room.path(&format!("model/{component}"))).unwrap().map(|e| e.unwrap().path());
        folder.filter(|p| p.extension().is_some_and(|e| e == "safetensors")).for_each(|p| fs::remove_file(p).unwrap());
    }
    profile(&room, &["--random-weights", "--steps", "1", "--phase", "text", "--csv"]).ok();
    let refused = profile(&room, &["--steps", "1"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("safetensors"), "{refused:?}");
}

#[test]
fn tables_timelines_and_changes_are_written() {
    let room = Room::new();
    let old = profile(&room, &["--phase", "vae-decode", "--steps", "5", "--json"]).ok();
    room.write("old.json", &old.stdout);
    let csv =
        profile(&room, &["--phase", "vae-decode", "--steps", "5", "--csv", "--trace", "out/trace.json"]).ok().stdout;
    let dispatches = old.json()["phases"][0]["dispatches"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), 1 + dispatches);
    let trace: Value = serde_json::from_slice(&room.read("out/trace.json")).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > dispatches, "layers hold dispatches");

    // The page needs no network, and has a picture of everything.
    let page = profile(&room, &["--from", "old.json", "--html", "out/page.html"]);
    assert!(page.code == Some(2) && page.stderr.contains("--from"), "what is shown again is not measured: {page:?}");
    room.run(&["profile", "--from", "old.json", "--html", "out/page.html"]).ok();
    let page = String::from_utf8(room.read("out/page.html")).unwrap();
    assert!(!["src=", "<link", "@import", "url("].iter().any(|outside| page.contains(outside)));
    for part in ["class=\"flame\"", "<svg", "sum of dispatches", "conv2d", "VAE decoder, in numbers"] {
        assert!(page.contains(part), "no '{part}'");
    }

    let again = profile(&room, &["--phase", "vae-decode", "--steps", "5", "--diff", "old.json"]).ok().stdout;
    for part in ["changes of the whole", "changes by operator", "verdict"] {
        assert!(again.contains(part), "no '{part}' in {again}");
    }
}

#[test]
fn an_override_is_profiled_and_told() {
    let room = Room::new();
    let steps = ["--phase", "vae-decode", "--steps", "1"];
    let old = profile(&room, &[&steps[..], &["--json"]].concat()).ok();
    room.write("old.json", &old.stdout);
    let forced = ["--override", "group_norm_apply=portable", "--override", "linear=workgroup"];
    let found = profile(&room, &[&steps[..], &forced, &["--json"]].concat()).ok().json();
    assert_eq!(found["overrides"], serde_json::json!(["group_norm_apply=portable", "linear=workgroup"]));
    let variants = |kernel: &str| -> Vec<String> {
        let of = |d: &&Value| d["kernel"] == kernel;
        let all = found["phases"][0]["dispatches"].as_array().unwrap();
        all.iter().filter(of).map(|d| d["variant"].as_str().unwrap().to_owned()).collect()
    };
    let linear = variants("linear");
    assert!(!linear.is_empty() && linear.iter().all(|variant| variant == "workgroup"), "{linear:?}");
    assert!(variants("conv2d").iter().all(|variant| variant != "workgroup"));
    let text = profile(&room, &[&steps[..], &forced, &["--diff", "old.json"]].concat()).ok().stdout;
    for part in ["\noverride: linear=workgroup\n", "no override, now override group_norm_apply=portable"] {
        assert!(text.contains(part), "no '{part}' in {text}");
    }
    let refused = profile(&room, &["--override", "linear=regster"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("did you mean register?"), "{refused:?}");
}

/// With a limit the steps of a generation within it are profiled, of files and of made-up weights.
#[test]
fn streamed_weights_are_profiled_as_a_generation_runs_them() {
    let room = Room::new();
    let one = ["--steps", "2", "--cfg-passes", "one", "--dtype", "f32", "--json"];
    let json = |more: &[&str]| profile(&room, &[&one[..], more].concat()).ok().json();
    let kept = json(&[]);
    assert_eq!((&kept["streaming"], &kept["phases"][1]["streamed"]), (&Value::Null, &0.into()));
    let none = json(&["--offload"]);
    let [all, largest] = [&none["streaming"]["streamed_bytes"], &none["phases"][1]["streamed"]].map(Value::as_u64);
    assert!(all > Some(0) && all == largest && none["streaming"]["kept_bytes"] == 0, "{}", none["streaming"]);

    // What generate would do under this limit, on a device that tells of no memory.
    let plan = ["plan", "--model", "model", "-W", "64", "-H", "64", "--frames", "2", "--json"];
    let plan = |more: &[&str]| room.run(&[&plan[..], &one[2..6], more].concat()).ok().json()["estimate"].clone();
    let peak = |estimate: &Value| estimate["peak_bytes"].as_u64().unwrap();
    let limit = ((peak(&plan(&[])) + peak(&plan(&["--offload"]))) / 2).to_string();
    for more in [&["--max-memory", &limit][..], &["--max-memory", &limit, "--random-weights"]] {
        let some = json(more);
        let [stays, passes] = ["kept_bytes", "streamed_bytes"].map(|field| some["streaming"][field].as_u64().unwrap());
        assert!(stays > 0 && passes > 0 && Some(passes) < all, "{more:?}: {}", some["streaming"]);
        assert_eq!(some["phases"][1]["streamed"].as_u64(), Some(passes), "{more:?}");
        assert_eq!(
            some["phases"][1]["dispatches"].as_array().unwrap().len(),
            kept["phases"][1]["dispatches"].as_array().unwrap().len()
        );
        assert!(some["summary"].to_string().contains("of weights streamed"), "{}", some["summary"]);
    }
    let refused = profile(&room, &["--max-memory", "1KiB"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("is the least that works"), "{refused:?}");
}

#[test]
fn what_cannot_be_profiled_is_refused_in_one_line() {
    let room = Room::new();
    room.write("notes.json", "{\"answer\": 42}");
    for (arguments, words) in [
        (&["profile", "--config", "i2vgen-xl"][..], &["--random-weights"][..]),
        (&["profile", "--config", "i2vgen-xl", "--model", "model"], &["cannot be used with"]),
        (&["profile", "--model", "absent"], &["absent"]),
        (&["profile", "--model", "model", "--phase", "sampler"], &["sampler", "vae-encode"]),
        (&["profile", "--model", "model", "--steps", "0"], &["--steps", "1 to 100"]),
        (&["profile", "--model", "model", "-W", "63"], &["--width", "56 or 64"]),
        (&["profile", "--model", "model", "--no-f16", "--dtype", "f16"], &["--dtype f32"]),
        (&["profile", "--model", "model", "--diff", "absent.json"], &["absent.json", "profile --json"]),
        (&["profile", "--model", "model", "--diff", "notes.json"], &["notes.json", "version"]),
        (&["profile", "--model", "model", "--trace", "absent/trace.json"], &["absent/trace.json"]),
        (&["profile", "--model", "model", "--trace", "out"], &["out", "folder"]),
        (&["profile", "--model", "model", "--csv", "--json"], &["cannot be used with"]),
        (&["roofline", "--device", "Voodoo 3"], &["Voodoo 3"]),
    ] {
        let ran = room::finish(room.command(arguments));
        let told: Vec<&str> =
            ran.stderr.lines().filter(|l| !l.starts_with("note: ") && !l.starts_with("profiling")).collect();
        assert!(
            matches!(ran.code, Some(1 | 2)) && told.len() == 1 && told[0].starts_with("error: "),
            "{arguments:?}: {ran:?}"
        );
        for word in words {
            assert!(told[0].contains(word), "{arguments:?}: no '{word}' in {}", told[0]);
        }
    }
    assert_eq!(fs::read_dir(room.path("out")).unwrap().count(), 0, "something was left behind");
}
