//! A device that is planned for, from words.

use std::{fs, path::Path};

use clap::Args;
use i2vgen::{
    gpu::{Capabilities, DeviceKind},
    graph::Rate,
};
use serde_json::{Map, Value, json};

use super::{Error, expected::in_words, units};

/// A device that need not be there.
#[derive(Args)]
pub struct AssumeOptions {
    /// Plan for this device: desktop (f16, subgroups of 32, bindings of 2 GiB, buffers of 4 GiB, 5 TFLOP/s), portable (what WebGPU
    /// guarantees, 100 GFLOP/s), a JSON file (see `i2vgen devices --json`), or NAME=VALUE to change one of its fields, for
    /// example `portable,f16=true,memory=6GiB`
    #[arg(long, value_name = "DEVICE", value_delimiter = ',', help_heading = "Device")]
    assume_device: Vec<String>,
    /// Speed of its matrix products, which decides how finely long operations are split
    #[arg(long, value_name = "GFLOP/S", help_heading = "Device")]
    assume_rate: Option<f64>,
}

impl AssumeOptions {
    /// Was a device described?
    pub fn is_given(&self) -> bool {
        !self.assume_device.is_empty()
    }

    /// The device and its speed; a desktop GPU if nobody described one.
    pub fn device(&self) -> Result<(Capabilities, Rate), Error> {
        device(&self.assume_device, self.assume_rate)
    }
}

/// What a desktop card of the last years offers at least.
pub fn desktop() -> Capabilities {
    Capabilities {
        name: "a desktop GPU".into(),
        kind: DeviceKind::Discrete,
        f16: true,
        subgroup: Some([32, 32]),
        timestamps: true,
        max_binding: 2 << 30,
        max_buffer: 4 << 30,
        max_invocations: 1024,
        max_workgroup_memory: 32 << 10,
        ..Capabilities::default()
    }
}

/// A device from names, files and changed fields, each replacing what stands before it; and its speed.
pub fn device(words: &[String], gigaflops: Option<f64>) -> Result<(Capabilities, Rate), Error> {
    let mut device = desktop();
    let mut flops = 5e12;
    for word in words {
        device = match (word.as_str(), word.split_once('=')) {
            ("desktop", _) => {
                flops = 5e12;
                desktop()
            }
            ("portable", _) => {
                flops = Rate::default().flops;
                Capabilities { name: "what WebGPU guarantees".into(), ..Capabilities::default() }
            }
            (_, Some((field, value))) => change(device, field.trim(), value.trim())?,
            (path, None) => read(Path::new(path))?,
        };
    }
    if let Some(gigaflops) = gigaflops {
        if !(gigaflops.is_finite() && (0.001..=1e9).contains(&gigaflops)) {
            return Err(Error::message(format!(
                "--assume-rate: {gigaflops} is out of range: take the GFLOP/s of the device"
            )));
        }
        flops = gigaflops * 1e9;
    }
    let positive = [
        ("max_binding", device.max_binding),
        ("max_buffer", device.max_buffer),
        ("max_workgroups", u64::from(device.max_workgroups)),
        ("max_invocations", u64::from(device.max_invocations)),
        ("max_workgroup_memory", u64::from(device.max_workgroup_memory)),
    ];
    if let Some((field, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(Error::message(format!("--assume-device: {field} is 0: no device can do with that")));
    }
    if !device.alignment.is_power_of_two() || !(4..=65_536).contains(&device.alignment) {
        let alignment = device.alignment;
        return Err(Error::message(format!(
            "--assume-device: alignment {alignment} is no power of two from 4 on: take 256"
        )));
    }
    // The ratio that a measured rate has, too.
    Ok((device, Rate { flops, bytes: (flops / 20.0).max(1e9) }))
}

/// Changes one field: a number, a size such as 128MiB, true or false, a text, or a subgroup size.
fn change(device: Capabilities, field: &str, value: &str) -> Result<Capabilities, Error> {
    let wrong = |detail: String| Error::message(format!("--assume-device {field}={value}: {detail}"));
    let mut fields: Map<String, Value> = match serde_json::to_value(device) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let number = units::parse_bytes(value).map(Value::from);
    let new = match (field, number) {
        ("subgroup", Ok(size)) => json!([size, size]),
        ("name" | "backend" | "driver", _) => value.into(),
        (_, Ok(number)) => number,
        (_, Err(_)) => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
    };
    fields.insert(field.to_owned(), new);
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|e| wrong(in_words(e.inner())))
}

/// A device from a file: its capabilities, or one entry or the whole list of `i2vgen devices --json` (the first one).
fn read(path: &Path) -> Result<Capabilities, Error> {
    let wrong = |detail: String| {
        let path = path.display();
        // A size alone is that of the memory.
        let named = units::parse_bytes(&path.to_string()).map_or("NAME=VALUE".to_owned(), |_| format!("memory={path}"));
        Error::message(format!("--assume-device {path}: {detail}; take desktop, portable, {named} or a JSON file"))
    };
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let mut value: Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    if let Value::Array(list) = value {
        value = list.into_iter().next().unwrap_or_default();
    }
    if let Some(inner) = value.get_mut("capabilities") {
        value = inner.take();
    }
    let device = serde_path_to_error::deserialize(value);
    device.map_err(|e| wrong(format!("{}: {}", e.path(), in_words(e.inner()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assume(words: &[&str]) -> Result<Capabilities, String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        device(&words, None).map(|(device, _)| device).map_err(|e| e.to_string())
    }

    #[test]
    fn words_describe_a_device() {
        assert!(assume(&["desktop"]).unwrap().f16);
        let changed =
            assume(&["portable", "f16=true", "subgroup=16", "memory=6GiB", "kind=integrated", "name=my GPU"]).unwrap();
        assert_eq!((changed.f16, changed.subgroup, changed.memory), (true, Some([16, 16]), Some(6 << 30)));
        assert_eq!(assume(&["desktop", "memory=1.5GiB"]).unwrap().memory, Some(3 << 29));
        assert_eq!(
            (changed.kind, changed.name.as_str(), changed.max_binding),
            (DeviceKind::Integrated, "my GPU", 128 << 20)
        );
        for (word, expected) in [
            ("f15=true", "f15"),
            ("f16=7", "f16=7"),
            ("kind=fast", "kind=fast"),
            ("memory=much", "expected a whole number from 0 on, found"),
            ("6GiB", "take desktop, portable, memory=6GiB"),
            ("absent.json", "absent.json"),
        ] {
            let error = assume(&[word]).unwrap_err();
            assert!(!error.contains("u64"), "{error}");
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
        assert!(device(&[], Some(f64::NAN)).is_err() && device(&[], Some(-1.0)).is_err());
    }

    #[test]
    fn a_file_holds_a_device_or_the_list_of_devices() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("device.json");
        for text in [
            r#"{"f16": true}"#,
            r#"{"number": 0, "capabilities": {"f16": true}}"#,
            r#"[{"capabilities": {"f16": true}}]"#,
        ] {
            fs::write(&path, text).unwrap();
            let device = assume(&[path.to_str().unwrap()]).unwrap();
            assert_eq!((device.f16, device.max_binding), (true, 128 << 20), "{text}");
        }
        for text in ["", "[]", r#"{"f17": true}"#] {
            fs::write(&path, text).unwrap();
            assert!(assume(&[path.to_str().unwrap()]).is_err(), "{text}");
        }
    }
}
