//! Memory: what is planned is what is counted, a limit is kept, and what saves memory changes nothing.

use std::{ops::ControlFlow, sync::Arc};

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    pipeline::{Compat, DtypeChoice, Engine, Estimate, Event, MemoryPolicy, Passes, Request},
};
use serde_json::Value;

use crate::room::{self, Room, as_str};

/// The last events of a run with `--progress json`.
fn done(stdout: &str) -> Value {
    let last = stdout.lines().last().expect("a line");
    let event: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {last}"));
    assert_eq!(event["event"], "done");
    event
}

/// Counted and planned bytes of `generate` with these options.
fn memory(room: &Room, options: &[&str]) -> [u64; 2] {
    let event = done(&room.generate("photo.png", &[options, &["--progress", "json"]].concat()).ok().stdout);
    ["peak_device_bytes", "planned_device_bytes"].map(|field| event[field].as_u64().expect("bytes"))
}

/// The frames of a png sequence, one behind the other.
fn frames(room: &Room, name: &str, count: usize) -> Vec<u8> {
    let one =
        |number| image::open(room.path(&format!("out/{name}-{number}.png"))).expect("a png").into_rgb8().into_raw();
    (1..=count).flat_map(one).collect()
}

/// The least that `--max-memory` works with, as the refusal of less names it: a number and its unit.
fn least(room: &Room, options: &[&str]) -> (u64, &'static str) {
    let ran = room.generate("photo.png", &[options, &["--max-memory", "1"]].concat());
    assert!(ran.code == Some(1) && ran.stderr.lines().count() == 1, "{ran:?}");
    let (words, _) = ran.stderr.split_once(" is the least that works").unwrap_or_else(|| panic!("{ran:?}"));
    let word = words.rsplit(' ').next().unwrap_or_default();
    let unit = ["KiB", "MiB"].into_iter().find(|unit| word.ends_with(unit)).unwrap_or_else(|| panic!("{ran:?}"));
    (word.trim_end_matches(unit).parse().unwrap_or_else(|e| panic!("{e}: {ran:?}")), unit)
}

/// The demo checkpoint with guidance, at its own size.
const DEMO: [&str; 8] = ["--model", "demo", "--frames", "4", "--steps", "2", "--cfg-scale", "2"];

#[test]
fn what_is_counted_is_what_was_planned() {
    let room = Room::new();
    for options in [
        &["--dtype", "f32", "--cfg-passes", "one"][..],
        &["--dtype", "f16", "--cfg-passes", "two", "--count", "2"],
        &["--cfg-steps", "50-100%=1", "--eta", "0.5", "--rng", "philox", "--anchor-interval", "2"],
        &["-W", "128", "-H", "96", "--eta", "0.5"],
    ] {
        let [counted, planned] = memory(&room, &[&DEMO[..], options].concat());
        assert!(counted <= planned, "{options:?}: {counted} bytes, {planned} planned");
        assert!(planned - counted <= planned / 20, "{options:?}: {counted} bytes, {planned} planned: too much");
    }
}

/// Between the clips of a batch the weights of all networks stay, where they have room: planned, counted, and the same clips. Jobs of another type
/// have weights of their own, in place of those.
#[test]
fn what_stays_between_the_clips_of_a_batch_is_planned_and_counted() {
    let room = Room::new();
    let line = |more: &str| {
        format!("{{\"picture\": \"photo.png\", \"output\": \"{more}.png\", \"dtype\": \"{}\"}}\n", &more[..3])
    };
    room.write("jobs.jsonl", ["f32-a-%d", "f32-b-%d", "f16-c-%d", "f32-d-%d"].map(line).concat());
    let clips = |more: &[&str]| {
        let ran = room.run(&as_str(&room::batch("jobs.jsonl", &[more, &["--progress", "json"]].concat()))).ok();
        let events = room::lines(&ran.stdout).into_iter().filter(|event| event["event"] == "clip");
        let bytes = |event: &Value, field: &str| event[field].as_u64().expect("bytes");
        events.map(|e| ["peak_device_bytes", "planned_device_bytes"].map(|field| bytes(&e, field))).collect::<Vec<_>>()
    };
    let staying = clips(&["-o", "staying"]);
    for (clip, [counted, planned]) in staying.iter().enumerate() {
        assert!(counted <= planned, "clip {clip}: {counted} bytes, {planned} planned");
        // Of the first clip of a type the decoder's weights come last, when others have left.
        assert!(clip != 1 || planned - counted <= planned / 20, "{counted} bytes, {planned} planned: too much");
    }
    let limit = format!("{}KiB", staying[0][1] / 1024 - 1);
    let leaving = clips(&["-o", "leaving", "--max-memory", &limit]);
    assert!(leaving[1][1] < staying[1][0], "nothing stayed: {leaving:?}, {staying:?}");
    assert!(leaving[1][0] <= leaving[1][1] && leaving[1] == leaving[0], "{leaving:?}");
    for clip in ["f32-a-1", "f32-b-1", "f16-c-1", "f32-d-1"] {
        assert!(room.read(&format!("staying/{clip}.png")) == room.read(&format!("leaving/{clip}.png")), "{clip}");
    }
}

fn engine() -> (Device, Engine) {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    let device = Device::open(&adapter, Disable::default()).expect("the device opens");
    let checkpoint = Checkpoint::open(ModelFiles::Demo).expect("the checkpoint opens");
    let engine = Engine::new(device.clone(), checkpoint, DtypeChoice::F32, Compat::Diffusers);
    (device, engine.expect("the engine starts"))
}

/// Requests in a row share plans only where everything is alike that these depend on.
#[test]
fn plans_are_those_of_the_request() {
    let (_, engine) = engine();
    let usual = Request { width: 64, height: 64, frames: 2, steps: 1, ..Request::plain() };
    let planned = |request: &Request| engine.planned(request).expect("the plans");
    let (first, again) = (planned(&usual), planned(&Request { steps: 9, target_fps: 4.0, ..usual.clone() }));
    assert!(Arc::ptr_eq(&first, &again), "made twice");
    let others: [fn(&mut Request); 6] = [
        |request| request.frames = 3,
        |request| request.width = 72,
        |request| request.seeds = vec![1, 2],
        |request| request.guidance = 3.0.into(),
        |request| request.passes = Passes::Two,
        |request| request.eta = 0.5,
    ];
    for (number, change) in others.into_iter().enumerate() {
        let mut request = Request { guidance: 1.0.into(), ..usual.clone() };
        let before = planned(&request);
        change(&mut request);
        assert!(!Arc::ptr_eq(&before, &planned(&request)), "change {number} has the plans of another request");
    }
}

/// The device has less room than it told, as when another program has taken some: the clip at work fails, those after it load one network at a time.
#[test]
fn weights_stay_no_more_once_their_room_is_gone() {
    let (device, engine) = engine();
    let limit = Some(1 << 30);
    let engine = engine.with_memory(MemoryPolicy { keep_weights: true, limit, ..MemoryPolicy::default() });
    let request = Request { width: 64, height: 64, frames: 2, steps: 1, ..Request::plain() };
    let plans = &engine.planned(&request).expect("the plans").plans;
    let Estimate { peak_bytes, batch_peak_bytes, .. } = Estimate::new(plans, request.step_counts());
    let mut quiet = |_: Event<'_>| ControlFlow::Continue(());
    device.limit_memory(Some((peak_bytes + batch_peak_bytes) / 2));
    let first = engine.generate(&request, &mut quiet).expect_err("less room than was planned for").to_string();
    assert!(first.contains("has no room for"), "{first}");
    let second = engine.generate(&request, &mut quiet).expect("the clip");
    assert!(second[0].memory.counted <= peak_bytes && second[0].memory.planned == peak_bytes, "{:?}", second[0].memory);
}

#[test]
fn a_limit_is_kept_and_changes_no_frame() {
    let room = Room::new();
    let (least, unit) = least(&room, &DEMO);
    let limited = |limit: &str, name: &str| {
        let output = format!("out/{name}-%d.png");
        let options = [&DEMO[..], &["--cfg-passes", "two", "--max-memory", limit, "-o", &output]].concat();
        memory(&room, &options)
    };
    let [free, _] = limited("1GiB", "free");
    let limit = format!("{least}{unit}");
    let [counted, planned] = limited(&limit, "tight");
    assert!(
        counted <= planned && planned <= least << if unit == "KiB" { 10 } else { 20 } && counted <= free,
        "{counted} {planned} {least} {free}"
    );
    assert!(frames(&room, "free", 4) == frames(&room, "tight", 4), "the limit changed the frames");
    let less = format!("{}{unit}", least - 1);
    let ran = room.generate("photo.png", &[&DEMO[..], &["--max-memory", &less]].concat());
    assert!(ran.code == Some(1) && ran.stderr.contains(&limit), "{ran:?}");
}

#[test]
fn what_is_used_to_save_memory_is_told() {
    let room = Room::new();
    let [one, _] = memory(&room, &[&DEMO[..], &["--cfg-passes", "one", "-o", "out/one.gif"]].concat());
    let limit = (one - 1).to_string();
    let options = [&DEMO[..], &["--max-memory", &limit]].concat();
    let ran = room.generate("photo.png", &[&options[..], &["--progress", "plain"]].concat()).ok();
    let note =
        ran.stderr.lines().find_map(|line| line.strip_prefix("note: memory: ")).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(note.contains("(--") && note.contains(": without, it would be"), "{note}");
    let advised = room.run(&[&["advise"][..], &options].concat()).ok().stdout;
    assert!(advised.contains(note), "{note}\n{advised}");
}

/// Ten times the logarithm of 255² over the mean square of differences; infinite where there is none.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / square).log10()
}

/// Group norms take their statistics from all tiles, so what is left is what convolutions see beyond the overlap, and rounding.
#[test]
fn a_decode_in_tiles_is_the_whole_decode() {
    let room = Room::new();
    for dtype in ["f32", "f16"] {
        let run = |tile: &str, name: &str| {
            let output = format!("out/{name}-%d.png");
            let size = ["-W", "64", "-H", "320", "--frames", "2", "--steps", "1", "--cfg-scale", "1"];
            let options = ["--model", "demo", "--dtype", dtype, "--vae-tile", tile, "-o", &output];
            memory(&room, &[&size[..], &options].concat())
        };
        run("off", "whole");
        let whole = frames(&room, "whole", 2);
        // Five tiles; tiles of which the last is smaller; two.
        for rows in ["64", "72", "160"] {
            let [counted, planned] = run(rows, "tiles");
            assert!(counted <= planned, "{rows}: {counted} bytes, {planned} planned");
            let tiles = frames(&room, "tiles", 2);
            let (found, worst) = (psnr(&whole, &tiles), whole.iter().zip(&tiles).map(|(a, b)| a.abs_diff(*b)).max());
            println!("{dtype}, {rows} rows: {found:.1} dB, worst {worst:?}");
            assert!(found > 55.0 && worst < Some(8), "{dtype}, {rows} rows: {found} dB, {worst:?} levels");
        }
    }
}

#[test]
fn streamed_weights_change_no_frame() {
    let room = Room::new();
    // As counted, in one batch and in two passes: in the next test, too.
    let options = ["--cfg-steps", "50-100%=1", "--rng", "philox", "--eta", "0.5"];
    let run = |offload: &[&str], name: &str| {
        let output = format!("out/{name}-%d.png");
        memory(&room, &[&DEMO[..], &options, offload, &["-o", &output]].concat())
    };
    let [kept, _] = run(&[], "kept");
    let [streamed, planned] = run(&["--offload"], "streamed");
    assert!(streamed <= planned && planned - streamed <= planned / 20 + (512 << 10), "{streamed} of {planned}");
    assert!(streamed < kept, "{streamed} bytes, {kept} where weights are kept");
    assert!(frames(&room, "kept", 4) == frames(&room, "streamed", 4), "other frames");
}

/// Between the memory of streamed weights and that of kept ones, as many stay as fit, to the byte of a plan that is never exceeded.
#[test]
fn weights_that_stay_in_part_change_no_frame() {
    let room = Room::new();
    for options in [
        &["--dtype", "f32", "--cfg-passes", "one"][..],
        &["--dtype", "f16", "--cfg-passes", "two", "--count", "2"],
        &["--cfg-steps", "50-100%=1", "--rng", "philox", "--cfg-passes", "one", "--reuse-deep", "2"],
    ] {
        let run = |more: &[&str], name: &str| {
            let output = format!("out/{name}-%d.png");
            let options = [&DEMO[..], options, more, &["-o", &output, "--progress", "json"]].concat();
            done(&room.generate("photo.png", &options).ok().stdout)
        };
        let bytes = |event: &Value, field: &str| event[field].as_u64().unwrap_or_else(|| panic!("{field}: {event}"));
        let of_unet = |event: &Value| ["kept_bytes", "streamed_bytes"].map(|field| bytes(&event["streaming"], field));
        let (kept, streamed) = (run(&[], "kept"), run(&["--offload"], "streamed"));
        assert_eq!(kept["streaming"], Value::Null);
        let [none, all] = of_unet(&streamed);
        assert_eq!(none, 0);
        let peak = |event: &Value| bytes(event, "peak_device_bytes");
        let (counted, planned, before) = (peak(&streamed), bytes(&streamed, "planned_device_bytes"), peak(&kept));
        assert!(
            counted <= planned && planned - counted <= planned / 20 + (512 << 10),
            "{options:?}: {counted} of {planned}"
        );
        assert!(counted < before, "{options:?}: {counted} bytes, {before} where weights are kept");
        let [least, most] = [&streamed, &kept].map(|event| bytes(event, "planned_device_bytes"));
        let mut before = [none, all];
        for share in [10, 50, 90] {
            let limit = least + (most - least) * share / 100;
            let some = run(&["--max-memory", &limit.to_string()], "some");
            let [counted, planned] = ["peak_device_bytes", "planned_device_bytes"].map(|field| bytes(&some, field));
            assert!(counted <= planned && planned <= limit, "{options:?}: {counted} of {planned} of {limit}");
            assert!(planned - counted <= planned / 20 + (512 << 10), "{options:?}: {counted} of {planned}: too much");
            let [stays, passes] = of_unet(&some);
            assert!(stays > before[0] && passes < before[1], "{options:?}: {stays} {passes} after {before:?}");
            before = [stays, passes];
            let clip = if options.contains(&"--count") { "-2" } else { "" };
            let shown = |name: &str| frames(&room, &format!("{name}{clip}"), 4);
            assert!(shown("some") == shown("kept") && shown("some") == shown("streamed"), "{options:?}: other frames");
        }
    }
}

/// `plan`, `advise` and `generate` say the same of what stays and what passes; `--offload` keeps nothing, whatever the limit.
#[test]
fn what_stays_and_what_passes_is_told() {
    let room = Room::new();
    let demo = [&DEMO[..], &["--cfg-passes", "one"]].concat();
    let [one, _] = memory(&room, &demo);
    let limit = (one * 2 / 3).to_string();
    let limited = [&demo[..], &["--max-memory", &limit]].concat();
    let ran = room.generate("photo.png", &limited).ok();
    let words = |text: &str| {
        let line = text.lines().find(|line| line.contains(" pass in every evaluation"));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        line.rsplit("; ").next().unwrap_or_default().to_owned()
    };
    let told = words(&ran.stdout);
    assert!(told.contains(" of the UNet's weights stay on the device, "), "{told}");
    assert_eq!(words(&ran.stderr), told);
    assert_eq!(words(&room.run(&[&["advise"][..], &limited].concat()).ok().stdout), told);

    let none = [&limited[..], &["--offload"]].concat();
    let told = words(&room.generate("photo.png", &none).ok().stdout);
    assert!(told.starts_with("none of the UNet's weights stay on the device, "), "{told}");

    let published = ["plan", "--config", "i2vgen-xl", "--dtype", "f16", "--max-memory", "2560MiB"];
    let text = room.run(&published).ok().stdout;
    let json = room.run(&[&published[..], &["--json"]].concat()).ok().json();
    let estimate = &json["estimate"];
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{estimate}"));
    let [kept, streamed] = ["kept_bytes", "streamed_bytes"].map(|field| number(&estimate["streaming"][field]));
    let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / f64::from(1u32 << 30));
    assert!(kept > 1 << 30 && words(&text).starts_with(&format!("{} of the UNet's", gib(kept))), "{text}");
    // The others fit.
    for phase in estimate["phases"].as_array().expect("phases") {
        let of_unet = ["conditions", "denoising"].contains(&phase["name"].as_str().expect("a name"));
        assert_eq!(number(&phase["streamed"]) > 0, of_unet, "{phase}");
        if phase["name"] == "denoising" {
            assert_eq!(number(&phase["streamed"]), streamed);
        }
    }
    let peak = number(&estimate["peak_bytes"]);
    assert!(peak <= 2560 << 20 && peak > 2500 << 20, "{peak}");
}

/// What is promised of the published model with 16 frames in f16, in GiB.
#[test]
fn no_size_is_planned_for_with_more_than_is_promised() {
    let room = Room::new();
    for (width, height, gib) in
        [("512", "512", 3.6), ("640", "384", 3.5), ("768", "448", 3.8), ("768", "768", 4.5), ("1280", "704", 5.5)]
    {
        let size = ["-W", width, "-H", height, "--frames", "16", "--dtype", "f16"];
        let plan = room.run(&[&["plan", "--config", "i2vgen-xl", "--json"][..], &size].concat()).ok().json();
        let peak = plan["estimate"]["peak_bytes"].as_f64().expect("bytes") / f64::from(1u32 << 30);
        assert!(peak <= gib, "{width}x{height}: {peak:.3} GiB");
    }
}

#[test]
fn the_published_model_is_planned_for_in_a_gibibyte_and_a_half() {
    let room = Room::new();
    let plan = |more: &[&str]| {
        let published = ["plan", "--config", "i2vgen-xl", "--json"];
        let size: &[&str] =
            if more.contains(&"-W") { &[] } else { &["-W", "512", "-H", "512", "--frames", "16", "--dtype", "f16"] };
        room.run(&[&published[..], size, more].concat()).ok().json()
    };
    let streamed = plan(&["--offload"]);
    let peak = streamed["estimate"]["peak_bytes"].as_u64().expect("bytes");
    assert!(peak <= 3 << 29, "{peak} bytes");
    assert_eq!(streamed["savings"]["offload"], true);
    // The first that fits is taken: nothing, two passes, streamed weights, both; with a limit, as many weights stay as fit.
    for (limit, [passes, offload]) in
        [("4GiB", [false, false]), ("3300MiB", [true, false]), ("2GiB", [false, true]), ("900MiB", [true, true])]
    {
        let savings = plan(&["--max-memory", limit])["savings"].clone();
        assert_eq!([&savings["two_passes"], &savings["offload"]], [passes, offload], "{limit}: {savings}");
    }
    // A decode in tiles where the decode is what takes most.
    let tight =
        plan(&["-W", "768", "-H", "768", "--offload", "--cfg-scale", "1", "--frames", "2", "--max-memory", "500MiB"]);
    assert!(tight["savings"]["tiles"].is_u64(), "{}", tight["savings"]);
    assert!(tight["estimate"]["peak_bytes"].as_u64() <= Some(500 << 20));
    // And where a whole frame exceeds a buffer, whatever the memory.
    let small = ["--assume-device", "portable", "--dtype", "f32", "-W", "576", "-H", "576", "--frames", "2"];
    assert!(plan(&small)["savings"]["tiles"].is_u64());
    let ran = room.run(&[&["plan", "--config", "i2vgen-xl", "--vae-tile", "off"], &small[..]].concat());
    assert!(
        ran.code == Some(1) && ran.stderr.contains("largest buffer") && ran.stderr.contains("--vae-tile auto"),
        "{ran:?}"
    );
}

#[test]
fn sizes_that_cannot_be_meant_are_refused() {
    let room = Room::new();
    for (size, word) in
        [("0", "expected a size"), ("much", "expected a size"), ("-1", "expected a size"), ("1KiB", "least")]
    {
        let ran = room.generate("photo.png", &["--max-memory", size]);
        let told: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert!(ran.code.is_some_and(|code| code > 0) && told.len() == 1 && told[0].contains(word), "{size}: {ran:?}");
        assert!(told[0].contains("--max-memory"), "{size}: {ran:?}");
    }
    for (tile, word) in [("0", "expected auto, off"), ("much", "expected auto, off"), ("60", "take 64")] {
        let ran = room.generate("photo.png", &["--vae-tile", tile]);
        assert!(ran.code.is_some_and(|code| code > 0) && ran.stderr.contains(word), "{tile}: {ran:?}");
        assert!(ran.stderr.contains("--vae-tile"), "{tile}: {ran:?}");
    }
    assert_eq!(std::fs::read_dir(room.path("out")).expect("a folder").count(), 0);
}
