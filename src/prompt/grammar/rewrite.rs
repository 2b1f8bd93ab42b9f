//! Writes finite verbs in the present continuous; every other byte of the prompt stays.

use std::ops::Range;

use super::group::Group;
use super::parse::Parsed;
use super::step::Label;
use super::tag::{Count, Form, Helper, Tag};
use super::token::Token;
use super::verb::{Kind, Tense};

/// Adverbs before the verb that go between `is` and the participle, besides those in -ly.
const INNER_ADVERBS: [&str; 12] =
    ["then", "now", "always", "often", "still", "soon", "just", "also", "again", "sometimes", "already", "ever"];

/// A piece of the prompt and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

/// One verb's rewrite: its edits and how it reads before and after.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub group: usize,
    pub edits: Vec<Edit>,
}

/// Whether the present continuous says better what this group says.
fn wants_rewrite(group: &Group) -> bool {
    let moves = matches!(group.kind, Kind::Motion | Kind::Posture);
    moves && !group.negated && !matches!(group.tense, Tense::PresentContinuous | Tense::Modal)
}

/// The rewrites of a sentence that is not a question.
pub(super) fn changes(prompt: &str, parsed: &Parsed, groups: &[Group]) -> Vec<Change> {
    let mut out = Vec::new();
    let mut continuous = false;
    for (index, group) in groups.iter().enumerate() {
        let rewrite = wants_rewrite(group) && !idiom(parsed, group);
        if rewrite {
            let edits = edits(prompt, parsed, group, continuous && group.chained);
            out.push(Change { group: index, edits });
        }
        continuous = rewrite || (group.tense == Tense::PresentContinuous && group.kind != Kind::Passive);
    }
    out
}

/// Turns that have no present continuous: `does run`, said with stress; `here comes the train`; `used to dance`.
fn idiom(parsed: &Parsed, group: &Group) -> bool {
    let Some(&first) = group.words.first() else { return false };
    let emphatic = group.words.len() > 1 && matches!(parsed.tag(first), Some(Tag::Helper(Helper::Do, _)));
    let exists = first.checked_sub(1).is_some_and(|before| parsed.tag(before) == Some(Tag::Exist));
    let habit = group.base == "use" && parsed.tag(first + 1) == Some(Tag::To);
    emphatic || exists || habit
}

fn edits(prompt: &str, parsed: &Parsed, group: &Group, shares_be: bool) -> Vec<Edit> {
    let (Some(&first), Some(&main)) = (group.words.first(), group.words.last()) else { return Vec::new() };
    let token = |at: usize| parsed.items.get(at).map(|item| item.token);
    let (Some(first_token), Some(main_token)) = (token(first), token(main)) else { return Vec::new() };
    let be = be_for(group.count);
    let shown = prompt.get(main_token.range.clone()).unwrap_or_default();
    let gerund = cased(&group.gerund, shown);
    if group.words.len() > 1 {
        return with_helpers(prompt, parsed, group, be, first_token, main_token, gerund);
    }
    if group.base == "keep" && parsed.tag(main + 1) == Some(Tag::Verb(Form::Gerund)) {
        let text = if shares_be { String::new() } else { cased(be, shown) };
        let end = if shares_be {
            token(main + 1).map_or(main_token.range.end, |next| next.range.start)
        } else {
            main_token.range.end
        };
        return vec![Edit { range: main_token.range.start..end, text }];
    }
    if shares_be || group.subjectless {
        return vec![Edit { range: main_token.range.clone(), text: gerund }];
    }
    let be = cased(be, if shown.chars().nth(1).is_some_and(char::is_uppercase) { shown } else { "" });
    match leading_adverb(parsed, main).and_then(token) {
        Some(adverb) => vec![
            Edit { range: adverb.range.start..adverb.range.start, text: format!("{be} ") },
            Edit { range: main_token.range.clone(), text: gerund },
        ],
        None => vec![Edit { range: main_token.range.clone(), text: format!("{be} {gerund}") }],
    }
}

/// `has slowly walked`: the first helper becomes `is`, the others go, the main verb becomes its -ing form.
fn with_helpers(
    prompt: &str,
    parsed: &Parsed,
    group: &Group,
    be: &str,
    first: &Token,
    main: &Token,
    gerund: String,
) -> Vec<Edit> {
    let shown = prompt.get(first.range.clone()).unwrap_or_default();
    let mut out = Vec::new();
    let clitic = shown.starts_with(['\'', '’', 'ʼ']);
    let be = cased(be, shown);
    let keeps = first.lower == be || (clitic && (first.lower == "'s" || first.lower == "'re"));
    if !keeps {
        out.push(Edit { range: first.range.clone(), text: if clitic { format!(" {be}") } else { be } });
    }
    let inner = group.words.get(1..group.words.len().saturating_sub(1)).unwrap_or_default();
    for &word in inner {
        let start = parsed.items.get(word).map(|item| item.token.range.start);
        let end = parsed.items.get(word + 1).map(|item| item.token.range.start);
        if let (Some(start), Some(end)) = (start, end) {
            out.push(Edit { range: start..end, text: String::new() });
        }
    }
    out.push(Edit { range: main.range.clone(), text: gerund });
    out
}

/// The first of the adverbs right before the verb that belong between `is` and the participle.
fn leading_adverb(parsed: &Parsed, main: usize) -> Option<usize> {
    (0..main)
        .rev()
        .take_while(|&at| {
            let adverb = parsed.tag(at) == Some(Tag::Adverb) && parsed.label(at) == Some(Label::Other);
            let lower = parsed.lower(at);
            adverb && (lower.ends_with("ly") || INNER_ADVERBS.contains(&lower))
        })
        .last()
        // a sentence that begins with the adverb has its subject after the verb
        .filter(|&at| at > 0)
}

fn be_for(count: Count) -> &'static str {
    match count {
        Count::Plural => "are",
        Count::First => "am",
        _ => "is",
    }
}

/// `word` in the case of `like`: capitals, a first capital, or as it is.
fn cased(word: &str, like: &str) -> String {
    let mut letters = like.chars().filter(|c| c.is_alphabetic());
    let first = letters.next().is_some_and(char::is_uppercase);
    let second = letters.next();
    if first && second.is_some_and(char::is_uppercase) {
        word.to_uppercase()
    } else if first {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
    } else {
        word.to_owned()
    }
}

/// `prompt` with `edits` applied to the part of it in `range`. Edits are in order and do not overlap.
pub(super) fn apply(prompt: &str, range: Range<usize>, edits: &[Edit]) -> String {
    let mut out = String::new();
    let mut at = range.start;
    for edit in edits.iter().filter(|edit| edit.range.start >= range.start && edit.range.end <= range.end) {
        out.push_str(prompt.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = at.max(edit.range.end);
    }
    out.push_str(prompt.get(at..range.end).unwrap_or_default());
    out
}
