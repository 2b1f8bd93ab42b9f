//! The grammar of verbs that are not finite: after a helper, in an order, participles, infinitives, gerunds.

use super::noun_step::begin_with_adjective;
use super::state::{Noun, Place, Role, State, Wanted};
use super::step::{Emit, Item, Label};
use super::tag::{Count, Form, Tag};
use super::verb_step::{absolute, enter, remember};
use super::verbs::{Class, Verbs};

/// `walk` where it is not a finite verb: after a helper, in an order, after `makes him`.
pub(super) fn plain(mut s: State, next: Option<&Item>, base: &str, cost: u32, emit: &mut Emit) {
    let verbs = Verbs::get();
    let inverted = matches!(s.place, Place::Noun | Place::Closed) && s.finite;
    match s.wanted {
        Wanted::AfterModal(_) if s.place == Place::Helper || inverted => {
            s.close();
            (s.place, s.wanted, s.infinitive, s.modal, s.role) =
                (Place::Verb, Wanted::Nothing, true, true, Role::Object);
            remember(&mut s, base);
            emit(s, 0, Label::Group);
            return;
        }
        Wanted::AfterTo if s.place == Place::Helper => {
            (s.place, s.wanted, s.infinitive, s.modal) = (Place::Verb, Wanted::Nothing, true, false);
            s.role = if s.finite { Role::Object } else { Role::Oblique };
            remember(&mut s, base);
            emit(s, 0, Label::Nonfinite);
            return;
        }
        _ => {}
    }
    match s.place {
        Place::Link { .. } if s.infinitive => {
            let label = if s.modal { Label::Continued } else { Label::Nonfinite };
            s.place = Place::Verb;
            emit(s, cost / 2 + 1, label);
        }
        Place::Noun | Place::Closed if s.causative && s.role == Role::Object => {
            let more = s.close();
            (s.place, s.causative, s.infinitive, s.modal) = (Place::Verb, false, true, false);
            emit(s, cost / 2 + more + 1, Label::Nonfinite);
        }
        Place::Start if s.subject.is_none() && s.elided.is_none() => {
            enter(&mut s, Form::Plain);
            s.causative = verbs.is(base, Class::Causative);
            s.infinitive = true;
            let direction = next.is_some_and(|next| {
                next.readings
                    .iter()
                    .any(|reading| matches!(reading.tag, Tag::Particle | Tag::Preposition | Tag::Adverb))
            });
            let camera = direction && verbs.is(base, Class::Camera);
            emit(s, cost + if camera { 0 } else { 10 }, Label::Imperative);
        }
        _ => {}
    }
}

pub(super) fn participle(mut s: State, items: &[Item], at: usize, base: &str, cost: u32, emit: &mut Emit) {
    let verbs = Verbs::get();
    let before = s.place;
    if before == Place::Helper && matches!(s.wanted, Wanted::AfterHave | Wanted::AfterBe) {
        let passive = s.wanted == Wanted::AfterBe;
        let mut done = s;
        (done.place, done.wanted, done.last) = (Place::Verb, Wanted::Nothing, Some(Form::Participle));
        done.role = if passive { Role::Oblique } else { Role::Object };
        remember(&mut done, base);
        emit(done, cost, Label::Group);
    }
    match before {
        Place::Opened => {
            emit(s, cost + 2, Label::Other);
            return;
        }
        Place::Link { .. } if s.last == Some(Form::Participle) && s.finite => {
            let done = State { place: Place::Verb, ..s };
            emit(done, cost + 1, Label::Continued);
        }
        Place::Start | Place::Preposition | Place::Verb | Place::Link { .. } => {
            begin_with_adjective(s, cost + 2, emit);
        }
        _ => {}
    }
    // a shortened passive: "surrounded by fog"
    let clear = items.get(at).is_some_and(|item| {
        !item.readings.iter().any(|reading| reading.tag == Tag::Verb(Form::Past))
            || items.get(at + 1).is_some_and(|next| next.token.lower == "by")
            || verbs.is(base, Class::Resultative)
            || absolute(&s, items, at, base)
    });
    let more = match before {
        _ if verbs.is(base, Class::Intransitive) => 40,
        Place::Noun | Place::Closed if clear => 2,
        Place::Noun | Place::Closed => 12,
        Place::Start => 4,
        Place::Link { .. } => 3,
        Place::Verb => 6,
        _ => return,
    };
    let closing = s.close();
    s.fronted |= before == Place::Start;
    (s.place, s.wanted, s.role, s.content) = (Place::Verb, Wanted::Nothing, Role::Oblique, true);
    emit(s, cost + more + closing, Label::Nonfinite);
}

pub(super) fn gerund(mut s: State, base: &str, cost: u32, emit: &mut Emit) {
    let before = s.place;
    if before == Place::Helper && s.wanted == Wanted::AfterBe {
        (s.place, s.wanted, s.last, s.role) = (Place::Verb, Wanted::Nothing, Some(Form::Gerund), Role::Object);
        remember(&mut s, base);
        emit(s, cost, Label::Group);
        return;
    }
    match before {
        Place::Opened => {
            emit(s, cost + 2, Label::Nonfinite);
            return;
        }
        Place::Start | Place::Preposition | Place::Verb | Place::Link { .. } => begin_with_adjective(s, cost + 2, emit),
        _ => {}
    }
    let more = match before {
        Place::Noun | Place::Closed | Place::Link { .. } => 1,
        Place::Verb if s.aspect => 0,
        Place::Verb => 8,
        Place::Start => 3,
        Place::Preposition => 2,
        _ => return,
    };
    let closing = s.close();
    s.fronted |= before == Place::Start;
    (s.place, s.wanted, s.content) = (Place::Verb, Wanted::Nothing, true);
    s.role = Role::Oblique;
    remember(&mut s, base);
    if before == Place::Start && s.subject.is_none() {
        // "running is fun"
        let subject = Some(Noun { count: Count::Singular, kind: None });
        emit(State { subject, ..s }, cost + closing + 4, Label::Nonfinite);
    }
    emit(s, cost + more + closing, Label::Nonfinite);
}
