//! Every way to read a token, with what each costs before its neighbours are looked at.

use super::spelling::{base_from_third, gerund, gerund_from_past};
use super::tag::{Count, Form, Helper, Reading, Tag};
use super::token::{Kind, Token};
use super::verbs::{Nounness, Verbs};
use super::words::Words;

/// What an unusual reading of a homograph costs, per point in its file.
const POINT: u32 = 2;
/// A noun read as a verb when it is mostly a noun.
const MOSTLY: u32 = 12;
/// Either reading of a word that is as often the one as the other.
const EITHER: u32 = 3;
/// A capital inside a sentence: a name.
const NAME: u32 = 20;
/// A word of the verb list read as a noun, when it is hardly ever one.
const VERB: u32 = 15;
/// Hardly ever.
const RARE: u32 = 25;

/// Endings that make an unknown word an adjective.
const ADJECTIVE_ENDINGS: [&str; 8] = ["ful", "ous", "less", "ish", "able", "ible", "ive", "-like"];

/// The readings of `tokens[at]`. `titled`: every word of the prompt has a capital, so that capitals mean nothing.
pub(super) fn readings(prompt: &str, tokens: &[Token], at: usize, titled: bool) -> Vec<Reading> {
    let Some(token) = tokens.get(at) else { return Vec::new() };
    match token.kind {
        Kind::Comma | Kind::Stop | Kind::Question => vec![plain(Tag::Comma, 0)],
        Kind::Quoted => vec![plain(Tag::Noun(Count::Singular), 0)],
        Kind::Number => {
            let count = if token.lower == "1" { Count::Singular } else { Count::Plural };
            vec![plain(Tag::Determiner(count), 0), plain(Tag::Noun(Count::Any), EITHER)]
        }
        Kind::Word => word(prompt, tokens, at, titled),
    }
}

fn plain(tag: Tag, cost: u32) -> Reading {
    Reading { tag, cost, verb: None }
}

fn word(prompt: &str, tokens: &[Token], at: usize, titled: bool) -> Vec<Reading> {
    let Some(token) = tokens.get(at) else { return Vec::new() };
    let before = at.checked_sub(1).and_then(|before| tokens.get(before)).filter(|before| !before.ends_sentence());
    let text = token.lower.as_str();
    if text.starts_with('\'') {
        return clitic(text, before);
    }
    let (verbs, words) = (Verbs::get(), Words::get());
    let mut out: Vec<Reading> =
        words.closed.get(text).into_iter().flatten().map(|&(tag, cost)| plain(tag, cost)).collect();
    let closed = !out.is_empty();
    out.extend(verbs.forms(text).iter().map(|entry| {
        let cost = match entry.form {
            Form::Plain | Form::Third => match verbs.nounness(entry.base) {
                Some(Nounness::Mostly) => MOSTLY,
                Some(Nounness::Both) => EITHER,
                None => 0,
            },
            _ => 0,
        };
        Reading { tag: Tag::Verb(entry.form), cost, verb: Some((entry.base.to_owned(), entry.gerund.clone())) }
    }));
    let adjective = words.adjectives.contains(text);
    let adverb = text.len() > 4 && text.ends_with("ly") && !words.not_adverbs.contains(text);
    if adjective {
        out.push(plain(Tag::Adjective, 0));
    }
    if adverb {
        out.push(plain(Tag::Adverb, 0));
    }
    if out.is_empty() {
        out.extend(unknown(text));
    } else if !closed && !out.iter().any(|reading| matches!(reading.tag, Tag::Noun(_))) {
        out.push(plain(Tag::Noun(words.count(text)), noun_cost(text, adjective, adverb)));
    }
    override_homographs(text, &mut out);
    let shown = prompt.get(token.range.clone()).unwrap_or_default();
    let name = before.is_some() && !titled && shown.chars().next().is_some_and(char::is_uppercase) && shown != "I";
    // "the city lights up" is no compound
    let up = tokens.get(at + 1).is_some_and(|next| next.lower == "up");
    let compound = !up && before.is_some_and(|before| words.is_compound(&before.lower, text));
    for reading in &mut out {
        match reading.tag {
            Tag::Verb(_) if name || compound => reading.cost += NAME,
            Tag::Noun(_) if name || compound => reading.cost = 0,
            _ => {}
        }
    }
    out
}

/// What the noun reading of a known word costs.
fn noun_cost(text: &str, adjective: bool, adverb: bool) -> u32 {
    let verbs = Verbs::get();
    let forms = verbs.forms(text);
    let present = forms.iter().find(|entry| matches!(entry.form, Form::Plain | Form::Third));
    match present.map(|entry| verbs.nounness(entry.base)) {
        Some(Some(Nounness::Mostly)) => 0,
        Some(Some(Nounness::Both)) => EITHER,
        Some(None) => VERB,
        None if adverb => 8,
        None if adjective => EITHER,
        None if forms.iter().any(|entry| entry.form == Form::Gerund) => MOSTLY,
        None => RARE,
    }
}

/// `'s`, `'re`, `'ve`, `'ll`, `'d`, `'m` and the apostrophe of a plural.
fn clitic(text: &str, before: Option<&Token>) -> Vec<Reading> {
    let after_pronoun = before.is_some_and(|before| {
        let tags = Words::get().closed.get(before.lower.as_str());
        tags.into_iter().flatten().any(|(tag, _)| matches!(tag, Tag::Pronoun(_) | Tag::Exist | Tag::Interrogative))
    });
    match text {
        "'s" => vec![
            plain(Tag::Possessive, if after_pronoun { RARE } else { 0 }),
            plain(Tag::Helper(Helper::Be, Form::Third), if after_pronoun { 0 } else { 6 }),
            plain(Tag::Helper(Helper::Have, Form::Third), if after_pronoun { 1 } else { 8 }),
        ],
        "'" => vec![plain(Tag::Possessive, 0)],
        "'d" => vec![
            plain(Tag::Helper(Helper::Modal, Form::Third), 0),
            plain(Tag::Helper(Helper::Have, Form::Past), EITHER),
        ],
        _ => Words::get().closed.get(text).into_iter().flatten().map(|&(tag, cost)| plain(tag, cost)).collect(),
    }
}

/// The readings of a word that no list has: a noun, or what its ending says.
fn unknown(text: &str) -> Vec<Reading> {
    let verb = |form, cost, base: String, ing: String| Reading { tag: Tag::Verb(form), cost, verb: Some((base, ing)) };
    let count = Words::get().count(text);
    if ADJECTIVE_ENDINGS.iter().any(|end| text.len() > end.len() + 2 && text.ends_with(end)) {
        return vec![plain(Tag::Adjective, 0), plain(Tag::Noun(count), EITHER)];
    }
    if let Some(ing) = gerund_from_past(text).filter(|_| !text.ends_with("eed")) {
        let base = ing.strip_suffix("ing").unwrap_or(text).to_owned();
        return vec![
            verb(Form::Participle, 2, base.clone(), ing.clone()),
            verb(Form::Past, 6, base, ing),
            plain(Tag::Noun(count), MOSTLY),
        ];
    }
    if let Some(base) = text.strip_suffix("ing").filter(|base| base.len() > 2) {
        return vec![verb(Form::Gerund, 0, base.to_owned(), text.to_owned()), plain(Tag::Noun(count), 6)];
    }
    let mut out = vec![plain(Tag::Noun(count), 0)];
    if let Some(base) = base_from_third(text).filter(|_| count == Count::Plural && text.is_ascii()) {
        let ing = gerund(&base);
        out.push(verb(Form::Third, RARE, base, ing));
    }
    out
}

/// Replaces the readings that `homographs.txt` knows better.
fn override_homographs(text: &str, out: &mut Vec<Reading>) {
    for &(name, points) in Words::get().homographs.get(text).into_iter().flatten() {
        let tag = match name {
            "noun-sg" => Tag::Noun(Count::Singular),
            "noun-pl" => Tag::Noun(Count::Plural),
            "pronoun-sg" => Tag::Pronoun(Count::Singular),
            "adjective" => Tag::Adjective,
            "adverb" => Tag::Adverb,
            "particle" => Tag::Particle,
            "preposition" => Tag::Preposition,
            "base" => Tag::Verb(Form::Plain),
            "third" => Tag::Verb(Form::Third),
            "past" => Tag::Verb(Form::Past),
            "participle" => Tag::Verb(Form::Participle),
            _ => Tag::Verb(Form::Gerund),
        };
        let same = |reading: &&mut Reading| match (reading.tag, tag) {
            (Tag::Noun(_), Tag::Noun(_)) => true,
            (a, b) => a == b,
        };
        match out.iter_mut().find(same) {
            Some(reading) => (reading.tag, reading.cost) = (tag, points * POINT),
            None if !matches!(tag, Tag::Verb(_)) => out.push(plain(tag, points * POINT)),
            None => {}
        }
    }
}
