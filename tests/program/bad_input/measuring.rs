//! Clips that cannot be measured.

use i2vgen::video::{self, Clip, Target};
use serde_json::Value;

use super::refuses;
use crate::room::Room;

/// Asserts that `metrics` refuses a clip; without identity, which nothing here gets to.
fn refuses_to_measure(room: &Room, arguments: &[&str], words: &[&str]) {
    refuses(room, room.command(&[&["metrics", "--no-identity"], arguments].concat()), words);
}

#[test]
fn a_clip_that_cannot_be_measured() {
    let room = Room::new();
    let clip = |name: &str, frames: u8| {
        let frames = (1..=frames).map(|t| (0..64 * 48 * 3).map(|at| (at as u8).wrapping_mul(t)).collect()).collect();
        let clip = Clip { width: 64, height: 48, fps: 8.0, frames };
        video::write(&Target::parse(&room.path(name)).unwrap(), &clip, None, &Value::Null).unwrap();
    };
    clip("clip.mp4", 3);
    clip("one.mp4", 1);
    clip("two.webp", 2);
    let latents = Target::parse(&room.path("latents.safetensors")).unwrap();
    video::write_latents(&latents, &[0.5; 96], [1, 4, 2, 3, 4], &Value::Null).unwrap();
    let whole = room.read("clip.mp4");
    room.write("half.mp4", &whole[..whole.len() / 2]);
    room.write("cut.mp4", &whole[..whole.len() - 9]);
    let index = whole.windows(4).rposition(|kind| kind == b"avc1").unwrap();
    room.write("other.mp4", [&whole[..index], b"hvc1", &whole[index + 4..]].concat());
    room.write("letter.txt", "Dear viewer, imagine a cat.");
    for (clip, words) in [
        ("absent.mp4", &["absent.mp4"][..]),
        ("absent-%03d.png", &["absent-%03d.png", "no frame 0 or 1"]),
        ("letter.txt", &["letter.txt", "not an mp4"]),
        ("out", &["out"]),
        ("half.mp4", &["half.mp4", "damaged mp4"]),
        ("cut.mp4", &["cut.mp4", "ends early"]),
        ("other.mp4", &["other.mp4", "'hvc1'", "H.264"]),
        ("latents.safetensors", &["latents.safetensors", "latents"]),
        ("photo.png", &["photo.png", "one picture is no clip", "name-%03d.png"]),
        ("one.mp4", &["one.mp4", "it has one frame", "--frames 2"]),
    ] {
        refuses_to_measure(&room, &[clip], words);
    }
    for (reference, words) in [
        ("absent.png", &["cannot read absent.png"][..]),
        ("letter.txt", &["letter.txt", "not a picture"]),
        ("two.webp", &["two.webp", "has 2 frames", "clip.mp4 has 3"]),
        ("half.mp4", &["half.mp4", "damaged mp4"]),
        ("latents.safetensors", &["latents.safetensors", "latents"]),
    ] {
        refuses_to_measure(&room, &["clip.mp4", "--reference", reference], words);
    }
    for (csv, words) in [("clip.mp4", &["clip.mp4 would be replaced"][..]), ("nowhere/a.csv", &["nowhere/a.csv"])] {
        refuses_to_measure(&room, &["clip.mp4", "--csv", csv], words);
    }
    // A device and a model are needed for identity alone.
    let mut command = room.command(&["metrics", "clip.mp4", "--model", "model"]);
    command.env("VK_DRIVER_FILES", room.path("none")).env("VK_ICD_FILENAMES", room.path("none"));
    refuses(&room, command, &["no GPU adapter", "--no-identity"]);
    refuses(&room, room.command(&["metrics", "clip.mp4", "--model", "nowhere"]), &["nowhere"]);
}
