//! Gathers finite verbs and their helpers into groups, and says tense, number and kind of each.

use super::kind::kind_of;
use super::parse::Parsed;
use super::step::Label;
use super::tag::{Count, Form, Helper, Tag};
use super::verb::{Kind, Tense};

/// A finite verb with its helpers, by the indices of its words among the items.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Helpers and main verb, in order; `going to` counts as helpers.
    pub words: Vec<usize>,
    pub base: String,
    pub gerund: String,
    pub tense: Tense,
    pub count: Count,
    pub kind: Kind,
    pub negated: bool,
    /// Shares the subject with the group before, and stands in one list with it.
    pub chained: bool,
    /// Has no subject at all: `Walks slowly through the forest`.
    pub subjectless: bool,
}

/// Every finite verb group of a sentence, in order.
pub(super) fn groups(parsed: &Parsed) -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    for at in 0..parsed.choices.len() {
        let found = match parsed.label(at) {
            Some(Label::Finite { subject, elided }) => Some(finite(parsed, at, subject, elided)),
            Some(Label::Continued) => out.last().and_then(|before| continued(parsed, at, before)),
            _ => None,
        };
        out.extend(found);
    }
    out
}

/// A verb that shares the helper of the group before: `and wave` after `will smile`.
fn continued(parsed: &Parsed, at: usize, before: &Group) -> Option<Group> {
    if before.kind == Kind::Passive {
        return None;
    }
    let (base, gerund) = parsed.reading(at)?.verb.clone()?;
    let kind = kind_of(parsed, at, &base);
    Some(Group { words: vec![at], base, gerund, kind, chained: true, ..before.clone() })
}

/// The group that begins with the finite word at `at`.
fn finite(parsed: &Parsed, at: usize, subject: Option<Count>, elided: bool) -> Group {
    let mut words = vec![at];
    let mut negated = before_is_negation(parsed, at);
    let is_helper = matches!(parsed.tag(at), Some(Tag::Helper(..)));
    let mut next = at + 1;
    while is_helper && next < parsed.choices.len() {
        match (parsed.label(next), parsed.tag(next)) {
            (Some(Label::Group), tag) => {
                words.push(next);
                if matches!(tag, Some(Tag::Verb(_))) {
                    break;
                }
            }
            // "is the dog running?"
            (Some(Label::Nonfinite), Some(Tag::Verb(Form::Gerund))) if subject.is_none() && next > at + 1 => {
                words.push(next);
                break;
            }
            (Some(Label::Other), Some(Tag::Negation)) => negated = true,
            (Some(Label::Other), Some(Tag::Adverb)) => {}
            // the subject of a question
            (Some(Label::Other), Some(Tag::Determiner(_) | Tag::Noun(_) | Tag::Pronoun(_))) if subject.is_none() => {}
            _ => break,
        }
        next += 1;
    }
    future_with_going(parsed, &mut words);
    let main = words.last().copied().unwrap_or(at);
    let (base, gerund) = match parsed.reading(main).and_then(|reading| reading.verb.clone()) {
        Some(verb) => verb,
        None => helper_as_main(parsed, main),
    };
    let forms: Vec<Tag> = words.iter().filter_map(|&word| parsed.tag(word)).collect();
    let (tense, passive) = tense(&forms, parsed, main);
    let kind = if passive { Kind::Passive } else { kind_of(parsed, main, &base) };
    let count = count(parsed, at, subject, main);
    Group {
        words,
        base,
        gerund,
        tense,
        count,
        kind,
        negated,
        chained: elided,
        subjectless: subject.is_none() && !is_helper && !inverted(parsed, at),
    }
}

/// Whether words of the sentence stand before this verb without being its subject: `Down the street walks a man`.
fn inverted(parsed: &Parsed, at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| parsed.tag(before).is_some_and(|tag| matches!(tag, Tag::Noun(_))))
}

/// Adds `to` and the infinitive to `is going`.
fn future_with_going(parsed: &Parsed, words: &mut Vec<usize>) {
    let (Some(&be), Some(&going), 2) = (words.first(), words.last(), words.len()) else { return };
    let is_be = matches!(parsed.tag(be), Some(Tag::Helper(Helper::Be, _)));
    if is_be
        && parsed.lower(going) == "going"
        && parsed.tag(going + 1) == Some(Tag::To)
        && parsed.tag(going + 2) == Some(Tag::Verb(Form::Plain))
    {
        words.extend([going + 1, going + 2]);
    }
}

/// A helper that is the main verb itself: `has wings`, `does a flip`.
fn helper_as_main(parsed: &Parsed, main: usize) -> (String, String) {
    let (base, gerund) = match parsed.tag(main) {
        Some(Tag::Helper(Helper::Have, _)) => ("have", "having"),
        Some(Tag::Helper(Helper::Do, _)) => ("do", "doing"),
        _ => ("be", "being"),
    };
    (base.to_owned(), gerund.to_owned())
}

/// Whether `never` or `not` stands right before, adverbs between not counted.
fn before_is_negation(parsed: &Parsed, at: usize) -> bool {
    (0..at)
        .rev()
        .map_while(|before| match parsed.tag(before) {
            Some(Tag::Negation) => Some(true),
            Some(Tag::Adverb) => Some(false),
            _ => None,
        })
        .any(|negation| negation)
}

/// The tense of a row of helpers and a main verb, and whether it is passive.
fn tense(forms: &[Tag], parsed: &Parsed, main: usize) -> (Tense, bool) {
    use Tag::{Helper as H, Verb as V};
    let past = matches!(forms.first(), Some(H(_, Form::Past) | V(Form::Past)));
    let pick = |present, before| if past { before } else { present };
    let last = forms.last().copied();
    let passive =
        matches!(last, Some(V(Form::Participle))) && matches!(forms.iter().rev().nth(1), Some(H(Helper::Be, _)));
    let continuous =
        matches!(last, Some(V(Form::Gerund))) || forms.iter().skip(1).any(|tag| *tag == H(Helper::Be, Form::Gerund));
    let tense = match forms.first() {
        Some(H(Helper::Will, _)) => Tense::Future,
        Some(H(Helper::Modal, _)) => Tense::Modal,
        Some(H(Helper::Be, _)) if forms.contains(&Tag::To) => Tense::Future,
        Some(H(Helper::Be, _)) if continuous => pick(Tense::PresentContinuous, Tense::PastContinuous),
        Some(H(Helper::Have, _)) if forms.len() == 1 && parsed.tag(main + 1) == Some(Tag::To) => Tense::Modal,
        Some(H(Helper::Have, _)) if forms.len() > 1 && continuous => {
            pick(Tense::PresentPerfectContinuous, Tense::PastPerfectContinuous)
        }
        Some(H(Helper::Have, _)) if forms.len() > 1 => pick(Tense::PresentPerfect, Tense::PastPerfect),
        _ => pick(Tense::SimplePresent, Tense::SimplePast),
    };
    (tense, passive)
}

/// The number of the group's subject: what its own form says, else the subject's, else the noun's after it.
fn count(parsed: &Parsed, at: usize, subject: Option<Count>, main: usize) -> Count {
    let own = match parsed.tag(at) {
        Some(Tag::Verb(Form::Third)) => Some(Count::Singular),
        Some(Tag::Helper(Helper::Be | Helper::Have | Helper::Do, Form::Third)) => Some(Count::Singular),
        Some(Tag::Verb(Form::Plain) | Tag::Helper(Helper::Be | Helper::Have | Helper::Do, Form::Plain)) => {
            Some(Count::Plural)
        }
        Some(Tag::Helper(Helper::Be, Form::Past)) if parsed.lower(at) == "were" => Some(Count::Plural),
        _ => None,
    };
    let after = || {
        (main + 1..parsed.choices.len()).find_map(|next| match parsed.tag(next) {
            Some(Tag::Noun(count) | Tag::Pronoun(count)) => Some(count),
            _ => None,
        })
    };
    match (own, subject) {
        (_, Some(Count::First)) => Count::First,
        (Some(own), _) => own,
        (None, Some(Count::Plural)) => Count::Plural,
        (None, Some(_)) => Count::Singular,
        (None, None) => after().unwrap_or(Count::Singular),
    }
}
