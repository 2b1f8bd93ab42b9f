//! Shapes as users write them: `frames=16,size=64x64,sources=320,columns=320,dtype=f16`.

use serde_json::{Map, Value};

/// Fields of an op from `KEY=VALUE,…`: numbers, `true` and `false`, words, and lists of numbers as `64x64` or `320+320`.
///
/// # Errors
/// What is wrong, in words.
pub fn fields(text: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = || format!("'{part}' is no field: write them as in frames=16,size=64x64,sources=320+320,dtype=f16");
        let (key, text) = part.split_once('=').ok_or_else(wrong)?;
        let (key, text) = (key.trim(), text.trim());
        if key.is_empty() || text.is_empty() {
            return Err(wrong());
        }
        if fields.insert(key.to_owned(), value(text)).is_some() {
            return Err(format!("`{key}` is given twice"));
        }
    }
    Ok(fields)
}

fn value(text: &str) -> Value {
    let numbers: Option<Vec<u64>> = text.split(['x', '+']).map(|number| number.parse().ok()).collect();
    match (numbers, text) {
        (Some(numbers), _) if numbers.len() > 1 => numbers.into(),
        (_, "true") => true.into(),
        (_, "false") => false.into(),
        // A number, if it is one.
        _ => serde_json::from_str(text).ok().filter(Value::is_number).unwrap_or_else(|| text.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::{cases, parse, spelled};

    #[test]
    fn fields_become_json() {
        let read = fields("frames=16, size=64x64,sources=320+320,scale=-0.5,geglu=true,dtype=f16,").unwrap();
        let expected = json!({
            "frames": 16, "size": [64, 64], "sources": [320, 320], "scale": -0.5, "geglu": true, "dtype": "f16",
        });
        assert_eq!(Value::Object(read), expected);
        for (text, word) in [("frames", "'frames'"), ("=3", "'=3'"), ("a=", "'a='"), ("a=1,a=2", "`a` is given twice")]
        {
            assert!(fields(text).unwrap_err().contains(word), "{text}");
        }
    }

    #[test]
    fn what_is_spelled_can_be_read() {
        for case in cases() {
            let text = spelled(&case.op.shape());
            let name = case.op.kernel().name;
            let op = parse(name, &fields(&text).unwrap()).unwrap_or_else(|e| panic!("{name} {text}: {e}"));
            assert_eq!(op.shape(), case.op.shape(), "{text}");
        }
    }
}
