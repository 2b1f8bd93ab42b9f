//! `tokenizer_config.json` and `special_tokens_map.json`: special tokens and the length of the sequence.

use std::io::ErrorKind;

use serde_json::{Map, Value};

use super::error::{Error, Result};
use crate::checkpoint::ModelFiles;

/// The tokenizer's folder in a model.
pub(super) const FOLDER: &str = "tokenizer";
const CONFIG: &str = "tokenizer/tokenizer_config.json";
const SPECIAL_TOKENS: &str = "tokenizer/special_tokens_map.json";

/// Length of CLIP's sequence, for folders that do not say.
const CLIP_LENGTH: usize = 77;
/// Lengths above are placeholders for "no limit" (transformers writes 1e30).
const MAX_LENGTH: f64 = 65_536.0;

/// A token that a text is searched for before it is split into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddedToken {
    pub(super) id: u32,
    pub(super) content: String,
}

/// What the two settings files say, with CLIP's defaults for what they leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) bos: String,
    pub(super) eos: String,
    pub(super) pad: String,
    pub(super) unk: String,
    /// Length of the sequence, bos and eos included; at least 2.
    pub(super) max_length: usize,
    /// `added_tokens_decoder` of `tokenizer_config.json`.
    pub(super) added: Vec<AddedToken>,
}

impl Settings {
    /// Reads both files; either may be missing.
    ///
    /// Where they disagree, transformers' rule holds: a `tokenizer_config.json` with `added_tokens_decoder` (transformers
    /// 4.34 and later) comes first, else `special_tokens_map.json` does.
    pub(super) fn read(files: &ModelFiles) -> Result<Self> {
        let config = File::read(files, CONFIG)?;
        let map = File::read(files, SPECIAL_TOKENS)?;
        let order = match config.given("added_tokens_decoder") {
            Some(_) => [&config, &map],
            None => [&map, &config],
        };
        let token = |field: &str, default: &str| -> Result<String> {
            for file in order {
                if let Some(token) = file.token(field)? {
                    return Ok(token);
                }
            }
            Ok(default.to_owned())
        };
        Ok(Self {
            bos: token("bos_token", "<|startoftext|>")?,
            eos: token("eos_token", "<|endoftext|>")?,
            pad: token("pad_token", "<|endoftext|>")?,
            unk: token("unk_token", "<|endoftext|>")?,
            max_length: config.max_length()?,
            added: config.added_tokens()?,
        })
    }
}

/// One settings file; a missing one has no fields.
struct File {
    path: std::path::PathBuf,
    fields: Map<String, Value>,
}

impl File {
    fn read(files: &ModelFiles, name: &str) -> Result<Self> {
        let path = files.path(name);
        let fields = match read_json(files, name)? {
            None => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                return Err(Error::Damaged { path, detail: "it is not a JSON object".into() });
            }
        };
        Ok(Self { path, fields })
    }

    /// The value of a field that is there and not null.
    fn given(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|v| !v.is_null())
    }

    fn wrong(&self, field: impl Into<String>, found: &Value, expected: &'static str) -> Error {
        let found = match found {
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
            other => other.to_string().chars().take(40).collect(),
        };
        Error::Field { path: self.path.clone(), field: field.into(), found, expected }
    }

    fn token(&self, field: &str) -> Result<Option<String>> {
        let Some(value) = self.given(field) else {
            return Ok(None);
        };
        match content(value) {
            Some(token) => Ok(Some(token)),
            None => Err(self.wrong(field, value, "a token: text, or an object with `content`")),
        }
    }

    fn max_length(&self) -> Result<usize> {
        let field = "model_max_length";
        let Some(value) = self.given(field) else {
            return Ok(CLIP_LENGTH);
        };
        match value.as_f64() {
            Some(n) if n > MAX_LENGTH => Ok(CLIP_LENGTH),
            Some(n) if n >= 2.0 && n.fract() == 0.0 => Ok(n as usize),
            _ => Err(self.wrong(field, value, "a whole number of tokens, 2 or more")),
        }
    }

    fn added_tokens(&self) -> Result<Vec<AddedToken>> {
        let field = "added_tokens_decoder";
        let Some(value) = self.given(field) else {
            return Ok(Vec::new());
        };
        let Value::Object(entries) = value else {
            return Err(self.wrong(field, value, "an object of tokens by id"));
        };
        let token = |(id, value): (&String, &Value)| {
            id.parse()
                .ok()
                .zip(content(value))
                .map(|(id, content)| AddedToken { id, content })
                .ok_or_else(|| self.wrong(format!("{field}.{id}"), value, "an id and an object with `content`"))
        };
        entries.iter().map(token).collect()
    }
}

/// A token in either of its forms; the empty text is none.
fn content(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(token) => token.get("content")?.as_str()?,
        other => other.as_str()?,
    };
    (!text.is_empty()).then(|| text.to_owned())
}

/// The text of a file; `None` if there is no such file.
pub(super) fn read_text(files: &ModelFiles, name: &str) -> Result<Option<String>> {
    let bytes = match files.read(name) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: files.path(name), source }),
    };
    let text = String::from_utf8(bytes.into_owned())
        .map_err(|_| Error::Damaged { path: files.path(name), detail: "it is not UTF-8 text".into() })?;
    Ok(Some(text))
}

fn read_json(files: &ModelFiles, name: &str) -> Result<Option<Value>> {
    let Some(text) = read_text(files, name)? else {
        return Ok(None);
    };
    let value =
        serde_json::from_str(&text).map_err(|e| Error::Damaged { path: files.path(name), detail: e.to_string() })?;
    Ok(Some(value))
}
