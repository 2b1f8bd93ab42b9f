//! The rules of transformers' `CLIPTokenizer` (the Python one, as it is without `ftfy`) on `vocab.json` and `merges.txt`.
//!
//! Special tokens are taken out first, as written. The rest is cleaned like BERT's input: control characters dropped,
//! spaces put around CJK characters, composed (NFC), split at white space, lower-cased with accents kept. CLIP's
//! expression cuts that into words, and byte-pair encoding cuts the words into tokens.

use std::collections::HashMap;
use std::path::Path;

use regex::Regex;
use tokenizers::models::bpe::BPE;
use tokenizers::{Model, NormalizedString};

use super::alphabet::{Alphabet, END_OF_WORD};
use super::error::{Error, Result};
use super::settings::{AddedToken, Settings, read_text};
use crate::checkpoint::ModelFiles;

/// The ids of tokens.
pub(super) const VOCAB: &str = "tokenizer/vocab.json";
/// The pairs of tokens that are joined, most frequent first.
pub(super) const MERGES: &str = "tokenizer/merges.txt";

/// Merges that `CLIPTokenizer` reads; the vocabulary of 49408 is these, 512 single bytes and 2 special tokens.
const MAX_MERGES: usize = 49152 - 256 - 2;

/// Controls, formats, private and unassigned characters, except the white space among them.
const DROPPED: &str = r"[\p{C}\x{FFFD}&&[^\t\n\r]]+";
/// Chinese characters, each of which becomes a word.
const CJK: &str =
    r"[\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2CEAF}\x{2F800}-\x{2FA1F}]";
/// CLIP's words: the two markers, English endings, letters, single digits, and runs of anything else.
const WORDS: &str = r"(?i)<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+";
/// The markers that [`WORDS`] keeps whole.
const MARKERS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];

/// `CLIPTokenizer` without the frame of bos, eos and padding.
#[derive(Debug)]
pub(super) struct ClipBpe {
    model: BPE,
    alphabet: Alphabet,
    special: Vec<AddedToken>,
    dropped: Regex,
    cjk: Regex,
    words: Regex,
}

impl ClipBpe {
    /// Builds the tokenizer; `None` if one of the two files is missing.
    pub(super) fn open(files: &ModelFiles, settings: &Settings) -> Result<Option<Self>> {
        let (vocab_path, merges_path) = (files.path(VOCAB), files.path(MERGES));
        let (Some(vocab), Some(merges)) = (read_text(files, VOCAB)?, read_text(files, MERGES)?) else {
            return Ok(None);
        };
        let vocab: HashMap<String, u32> = serde_json::from_str(&vocab)
            .map_err(|e| Error::Damaged { path: vocab_path.clone(), detail: e.to_string() })?;
        let merges = read_merges(&merges_path, &merges, &vocab)?;
        let model = BPE::builder()
            .vocab_and_merges(vocab.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
            .unk_token(settings.unk.clone())
            .end_of_word_suffix(END_OF_WORD.into())
            .build()
            .map_err(|e| Error::Damaged { path: merges_path, detail: e.to_string() })?;
        let mut special = settings.added.clone();
        for content in [&settings.bos, &settings.eos, &settings.unk, &settings.pad] {
            if !special.iter().any(|t| t.content == *content)
                && let Some(id) = model.token_to_id(content)
            {
                special.push(AddedToken { id, content: content.clone() });
            }
        }
        let expression = |text| Regex::new(text).map_err(|e| Error::Encode { detail: e.to_string() });
        Ok(Some(Self {
            model,
            alphabet: Alphabet::new(),
            special,
            dropped: expression(DROPPED)?,
            cjk: expression(CJK)?,
            words: expression(WORDS)?,
        }))
    }

    pub(super) fn id(&self, token: &str) -> Option<u32> {
        let added = self.special.iter().find(|t| t.content == token);
        added.map(|t| t.id).or_else(|| self.model.token_to_id(token))
    }

    pub(super) fn token(&self, id: u32) -> Option<String> {
        let added = self.special.iter().find(|t| t.id == id);
        added.map(|t| t.content.clone()).or_else(|| self.model.id_to_token(id))
    }

    /// Highest id there is.
    pub(super) fn last_id(&self) -> u32 {
        let ids = self.special.iter().map(|t| t.id);
        ids.chain(self.model.get_vocab().into_values()).max().unwrap_or(0)
    }

    /// The tokens of a text of any length.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some((at, token)) = self.next_special(rest) {
            self.encode_words(&rest[..at], &mut ids)?;
            ids.push(token.id);
            rest = &rest[at + token.content.len()..];
        }
        self.encode_words(rest, &mut ids)?;
        Ok(ids)
    }

    /// The first special token in a text, the longest of those that begin there, and where it begins.
    fn next_special(&self, text: &str) -> Option<(usize, &AddedToken)> {
        let found = self.special.iter().filter_map(|t| Some((text.find(&t.content)?, t)));
        found.min_by_key(|(at, t)| (*at, usize::MAX - t.content.len()))
    }

    fn encode_words(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        for word in self.words.find_iter(&self.clean(text)) {
            let word = word.as_str();
            if MARKERS.contains(&word)
                && let Some(id) = self.id(word)
            {
                ids.push(id);
                continue;
            }
            let tokens = self.model.tokenize(&self.alphabet.spell(word));
            let tokens = tokens.map_err(|e| Error::Encode { detail: e.to_string() })?;
            ids.extend(tokens.iter().map(|t| t.id));
        }
        Ok(())
    }

    /// BERT's cleaning as described at the head of this file.
    fn clean(&self, text: &str) -> String {
        let text = self.dropped.replace_all(text, "");
        let text = self.cjk.replace_all(&text, " $0 ");
        let mut text = NormalizedString::from(text.as_ref());
        text.nfc();
        let words = text.get().split_whitespace().map(str::to_lowercase);
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The pairs of `merges.txt`. Its first line is a heading (`#version: 0.2`), which `CLIPTokenizer` skips whatever it says.
fn read_merges(path: &Path, text: &str, vocab: &HashMap<String, u32>) -> Result<Vec<(String, String)>> {
    let lines = text.trim().split('\n').enumerate().skip(1).take(MAX_MERGES);
    let pair = |(i, line): (usize, &str)| {
        let mut parts = line.split_whitespace();
        let (Some(a), Some(b), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Damaged {
                path: path.to_path_buf(),
                detail: format!("line {} is not a pair of tokens", i + 1),
            });
        };
        for token in [a, b, &format!("{a}{b}")] {
            if !vocab.contains_key(token) {
                return Err(Error::UnknownMerge {
                    path: path.to_path_buf(),
                    line: i + 1,
                    merge: format!("{a} {b}"),
                    token: token.to_owned(),
                });
            }
        }
        Ok((a.to_owned(), b.to_owned()))
    };
    lines.map(pair).collect()
}
