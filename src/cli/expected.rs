//! What serde says about a value, in words for people who do not write Rust.

use std::fmt::Display;

/// `invalid type: string "three", expected usize` as `expected a whole number from 0 on, found "three"`; any other text as it is.
pub fn in_words(error: &impl Display) -> String {
    let message = error.to_string();
    let Some((found, expected)) = message.split_once(", expected ") else { return message };
    let kinds = ["invalid type: ", "invalid value: ", "unknown variant "];
    let Some(found) = kinds.iter().find_map(|kind| found.strip_prefix(kind)) else { return message };
    format!("expected {}, found {}", thing(expected), value(found))
}

/// A type of Rust; what else is expected says so itself.
fn thing(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        other => other,
    }
}

/// A value, without the name of its type.
fn value(found: &str) -> &str {
    match found {
        "sequence" => "a list",
        "map" => "an object",
        "unit value" => "nothing",
        _ => {
            let kinds = ["string ", "integer ", "floating point ", "boolean "];
            let bare = kinds.iter().find_map(|kind| found.strip_prefix(kind)).unwrap_or(found);
            bare.trim_matches('`')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_wrong_type_are_told_without_rust() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let read = |text: &str| in_words(&serde_json::from_value::<u32>(value(text)).unwrap_err());
        for (text, words) in [
            (r#""three""#, "found \"three\""),
            ("-1", "a whole number from 0 to 4294967295, found -1"),
            ("1.5", "found 1.5"),
            ("true", "found true"),
            ("[1]", "found a list"),
            ("{}", "found an object"),
        ] {
            assert!(read(text).contains(words) && !read(text).contains("u32"), "{text}: {}", read(text));
        }
        let number = serde_json::from_value::<f64>(value("\"x\"")).unwrap_err();
        assert!(in_words(&number).starts_with("expected a number, found \"x\""));
        assert_eq!(in_words(&"unknown variant `dice`, expected `a` or `b`"), "expected `a` or `b`, found dice");
        assert_eq!(in_words(&"it ends early"), "it ends early");
    }
}
