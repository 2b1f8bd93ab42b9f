//! Names that cannot be written to, clips too large for their format, and files that carry no parameters.

use std::fs;

use super::refuses_to_generate;
use crate::room::Room;

#[test]
fn an_output_that_cannot_be_written() {
    let room = Room::new();
    fs::create_dir(room.path("out/taken.gif")).unwrap();
    for (output, words) in [
        ("absent/clip.mp4", &["absent", "does not exist"][..]),
        ("photo.png/clip.mp4", &["photo.png", "not a folder"]),
        ("out/taken.gif", &["taken.gif", "a folder has that name"]),
        ("out/clip", &["out/clip", ".mp4"]),
        ("out/clip.avi", &["clip.avi", ".mp4, .gif"]),
        ("out/clip.png", &["clip.png", "%03d"]),
        ("out/%d-%d.png", &["more than one frame number"]),
        (&format!("out/{}.mp4", "n".repeat(300)), &["cannot write out/nnn"]),
    ] {
        refuses_to_generate(&room, "photo.png", &["-o", output], words);
    }
    // The third clip's name is longer than the first one's.
    let longest = format!("out/{}.mp4", "n".repeat(251));
    refuses_to_generate(&room, "photo.png", &["--count", "3", "-o", &longest], &["cannot write out/nnn", "-2.mp4"]);
    // No file can be made there, not even by root.
    if cfg!(target_os = "linux") {
        refuses_to_generate(&room, "photo.png", &["-o", "/proc/clip.mp4"], &["/proc", "not writable"]);
    }
}

#[test]
fn an_output_that_is_too_large() {
    let room = Room::new();
    let wide = ["-W", "4096", "-o"];
    for (arguments, words) in [
        (&["-W", "512", "--output-scale", "8"][..], &["--output-scale 8", "3840×2160", "4096×512"][..]),
        (&["--output-scale", "2", "-o", "out/clip.safetensors"], &["--output-scale 2", "latents", "take 1"]),
        (&[&wide[..], &["out/clip.webp", "--output-scale", "4"]].concat(), &["--output-scale 4", "16384×256"]),
        (&[&wide[..], &["out/clip.mp4"]].concat(), &["H.264", "4096×64", ".webp"]),
    ] {
        refuses_to_generate(&room, "photo.png", arguments, words);
    }
}

#[test]
fn an_output_over_what_it_is_made_from() {
    let room = Room::new();
    room.write("out/frame-2.png", room.read("photo.png"));
    let output = ["-o", "out/frame-%d.png"];
    let replaced = ["out/frame-2.png", "would be replaced"];
    refuses_to_generate(&room, "out/frame-2.png", &[&output[..], &["--frames", "2"]].concat(), &replaced);
    room.generate("out/frame-2.png", &output).ok();
    refuses_to_generate(&room, "photo.png", &["--from", "out/frame-1.png", "-o", "out/frame-%d.png"], &["frame-1.png"]);
}

#[cfg(unix)]
#[test]
fn an_output_folder_without_the_right_to_write() {
    use std::os::unix::fs::PermissionsExt;

    let room = Room::new();
    let allow = |mode| fs::set_permissions(room.path("out"), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    // Root may write everywhere.
    if fs::write(room.path("out/probe"), "").is_err() {
        refuses_to_generate(&room, "photo.png", &[], &["out/clip.mp4", "not writable"]);
    }
    allow(0o755);
}

#[test]
fn parameters_of_a_file_that_has_none() {
    let room = Room::new();
    room.write("clip.mp4", "no clip");
    refuses_to_generate(&room, "photo.png", &["--from", "photo.png"], &["photo.png", "no i2vgen parameters"]);
    refuses_to_generate(&room, "photo.png", &["--from", "clip.mp4"], &["clip.mp4"]);
    refuses_to_generate(&room, "photo.png", &["--from", "absent.mp4"], &["absent.mp4"]);
    refuses_to_generate(&room, "photo.png", &["--from", "absent-%03d.png"], &["absent-001.png"]);
}
