//! Whether a verb names a motion, a posture or a state, by its class and by what follows it.

use super::parse::Parsed;
use super::tag::{Form, Helper, Tag};
use super::token::Kind as TokenKind;
use super::verb::Kind;
use super::verbs::{Class, Verbs};

/// The kind of the main verb `base` at `at`, passives apart.
pub(super) fn kind_of(parsed: &Parsed, at: usize, base: &str) -> Kind {
    let verbs = Verbs::get();
    let mut next = at + 1;
    while matches!(parsed.tag(next), Some(Tag::Adverb)) {
        next += 1;
    }
    let tag = parsed.tag(next);
    let quality = matches!(tag, Some(Tag::Adjective | Tag::Verb(Form::Participle)));
    let is_object = matches!(tag, Some(Tag::Determiner(_) | Tag::Noun(_) | Tag::Object | Tag::Pronoun(_)));
    let likeness = matches!(parsed.lower(next), "like" | "as" | "of" | "to");
    match base {
        "be" => Kind::State,
        "have" if having_is_action(parsed, next) => Kind::Motion,
        "have" if parsed.tag(at) == Some(Tag::Helper(Helper::Have, Form::Gerund)) => Kind::Motion,
        "keep" if matches!(tag, Some(Tag::Verb(Form::Gerund))) => Kind::Motion,
        _ if verbs.is(base, Class::State) => Kind::State,
        _ if verbs.is(base, Class::Change) => Kind::Motion,
        "smell" | "taste" if !is_object => Kind::State,
        "look" | "appear" | "sound" | "feel" | "remain" | "stay" | "keep" if quality || likeness => Kind::State,
        // "the path leads to a castle"
        "lead" if parsed.lower(next) == "to" => Kind::State,
        "think" if is_object || parsed.lower(next) == "that" => Kind::State,
        "read" if parsed.items.get(next).is_some_and(|item| item.token.kind == TokenKind::Quoted) => Kind::State,
        "feel" if !is_object => Kind::State,
        _ if verbs.is(base, Class::Posture) => Kind::Posture,
        _ => Kind::Motion,
    }
}

/// `has breakfast`, `has a picnic`
fn having_is_action(parsed: &Parsed, from: usize) -> bool {
    (from..from + 3)
        .take_while(|&at| matches!(parsed.tag(at), Some(Tag::Determiner(_) | Tag::Adjective | Tag::Noun(_))))
        .any(|at| Verbs::get().is(parsed.lower(at), Class::Having))
}
