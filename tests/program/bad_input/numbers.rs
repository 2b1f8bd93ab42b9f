//! Sizes, steps, strengths, rates and seeds beyond what there is.

use super::refuses_to_generate;
use crate::room::Room;

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
