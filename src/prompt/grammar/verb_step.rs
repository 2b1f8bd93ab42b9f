//! The grammar of verbs: finite verbs and their subjects, helpers and what they want, participles, infinitives, orders.

use super::nonfinite_step::{gerund, participle, plain};
use super::state::{Noun, Opening, Place, Role, State, Wanted};
use super::step::{Emit, Item, Label, object_follows};
use super::suggest::{Subject, often_does};
use super::tag::{Count, Form, Helper, Reading};
use super::verbs::{Class, Verbs};
use super::words::Words;

/// A verb that does not agree with its subject.
const DISAGREES: u32 = 40;
/// How much likelier a noun-like verb is with a subject that often does it.
const SUITS: u32 = 6;
/// A word up to this cost is as often a verb as a noun.
const OFTEN: u32 = 3;
/// An -ed form that is more likely a shortened passive.
const SHORT_PASSIVE: u32 = 14;

/// Makes `s` the state after a finite verb of this form. Returns cost, label and whether the verb repeats the form before.
fn finite(s: &mut State, form: Form) -> Option<(u32, Label, bool)> {
    if s.place == Place::Opened {
        return None;
    }
    let mut cost = s.close();
    if s.finite {
        if !s.leave_relative() || s.finite {
            return None;
        }
        cost += 2;
    }
    let (mut elided, mut repeats) = (false, false);
    match s.place {
        Place::Start if s.subject.is_some() => {}
        Place::Start => {
            let (subject, before) = s.elided?;
            cost += if s.opening == Opening::Comma { 3 } else { 1 };
            repeats = before == form || before == Form::Gerund;
            cost += match before {
                _ if repeats => 0,
                // "has landed and plants"
                Form::Participle => 3,
                _ => 6,
            };
            elided = true;
            s.subject = Some(subject);
        }
        Place::Closed if s.subject.is_none() && s.fronted => cost += if form == Form::Plain { 12 } else { 8 },
        Place::Closed | Place::Verb if s.subject.is_some() => {}
        // after a parenthesis; right after the subject a comma is odd
        Place::Link { conjunction: false, .. } if s.subject.is_some() => {
            cost += if s.role == Role::Subject { 16 } else { 4 };
        }
        _ => return None,
    }
    if let Some(subject) = s.subject {
        if form != Form::Past && !subject.count.agrees(form == Form::Third) {
            cost += DISAGREES;
        }
        if elided && s.opening == Opening::Comma && subject.count == Count::Any {
            cost += 2;
        }
    }
    enter(s, form);
    let subject = s.subject.map(|subject| subject.count);
    Some((cost, Label::Finite { subject, elided }, repeats))
}

/// The common part of every finite verb.
pub(super) fn enter(s: &mut State, form: Form) {
    (s.finite, s.content, s.place, s.role) = (true, true, Place::Verb, Role::Object);
    (s.last, s.wanted, s.elided) = (Some(form), Wanted::Nothing, None);
    (s.infinitive, s.modal, s.causative, s.aspect) = (false, false, false, false);
}

/// `to` before an infinitive. (As a preposition it has another reading.)
pub(super) fn to(mut s: State, cost: u32, emit: &mut Emit) {
    let more = s.close();
    let more = more
        + match s.place {
            Place::Start => 4,
            Place::Preposition | Place::Opened | Place::Noun => return,
            _ => 0,
        };
    s.fronted |= s.place == Place::Start;
    (s.place, s.wanted, s.content) = (Place::Helper, Wanted::AfterTo, true);
    emit(s, cost + more, Label::Other);
}

/// A helper: finite, or the form that the helper before it wants.
pub(super) fn helper(mut s: State, items: &[Item], at: usize, helper: Helper, form: Form, cost: u32, emit: &mut Emit) {
    let wants = match helper {
        Helper::Be => Wanted::AfterBe,
        Helper::Have => Wanted::AfterHave,
        Helper::Do | Helper::Will | Helper::Modal => Wanted::AfterModal(helper),
    };
    let fits = match (s.wanted, form) {
        (Wanted::AfterBe, Form::Gerund) => true,
        (Wanted::AfterHave, Form::Participle) => true,
        (Wanted::AfterTo | Wanted::AfterModal(_), Form::Infinitive) => true,
        (Wanted::AfterTo | Wanted::AfterModal(_), Form::Plain) => helper != Helper::Be,
        _ => false,
    };
    let inverted = matches!(s.place, Place::Noun | Place::Closed) && s.finite;
    if fits && (s.place == Place::Helper || inverted) {
        let label = if s.wanted == Wanted::AfterTo { Label::Nonfinite } else { Label::Group };
        (s.place, s.wanted, s.infinitive) = (Place::Helper, wants, false);
        emit(s, cost, label);
        return;
    }
    match form {
        Form::Gerund => {
            // "being watched", "having eaten": a participle phrase
            if matches!(s.place, Place::Noun | Place::Closed | Place::Link { .. } | Place::Start | Place::Preposition) {
                let more = s.close();
                s.fronted |= s.place == Place::Start;
                (s.place, s.wanted, s.role, s.content) = (Place::Helper, wants, Role::Oblique, true);
                emit(s, cost + more + 3, Label::Nonfinite);
            }
        }
        Form::Infinitive | Form::Participle => {
            if form == Form::Infinitive && s.place == Place::Start && s.subject.is_none() {
                enter(&mut s, Form::Plain);
                (s.place, s.wanted) = (Place::Helper, wants);
                emit(s, cost + 10, Label::Imperative);
            }
        }
        _ => {
            let question = s.place == Place::Start && s.subject.is_none();
            if question {
                let mut asked = s;
                enter(&mut asked, form);
                (asked.place, asked.wanted) = (Place::Helper, wants);
                emit(asked, cost + 8, Label::Finite { subject: None, elided: false });
            }
            let modal = matches!(helper, Helper::Will | Helper::Modal);
            let agreeing = if modal { Form::Past } else { form };
            if let Some((more, label, _)) = finite(&mut s, agreeing) {
                let last_of_all = items.get(at + 1).is_none();
                s.last = Some(form);
                (s.place, s.wanted) = (Place::Helper, wants);
                emit(s, cost + more + if last_of_all { 2 } else { 0 }, label);
            }
        }
    }
}

/// A main verb.
pub(super) fn verb(s: State, items: &[Item], at: usize, form: Form, reading: &Reading, emit: &mut Emit) {
    let base = reading.verb.as_ref().map_or("", |(base, _)| base.as_str());
    match form {
        Form::Plain | Form::Third | Form::Past => {
            finite_verb(s, items, at, form, base, reading.cost, emit);
            if form == Form::Plain {
                plain(s, items.get(at + 1), base, reading.cost, emit);
            }
        }
        Form::Participle => participle(s, items, at, base, reading.cost, emit),
        Form::Gerund => gerund(s, base, reading.cost, emit),
        Form::Infinitive => {}
    }
}

/// What the lexicon says about what follows this verb.
pub(super) fn remember(s: &mut State, base: &str) {
    let verbs = Verbs::get();
    s.causative = verbs.is(base, Class::Causative);
    s.aspect = verbs.is(base, Class::Aspect);
}

/// `arms folded`, `with her eyes closed`: how a part of the body is held, not what it does.
pub(super) fn absolute(s: &State, items: &[Item], at: usize, base: &str) -> bool {
    let word =
        |back: usize| at.checked_sub(back).and_then(|at| items.get(at)).map_or("", |item| item.token.lower.as_str());
    let (verbs, words) = (Verbs::get(), Words::get());
    let body = verbs.is(&words.singular(word(1)), Class::Body);
    let held = verbs.is(base, Class::Absolute) && !object_follows(items, at);
    let aside = s.opening == Opening::Comma || s.bare || word(2) == "with" || word(3) == "with";
    body && held && aside && word(2) != "the"
}

fn finite_verb(mut s: State, items: &[Item], at: usize, form: Form, base: &str, cost: u32, emit: &mut Emit) {
    let before = s;
    let verbs = Verbs::get();
    let next = items.get(at + 1).map_or("", |next| next.token.lower.as_str());
    let mut more = 0;
    let word = |at: usize| items.get(at).map_or("", |item| item.token.lower.as_str());
    if word(at) == "left" && at.checked_sub(1).is_some_and(|before| verbs.is(word(before), Class::Camera)) {
        // "camera pan left"
        more += SHORT_PASSIVE;
    }
    if form == Form::Past {
        let passive = verbs.is(base, Class::Resultative) && !object_follows(items, at);
        let by = next == "by" && !verbs.is(base, Class::Intransitive);
        more += if passive || by { SHORT_PASSIVE } else { 0 };
    } else if next == "of" {
        more += 10;
    }
    if form != Form::Third && absolute(&s, items, at, base) {
        more += SHORT_PASSIVE;
    }
    if verbs.is(base, Class::Intransitive)
        && verbs.nounness(base).is_some()
        && object_follows(items, at)
        && form != Form::Past
    {
        more += 5;
    }
    if let Some((found, label, repeats)) = finite(&mut s, form) {
        let suits = s.subject.and_then(|subject| subject.kind).is_some_and(|kind| often_does(kind, base));
        let mut lexical = if suits { cost.saturating_sub(SUITS) } else { cost };
        if repeats {
            lexical /= 2;
        }
        let bare = before.place == Place::Noun && before.role == Role::Oblique && before.bare;
        if bare && cost > if suits { OFTEN } else { 0 } {
            // "a boat with paper sails", but "a man in uniform walks"
            let lives =
                s.subject.is_some_and(|subject| matches!(subject.kind, Some(Subject::Person | Subject::Animal)));
            more += if lives { 6 } else { 13 };
        }
        remember(&mut s, base);
        emit(s, lexical + more + found, label);
    } else if before.place == Place::Start && before.subject.is_none() && form == Form::Third {
        // "Walks slowly through the forest"
        let mut s = before;
        enter(&mut s, form);
        s.subject = Some(Noun { count: Count::Singular, kind: None });
        remember(&mut s, base);
        emit(s, cost + 20, Label::Finite { subject: None, elided: false });
    }
}
