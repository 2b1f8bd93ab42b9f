//! The tokenizer on a vocabulary of single bytes and two merges, written to a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::alphabet::Alphabet;
use super::{Error, Tokenizer};
use crate::checkpoint::ModelFiles;

const BOS: u32 = 514;
const EOS: u32 = 515;

/// A folder that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("i2vgen-prompt-{}-{n}", std::process::id()));
        let tokenizer = dir.join("tokenizer");
        fs::create_dir_all(&tokenizer).unwrap();
        for (name, text) in files {
            fs::write(tokenizer.join(name), text).unwrap();
        }
        Self(dir)
    }

    fn open(&self) -> Result<Tokenizer, Error> {
        Tokenizer::open(&ModelFiles::from(&self.0))
    }

    fn failure(&self) -> String {
        let message = self.open().unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MERGES: &str = "#version: 0.2\nc a\nca t</w>\n";

/// Single bytes (`!` is 0, `a` is 64), the same at a word's end (+256), `ca` 512, `cat</w>` 513, bos and eos.
fn vocab() -> Map<String, Value> {
    let visible = (0x21..=0x7e).chain(0xa1..=0xac).chain(0xae..=0xff);
    let hidden = (0..=0x20).chain(0x7f..=0xa0).chain([0xad]);
    let bytes: Vec<char> = visible.chain(hidden).map(char::from).collect();
    let spelt = |c: &char| match *c as u32 {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => c.to_string(),
        low @ 0..=0x20 => char::from_u32(0x100 + low).unwrap().to_string(),
        0xad => '\u{143}'.to_string(),
        high => char::from_u32(0x121 + high - 0x7f).unwrap().to_string(),
    };
    let single: Vec<String> = bytes.iter().map(spelt).collect();
    let ends = single.iter().map(|s| format!("{s}</w>"));
    let more = ["ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"].map(String::from);
    let all = single.iter().cloned().chain(ends).chain(more);
    all.zip(0u32..).map(|(token, id)| (token, id.into())).collect()
}

fn vocab_text() -> String {
    Value::Object(vocab()).to_string()
}

fn tokenizer(settings: &[(&str, &str)]) -> Tokenizer {
    let vocab = vocab_text();
    let mut files = vec![("vocab.json", vocab.as_str()), ("merges.txt", MERGES)];
    files.extend_from_slice(settings);
    Folder::new(&files).open().unwrap()
}

/// The ids of a text up to and including eos, and the number of tokens that the tokenizer counts.
fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let encoded = tokenizer.encode(text).unwrap();
    assert_eq!(encoded.ids.len(), tokenizer.max_length());
    encoded.ids[..encoded.tokens].to_vec()
}

#[test]
fn the_alphabet_of_the_tests_is_that_of_the_tokenizer() {
    let vocab = vocab();
    for c in (0u8..=0x7f).map(char::from) {
        assert!(vocab.contains_key(&Alphabet::new().spell(&c.to_string())), "{c:?}");
    }
    assert_eq!(vocab.len(), 516);
}

#[test]
fn text_becomes_merged_tokens_between_bos_and_eos() {
    let t = tokenizer(&[]);
    assert_eq!((t.max_length(), t.vocab_size()), (77, 516));
    for (text, want) in [
        ("", vec![]),
        (" \n\t ", vec![]),
        ("cat", vec![513]),
        ("A  CAT\n", vec![320, 513]),
        ("cats", vec![512, 83, 338]),
        ("a!1'll", vec![320, 256, 272, 6, 75, 331]),
        ("12", vec![272, 273]),
        ("a<|endoftext|>cat", vec![320, EOS, 513]),
        ("<|startoftext|> <|ENDOFTEXT|>", vec![BOS, EOS]),
    ] {
        let want: Vec<u32> = [BOS].into_iter().chain(want).chain([EOS]).collect();
        assert_eq!(ids(&t, text), want, "{text:?}");
    }
    assert_eq!(t.encode("a").unwrap().ids[3..], [EOS; 74]);
}

#[test]
fn text_is_cleaned_as_bert_does() {
    let t = tokenizer(&[]);
    for (text, same) in [
        ("c\u{200b}a\u{0}t\u{7}\u{feff}", "cat"),
        ("c\u{a0}a\u{2028}t\u{3000}", "c a t"),
        ("E\u{301}", "é"),
        ("中文a", "中 文 a"),
        ("\u{fffd}\u{378}", ""),
        ("ΑΣ ΣΑ", "ας σα"),
    ] {
        assert_eq!(ids(&t, text), ids(&t, same), "{text:?}");
    }
    assert_ne!(ids(&t, "é"), ids(&t, "e"));
}

#[test]
fn what_does_not_fit_is_reported() {
    let config = r#"{"model_max_length": 6}"#;
    let t = tokenizer(&[("tokenizer_config.json", config)]);
    let fits = t.encode("cat cat cat cat").unwrap();
    assert_eq!((fits.tokens, fits.cut), (6, None));
    let long = t.encode("cat cat cat cat A Cat ünd<|endoftext|>!").unwrap();
    assert_eq!(long.ids, [BOS, 513, 513, 513, 513, EOS]);
    assert_eq!(long.cut.unwrap(), "a cat ünd <|endoftext|>!");
}

#[test]
fn any_text_is_taken() {
    let t = tokenizer(&[]);
    let all: String = (0..=0x2_ffff).step_by(7).filter_map(char::from_u32).collect();
    for text in [all.as_str(), &"x".repeat(10_000), "👨‍👩‍👧", "नमस्ते", "<|endoftext|", "''''"]
    {
        assert_eq!(t.encode(text).unwrap().ids.len(), 77);
    }
}

#[test]
fn the_pad_token_is_read_and_split_out() {
    let t = tokenizer(&[("special_tokens_map.json", r#"{"pad_token": "!"}"#)]);
    let encoded = t.encode("a!! cat").unwrap();
    assert_eq!(encoded.ids[..6], [BOS, 320, 0, 0, 513, EOS]);
    assert_eq!(encoded.ids[6..], [0; 71]);
}

#[test]
fn the_two_settings_files_have_the_order_of_transformers() {
    let map = ("special_tokens_map.json", r#"{"pad_token": {"content": "!"}}"#);
    let old = r#"{"pad_token": {"content": "<|endoftext|>", "lstrip": false}, "model_max_length": 1e30}"#;
    let new = r#"{"pad_token": "<|endoftext|>", "added_tokens_decoder": {"515": {"content": "<|endoftext|>"}}}"#;
    for (config, pad) in [(old, 0), (new, EOS), ("{}", 0)] {
        let t = tokenizer(&[map, ("tokenizer_config.json", config)]);
        assert_eq!(t.encode("").unwrap().ids[2..], [pad; 75], "{config}");
    }
}

#[test]
fn added_tokens_bring_their_ids() {
    let config = r#"{"pad_token": "[PAD]", "added_tokens_decoder": {"600": {"content": "[PAD]"}}}"#;
    let t = tokenizer(&[("tokenizer_config.json", config)]);
    assert_eq!(t.vocab_size(), 601);
    assert_eq!(t.encode("a[PAD]").unwrap().ids[..5], [BOS, 320, 600, EOS, 600]);
}

#[test]
fn tokenizer_json_alone_is_enough() {
    let json = json!({
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "added_tokens": [{"id": EOS, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "behavior": "Removed", "invert": true,
                "pattern": {"Regex": r"'s|'t|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"}},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
        "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocab(), "merges": ["c a", "ca t</w>"]}
    });
    let map = ("special_tokens_map.json", r#"{"pad_token": "!"}"#);
    let folder = Folder::new(&[("tokenizer.json", &json.to_string()), map]);
    let t = folder.open().unwrap();
    assert_eq!(t.vocab_size(), 516);
    let encoded = t.encode("A Cat cats! <|endoftext|>").unwrap();
    assert_eq!(encoded.ids[..10], [BOS, 320, 513, 512, 83, 338, 0, EOS, EOS, 0]);
    assert_eq!(t.encode(&"cat ".repeat(80)).unwrap().cut.unwrap(), "cat cat cat cat cat");
}

#[test]
fn a_folder_without_vocabulary_says_what_is_missing() {
    let vocab = vocab_text();
    let message = Folder::new(&[("vocab.json", &vocab)]).failure();
    assert!(message.contains("merges.txt is missing") && message.contains("copy"), "{message}");
    let message = Folder::new(&[("merges.txt", MERGES)]).failure();
    assert!(message.contains("vocab.json is missing"), "{message}");
    let message = Folder::new(&[]).failure();
    assert!(message.contains("all three are missing"), "{message}");
}

#[test]
fn bad_files_are_named() {
    let vocab = vocab_text();
    let lacking = vocab.replace("<|startoftext|>", "<|start|>");
    for (files, parts) in [
        ([("vocab.json", "{"), ("merges.txt", MERGES)], ["vocab.json is damaged", "download"]),
        ([("vocab.json", r#"{"a": -1}"#), ("merges.txt", MERGES)], ["vocab.json is damaged", "-1"]),
        ([("vocab.json", &vocab), ("merges.txt", "#\nc a\nt")], ["merges.txt is damaged", "line 3"]),
        ([("vocab.json", &vocab), ("merges.txt", "#\nc a\nx y")], ["line 3", "`xy`"]),
        ([("vocab.json", &lacking), ("merges.txt", MERGES)], ["bos token `<|startoftext|>`", "bos_token"]),
        ([("tokenizer.json", "{}"), ("merges.txt", MERGES)], ["tokenizer.json is damaged", "Model"]),
    ] {
        let message = Folder::new(&files).failure();
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
    for (settings, parts) in [
        ("[]", ["tokenizer_config.json is damaged", "not a JSON object"]),
        (r#"{"model_max_length": 1}"#, ["`model_max_length` is 1", "2 or more"]),
        (r#"{"pad_token": 3}"#, ["`pad_token` is 3", "`content`"]),
        (r#"{"pad_token": "[PAD]"}"#, ["pad token `[PAD]`", "pad_token"]),
        (r#"{"added_tokens_decoder": {"x": "y"}}"#, ["`added_tokens_decoder.x`", "an id"]),
    ] {
        let files = [("vocab.json", vocab.as_str()), ("merges.txt", MERGES), ("tokenizer_config.json", settings)];
        let message = Folder::new(&files).failure();
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
}
