//! From a prompt to its verbs, its rewrite and what is to be said about it.

use std::ops::Range;

use super::finding::Finding;
use super::group::{Group, groups};
use super::language::foreign;
use super::motion::{Motions, findings};
use super::parse::{Parsed, parse};
use super::reading::readings;
use super::rewrite::{Edit, apply, changes};
use super::step::Item;
use super::suggest::subject_of;
use super::tag::Count;
use super::token::{Kind as TokenKind, Token, tokens};
use super::verb::{Number, Verb};
use super::weights::weights;
use super::words::{NounClass, Words};

/// What the grammar finds in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Every finite verb, in order.
    pub verbs: Vec<Verb>,
    /// The whole prompt with its motions and postures in the present continuous, every other byte as it was;
    /// `None` when there is nothing to change.
    pub rewrite: Option<String>,
    /// What is to be said about the prompt, in the order of its importance.
    pub findings: Vec<Finding>,
}

/// Bytes of the longest prompt that is analysed: the text encoder reads 77 tokens, and the time grows with the sentences.
const LONGEST: usize = 4096;

/// Analyses an English prompt. Works on any text, and leaves alone what it does not understand or what is longer than 4096
/// bytes, most of which no text encoder would see.
pub fn analyse(prompt: &str) -> Analysis {
    if prompt.len() > LONGEST {
        return Analysis::default();
    }
    let tokens = tokens(prompt);
    if !tokens.iter().any(|token| matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::Quoted)) {
        return match prompt.chars().any(char::is_alphanumeric) {
            true => Analysis::default(),
            false => Analysis { findings: vec![Finding::Empty], ..Analysis::default() },
        };
    }
    if let Some(language) = foreign(prompt, &tokens) {
        return Analysis { findings: vec![Finding::OtherLanguage { language }], ..Analysis::default() };
    }
    let titled = tokens.iter().filter(|token| token.kind == TokenKind::Word).all(|token| {
        prompt.get(token.range.clone()).and_then(|text| text.chars().next()).is_some_and(|c| !c.is_lowercase())
    });
    let mut analysis = Analysis { findings: weights(prompt).into_iter().collect(), ..Analysis::default() };
    let mut edits: Vec<Edit> = Vec::new();
    let mut motions = Motions::default();
    for sentence in sentences(&tokens) {
        let items = items(prompt, &tokens, sentence.clone(), titled);
        let parsed = Parsed { items: &items, choices: parse(&items) };
        let groups = groups(&parsed);
        let question = tokens.get(sentence.end).is_some_and(|token| token.kind == TokenKind::Question);
        let changes = if question { Vec::new() } else { changes(prompt, &parsed, &groups) };
        motions.add(&parsed, &groups);
        for group in &groups {
            analysis.verbs.extend(verb(prompt, &parsed, group));
        }
        for change in changes {
            let group = groups.get(change.group);
            if let Some(found) = group.and_then(|group| tense_finding(prompt, &parsed, group, &change.edits)) {
                analysis.findings.push(found);
                edits.extend(change.edits);
            }
        }
    }
    if !edits.is_empty() {
        analysis.rewrite = Some(apply(prompt, 0..prompt.len(), &edits));
    }
    analysis.findings.extend(findings(&motions));
    analysis
}

/// The sentences as ranges of tokens, their final marks left out.
fn sentences(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.ends_sentence() {
            out.push(start..index);
            start = index + 1;
        }
    }
    out.push(start..tokens.len());
    out.retain(|sentence| !sentence.is_empty());
    out
}

fn items<'a>(prompt: &str, tokens: &'a [Token], sentence: Range<usize>, titled: bool) -> Vec<Item<'a>> {
    let words = Words::get();
    let item = |(index, token): (usize, &'a Token)| Item {
        token,
        readings: readings(prompt, tokens, index, titled),
        quantity: words.is(&token.lower, NounClass::Quantity),
        depiction: words.is(&words.singular(&token.lower), NounClass::Depiction),
        mass: words.is(&token.lower, NounClass::Mass) || token.kind == TokenKind::Quoted,
        subject: subject_of(&token.lower),
    };
    tokens.iter().enumerate().skip(sentence.start).take(sentence.len()).map(item).collect()
}

/// The bytes of a group, from its first word to its last.
fn range_of(parsed: &Parsed, group: &Group) -> Option<Range<usize>> {
    let first = parsed.items.get(*group.words.first()?)?;
    let last = parsed.items.get(*group.words.last()?)?;
    Some(first.token.range.start..last.token.range.end)
}

fn verb(prompt: &str, parsed: &Parsed, group: &Group) -> Option<Verb> {
    let range = range_of(parsed, group)?;
    Some(Verb {
        text: prompt.get(range.clone())?.to_owned(),
        range,
        base: group.base.clone(),
        tense: group.tense,
        number: if group.count == Count::Plural { Number::Plural } else { Number::Singular },
        kind: group.kind,
        negated: group.negated,
    })
}

fn tense_finding(prompt: &str, parsed: &Parsed, group: &Group, edits: &[Edit]) -> Option<Finding> {
    let range = range_of(parsed, group)?;
    let mut from = edits.first().map_or(range.start, |edit| edit.range.start.min(range.start));
    let before = group.words.first().and_then(|first| first.checked_sub(1)).and_then(|at| parsed.items.get(at));
    if let Some(before) = before.filter(|before| before.token.range.end == from) {
        // "he'll jump": with the word that the short form hangs on
        from = before.token.range.start;
    }
    let range = from..edits.last().map_or(range.end, |edit| edit.range.end.max(range.end));
    Some(Finding::Tense {
        from: prompt.get(range.clone())?.to_owned(),
        to: apply(prompt, range.clone(), edits),
        range,
        tense: group.tense,
    })
}
