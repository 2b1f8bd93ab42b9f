//! Prompts that are too long, in any script, or not there.

use super::refuses;
use crate::room::{Ran, Room, parameters};

fn notes(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("note: ")).collect()
}

#[test]
fn a_prompt_longer_than_77_tokens() {
    let room = Room::new();
    let prompt = format!("{}and sleeps", "ab ".repeat(45));
    let ran = room.generate("photo.png", &["-p", &prompt]).ok();
    let [note] = notes(&ran)[..] else { panic!("{}", ran.stderr) };
    assert!(note.contains("longer than 77 tokens") && note.contains("and sleeps\"; shorten it (-p)"), "{note}");
    let negative = room.generate("photo.png", &["-n", &prompt, "--cfg-scale", "2", "-o", "out/negative.mp4"]).ok();
    assert!(notes(&negative)[0].contains("the negative prompt is longer"), "{}", negative.stderr);
}

#[test]
fn a_prompt_in_any_script_or_none() {
    let room = Room::new();
    let scripts = "قطة تدير رأسها 猫は頭を回す 고양이 кошка 😺👩‍👩‍👧 a\u{301}\u{202e}\u{feff}";
    for (prompt, clip) in [("", "out/empty.mp4"), (scripts, "out/scripts.mp4")] {
        let ran = room.generate("photo.png", &["-p", prompt, "-o", clip]).ok();
        assert!(notes(&ran).iter().all(|note| note.contains("longer than 77 tokens")), "{}", ran.stderr);
        assert_eq!(parameters(&room, clip)["prompt"], prompt);
    }
}

#[test]
fn no_prompt_and_no_picture() {
    let room = Room::new();
    refuses(&room, room.command(&["generate", "photo.png", "--model", "model"]), &["no prompt", "-p"]);
    refuses(&room, room.command(&["generate", "-p", "A cat", "--model", "model"]), &["no picture"]);
}
