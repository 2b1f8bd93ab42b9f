//! JSON files: read with a size limit, errors that name the file and the field.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{Error, Result};
use super::files::ModelFiles;

/// Configuration files are a few kilobytes.
pub const CONFIG_LIMIT: u64 = 4 << 20;
/// The index of a sharded checkpoint has one line for each tensor.
pub const INDEX_LIMIT: u64 = 64 << 20;

/// The JSON object in the model's file `name`; [`Error::MissingFile`] when it is not there.
pub fn read_object(files: &ModelFiles, name: &str, limit: u64) -> Result<Map<String, Value>> {
    let path = files.path(name);
    let read = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => Error::MissingFile { path: path.clone(), dir: files.root().to_path_buf() },
        _ => Error::Read { path: path.clone(), source },
    };
    let bytes = files.len(name).map_err(read)?;
    if bytes > limit {
        return Err(Error::TooLarge { path, bytes, limit });
    }
    parse_object(&path, &files.read(name).map_err(read)?)
}

/// The JSON object in `bytes`, which came from the file at `path`.
fn parse_object(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>> {
    let fail = |detail: String| Error::Json { path: path.to_path_buf(), detail: one_line(&detail) };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(fail("the outermost value is not an object".into())),
        Err(error) => Err(fail(error.to_string())),
    }
}

/// `object` as a `T`; a value that does not fit is an [`Error::Field`] with the path of the field.
///
/// A null at the outermost level counts as absent, so that `T`'s default holds.
pub fn from_object<T: DeserializeOwned>(path: &Path, mut object: Map<String, Value>) -> Result<T> {
    object.retain(|_, value| !value.is_null());
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| Error::Field {
        path: path.to_path_buf(),
        field: error.path().to_string(),
        detail: one_line(&error.inner().to_string()),
    })
}

/// `text` without control characters, which could break a message's line or drive a terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(default)]
    struct Sizes {
        sizes: Vec<usize>,
        width: usize,
    }
    impl Default for Sizes {
        fn default() -> Self {
            Self { sizes: vec![1], width: 7 }
        }
    }

    fn parse(text: &str) -> Result<Sizes> {
        let path = Path::new("unet/config.json");
        from_object(path, parse_object(path, text.as_bytes())?)
    }

    #[test]
    fn absent_and_null_take_the_default() {
        let parsed = parse(r#"{"sizes": null, "unknown": {"a": 1}}"#).unwrap();
        assert_eq!((parsed.sizes, parsed.width), (vec![1], 7));
    }

    #[test]
    fn errors_name_file_and_field() {
        let error = parse(r#"{"sizes": [1, -2]}"#).unwrap_err().to_string();
        assert!(error.starts_with("unet/config.json: field `sizes[1]`: invalid value"), "{error}");
        assert!(matches!(parse("[1]"), Err(Error::Json { .. })));
        assert!(matches!(parse("{\"sizes\": "), Err(Error::Json { .. })));
    }

    #[test]
    fn control_characters_do_not_reach_the_message() {
        let error = parse("{\"width\": \"a\\nb\\u001b[1m\"}").unwrap_err().to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}
