//! The grammar between phrases: commas, conjunctions, subordinate and relative clauses.

use super::state::{Opening, Place, Role, State};
use super::step::{Emit, Label};

pub(super) fn comma(mut s: State, emit: &mut Emit) {
    if s.place == Place::Start && !s.content {
        emit(s, 0, Label::Other);
        return;
    }
    let mut ended = s;
    // "at night, …": a modifier in front is as it should be
    let modifier = s.fronted && s.subject.is_none() && !s.finite;
    let cost = ended.end_clause().saturating_sub(if modifier { 3 } else { 0 });
    emit(ended.next_clause(Opening::Comma), cost, Label::Other);
    let after_noun = matches!(s.place, Place::Noun | Place::Opened | Place::Closed);
    let more = s.close();
    if matches!(s.place, Place::Preposition | Place::Helper) {
        return;
    }
    let link = Place::Link { conjunction: false, after_noun };
    emit(State { place: link, ..s }, more + 1, Label::Other);
    if s.subject.is_some() && !s.finite && s.role == Role::Subject {
        // "a bird, wings flapping, rises"
        emit(State { place: link, role: Role::Oblique, ..s }, more + 4, Label::Other);
    }
    if s.leave_relative() {
        emit(State { place: link, ..s }, more, Label::Other);
    }
}

pub(super) fn conjunction(mut s: State, either: bool, cost: u32, emit: &mut Emit) {
    if s.place == Place::Start {
        s.opening = if s.opening == Opening::Comma { Opening::Conjunction } else { s.opening };
        emit(s, cost, Label::Other);
        return;
    }
    if let Place::Link { after_noun, .. } = s.place {
        emit(State { place: Place::Link { conjunction: !either, after_noun }, ..s }, cost, Label::Other);
        return;
    }
    let mut ended = s;
    let end = ended.end_clause();
    emit(ended.next_clause(Opening::Conjunction), cost + end, Label::Other);
    if ended.leave_relative() {
        emit(ended.next_clause(Opening::Conjunction), cost + end, Label::Other);
    }
    if s.finite && s.outer.is_some_and(|(_, finite)| !finite) {
        // "a man who walks and smiles carries"
        let next = State { outer: s.outer, ..ended_inside(s).next_clause(Opening::Relative) };
        emit(next, cost + 2, Label::Other);
    }
    let after_noun = matches!(s.place, Place::Noun | Place::Opened | Place::Closed);
    let more = s.close();
    emit(State { place: Place::Link { conjunction: !either, after_noun }, ..s }, cost + more, Label::Other);
}

/// The relative clause itself, with its last noun phrase complete.
fn ended_inside(mut s: State) -> State {
    s.close();
    s
}

pub(super) fn subordinator(mut s: State, cost: u32, emit: &mut Emit) {
    let opening = Opening::Subordinator;
    if !s.finite && s.subject.is_some() && s.outer.is_none() && matches!(s.place, Place::Link { .. }) {
        // "a boy, as the sun sets, walks home"
        let outer = Some((s.subject, false));
        emit(State { opening, outer, ..State::start() }, cost + 3, Label::Other);
    }
    if let Place::Link { .. } = s.place {
        s.place = Place::Closed;
    }
    // "as soon as", "even if": only adverbs before
    let end = if s.place == Place::Start && s.subject.is_none() { 0 } else { s.end_clause() };
    emit(State { opening, ..State::start() }, cost + end, Label::Other);
}

pub(super) fn relative(mut s: State, cost: u32, emit: &mut Emit) {
    let more = s.close();
    if matches!(s.place, Place::Closed | Place::Link { .. } | Place::Preposition) {
        s.enter_relative();
        emit(s, cost + more, Label::Other);
    }
}
