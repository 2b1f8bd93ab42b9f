//! `i2vgen kernels` as its users see it: verdicts, exit codes, and what is said of a WGSL file that is wrong, does not fit or hangs.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::room::Room;

/// y = a + b, and a place for what a test breaks.
const SUM: &str = "
struct Params { begin: u32, end: u32, elements: u32, scale: f32, a_elements: u32, b_elements: u32, activation: u32, a_base: u32, b_base: u32, y_base: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let block = p.begin + (wg.x + wg.y * groups.x) * 64u + thread;
  if block >= p.end { return; }
  for (var i = block * 4u; i < block * 4u + 4u; i++) {
    y[i - p.y_base] = p.scale * a[i % p.a_elements - p.a_base] + b[i % p.b_elements - p.b_base]; // HERE
  }
}
";

/// A folder with the file as it is, and with another line in place of HERE.
fn room(broken: &str) -> Room {
    let room = Room::new();
    room.write("sum.wgsl", SUM);
    room.write("broken.wgsl", SUM.replace("// HERE", broken));
    room
}

fn check<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["kernels", "check", "pointwise", "--case", "sum f32", "--seed", "1", "--variant", file], more].concat()
}

#[test]
fn a_file_that_is_right_holds_and_one_that_is_wrong_does_not() {
    let room = room("if i == 17u { y[i - p.y_base] += 0.5; }");
    let ran = room.run(&check("sum.wgsl", &[])).ok();
    assert!(ran.stdout.starts_with("ok ") && ran.stdout.contains("1 of 1 hold"), "{ran:?}");
    let ran = room.run(&check("broken.wgsl", &["--json"]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let json = ran.json().to_string();
    assert!(json.contains("\"index\":[17]"), "{json}");
}

#[test]
fn what_a_file_lacks_is_told_with_its_line_or_in_a_table() {
    let room = room("y[i] = nothing;");
    let ran = room.run(&check("broken.wgsl", &[]));
    let line = 1 + SUM.lines().position(|line| line.contains("HERE")).unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains(&format!("broken.wgsl:{line}:")) && ran.stdout.contains("nothing"), "{ran:?}");
    // Once for all shapes.
    let ran = room.run(&["kernels", "check", "pointwise", "--variant", "broken.wgsl"]);
    assert_eq!((ran.code, ran.stdout.matches("FAILED  pointwise").count()), (Some(1), 1), "{ran:?}");
    assert!(ran.stdout.contains("in the same words"), "{ran:?}");
    room.write(
        "broken.wgsl",
        SUM.replace("read> a: array<f32>", "read> a: array<u32>")
            .replace("p.scale * a[", "p.scale * f32(a[")
            .replace("a_base]", "a_base])"),
    );
    let ran = room.run(&check("broken.wgsl", &[]));
    assert_eq!(ran.code, Some(1));
    for word in ["expected", "found", "@binding(1) a", "read u32"] {
        assert!(ran.stdout.contains(word), "{word}: {ran:?}");
    }
    let ran = room.run(&check("absent.wgsl", &[]));
    assert!(ran.code == Some(1) && ran.stderr.starts_with("error: cannot read absent.wgsl"), "{ran:?}");
}

#[test]
fn a_file_that_hangs_is_ended_and_the_others_go_on() {
    // llvmpipe leaves all loops of a thread after 65536 rounds together: each round is made to take long.
    let round = "y[i - p.y_base] = sin(y[i - p.y_base]) + cos(y[i - p.y_base]);".repeat(2000);
    let room = room(&format!("while y[i - p.y_base] != 12345.0 {{ {round} }}"));
    let ran = room.run(&check("broken.wgsl", &["--variant", "sum.wgsl", "--timeout", "5s"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("broken.wgsl hangs") && ran.stdout.contains("1 of 2 hold"), "{ran:?}");
}

#[test]
fn a_race_times_what_holds_and_nothing_else() {
    let room = room("if i == 17u { y[i - p.y_base] += 0.5; }");
    let race = |other: &str| {
        let options = ["--case", "sum f32", "--budget", "200ms", "--seed", "1", "--json"];
        room.run(&[&["kernels", "race", "pointwise", "portable", other], &options[..]].concat())
    };
    let ran = race("sum.wgsl").ok();
    let place = &ran.json()["races"][0]["candidates"][1]["place"];
    let [ratio, low, high] =
        ["/ratio", "/interval/low", "/interval/high"].map(|at| place.pointer(at).unwrap().as_f64());
    assert!(ratio > Some(0.0) && low <= ratio && ratio <= high, "{place}");
    assert!(["faster", "slower", "no difference"].contains(&place["verdict"].as_str().unwrap()), "{place}");
    let ran = race("broken.wgsl");
    let candidate = &ran.json()["races"][0]["candidates"][1];
    assert!(ran.code == Some(1) && candidate["place"].is_null() && candidate["error"].is_string(), "{candidate}");
}

#[test]
fn a_bench_says_what_ran_and_what_was_not_checked() {
    let room = room("y[i] = nothing;");
    let bench = |more: &[&str]| {
        let options = ["kernels", "bench", "pointwise", "--case", "sum f32", "--budget", "50ms"];
        room.run(&[&options[..], more].concat())
    };
    let ran = bench(&["chosen", "sum.wgsl"]).ok();
    assert!(ran.stdout.contains("\nchosen (portable:THREADS=64) ") && !ran.stdout.contains(" 0.0 "), "{ran:?}");
    let note =
        "note: sum.wgsl was not checked here: `i2vgen kernels check pointwise --case 'sum f32' --variant sum.wgsl";
    assert!(ran.stderr.contains(note) && ran.stderr.matches("not checked").count() == 1, "{ran:?}");
    let ran = bench(&["chosen", "broken.wgsl", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let times = &ran.json()["times"];
    let [chosen, broken] = [0, 1].map(|at| &times[at]);
    assert!(
        chosen["setting"] == "portable:THREADS=64" && chosen["error"].is_null() && chosen["timing"].is_object(),
        "{times}"
    );
    assert!(broken["candidate"] == "broken.wgsl" && broken["timing"].is_null(), "{times}");
    assert!(broken["error"].as_str().is_some_and(|error| error.contains("nothing")), "{times}");
}

#[test]
fn shapes_and_types_that_contradict_are_refused() {
    let room = Room::new();
    let check = |dtype: &str, shape: &str| {
        room.run(&["kernels", "check", "layer_norm", "--inputs", "constant", "--dtype", dtype, "--shape", shape])
    };
    for field in ["x", "dtype"] {
        let ran = check("f32", &format!("channels=4,rows=8,{field}=f16"));
        let told = format!("--dtype f32 contradicts {field}=f16 of --shape");
        assert!(ran.code == Some(1) && ran.stderr.contains(&told) && ran.stderr.lines().count() == 1, "{ran:?}");
    }
    let ran = check("f32", "channels=4,rows=8").ok();
    assert!(ran.stdout.contains("channels=4,rows=8,dtype=f32"), "{ran:?}");
    let ran = room.run(&["kernels", "check", "layer_norm", "--case", "zzz"]);
    assert!(
        ran.code == Some(1) && ran.stderr.contains("`i2vgen kernels list KERNEL --case \"\"` lists them"),
        "{ran:?}"
    );
    assert!(room.run(&["kernels", "list", "layer_norm", "--case", ""]).ok().stdout.contains("transformer f32/f32"));
}

#[test]
fn a_saved_file_is_looked_at_again() {
    let room = room("");
    let mut command = room.command(&check("sum.wgsl", &["--watch"]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.expect("a line"));
    let mut next = |wanted: &str| lines.find(|line| line.contains(wanted)).is_some();
    let first = next("1 of 1 hold");
    room.write("sum.wgsl", SUM.replace("// HERE", "y[i] = nothing;"));
    let second = next("0 of 1 hold");
    room.write("sum.wgsl", SUM);
    let third = next("1 of 1 hold");
    child.kill().expect("the program ends");
    child.wait().expect("the program ends");
    assert_eq!([first, second, third], [true; 3]);
}

#[test]
fn kernels_are_listed_with_what_they_need() {
    let room = Room::new();
    let ran = room.run(&["kernels", "list", "linear", "--json"]).ok();
    let json = ran.json().to_string();
    for word in ["register", "workgroup", "matrix", "int64", "missing"] {
        assert!(json.contains(word), "{word}: {json}");
    }
    let ran = room.run(&["kernels", "check", "liner"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("did you mean linear?"), "{ran:?}");
}

/// A file that `emit` printed knows its shape: `check`, `bench` and `race` take it there, and a run of a model has it nowhere else unasked.
#[test]
fn a_printed_file_is_for_its_shape() {
    let room = room("");
    let shape = ["--shape", "rows=8,sources=12,columns=20", "--variant", "register", "-o", "mine.wgsl"];
    room.run(&[&["kernels", "emit", "linear"][..], &shape].concat()).ok();
    let ran = room.run(&["kernels", "check", "linear", "--variant", "mine.wgsl", "--inputs", "random"]).ok();
    assert!(ran.stdout.contains("1 of 1 hold") && ran.stderr.contains("which mine.wgsl was printed for"), "{ran:?}");
    for words in [&["bench", "linear", "mine.wgsl"][..], &["race", "linear", "register", "mine.wgsl"]] {
        let ran = room.run(&[&["kernels"], words, &["--budget", "50ms"]].concat()).ok();
        let at = ran.stdout.contains("rows=8,") && ran.stdout.matches("linear at ").count() == 1;
        assert!(at && ran.stderr.contains("which mine.wgsl was printed for"), "{ran:?}");
    }
    let small = ["plan", "--model", "model", "-W", "64", "-H", "64", "--frames", "1", "--override", "linear=mine.wgsl"];
    let ran = room.run(&small);
    assert!(ran.code == Some(1) && ran.stderr.contains("linear[activation=none,"), "{ran:?}");
}

#[test]
fn an_override_runs_in_a_model_and_is_told_of() {
    let room = room("");
    let small = ["plan", "--model", "model", "-W", "64", "-H", "64", "--frames", "1", "--override"];
    let ran = room.run(&[&small[..], &["linear=register"]].concat()).ok();
    assert!(ran.stdout.contains("peak device memory"), "{ran:?}");
    let ran = room.run(&[&small[..], &["linear=./sum.wgsl"]].concat());
    assert!(ran.code == Some(1) && ran.stderr.contains("sum.wgsl does not fit linear"), "{ran:?}");
    let ran = room.run(&[&small[..], &["linear=nothing"]].concat());
    assert!(ran.code == Some(1) && ran.stderr.contains("there are split, register"), "{ran:?}");
    // What would change nothing is refused before anything runs.
    for (text, word) in
        [("linear=matrix", "cannot run 'matrix'"), ("linear[columns=99999]=register", "no linear in it")]
    {
        let ran = room.run(&[&small[..], &[text]].concat());
        assert!(ran.code == Some(1) && ran.stderr.contains("applies to no operation of this run"), "{ran:?}");
        let ran = room.generate("photo.png", &["--override", text]);
        assert!(ran.code == Some(1) && ran.stderr.contains(word), "{ran:?}");
    }
    let ran = room.generate("photo.png", &["--override", "linear=register", "--progress", "plain"]).ok();
    assert!((ran.stdout + &ran.stderr).contains("override: linear=register"));
}
