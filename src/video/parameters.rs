//! The parameters of a clip as text for the containers, and back.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The key under which every container keeps the parameters.
pub(super) const KEY: &str = "i2vgen";
/// Largest block that is read in search of parameters, in bytes: a broken length must not fill the memory.
pub(super) const MAX_BYTES: u64 = 100_000_000;

/// Parameters from JSON text; `None` if it is not JSON, or null: a clip that was written without any.
pub(super) fn from_json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok().filter(|value: &Value| !value.is_null())
}

/// The text for a container whose comments have no key: one more object around the parameters says whose they are.
/// Plain ASCII, because a gif's comment is.
pub(super) fn to_comment(parameters: &Value) -> String {
    to_ascii(&json!({ KEY: parameters }).to_string())
}

/// The parameters from such a comment; `None` if it is somebody else's.
pub(super) fn from_comment(text: &[u8]) -> Option<Value> {
    match from_json(text)? {
        Value::Object(mut comment) => comment.remove(KEY).filter(|value| !value.is_null()),
        _ => None,
    }
}

const XMP_OPEN: &str = "<i2vgen:parameters>";
const XMP_CLOSE: &str = "</i2vgen:parameters>";

/// An XMP packet with the parameters as one property.
pub(super) fn to_xmp(parameters: &Value) -> String {
    let json = to_ascii(&parameters.to_string());
    let json = json.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:i2vgen=\"urn:i2vgen:1\">\
         {XMP_OPEN}{json}{XMP_CLOSE}\
         </rdf:Description></rdf:RDF></x:xmpmeta>"
    )
}

/// The parameters from such a packet; `None` if it has none.
pub(super) fn from_xmp(packet: &[u8]) -> Option<Value> {
    let packet = std::str::from_utf8(packet).ok()?;
    let (_, rest) = packet.split_once(XMP_OPEN)?;
    let (json, _) = rest.split_once(XMP_CLOSE)?;
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    from_json(json.as_bytes())
}

/// The same JSON in ASCII: other characters can stand only in its strings, where `\u` escapes them.
fn to_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::parameters;
    use super::*;

    #[test]
    fn texts_are_ascii_and_come_back() {
        let value = parameters();
        let comment = to_comment(&value);
        assert!(comment.is_ascii());
        assert_eq!(from_comment(comment.as_bytes()), Some(value.clone()));
        let xmp = to_xmp(&value);
        assert!(xmp.is_ascii());
        assert_eq!(from_xmp(xmp.as_bytes()), Some(value));
        assert_eq!(from_comment(br#"{"other": 1}"#), None);
        assert_eq!(from_comment(b"made with love"), None);
        assert_eq!(from_xmp(b"<x:xmpmeta/>"), None);
    }
}
