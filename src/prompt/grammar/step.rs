//! The grammar: which states a reading of the next token leads to, and what each costs in tenths.

use super::clause_step::{comma, conjunction, relative, subordinator};
use super::noun_step::{adjective, followed_by_of, noun, open_noun_phrase, preposition, pronoun};
use super::state::{Noun, Opening, Place, Role, State, Wanted};
use super::suggest::Subject;
use super::tag::{Count, Form, Reading, Tag};
use super::token::Token;
use super::verb_step;

/// A token with its readings and what the lexicon knows of it as a noun.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub token: &'a Token,
    pub readings: Vec<Reading>,
    pub quantity: bool,
    pub depiction: bool,
    pub mass: bool,
    pub subject: Option<Subject>,
}

/// What a token does in the verb groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Other,
    /// A finite verb or helper: its subject's number; whether the subject stands with the verb before.
    Finite {
        subject: Option<Count>,
        elided: bool,
    },
    /// The form that a helper before it waits for.
    Group,
    /// A verb without helper that shares the one of the verb before: `smile and wave` after `will`.
    Continued,
    /// A participle, infinitive or gerund on its own.
    Nonfinite,
    /// An order: `zoom in`.
    Imperative,
}

pub(super) type Emit<'e> = dyn FnMut(State, u32, Label) + 'e;

/// Reading a word against the grammar, so that every sentence has some path.
const SKIP: u32 = 60;
/// Two noun phrases side by side without a reason.
pub(super) const ADJACENT: u32 = 20;

/// What it costs that the sentence ends in `state`.
pub(super) fn end(state: &State) -> u32 {
    { *state }.end_clause()
}

/// Emits every state that `reading` of token `at` leads to.
pub(super) fn step(state: &State, items: &[Item], at: usize, reading: &Reading, emit: &mut Emit) {
    let Some(item) = items.get(at) else { return };
    let cost = reading.cost;
    let mut s = *state;
    let phrase = matches!(reading.tag, Tag::Determiner(_) | Tag::Noun(_) | Tag::Pronoun(_) | Tag::Adjective);
    if phrase && s.finite && s.opening == Opening::Subordinator && s.outer.is_none() {
        // "when it rains the flowers grow": the main clause without a comma
        let more = s.end_clause() + 8;
        let main = s.next_clause(Opening::Comma);
        step(&main, items, at, reading, &mut |state, cost, label| emit(state, cost + more, label));
        s = *state;
    }
    match reading.tag {
        Tag::Comma => comma(s, emit),
        Tag::Conjunction => conjunction(s, matches!(item.token.lower.as_str(), "or" | "nor"), cost, emit),
        Tag::Subordinator => subordinator(s, cost, emit),
        Tag::Relative => relative(s, cost, emit),
        Tag::Determiner(_) if item.quantity && followed_by_of(items, at) => noun(s, items, at, Count::Any, cost, emit),
        Tag::Determiner(count) => {
            if s.place == Place::Opened && !s.bare {
                if s.determiner == Count::Any {
                    s.determiner = count;
                }
                emit(s, cost + 2, Label::Other);
            } else if let Some(more) = open_noun_phrase(&mut s) {
                (s.place, s.determiner, s.bare) = (Place::Opened, count, false);
                s.noun = Noun { count: Count::Any, kind: None };
                emit(s, cost + more, Label::Other);
            }
        }
        Tag::Possessive => {
            if matches!(s.place, Place::Noun | Place::Closed) {
                (s.place, s.determiner, s.bare) = (Place::Opened, Count::Any, false);
                emit(s, cost, Label::Other);
            }
        }
        Tag::Adjective => adjective(s, cost, emit),
        Tag::Noun(count) => noun(s, items, at, count, cost, emit),
        Tag::Pronoun(count) => pronoun(s, count, item, cost, emit),
        Tag::Object => {
            if (s.place != Place::Start || s.finite)
                && let Some(more) = open_noun_phrase(&mut s)
            {
                s.noun = Noun { count: Count::Any, kind: None };
                let wrong = if s.role == Role::Subject { ADJACENT } else { 0 };
                (s.joined, s.determiner) = (false, Count::Any);
                s.complete();
                emit(s, cost + more + wrong, Label::Other);
            }
        }
        // "most of": a quantity
        Tag::Adverb if item.quantity && followed_by_of(items, at) => {}
        Tag::Adverb | Tag::Negation => {
            let more = if s.place == Place::Preposition { 4 } else { 0 };
            let more = more + if s.place == Place::Noun { s.close() } else { 0 };
            if s.place == Place::Preposition {
                emit(State { place: Place::Closed, content: true, ..s }, cost + more, Label::Other);
            }
            s.content = true;
            s.fronted |= s.place == Place::Start;
            emit(s, cost + more, Label::Other);
        }
        Tag::Preposition => preposition(s, items, at, cost, emit),
        Tag::Particle => {
            let more = s.close();
            let more = more
                + match s.place {
                    Place::Verb => 0,
                    Place::Helper if s.wanted == Wanted::AfterBe => 1,
                    Place::Closed => 3,
                    Place::Link { .. } | Place::Start => 4,
                    _ => ADJACENT,
                };
            if s.place == Place::Start {
                s.fronted = true;
            } else if s.place != Place::Verb {
                s.place = Place::Closed;
            }
            (s.wanted, s.content) = (Wanted::Nothing, true);
            emit(s, cost + more, Label::Other);
        }
        Tag::To => verb_step::to(s, cost, emit),
        Tag::Exist => {
            if s.place == Place::Start && s.subject.is_none() {
                (s.subject, s.place, s.content) = (Some(Noun { count: Count::Any, kind: None }), Place::Closed, true);
                emit(s, cost, Label::Other);
            }
        }
        Tag::Interrogative => {
            if s.place == Place::Start {
                (s.fronted, s.content) = (true, true);
                emit(s, cost + 4, Label::Other);
            }
        }
        Tag::Helper(helper, form) => verb_step::helper(s, items, at, helper, form, cost, emit),
        Tag::Verb(form) => verb_step::verb(s, items, at, form, reading, emit),
    }
    let mut s = *state;
    let more = s.close();
    (s.place, s.wanted, s.content) = (Place::Closed, Wanted::Nothing, true);
    emit(s, SKIP + more + cost, Label::Other);
}

/// Whether the token after `at` begins a noun phrase, which makes the verb at `at` one with an object.
pub(super) fn object_follows(items: &[Item], at: usize) -> bool {
    let Some(next) = items.get(at + 1) else { return false };
    let cheapest = |item: &Item, wanted: fn(Tag) -> bool| {
        item.readings.iter().filter(|reading| wanted(reading.tag)).map(|reading| reading.cost).min().unwrap_or(u32::MAX)
    };
    let noun = |tag| matches!(tag, Tag::Noun(_));
    let before_noun = items.get(at + 2).is_some_and(|after| cheapest(after, noun) < 10);
    let adjective = if before_noun { cheapest(next, |tag| tag == Tag::Adjective) } else { u32::MAX };
    let phrase = cheapest(next, |tag| matches!(tag, Tag::Determiner(_) | Tag::Noun(_) | Tag::Pronoun(_) | Tag::Object));
    let adjectival = next.readings.iter().any(|reading| reading.tag == Tag::Adjective);
    let other =
        cheapest(next, |tag| matches!(tag, Tag::Preposition | Tag::Verb(Form::Third | Form::Plain | Form::Past)));
    let phrase = if adjectival { adjective } else { phrase };
    phrase < 10 && phrase < other
}
