//! Shapes as users write them: `frames=16,size=64x64,sources=320,columns=320,dtype=f16`.

use serde_json::{Map, Value};

/// Fields of an op from `KEY=VALUE,…`: numbers, `true` and `false`, words (in quotes or not), and lists as `64x64`, `320+320` or `true+false`.
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
    let plain = |text: &str| serde_json::from_str(text).ok().filter(|v: &Value| v.is_number() || v.is_boolean());
    let whole = |text: &str| plain(text).filter(|value| value.is_u64() || value.is_boolean());
    let list: Option<Vec<Value>> = text.split(['x', '+']).map(whole).collect();
    match list {
        Some(list) if list.len() > 1 => list.into(),
        _ => plain(text).unwrap_or_else(|| text.trim_matches('"').into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::{cases, parse, spelled};

    #[test]
    fn fields_become_json() {
        let read = fields(
            "frames=16, size=64x64,sources=320+320,scale=-0.5,geglu=true,shared=true+false,dtype=f16,x=\"f16\",",
        )
        .unwrap();
        let expected = json!({
            "frames": 16, "size": [64, 64], "sources": [320, 320], "scale": -0.5, "geglu": true, "shared": [true, false],
            "dtype": "f16", "x": "f16",
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
