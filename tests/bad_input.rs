//! Whatever comes in: one clear line that names the thing, a non-zero exit code, nothing half-written. Or it works.

mod program;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use i2vgen::video::{self, Clip, Target};
use image::{DynamicImage, ImageEncoder, Luma, Rgba, codecs::jpeg::JpegEncoder};
use program::{Ran, Room, photo};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const UNET: &str = "model/unet/diffusion_pytorch_model.fp16.safetensors";

/// Asserts that a command fails, tells why in one line with all `words`, does not panic, and changes no file.
fn refuses(room: &Room, command: Command, words: &[&str]) {
    let before = files(&room.path(""));
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let ran = program::finish(command);
    assert!(matches!(ran.code, Some(1 | 2)), "{what}: {ran:?}");
    let told: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
    assert_eq!(told.len(), 1, "{what}: one line is expected: {}", ran.stderr);
    assert!(told[0].starts_with("error: "), "{what}: {}", told[0]);
    for word in words {
        assert!(told[0].contains(word), "{what}: no '{word}' in: {}", told[0]);
    }
    assert!(before == files(&room.path("")), "{what}: left something behind");
}

/// The same for `generate`.
fn refuses_to_generate(room: &Room, picture: &str, changed: &[&str], words: &[&str]) {
    refuses(room, room.command(&program::as_str(&program::generate(picture, changed))), words);
}

/// Every file and folder below a folder, with its length.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let kind = entry.metadata().expect("a file");
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        }
        found.insert(entry.path(), if kind.is_dir() { 0 } else { kind.len() });
    }
    found
}

/// Changes one field of a JSON file.
fn change(room: &Room, file: &str, pointer: &str, value: Value) {
    let mut contents: Value = serde_json::from_slice(&room.read(file)).expect("JSON");
    *contents.pointer_mut(pointer).expect("the field") = value;
    room.write(file, contents.to_string());
}

// --- the device ---

/// The loader then finds no driver at all.
#[cfg(target_os = "linux")]
#[test]
fn no_adapter() {
    let room = Room::new();
    room.write("empty.json", "{}");
    let generate = program::generate("photo.png", &[]);
    for driver in ["empty.json", "absent.json"] {
        for arguments in [&["devices"][..], &program::as_str(&generate)] {
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
        return; // it might do it
    }
    // Too much for a buffer; too much for the memory, where a smaller size would fit.
    for (frames, word) in [("1024", "largest buffer"), ("64", "--width")] {
        let huge = ["-W", "4096", "-H", "4096", "--frames", frames, "--cfg-scale", "9", "-o", "out/clip.webp"];
        refuses_to_generate(&room, "photo.png", &huge, &["device", word]);
    }
}

// --- the model folder ---

#[test]
fn a_model_that_is_not_there() {
    let room = Room::new();
    fs::create_dir(room.path("empty")).unwrap();
    let download = "hf download ali-vilab/i2vgen-xl";
    for (model, words) in [
        ("nowhere", &["nowhere", download, "--local-dir nowhere"][..]),
        ("empty", &["empty", "model_index.json", download]),
        ("photo.png", &["photo.png", "not a folder"]),
    ] {
        refuses_to_generate(&room, "photo.png", &["--model", model], words);
        refuses(&room, room.command(&["inspect", model]), words);
    }
}

#[test]
fn weights_missing_cut_short_or_damaged() {
    let room = Room::new();
    let whole = room.read(UNET);
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut endless = whole.clone();
    endless[..8].fill(0xff);
    let mut no_json = whole.clone();
    no_json[8..40].fill(b'#');
    let mut past_the_end = whole.clone();
    let text = String::from_utf8(whole[8..8 + header].to_vec()).unwrap();
    past_the_end[8..8 + header]
        .copy_from_slice(text.replacen("\"data_offsets\":[0,", "\"data_offsets\":[9,", 1).as_bytes());

    for contents in [&[][..], &whole[..5], &whole[..100], &whole[..whole.len() - 1], &endless, &no_json, &past_the_end]
    {
        room.write(UNET, contents);
        refuses_to_generate(&room, "photo.png", &[], &["unet", "not a whole safetensors file", "download it again"]);
    }
    refuses(&room, room.command(&["inspect", "model"]), &["unet", "not a whole safetensors file"]);
    fs::remove_file(room.path(UNET)).unwrap();
    refuses_to_generate(&room, "photo.png", &[], &["unet has no weights"]);
}

#[test]
fn configuration_files_missing_or_damaged() {
    let room = Room::new();
    for (file, word) in [
        ("model_index.json", "model_index.json"),
        ("unet/config.json", "config.json"),
        ("vae/config.json", "config.json"),
        ("text_encoder/config.json", "config.json"),
        ("image_encoder/config.json", "config.json"),
        ("scheduler/scheduler_config.json", "scheduler_config.json"),
        ("feature_extractor/preprocessor_config.json", "preprocessor_config.json"),
        ("tokenizer/vocab.json", "tokenizer"),
        ("tokenizer/merges.txt", "merges.txt"),
    ] {
        let file = format!("model/{file}");
        let whole = room.read(&file);
        fs::remove_file(room.path(&file)).unwrap();
        refuses_to_generate(&room, "photo.png", &[], &[word]);
        // The first line of merges.txt is a comment, whatever it says.
        room.write(&file, "{ \"half\": [1,\n2");
        refuses_to_generate(&room, "photo.png", &[], &[word]);
        room.write(&file, whole);
    }
}

#[test]
fn a_configuration_with_a_field_that_makes_no_sense() {
    for (file, pointer, value, words) in [
        (
            "unet/config.json",
            "/block_out_channels",
            json!([32, -32, 64, 64]),
            &["unet/config.json", "block_out_channels"][..],
        ),
        ("unet/config.json", "/norm_num_groups", json!(0), &["unet/config.json", "norm_num_groups"]),
        ("vae/config.json", "/scaling_factor", json!("much"), &["vae/config.json", "scaling_factor"]),
        ("text_encoder/config.json", "/num_attention_heads", json!(7), &["text_encoder/config.json"]),
        ("scheduler/scheduler_config.json", "/num_train_timesteps", json!(0), &["num_train_timesteps"]),
        ("i2vgen.json", "/frames", json!("many"), &["i2vgen.json", "frames"]),
    ] {
        let room = Room::new();
        change(&room, &format!("model/{file}"), pointer, value);
        refuses_to_generate(&room, "photo.png", &[], words);
    }
}

/// Tensors that do not fit are listed below the line, one each, with both shapes.
#[test]
fn a_configuration_that_contradicts_the_tensors() {
    let room = Room::new();
    change(&room, "model/vae/config.json", "/block_out_channels/0", json!(24));
    let told = room.generate("photo.png", &[]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""));
    let lines: Vec<&str> = told.stderr.lines().collect();
    assert!(lines[0].starts_with("error: ") && lines[0].contains("do not fit the configuration"), "{}", lines[0]);
    assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "{}", told.stderr);
    let misshapen = lines.iter().find(|line| line.contains("encoder.conv_in.weight")).expect("the tensor is named");
    assert!(misshapen.contains("vae") && misshapen.contains("[24, 3, 3, 3]") && misshapen.contains("[16, 3, 3, 3]"));
    assert!(fs::read_dir(room.path("out")).unwrap().next().is_none());

    let inspected = room.run(&["inspect", "model", "--json"]);
    assert_eq!((inspected.code, inspected.stderr.as_str()), (Some(1), ""));
    assert_eq!(inspected.json()["problems"].as_array().map(Vec::len), Some(lines.len() - 1));
}

/// The file is whole; what is in it cannot give a picture.
#[test]
fn weights_that_are_not_numbers() {
    let room = Room::new();
    let mut weights = room.read(UNET);
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    assert!(SafeTensors::deserialize(&weights).is_ok());
    weights[8 + header..].fill(0xff);
    room.write(UNET, weights);
    refuses_to_generate(&room, "photo.png", &[], &["not numbers", "i2vgen verify"]);
}

// --- the numbers ---

#[test]
fn numbers_out_of_range() {
    let room = Room::new();
    for (flag, value, words) in [
        ("-W", "60", &["--width", "60", "take 56 or 64"][..]),
        ("-H", "1", &["--height", "take 8"]),
        ("-W", "0", &["--width"]),
        ("-H", "-64", &["--height"]),
        ("-W", "100000", &["--width", "100000"]),
        ("-H", "4294967295", &["--height"]),
        ("--frames", "0", &["--frames", "at least 1"]),
        ("--frames", "1025", &["--frames", "at most 1024"]),
        ("--frames", "two", &["--frames", "two"]),
        ("--steps", "0", &["0 steps", "1 to 1000"]),
        ("--steps", "1001", &["1001 steps", "1 to 1000"]),
        ("--steps", "18446744073709551615", &["18446744073709551615 steps", "1 to 1000"]),
        // Evenly spaced from 1 on, the last of them would be timestep 1000 of 0 to 999.
        ("--steps", "1000", &["1000 steps", "timestep 1000"]),
        ("--eta", "-0.1", &["--eta", "0 (deterministic) to 1"]),
        ("--eta", "1.1", &["--eta", "0 (deterministic) to 1"]),
        ("--eta", "NaN", &["--eta"]),
        ("--cfg-scale", "-1", &["--cfg-scale", "1 (no guidance) to 100"]),
        ("--cfg-scale", "101", &["--cfg-scale", "1 (no guidance) to 100"]),
        ("--cfg-scale", "inf", &["--cfg-scale"]),
        ("--fps", "0", &["--fps", "0.01 to 1000"]),
        ("--target-fps", "-1", &["--target-fps"]),
        ("-s", "-1", &["--seed", "0 to 18446744073709551615"]),
        ("-s", "18446744073709551616", &["--seed", "0 to 18446744073709551615"]),
        ("-s", "cat", &["--seed"]),
        ("--count", "0", &["--count", "1..=1000"]),
        ("--output-scale", "0", &["--output-scale", "1..=16"]),
        ("--output-scale", "17", &["--output-scale", "1..=16"]),
        ("--output-filter", "sharp", &["--output-filter", "nearest"]),
        ("--max-binding", "0", &["--max-binding"]),
        ("--rng", "dice", &["--rng", "torch-cpu"]),
    ] {
        refuses_to_generate(&room, "photo.png", &[flag, value], words);
    }
    refuses_to_generate(&room, "photo.png", &["-s", "18446744073709551615", "--count", "2"], &["--seed", "2 clips"]);
}

// --- the picture ---

#[test]
fn a_picture_that_is_none() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("nothing.png", "");
    room.write("phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    room.write("web.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf");
    let half = room.read("photo.png");
    room.write("half.png", &half[..half.len() / 2]);
    photo(1, 1).save(room.path("dot.png")).unwrap();
    for (picture, words) in [
        ("absent.png", &["absent.png", "does not exist"][..]),
        ("out", &["out", "not a regular file"]),
        ("letter.png", &["letter.png", "not a picture", "PNG, JPEG"]),
        ("nothing.png", &["nothing.png", "is empty"]),
        ("phone.jpg", &["phone.jpg", "HEIC", "convert it to PNG or JPEG"]),
        ("web.avif", &["web.avif", "AVIF", "convert it"]),
        ("half.png", &["half.png", "PNG"]),
        ("dot.png", &["dot.png", "1x1", "at least 8"]),
        ("model/model_index.json", &["model_index.json", "not a picture"]),
    ] {
        refuses_to_generate(&room, picture, &[], words);
    }
}

#[test]
fn a_picture_beyond_the_limit() {
    let room = Room::new();
    // A PNG that claims to be 20,000 x 20,000 and holds nothing: nothing must be allocated for it.
    let mut encoded = room.read("photo.png");
    encoded[16..24].copy_from_slice(&[20_000u32.to_be_bytes(), 20_000u32.to_be_bytes()].concat());
    let checksum = crc32(&encoded[12..29]);
    encoded[29..33].copy_from_slice(&checksum.to_be_bytes());
    room.write("huge.png", encoded);
    refuses_to_generate(&room, "huge.png", &[], &["huge.png", "20000x20000", "268435456"]);
}

/// CRC-32 of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
}

#[test]
fn a_picture_20000_pixels_wide() {
    let room = Room::new();
    photo(20_000, 40).save(room.path("wide.png")).unwrap();
    room.generate("wide.png", &[]).ok();
    assert_eq!(parameters(&room, "out/clip.mp4")["picture"]["width"], 20_000);
}

/// What a clip says about how it was made.
fn parameters(room: &Room, clip: &str) -> Value {
    i2vgen::video::read_parameters(Path::new(&room.path(clip))).expect("the clip has parameters")
}

#[test]
fn a_picture_with_alpha() {
    let room = Room::new();
    let opaque = photo(40, 30);
    let mut clear = DynamicImage::from(opaque.clone()).into_rgba8();
    clear.pixels_mut().for_each(|Rgba([.., alpha])| *alpha = 7);
    clear.save(room.path("clear.png")).unwrap();
    opaque.save(room.path("opaque.png")).unwrap();
    let ran = room.generate("clear.png", &[]).ok();
    assert!(ran.stderr.contains("note: clear.png: ") && ran.stderr.contains("transparency"), "{}", ran.stderr);
    // The colours are those of the picture, whatever the alpha.
    room.generate("opaque.png", &["-o", "out/opaque.mp4"]).ok();
    let fingerprint = |clip| parameters(&room, clip)["picture"]["fingerprint"].clone();
    assert_eq!(fingerprint("out/clip.mp4"), fingerprint("out/opaque.mp4"));
}

#[test]
fn a_picture_with_16_bits() {
    let room = Room::new();
    DynamicImage::from(photo(40, 30)).into_rgb16().save(room.path("deep.png")).unwrap();
    let ran = room.generate("deep.png", &[]).ok();
    assert!(ran.stderr.contains("note: deep.png: ") && ran.stderr.contains("16"), "{}", ran.stderr);
}

#[test]
fn a_picture_with_a_palette() {
    let room = Room::new();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(vec![200, 30, 20, 10, 90, 240]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0x01; 128]).unwrap();
    writer.finish().unwrap();
    room.write("palette.png", bytes);
    room.generate("palette.png", &[]).ok();
    let same = image::RgbImage::from_fn(16, 16, |x, _| image::Rgb([[200, 30, 20], [10, 90, 240]][x as usize % 2]));
    same.save(room.path("colours.png")).unwrap();
    room.generate("colours.png", &["-o", "out/colours.mp4"]).ok();
    let fingerprint = |clip| parameters(&room, clip)["picture"]["fingerprint"].clone();
    assert_eq!(fingerprint("out/clip.mp4"), fingerprint("out/colours.mp4"));
}

#[test]
fn a_grey_picture_that_was_taken_upright() {
    let room = Room::new();
    // Little-endian TIFF header, one entry: tag 0x112 (orientation), type 3 (short), one value, 6: turn right.
    let orientation = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(orientation.to_vec()).unwrap();
    encoder.encode_image(&image::ImageBuffer::from_fn(48, 32, |x, _| Luma([x as u8 * 5]))).unwrap();
    room.write("upright.jpg", bytes);
    let ran = room.generate("upright.jpg", &[]).ok();
    assert!(ran.stderr.contains("EXIF orientation 6"), "{}", ran.stderr);
    let picture = &parameters(&room, "out/clip.mp4")["picture"];
    assert_eq!((&picture["width"], &picture["height"]), (&json!(32), &json!(48)));
}

// --- the prompt ---

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

// --- the output ---

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
    ] {
        refuses_to_generate(&room, "photo.png", &["-o", output], words);
    }
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

// --- a list of jobs ---

/// Asserts that `batch` refuses a list.
fn refuses_list(room: &Room, list: impl AsRef<[u8]>, changed: &[&str], words: &[&str]) {
    room.write("jobs.jsonl", list);
    refuses(room, room.command(&program::as_str(&program::batch("jobs.jsonl", changed))), words);
}

#[test]
fn a_line_that_is_no_job() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("out/frame-1.png", room.read("photo.png"));
    for (line, words) in [
        (r#"{"picture": "photo.png""#, &["not JSON", "at column"][..]),
        (r#"["photo.png"]"#, &["expected an object"]),
        (r#"{"prompt": "A cat"}"#, &["no picture"]),
        (r#"{"picture": "photo.png", "step": 3}"#, &["unknown field `step`", "steps"]),
        (r#"{"picture": "photo.png", "steps": "three"}"#, &["`steps`", "three"]),
        (r#"{"picture": "photo.png", "steps": 0}"#, &["0 steps", "1 to 1000"]),
        (r#"{"picture": "photo.png", "width": 60}"#, &["--width", "take 56 or 64"]),
        (r#"{"picture": "photo.png", "cfg_scale": 0.5}"#, &["--cfg-scale"]),
        (r#"{"picture": "photo.png", "fps": 0}"#, &["--fps"]),
        (r#"{"picture": "photo.png", "frames": 0, "output": "f-%d.png"}"#, &["--frames"]),
        (r#"{"picture": "photo.png", "frames": 1000000000000, "output": "f-%d.png"}"#, &["--frames"]),
        (r#"{"picture": "photo.png", "output_scale": 17}"#, &["--output-scale 17", "1 (off) to 16"]),
        (r#"{"picture": "photo.png", "output": "a.avi"}"#, &["a.avi", ".mp4"]),
        (r#"{"picture": "photo.png", "output": "../a.mp4"}"#, &["`output`", "without a folder"]),
        (r#"{"picture": "photo.png", "output": "PHOTO-1.mp4"}"#, &["PHOTO-1.mp4", "that of line 1"]),
        (r#"{"picture": "absent.png"}"#, &["absent.png", "does not exist"]),
        (r#"{"picture": "letter.png"}"#, &["letter.png", "not a picture"]),
        (r#"{"picture": "out/frame-1.png", "frames": 2, "output": "frame-%d.png"}"#, &["frame-1.png", "replaced"]),
    ] {
        let list = format!("{{\"picture\": \"photo.png\"}}\n\n{line}\n");
        refuses_list(&room, list, &[], &[&["jobs.jsonl, line 3: "], words].concat());
    }
    let half = "{\"picture\": \"photo.png\", \"dtype\": \"f16\"}";
    refuses_list(&room, half, &["--no-f16"], &["jobs.jsonl, line 1: ", "no f16"]);
}

#[test]
fn a_list_that_is_none() {
    let room = Room::new();
    refuses(&room, room.command(&program::as_str(&program::batch("absent.jsonl", &[]))), &["absent.jsonl"]);
    refuses_list(&room, "\n \n", &[], &["jobs.jsonl", "no jobs"]);
    refuses_list(&room, b"\xff\xfe{", &[], &["jobs.jsonl", "UTF-8"]);
    let job = "{\"picture\": \"photo.png\"}";
    refuses_list(&room, job, &["-o", "photo.png"], &["photo.png"]);
    refuses_list(&room, job, &["--model", "nowhere"], &["nowhere", "hf download"]);
    fs::create_dir(room.path("out/photo-1.mp4")).unwrap();
    refuses_list(&room, job, &[], &["photo-1.mp4", "a folder has that name"]);
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

// --- measuring ---

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

#[test]
fn a_sweep_that_cannot_be_meant() {
    let room = Room::new();
    room.write("letter.png", "Dear model, imagine a cat.");
    room.write("same.jsonl", "{\"picture\": \"photo.png\"}\n{\"picture\": \"photo.png\"}\n");
    room.write("slip.jsonl", "{\"picture\": \"photo.png\"}\n\n{\"picture\": \"photo.png\", \"step\": 3}\n");
    room.write("seed.jsonl", "{\"picture\": \"photo.png\", \"seed\": \"four\"}\n");
    let refused = |input: &str, changed: &[&str], words: &[&str]| {
        refuses(&room, room.command(&program::as_str(&program::sweep(input, changed))), words);
    };
    for (changed, words) in [
        (&["--eta", "0,high"][..], &["--eta", "high"][..]),
        (&["--eta", "0,1.5"], &["photo.png, eta 1.5: --eta: 1.5"]),
        (&["--size", "64x64,60x64"], &["photo.png, size 60x64: --width", "take 56 or 64"]),
        (&["--size", "64"], &["--size", "640x384"]),
        (&["--anchor-mode", "lowpass,glue"], &["--anchor-mode", "blend"]),
        (&["--preset", "standard,standrd"], &["preset standrd", "did you mean standard?"]),
        (&["--frames", "2,0"], &["frames 0: --frames"]),
        (&["--cfg-steps", "0-30%"], &["--cfg-steps"]),
        (&["--format", "avi"], &["--format", "mp4"]),
        (
            &["--steps", "1,2,3", "--eta", "0,0.1,0.2", "--limit", "8"],
            &["9 clips", "9 combinations", "more than 8", "--limit"],
        ),
        (&["--count", "1000"], &["1000 clips", "more than 200"]),
        (&["-s", "1,2", "--count", "2"], &["--count"]),
        (&["-s", "18446744073709551615", "--count", "2"], &["--seed", "exceed"]),
        (&["-s", "one"], &["--seed", "whole number"]),
        (&["-o", "photo.png"], &["photo.png"]),
        (&["--model", "nowhere"], &["nowhere", "hf download"]),
    ] {
        refused("photo.png", changed, words);
    }
    refused("absent.png", &[], &["absent.png", "does not exist"]);
    refused("letter.png", &[], &["letter.png", "not a picture"]);
    refused("absent.jsonl", &[], &["absent.jsonl"]);
    refused("slip.jsonl", &[], &["slip.jsonl, line 3", "unknown field `step`"]);
    refused("same.jsonl", &[], &["same.jsonl, line 2", "the same as line 1"]);
    // A seed of the command line counts more than the line's.
    let arguments = program::sweep("seed.jsonl", &[]);
    let at = arguments.iter().position(|argument| argument == "-s").unwrap();
    let without: Vec<&str> = program::as_str(&arguments)
        .into_iter()
        .enumerate()
        .filter(|(i, _)| *i != at && *i != at + 1)
        .map(|(_, a)| a)
        .collect();
    refuses(&room, room.command(&without), &["seed.jsonl, line 1", "`seed`", "whole number"]);
}

// --- the other commands ---

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
        let mut arguments = program::generate("photo.png", &[output, more].concat());
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
        refuses(&room, room.command(&program::as_str(&trace(more))), words);
    }
    let nothing = ["trace-tensors", "photo.png", "-p", "A cat", "--model", "model"];
    refuses(&room, room.command(&nothing), &["-o", "--bisect", "--list"]);
    refuses(&room, room.command(&["trace-tensors", "--bisect", "-p", "A cat", "--model", "model"]), &["no picture"]);
}
