//! No device, another one, one that is too small.

use super::{refuses, refuses_to_generate};
use crate::{
    room::{self, Room},
    skip::skip,
};

/// The loader then finds no driver at all.
#[cfg(target_os = "linux")]
#[test]
fn no_adapter() {
    let room = Room::new();
    room.write("empty.json", "{}");
    let generate = room::generate("photo.png", &[]);
    for driver in ["empty.json", "absent.json"] {
        for arguments in [&["devices"][..], &room::as_str(&generate)] {
            let mut command = room.command(arguments);
            command.env("VK_DRIVER_FILES", room.path(driver)).env("VK_ICD_FILENAMES", room.path(driver));
            refuses(&room, command, &["no GPU adapter", "driver"]);
        }
    }
}

#[test]
fn a_device_that_is_not_there() {
    let room = Room::new();
    let device = ["--device", "Voodoo 3"];
    refuses_to_generate(&room, "photo.png", &device, &["'Voodoo 3'", "the adapters are"]);
    let refused = ["--dtype", "f16", "--no-f16"];
    refuses_to_generate(&room, "photo.png", &refused, &["--dtype", "no f16", "take --dtype f32"]);
}

#[test]
fn a_device_too_small_for_the_request() {
    let room = Room::new();
    refuses_to_generate(&room, "photo.png", &["--max-binding", "1KiB"], &["--max-binding", "at least"]);
    let capabilities = room.run(&["devices", "--json"]).ok().json()[0]["capabilities"].clone();
    if capabilities["memory"].as_u64().is_none_or(|bytes| bytes > 4 << 30) {
        // It might do it.
        return skip("a request for more memory than there is", "little-memory");
    }
    // Too much for a buffer; too much for the memory, where a smaller size would fit.
    for (frames, word) in [("1024", "largest buffer"), ("64", "--width")] {
        let huge = ["-W", "4096", "-H", "4096", "--frames", frames, "--cfg-scale", "9", "-o", "out/clip.webp"];
        refuses_to_generate(&room, "photo.png", &huge, &["device", word]);
    }
}
