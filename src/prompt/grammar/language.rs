//! Recognises a prompt that is not English: by its script, and by the frequent words of six languages.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::token::{Kind, Token};
use super::verbs::{Verbs, lines};
use super::words::Words;

/// Letters of other scripts: the first and last code point of a block, and what to call it.
const SCRIPTS: [(u32, u32, &str); 17] = [
    (0x3040, 0x30ff, "Japanese"),
    (0x31f0, 0x31ff, "Japanese"),
    (0xac00, 0xd7af, "Korean"),
    (0x1100, 0x11ff, "Korean"),
    (0x3400, 0x4dbf, "Chinese"),
    (0x4e00, 0x9fff, "Chinese"),
    (0x20000, 0x2fa1f, "Chinese"),
    (0x0400, 0x052f, "Cyrillic script"),
    (0x0600, 0x077f, "Arabic script"),
    (0x0590, 0x05ff, "Hebrew"),
    (0x0370, 0x03ff, "Greek"),
    (0x1f00, 0x1fff, "Greek"),
    (0x0900, 0x097f, "Devanagari script"),
    (0x0980, 0x0dff, "an Indian script"),
    (0x0e00, 0x0e7f, "Thai"),
    (0x10a0, 0x10ff, "Georgian"),
    (0x0530, 0x058f, "Armenian"),
];

/// A share of letters in another script above this (in percent) makes the prompt one in that script.
const SHARE: usize = 30;

/// Languages of the frequent-word list, with the letters that English does not have.
const LETTERS: [(&str, &str); 6] = [
    ("German", "äöüß"),
    ("French", "éèêëàâçîïôûùœ"),
    ("Spanish", "áéíóúñ¿¡"),
    ("Italian", "àèéìòù"),
    ("Portuguese", "ãõáâàçéêíóú"),
    ("Dutch", "ëïé"),
];

fn frequent() -> &'static HashMap<&'static str, Vec<&'static str>> {
    static FREQUENT: OnceLock<HashMap<&str, Vec<&str>>> = OnceLock::new();
    FREQUENT.get_or_init(|| {
        let mut words: HashMap<_, Vec<_>> = HashMap::new();
        for line in lines(include_str!("data/languages.txt")) {
            let Some((language, members)) = line.split_once(':') else { continue };
            for member in members.split_whitespace() {
                words.entry(member).or_default().push(language);
            }
        }
        words
    })
}

/// What the prompt is written in, when that is not English.
pub(super) fn foreign(prompt: &str, tokens: &[Token]) -> Option<&'static str> {
    script(prompt).or_else(|| by_words(tokens))
}

/// The script that more than `SHARE` percent of the letters are in. Japanese mixes two, so any kana decides.
fn script(prompt: &str) -> Option<&'static str> {
    let mut letters = 0;
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for c in prompt.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        let code = u32::from(c);
        if let Some((_, _, name)) = SCRIPTS.iter().find(|(first, last, _)| (*first..=*last).contains(&code)) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let total: usize = counts.values().sum();
    if total * 100 <= letters * SHARE {
        return None;
    }
    if counts.contains_key("Japanese") {
        return Some("Japanese");
    }
    counts.into_iter().max_by_key(|&(name, count)| (count, name)).map(|(name, _)| name)
}

/// The language with the most frequent words, when they are more than the English ones.
fn by_words(tokens: &[Token]) -> Option<&'static str> {
    let mut scores: HashMap<&str, usize> = HashMap::new();
    let mut words = 0;
    let mut seen = HashSet::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Word) {
        words += 1;
        if !seen.insert(token.lower.as_str()) {
            continue;
        }
        let known =
            !Verbs::get().forms(&token.lower).is_empty() || Words::get().adjectives.contains(token.lower.as_str());
        let languages = frequent().get(token.lower.as_str()).map(Vec::as_slice).unwrap_or_default();
        if known && !languages.contains(&"English") {
            // As much as the others, where it is theirs, too: "pour" is no sign of French.
            *scores.entry("English").or_default() += if languages.is_empty() { 1 } else { 2 };
        }
        for language in languages {
            *scores.entry(language).or_default() += 2;
        }
        for (language, letters) in LETTERS {
            if token.lower.chars().any(|c| letters.contains(c)) {
                *scores.entry(language).or_default() += 1;
            }
        }
    }
    let english = scores.remove("English").unwrap_or(0);
    let (language, score) = scores.into_iter().max_by_key(|&(name, score)| (score, name))?;
    // two frequent words, or one of a very short prompt
    let enough = if words <= 3 { 2 } else { 4 };
    (score >= enough && score > english).then_some(language)
}
