//! Counts the motions of a prompt and suggests some that suit its subject.

use super::finding::Finding;
use super::group::Group;
use super::parse::Parsed;
use super::step::Label;
use super::suggest::{Subject, clauses, subject_of};
use super::tag::{Count, Form, Tag};
use super::verb::{Kind, Tense};
use super::verbs::{Class, Verbs};
use super::words::Words;

/// Camera moves that stand as nouns: `slow zoom out`.
const CAMERA_NOUNS: [&str; 3] = ["zoom", "dolly", "pan"];

/// At most this many suggestions.
const SUGGESTIONS: usize = 3;

/// The motions found so far, and the first thing that could move.
#[derive(Clone, Debug, Default)]
pub(super) struct Motions {
    /// The -ing forms, in order.
    moving: Vec<String>,
    subject: Option<(Subject, String, Count)>,
}

impl Motions {
    /// Adds what moves in one sentence.
    pub fn add(&mut self, parsed: &Parsed, groups: &[Group]) {
        for group in groups.iter().filter(|group| !group.negated) {
            let passing = group.kind == Kind::Passive && matches!(group.tense, Tense::PresentContinuous);
            if group.kind == Kind::Motion || passing {
                self.moving.push(group.gerund.clone());
            }
        }
        for at in 0..parsed.choices.len() {
            let in_group = groups.iter().any(|group| group.words.contains(&at));
            if !in_group {
                self.moving.extend(nonfinite(parsed, at));
            }
            if self.subject.is_none() {
                self.subject = subject(parsed, at);
            }
        }
    }
}

/// The -ing form of a participle, infinitive or order that names a motion.
fn nonfinite(parsed: &Parsed, at: usize) -> Option<String> {
    let reading = parsed.reading(at)?;
    if CAMERA_NOUNS.contains(&parsed.lower(at)) && matches!(reading.tag, Tag::Noun(_)) {
        return reading.verb.as_ref().map_or(Some("zooming".to_owned()), |(_, ing)| Some(ing.clone()));
    }
    let (base, ing) = reading.verb.as_ref()?;
    let moving = match reading.tag {
        Tag::Verb(Form::Gerund) => parsed.label(at) != Some(Label::Group),
        Tag::Verb(Form::Plain) => parsed.label(at) == Some(Label::Imperative) || causes(parsed, at),
        _ => false,
    };
    let verbs = Verbs::get();
    let still = verbs.is(base, Class::State) || verbs.is(base, Class::Posture);
    (moving && !still).then(|| ing.clone())
}

/// Whether the bare infinitive at `at` is what an order asks for: `make the man walk`.
fn causes(parsed: &Parsed, at: usize) -> bool {
    parsed.label(at) == Some(Label::Nonfinite) && parsed.label(0) == Some(Label::Imperative)
}

fn subject(parsed: &Parsed, at: usize) -> Option<(Subject, String, Count)> {
    let word = parsed.lower(at);
    let kind = subject_of(word)?;
    match parsed.tag(at)? {
        Tag::Noun(count) => Some((kind, word.to_owned(), count)),
        Tag::Pronoun(Count::Plural) => Some((kind, "people".to_owned(), Count::Plural)),
        Tag::Pronoun(_) => Some((kind, "person".to_owned(), Count::Singular)),
        _ => None,
    }
}

/// What is to be said about the motions: none, or only one.
pub(super) fn findings(motions: &Motions) -> Option<Finding> {
    let anything = (Subject::Anything, "subject".to_owned(), Count::Singular);
    let (kind, word, count) = motions.subject.as_ref().unwrap_or(&anything);
    let mut suggestions =
        clauses(*kind, word, if Words::get().count(word) == Count::Plural { Count::Plural } else { *count });
    match motions.moving.as_slice() {
        [] => {
            suggestions.truncate(SUGGESTIONS);
            Some(Finding::NoMotion { suggestions })
        }
        [motion] => {
            suggestions.retain(|clause| !clause.split(' ').any(|word| word == motion));
            suggestions.truncate(SUGGESTIONS);
            Some(Finding::OneMotion { motion: motion.clone(), suggestions })
        }
        _ => None,
    }
}
