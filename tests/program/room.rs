//! Runs the program as its users do: in a folder with a picture and a model, looking at what it prints and leaves behind.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use i2vgen::lab;
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of one test: `photo.png`, a small `model`, and an empty `out`. It goes when the test ends.
pub struct Room {
    folder: TempDir,
    /// Where the program keeps what it measured, tuned and compiled.
    pub cache: PathBuf,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Room {
    pub fn new() -> Self {
        let room = tempfile::tempdir().expect("a temporary folder");
        photo(90, 70).save(room.path().join("photo.png")).expect("the picture is written");
        fs::create_dir(room.path().join("out")).expect("a folder");
        lab::random_checkpoint(&room.path().join("model"), 0).expect("the model is written");
        // Not the user's: what was measured or tuned on this machine is no part of a test. Compiled kernels are shared between tests.
        Self { folder: room, cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap_or_else(|e| panic!("{name}: {e}"));
    }

    /// The program in this folder, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_i2vgen"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("XDG_RUNTIME_DIR").env_remove("I2VGEN_MODEL").env("I2VGEN_CACHE", &self.cache);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments))
    }

    /// Several clips of `photo.png` in one process: a start takes as long as several small clips. `jobs` are lines of a list; `usual` is as
    /// for [`Self::generate`].
    pub fn clips(&self, usual: &[&str], jobs: &[Value]) -> Ran {
        let line = |job: &Value| {
            let mut job = job.clone();
            job["picture"] = "photo.png".into();
            job.to_string()
        };
        self.write("clips.jsonl", jobs.iter().map(line).collect::<Vec<_>>().join("\n"));
        self.run(&as_str(&batch("clips.jsonl", usual)))
    }

    /// `generate PICTURE …` with the device of `I2VGEN_DEVICE`; what `changed` does not say is as cheap as can be.
    pub fn generate(&self, picture: &str, changed: &[&str]) -> Ran {
        self.run(&as_str(&generate(picture, changed)))
    }
}

impl Ran {
    /// Asserts success.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Makes the weights of the text encoder's last layer no numbers: only clips that leave it out can be made.
pub fn break_last_text_layer(room: &Room) {
    let file = "model/text_encoder/model.fp16.safetensors";
    let mut weights = room.read(file);
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let tensors: serde_json::Map<String, Value> = serde_json::from_slice(&weights[8..8 + header]).unwrap();
    let layer = |name: &str| name.split(".layers.").nth(1)?.split('.').next()?.parse::<usize>().ok();
    let last = tensors.keys().filter_map(|name| layer(name)).max();
    for (_, tensor) in tensors.iter().filter(|(name, _)| layer(name) == last) {
        let [start, end] = [0, 1].map(|i| 8 + header + tensor["data_offsets"][i].as_u64().unwrap() as usize);
        weights[start..end].fill(0xff);
    }
    room.write(file, weights);
}

/// A picture with soft colours.
pub fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 90]))
}

/// The arguments of a small generation, with some changed or added.
pub fn generate(picture: &str, changed: &[&str]) -> Vec<String> {
    let device = std::env::var("I2VGEN_DEVICE").unwrap_or_default();
    let mut usual = BTreeMap::from([
        ("-p", "A cat is turning its head"),
        ("--model", "model"),
        ("-W", "64"),
        ("-H", "64"),
        ("--frames", "1"),
        ("--steps", "1"),
        ("--cfg-scale", "1"),
        ("-s", "1"),
        ("--progress", "none"),
        ("-o", "out/clip.mp4"),
    ]);
    if !device.is_empty() {
        usual.insert("--device", &device);
    }
    usual.retain(|flag, _| !changed.contains(flag));
    let usual = usual.into_iter().flat_map(|(flag, value)| [flag, value]);
    ["generate", picture, "--no-advice"]
        .into_iter()
        .chain(usual)
        .chain(changed.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// The arguments of `batch` for a list, with clips in `out` and the settings of [`generate`] for lines that do not say.
pub fn batch(list: &str, changed: &[&str]) -> Vec<String> {
    let output: &[&str] = if changed.contains(&"-o") { &[] } else { &["-o", "out"] };
    let mut arguments = generate(list, &[output, changed].concat());
    "batch".clone_into(&mut arguments[0]);
    arguments
}

/// The arguments of a small sweep into `out`, with some changed or added.
pub fn sweep(input: &str, changed: &[&str]) -> Vec<String> {
    let size: &[&str] = if changed.contains(&"--size") { &[] } else { &["--size", "64x64"] };
    let usual: &[&str] = if changed.contains(&"--frames") { &[] } else { &["--frames", "2"] };
    let output: &[&str] = if changed.contains(&"-o") { &[] } else { &["-o", "out"] };
    let mut arguments = generate(input, &[output, usual, changed].concat());
    "sweep".clone_into(&mut arguments[0]);
    for side in ["-W", "-H"] {
        let at = arguments.iter().position(|argument| argument == side).expect("a size");
        arguments.drain(at..at + 2);
    }
    arguments.into_iter().chain(size.iter().map(|&word| word.to_owned())).collect()
}

pub fn as_str(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

pub fn finish(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Lines of JSON.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// What a clip says about how it was made.
pub fn parameters(room: &Room, clip: &str) -> Value {
    i2vgen::video::read_parameters(&room.path(clip)).expect("the clip has parameters")
}

/// One frame of a png sequence as samples.
pub fn frame(room: &Room, name: &str) -> Vec<u8> {
    image::open(room.path(name)).expect("a png").into_rgb8().into_raw()
}
