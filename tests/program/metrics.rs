//! `i2vgen metrics`: what a clip is like, in numbers.

use std::{ops::ControlFlow, path::Path};

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    lab::ReferenceCase,
    picture::{Picture, cover_crop},
    pipeline::{Compat, DtypeChoice, Engine, Event},
    video::{self, Clip, Target},
};
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::room::{self, Room};

/// The embedding is the one that transformers' CLIPVisionModelWithProjection gave for the recorded case.
#[test]
fn embeddings_are_those_of_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo");
    let case = ReferenceCase::open(&folder).unwrap();
    let expected = &case.tensor("image.clip_embeds").unwrap().values;
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().filter(|name| !name.is_empty()).as_deref()).unwrap();
    let device = Device::open(&adapter, Disable::default()).unwrap();
    let checkpoint = Checkpoint::open(ModelFiles::Demo).unwrap();
    let engine = Engine::new(device, checkpoint, DtypeChoice::F32, Compat::Diffusers).unwrap();
    // The clip of the case is 64 pixels wide and square: what is embedded is what it shows.
    let picture = cover_crop(&Picture::open(&folder.join("input.png")).unwrap().picture, 64, 64).unwrap();
    let mut seen = 0;
    let mut observer = |event: Event<'_>| {
        seen += usize::from(matches!(event, Event::Frame { .. }));
        ControlFlow::Continue(())
    };
    let found = engine.embed(&[picture.clone(), picture], &mut observer).unwrap();
    assert_eq!((found.len(), seen), (2, 2));
    assert!(found[0] == found[1], "the same picture, the same embedding");
    let rms = (expected.iter().map(|v| v * v).sum::<f32>() / expected.len() as f32).sqrt();
    let worst = found[0].iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
    assert!(found[0].len() == expected.len() && worst < 1e-4 * rms, "{worst} of {rms}");
    assert!((i2vgen::metrics::cosine(&found[0], expected) - 1.0).abs() < 1e-6);
}

/// Writes a clip of a red disc that moves to the right over the picture `ground.png`, which it begins with.
fn disc(room: &Room, name: &str, frames: u32, x: impl Fn(u32) -> u32) {
    let frame = |t: u32| {
        let picture = RgbImage::from_fn(48, 40, |column, row| {
            let (dx, dy) = (column.abs_diff(x(t)), row.abs_diff(20));
            let ground = Rgb([(column * 4) as u8, (row * 5) as u8, ((column * 7 + row * 11) % 60 + 90) as u8]);
            if dx * dx + dy * dy < 90 { Rgb([210, 40, (dx * 9) as u8]) } else { ground }
        });
        picture.into_raw()
    };
    let clip = Clip { width: 48, height: 40, fps: 8.0, frames: (0..frames).map(frame).collect() };
    RgbImage::from_raw(48, 40, clip.frames[0].clone()).unwrap().save(room.path("ground.png")).unwrap();
    video::write(&Target::parse(&room.path(name)).unwrap(), &clip, None, &Value::Null).unwrap();
}

fn right(t: u32) -> u32 {
    14 + 2 * t
}

fn numbers(values: &Value, name: &str) -> Vec<f64> {
    values["per_frame"].as_array().unwrap().iter().filter_map(|frame| frame[name].as_f64()).collect()
}

#[test]
fn every_format_is_measured_alike() {
    let room = Room::new();
    let mut motions = Vec::new();
    for name in ["a-%02d.png", "a.mp4", "a.webp", "a.gif"] {
        disc(&room, name, 5, right);
        let found = room.run(&["metrics", name, "--no-identity", "--json"]).ok().json();
        assert_eq!(
            (&found["frames"], &found["width"], &found["reference"]["kind"]),
            (&5.into(), &48.into(), &"first frame".into())
        );
        assert_eq!(
            (numbers(&found, "psnr").len(), numbers(&found, "motion").len(), numbers(&found, "smoothness").len()),
            (4, 4, 3)
        );
        assert!(found["mean"].get("identity").is_none() && found["mean"]["returning"].as_f64() < Some(0.05), "{found}");
        motions.push(found["mean"]["motion"].as_f64().unwrap());
    }
    // A disc of radius 9.5 over 48 x 40 pixels that moves by 2: 0.3.
    assert!((0.25..0.45).contains(&motions[0]), "{motions:?}");
    assert!(motions.iter().all(|motion| (motion / motions[0] - 1.0).abs() < 0.25), "{motions:?}");
}

#[test]
fn a_clip_is_compared_with_a_picture_or_another_clip() {
    let room = Room::new();
    disc(&room, "a-%d.png", 5, right);
    let text = room.run(&["metrics", "a-%d.png", "--no-identity", "--csv", "out/a.csv"]).ok().stdout;
    for words in ["5 frames of 48x40, compared with its own first frame", "\nclip ", "PSNR [dB]", "motion"] {
        assert!(text.contains(words), "{text}");
    }
    let csv = String::from_utf8(room.read("out/a.csv")).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert!(
        rows.len() == 7 && rows[0].starts_with("frame,psnr,ssim,step_psnr,") && rows[6].starts_with("clip,"),
        "{csv}"
    );

    let against = |reference: &str| {
        room.run(&["metrics", "a-%d.png", "--reference", reference, "--no-identity", "--json"]).ok().json()
    };
    let picture = against("ground.png");
    assert_eq!((&picture["reference"]["kind"], numbers(&picture, "psnr").len()), (&"picture".into(), 5));
    assert_eq!(numbers(&picture, "psnr")[0], 100.0);
    // A picture of another size is cropped as for a clip of this one.
    image::open(room.path("ground.png"))
        .unwrap()
        .resize_exact(96, 120, image::imageops::FilterType::Nearest)
        .save(room.path("tall.png"))
        .unwrap();
    assert!(numbers(&against("tall.png"), "psnr")[0] < 40.0);
    // What is under its transparency shows, also where the clip says nothing about itself.
    image::RgbaImage::from_pixel(48, 40, image::Rgba([9, 200, 9, 100])).save(room.path("clear.png")).unwrap();
    let clear = against("clear.png");
    assert!(clear["notes"].to_string().contains("clear.png: its transparency is dropped"), "{clear}");
    let piped = room.run(&["metrics", "-", "--no-identity"]);
    assert!(piped.code == Some(1) && piped.stderr.contains("name a clip"), "{piped:?}");
    // Backwards: it comes back to the picture, and no frame but the middle one is the same.
    disc(&room, "b-%d.png", 5, |t| right(4 - t));
    image::open(room.path("a-1.png")).unwrap().save(room.path("ground.png")).unwrap();
    let reversed =
        room.run(&["metrics", "b-%d.png", "--reference", "ground.png", "--no-identity", "--json"]).ok().json();
    assert!(reversed["mean"]["returning"].as_f64() > Some(0.95), "{reversed}");
    let clip = against("b-%d.png");
    assert_eq!(clip["reference"]["kind"], "clip");
    let equal: Vec<bool> = numbers(&clip, "psnr").iter().map(|psnr| *psnr == 100.0).collect();
    assert_eq!(equal, [false, false, true, false, false]);
    // A clip of one frame is a picture, also where pictures have no such format.
    disc(&room, "one-%d.png", 1, right);
    let still = against("one-%d.png");
    assert_eq!((&still["reference"]["kind"], numbers(&still, "psnr")[0]), (&"picture".into(), 100.0));
}

/// A clip of this program: at its own size if it was written enlarged, against its picture as it was prepared for it.
#[test]
fn a_generated_clip_is_measured_with_its_own_picture() {
    let room = Room::new();
    let settings = ["--frames", "2", "--prepare", "edges", "--edge-amount", "4"];
    let run = |more: &[&str]| room.generate("photo.png", &[&settings[..], more].concat()).ok();
    run(&["-o", "out/small-%d.png"]);
    run(&["-o", "out/large-%d.png", "--output-scale", "3", "--output-filter", "nearest"]);
    let device = std::env::var("I2VGEN_DEVICE").unwrap_or_default();
    let device: &[&str] = if device.is_empty() { &[] } else { &["--device", &device] };
    let found = |clip: &str, more: &[&str]| {
        room.run(&[&["metrics", clip, "--json", "--model", "model"], device, more].concat()).ok().json()
    };
    let small = found("out/small-%d.png", &["--reference", "photo.png"]);
    let large = found("out/large-%d.png", &["--reference", "photo.png"]);
    assert_eq!((&small["mean"], &small["per_frame"]), (&large["mean"], &large["per_frame"]));
    assert!(large["notes"].to_string().contains("enlarged 3 times"), "{large}");
    let identity = numbers(&small, "identity");
    assert!(identity.len() == 2 && identity.iter().all(|cosine| (-1.0..=1.0).contains(cosine)), "{identity:?}");
    // A copy of the picture under another name is still the clip's picture; another picture is not.
    room.write("copy.png", room.read("photo.png"));
    assert_eq!(found("out/small-%d.png", &["--reference", "copy.png"])["mean"], small["mean"]);
    room::photo(64, 90).save(room.path("other.png")).unwrap();
    let other = found("out/small-%d.png", &["--reference", "other.png"]);
    assert!(other["notes"].to_string().contains("is not the picture that"), "{other}");
    assert_ne!(other["mean"], small["mean"]);

    // Without a reference it says how to name the picture.
    let told = room.run(&["metrics", "out/small-%d.png", "--no-identity"]).ok();
    assert!(told.stderr.contains("was made from 'photo.png', which is here: --reference photo.png"), "{}", told.stderr);
    // Another model sees with other eyes: that is told.
    let demo = room.run(&[&["metrics", "out/small-%d.png", "--model", "demo"], device].concat()).ok();
    assert!(demo.stderr.contains("identity is that of the model 'demo'"), "{}", demo.stderr);
}
