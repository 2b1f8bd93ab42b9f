//! Model folders that are missing, damaged or contradict themselves.

use std::fs;

use safetensors::SafeTensors;
use serde_json::{Value, json};

use super::{refuses, refuses_to_generate};
use crate::room::Room;

const UNET: &str = "model/unet/diffusion_pytorch_model.fp16.safetensors";

/// Changes one field of a JSON file.
fn change(room: &Room, file: &str, pointer: &str, value: Value) {
    let mut contents: Value = serde_json::from_slice(&room.read(file)).expect("JSON");
    *contents.pointer_mut(pointer).expect("the field") = value;
    room.write(file, contents.to_string());
}

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
