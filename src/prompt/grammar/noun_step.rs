//! The grammar of noun phrases and prepositions: what may begin one, and what role it has.

use super::state::{Noun, Place, Role, State, Wanted};
use super::step::{ADJACENT, Emit, Item, Label};
use super::tag::{Count, Helper};

/// Begins a noun phrase: chooses its role and says what it costs that one stands here.
pub(super) fn open_noun_phrase(s: &mut State) -> Option<u32> {
    let mut cost = 0;
    if matches!(s.place, Place::Opened | Place::Noun) {
        cost += s.close();
    }
    match s.place {
        Place::Start => s.role = Role::Subject,
        Place::Preposition => s.role = Role::Oblique,
        Place::Verb => s.role = if s.role == Role::Oblique && !s.finite { Role::Oblique } else { Role::Object },
        Place::Helper => match s.wanted {
            Wanted::AfterBe | Wanted::AfterHave => s.role = Role::Object,
            Wanted::AfterModal(Helper::Do) => {
                cost += 2;
                s.role = Role::Object;
            }
            Wanted::AfterModal(_) if s.subject.is_none() => s.role = Role::Object,
            _ => return None,
        },
        Place::Link { after_noun, conjunction } => {
            if !after_noun {
                cost += 10;
                s.role = Role::Object;
            }
            s.joined |= conjunction && s.role == Role::Subject;
        }
        Place::Closed if s.finite => {
            cost += if s.role == Role::Object { 6 } else { 14 };
            s.role = Role::Object;
        }
        Place::Closed if s.subject.is_none() && s.fronted => {
            cost += 2;
            s.role = Role::Subject;
        }
        Place::Closed => {
            cost += ADJACENT;
            if s.outer.is_none() && s.subject.is_some() {
                s.enter_relative();
            }
            s.role = Role::Subject;
        }
        Place::Opened | Place::Noun => return None,
    }
    if s.place != Place::Helper || s.subject.is_some() {
        s.wanted = Wanted::Nothing;
    }
    if !matches!(s.place, Place::Link { .. }) {
        s.joined = false;
    }
    s.content = true;
    Some(cost)
}

pub(super) fn adjective(mut s: State, cost: u32, emit: &mut Emit) {
    match s.place {
        Place::Opened => emit(s, cost, Label::Other),
        Place::Noun | Place::Closed => {
            let more = s.close();
            s.place = Place::Closed;
            emit(s, cost + more + 6, Label::Other);
        }
        Place::Verb | Place::Helper => {
            let predicate = s.place == Place::Verb || s.wanted == Wanted::AfterBe;
            if predicate {
                let more = u32::from(s.place == Place::Verb);
                let done =
                    State { place: Place::Closed, wanted: Wanted::Nothing, content: true, role: Role::Oblique, ..s };
                emit(done, cost + more, Label::Other);
            }
            begin_with_adjective(s, cost, emit);
        }
        Place::Link { .. } => {
            emit(State { place: Place::Closed, ..s }, cost + 1, Label::Other);
            begin_with_adjective(s, cost, emit);
        }
        Place::Start | Place::Preposition => begin_with_adjective(s, cost, emit),
    }
}

/// A noun phrase without determiner that begins with an adjective or participle.
pub(super) fn begin_with_adjective(mut s: State, cost: u32, emit: &mut Emit) {
    if let Some(more) = open_noun_phrase(&mut s) {
        (s.place, s.determiner, s.bare) = (Place::Opened, Count::Any, true);
        s.noun = Noun { count: Count::Any, kind: None };
        emit(s, cost + more, Label::Other);
    }
}

pub(super) fn followed_by_of(items: &[Item], at: usize) -> bool {
    items.get(at + 1).is_some_and(|next| next.token.lower == "of")
}

pub(super) fn noun(state: State, items: &[Item], at: usize, count: Count, cost: u32, emit: &mut Emit) {
    let Some(item) = items.get(at) else { return };
    let mut s = state;
    let mut more = 0;
    match s.place {
        Place::Opened => {}
        Place::Noun if s.noun.count == Count::Plural => more += 15,
        Place::Noun => more += 2,
        place => {
            let Some(open) = open_noun_phrase(&mut s) else { return };
            let after_verb = place == Place::Verb;
            let number = if count == Count::Singular && !item.mass { if after_verb { 6 } else { 3 } } else { 0 };
            // "her coat and leaves": a plural without article hardly follows a phrase with one
            let unlike =
                matches!(place, Place::Link { conjunction: true, .. }) && count == Count::Plural && !state.bare;
            more += open + number + if unlike { 4 } else { 0 };
            (s.determiner, s.bare) = (Count::Any, true);
        }
    }
    s.place = Place::Noun;
    s.noun = Noun { count, kind: item.subject };
    if item.quantity && followed_by_of(items, at) {
        // the noun after "of" decides; "hundreds of fish" are many
        s.noun.count = Count::Any;
        let many =
            matches!(item.token.lower.as_str(), "dozens" | "hundreds" | "thousands" | "millions" | "many" | "several");
        s.determiner = if many { Count::Plural } else { Count::Any };
    }
    emit(s, cost + more, Label::Other);
}

pub(super) fn pronoun(mut s: State, count: Count, item: &Item, cost: u32, emit: &mut Emit) {
    let Some(more) = open_noun_phrase(&mut s) else { return };
    let nominative = matches!(item.token.lower.as_str(), "he" | "she" | "they" | "we" | "i");
    let wrong = if nominative && s.role != Role::Subject { ADJACENT } else { 0 };
    s.noun = Noun { count, kind: item.subject };
    s.complete();
    emit(s, cost + more + wrong, Label::Other);
}

pub(super) fn preposition(mut s: State, items: &[Item], at: usize, cost: u32, emit: &mut Emit) {
    let of = items.get(at).is_some_and(|item| item.token.lower == "of");
    let before = at.checked_sub(1).and_then(|before| items.get(before));
    let after_verb = s.place == Place::Verb;
    if of && s.place == Place::Noun && before.is_some_and(|before| before.quantity) {
        // "a lot of": the noun phrase goes on
        (s.place, s.bare) = (Place::Opened, false);
        emit(s, cost, Label::Other);
        return;
    }
    if of && s.place == Place::Noun && before.is_some_and(|before| before.depiction) && !s.finite {
        // "a photo of": what is shown is the clause
        let more = s.close() + 4;
        emit(State { opening: s.opening, ..State::start() }, cost + more, Label::Other);
    }
    let mut more = s.close();
    match s.place {
        Place::Preposition => more += 2,
        Place::Helper if s.wanted != Wanted::AfterBe && s.wanted != Wanted::AfterHave => return,
        Place::Start => s.fronted = true,
        _ => {}
    }
    if of && after_verb {
        more += 10;
    }
    (s.place, s.wanted, s.content) = (Place::Preposition, Wanted::Nothing, true);
    emit(s, cost + more, Label::Other);
}
